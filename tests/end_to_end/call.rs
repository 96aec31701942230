//! The command line, the streams and the exit status (docs/contract.md, Calling lxca).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lxca_appliance::Appliance;
use serde_json::{Value, json};

use crate::harness::{Ended, Lxca, appliance, binary, connection, with};

/// Nothing that is refused may take longer than this, in a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// Longest accepted input.
const LONGEST: usize = 16 << 20;

/// The input of a call that succeeds.
fn question(appliance: &Appliance) -> Value {
    with(connection(appliance), json!({"operation": "appliance_info"}))
}

/// The binary with an empty environment and nothing on stdin.
fn bare() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command that was put together by hand.
fn ended(command: &mut Command) -> Ended {
    let started = Instant::now();
    let output = command.output().unwrap();
    Ended {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: started.elapsed(),
    }
}

/// The answer of a call that is refused before anything is sent, with nothing on stderr.
#[track_caller]
fn refused(ended: &Ended, kind: &str) -> String {
    let answer = ended.answer();
    assert_eq!(answer["error"]["kind"], kind, "{}", answer.0);
    assert_eq!(answer["error"]["retryable"], false);
    assert_eq!((&answer["failed"], &answer["changed"]), (&json!(true), &json!(false)));
    assert!(answer["error"].get("http_status").is_none());
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""));
    answer.msg().to_owned()
}

#[test]
fn the_object_may_be_in_a_file_or_on_stdin() {
    let appliance = appliance();
    let folder = tempfile::tempdir().unwrap();
    let text = question(&appliance).to_string();
    // Names that look like something else are files as long as a path says so.
    for name in ["arguments", "-", "schema", "operations", "--help", " ", "ü.json"] {
        let path = folder.path().join(name);
        std::fs::write(&path, &text).unwrap();
        ended(bare().arg(&path)).answer();
        assert_eq!(ended(bare().arg(&path)).answer()["failed"], false, "{name}");
    }
    let path = folder.path().join(OsStr::from_bytes(b"\xff\xfe"));
    std::fs::write(&path, &text).unwrap();
    assert_eq!(ended(bare().arg(&path)).answer()["failed"], false);
    assert_eq!(ended(bare().current_dir(folder.path()).arg("arguments")).answer()["failed"], false);
    assert_eq!(Lxca::given(text.clone()).succeeds()["operation"], "appliance_info");
    for arguments in [&[][..], &["-"], &["/dev/stdin"]] {
        let input = File::open(folder.path().join("arguments")).unwrap();
        let ended = ended(bare().args(arguments).stdin(input));
        assert_eq!(ended.answer()["failed"], false, "{arguments:?}");
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn an_input_in_pieces_is_read_to_its_end() {
    let appliance = appliance();
    let text = question(&appliance).to_string();
    let (running, mut stdin) = Lxca::with_arguments(&[]).start_without_input();
    for piece in text.as_bytes().chunks(7) {
        stdin.write_all(piece).unwrap();
        stdin.flush().unwrap();
    }
    drop(stdin);
    assert_eq!(running.wait().answer()["failed"], false);
}

#[test]
fn a_byte_order_mark_and_blanks_are_ignored() {
    let appliance = appliance();
    let text = question(&appliance).to_string();
    for (before, after) in [("\u{feff}", ""), ("\u{feff}\r\n", "\r\n"), ("", "\n\n"), (" \t\r\n", " ")] {
        Lxca::given(format!("{before}{text}{after}")).succeeds();
    }
}

#[test]
fn sixteen_mebibytes_are_accepted_and_not_a_byte_more() {
    let appliance = appliance();
    let mut text = question(&appliance).to_string();
    text.extend(std::iter::repeat_n(' ', LONGEST - text.len()));
    Lxca::given(text.clone()).succeeds();
    text.push(' ');
    let msg = refused(&Lxca::given(text).run(), "invalid_input");
    assert!(msg.contains("16 MiB"), "{msg}");
}

#[test]
fn fifty_megabytes_of_rubbish_are_refused_soon() {
    let length = 50_000_000;
    let repeated = |piece: &str| piece.repeat(length / piece.len()).into_bytes();
    // A generator that repeats itself in every run: Knuth's, its upper bits.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(length)
    .collect();
    let inputs = [
        ("zeros", vec![0; length]),
        ("noise", noise),
        ("lists", repeated("[")),
        ("objects", repeated("{\"a\":")),
        ("blanks", repeated(" ")),
        ("a string", format!("{{\"host\":\"{}", "a".repeat(length)).into_bytes()),
        ("digits", repeated("1")),
        ("answers", repeated("{\"operation\":\"appliance_info\"}\n")),
    ];
    for (what, input) in inputs {
        let ended = Lxca::given(input).run();
        let msg = refused(&ended, "invalid_input");
        assert!(ended.took < SOON, "{what}: {:?}", ended.took);
        assert!(msg.len() < 2_000, "{what}: {} bytes", msg.len());
    }
}

#[test]
fn rubbish_just_below_the_limit_is_refused_soon() {
    let length = 4 << 20;
    let keys = |count: usize, key: &dyn Fn(usize) -> String| {
        let keys: Vec<String> = (0..count).map(|number| format!("\"{}\":1", key(number))).collect();
        format!("{{{}}}", keys.join(","))
    };
    let option =
        |name: &str, value: &str| format!("{{\"operation\":\"management_server_update_info\",\"{name}\":{value}}}");
    let inputs = [
        ("one long key", format!("{{\"{}\":1}}", "a".repeat(length))),
        ("many keys", keys(300_000, &|number| format!("k{number}"))),
        ("one key often", keys(300_000, &|_| "host".into())),
        ("a long operation", format!("{{\"operation\":\"{}\"}}", "e".repeat(length))),
        ("a long host", option("host", &format!("\"{}\"", "a.".repeat(length / 2)))),
        ("a long password", format!("{{\"password\":\"{}\"}}", "ab".repeat(length / 2))),
        ("a long key", option("key", &format!("\"{}\"", "al".repeat(length / 2)))),
        ("a long fingerprint", option("certificate_fingerprint", &format!("\"{}\"", "ab".repeat(length / 2)))),
        ("many digits", option("port", &"1".repeat(length))),
        ("many digits in a string", option("port", &format!("\"{}\"", "1".repeat(length)))),
        ("many ids", option("fix_ids", &format!("\"{}/\"", "a,".repeat(length / 2)))),
        ("many empty ids", option("fix_ids", &format!("\"{}\"", ",".repeat(length)))),
        ("a deep list", option("host", &"[".repeat(length))),
        ("a deep object", "{\"a\":".repeat(length / 5)),
        ("a deep value of the caller's", format!("{{\"_x\":{}", "[".repeat(length))),
    ];
    for (what, input) in inputs {
        let ended = Lxca::given(input).run();
        let msg = refused(&ended, "invalid_input");
        assert!(ended.took < SOON, "{what}: {:?}", ended.took);
        assert!(msg.len() < 10_000, "{what}: {} bytes", msg.len());
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for (input, why) in [
        (b"".as_slice(), "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"[]", "does not begin with `{`"),
        (b"\"{}\"", "does not begin with `{`"),
        (b"operation=appliance_info", "does not begin with `{`"),
        (b"{\"operation\":", "broken"),
        (b"{}{}", "broken"),
        (b"{\"a\":1,}", "broken"),
        (b"{\"host\":\"\xc3\x28\"}", "byte 10 is not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "byte 1 is not UTF-8"),
    ] {
        let msg = refused(&Lxca::given(input).run(), "invalid_input");
        assert!(msg.contains(why), "{msg}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_local_file_failure() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    // Reading the memory of a process from its start fails for everybody, also for root.
    for path in [
        missing.as_os_str(),
        folder.path().as_os_str(),
        "/proc/self/mem".as_ref(),
        "".as_ref(),
        b"\xff".as_slice().to_os(),
    ] {
        let ended = ended(bare().arg(path));
        let msg = refused(&ended, "local_file");
        assert!(msg.contains("Nothing was sent") && msg.contains("os error"), "{msg}");
        assert!(msg.contains(&path.display().to_string()), "{msg}");
        assert!(ended.took < SOON);
    }
    let msg = refused(&ended(bare().arg("-").stdin(File::open(folder.path()).unwrap())), "local_file");
    assert!(msg.contains("standard input"), "{msg}");
}

/// Bytes as an argument.
trait ToOs {
    fn to_os(&self) -> &OsStr;
}

impl ToOs for [u8] {
    fn to_os(&self) -> &OsStr {
        OsStr::from_bytes(self)
    }
}

#[test]
fn a_file_without_end_is_refused_soon() {
    let ended = ended(bare().arg("/dev/zero"));
    assert!(refused(&ended, "invalid_input").contains("16 MiB"));
    assert!(ended.took < SOON);
}

#[test]
fn a_wrong_command_line_is_answered_like_any_failure() {
    for arguments in [
        &["--unknown"][..],
        &["-x"],
        &["--"],
        &["--help=x"],
        &["--versions"],
        &["-", "-"],
        &["one", "two"],
        &["one", "--help"],
        &["--version", "x"],
        &["operations", "x"],
        &["schema", "in"],
        &["schema", "input", "unknown_operation"],
        &["schema", "output", "unknown_operation"],
        &["schema", "input", "output"],
        &["schema", "input", "appliance_info", "x"],
        &["schema", "--json"],
    ] {
        let ended = Lxca::with_arguments(arguments).run();
        let msg = refused(&ended, "invalid_input");
        assert!(msg.contains("lxca --help") || msg.contains("appliance_info"), "{arguments:?}: {msg}");
    }
    // What is not UTF-8 is a file's name or nothing.
    let ended = ended(bare().args([OsStr::from_bytes(b"--\xff")]));
    refused(&ended, "invalid_input");
}

#[test]
fn nothing_of_a_wrong_command_line_is_repeated() {
    // Somebody may have put the password there.
    for arguments in [
        &["--password=c4n4ry"][..],
        &["--password=c4n4ry", "c4n4ry"],
        &["c4n4ry", "c4n4ry"],
        &["schema", "c4n4ry"],
        &["schema", "input", "c4n4ry"],
        &["operations", "c4n4ry"],
    ] {
        let ended = Lxca::with_arguments(arguments).run();
        assert!(!ended.answer().0.to_string().contains("c4n4ry"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn help_and_version_are_texts() {
    for flag in ["--help", "-h"] {
        let ended = Lxca::with_arguments(&[flag]).run();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
        for word in
            ["lxca FILE", "lxca -", "lxca schema [input|output] [OPERATION]", "lxca operations", "LXCA_PASSWORD"]
        {
            assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
        }
    }
    for flag in ["--version", "-V"] {
        let ended = Lxca::with_arguments(&[flag]).run();
        assert_eq!(ended.stdout, concat!("lxca ", env!("CARGO_PKG_VERSION"), "\n"));
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn the_help_names_every_variable_and_promises_nothing_else() {
    let help = Lxca::with_arguments(&["--help"]).run().stdout;
    for name in [
        "HOST",
        "PORT",
        "USERNAME",
        "PASSWORD",
        "VALIDATE_CERTS",
        "CA_PATH",
        "CERTIFICATE_FINGERPRINT",
        "AUTH_METHOD",
        "LOG",
    ] {
        assert!(help.contains(&format!("LXCA_{name}")), "{name}");
    }
    assert_eq!(help.matches("LXCA_").count(), 9, "{help}");
}

#[test]
fn operations_are_listed_a_line_each() {
    let ended = Lxca::with_arguments(&["operations"]).run();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    let mut names: Vec<&str> = ended.stdout.lines().map(|line| line.split_once("  ").unwrap().0.trim()).collect();
    names.sort_unstable();
    assert_eq!(names, crate::schemas::OPERATIONS);
}

#[test]
fn on_a_terminal_the_help_is_shown_and_the_status_is_2() {
    // The controlling side of a pseudo-terminal is a terminal itself.
    let terminal = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    let ended = ended(bare().stdin(terminal));
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(2), ""));
    assert_eq!(ended.stdout, Lxca::with_arguments(&["--help"]).run().stdout);
}

#[test]
fn without_a_terminal_and_without_input_the_answer_is_a_failure() {
    refused(&ended(&mut bare()), "invalid_input");
}

#[test]
fn a_stdout_that_cannot_be_written_is_status_1_without_a_word() {
    let appliance = appliance();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, question(&appliance).to_string()).unwrap();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let input = input.to_str().unwrap();
    for arguments in [&[input][..], &["--help"], &["--version"], &["operations"], &["schema"], &["--unknown"], &["-"]] {
        for stdout in [full(), closed()] {
            let ended = ended(bare().args(arguments).stdout(stdout));
            assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""), "{arguments:?}");
        }
    }
    assert!(appliance.requests().iter().all(|request| request.status == Some(200)), "the questions were answered");
}

#[test]
fn a_stderr_that_cannot_be_written_changes_nothing() {
    let appliance = appliance();
    let text = question(&appliance).to_string();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("input"), text).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = bare();
    command.arg(folder.path().join("input")).env("LXCA_LOG", "debug").stderr(full);
    assert_eq!(ended(&mut command).answer()["failed"], false);
}

#[test]
fn stderr_is_empty_unless_a_log_is_asked_for() {
    let appliance = appliance();
    let call = || Lxca::given(question(&appliance).to_string());
    for value in [
        None,
        Some(""),
        Some("0"),
        Some("off"),
        Some("warn"),
        Some("error"),
        Some("trace"),
        Some("unknown"),
        Some("info,debug"),
    ] {
        let call = value.map_or_else(call, |value| call().environment("LXCA_LOG", value));
        assert_eq!(call.run().stderr, "", "{value:?}");
    }
    // The libraries' own logs stay silent whatever is asked of them.
    assert_eq!(call().environment("RUST_LOG", "trace").environment("RUST_BACKTRACE", "1").run().stderr, "");
}

#[test]
fn the_log_names_an_exchange_and_no_secret() {
    let appliance = appliance();
    for level in ["info", "debug"] {
        for method in ["basic", "session"] {
            let input = with(question(&appliance), json!({"auth_method": method}));
            let ended = Lxca::given(input.to_string()).environment("LXCA_LOG", level).run();
            assert_eq!(ended.answer()["failed"], false);
            let line =
                ended.stderr.lines().find(|line| line.contains("GET") && line.contains("/aicc")).expect("a line");
            let address = format!("{}:{}", appliance.host(), appliance.port());
            let fingerprint = appliance.certificate_fingerprint().to_lowercase();
            let fingerprint = fingerprint.trim_start_matches("sha256:").replace(':', "");
            for part in ["200", " ms", &address, "TLS", &fingerprint] {
                assert!(line.contains(part), "{part}: {line}");
            }
            let basic = appliance
                .requests()
                .iter()
                .rev()
                .find_map(|request| request.header("authorization").map(str::to_owned));
            let token = basic.as_deref().and_then(|value| value.split_once(' ')).map_or("none", |(_, token)| token);
            assert!(!ended.stderr.contains(appliance.password()) && !ended.stderr.contains(token), "{}", ended.stderr);
        }
    }
    for input in ["", "{}", "{\"password\":\"c4n4ry\"}"] {
        let ended = Lxca::given(input).environment("LXCA_LOG", "debug").run();
        assert!(!ended.stderr.contains("c4n4ry"), "{}", ended.stderr);
    }
}

#[test]
fn a_panic_is_answered_with_its_place_only() {
    // The binary that cargo built for the tests, never another: only a debug build can be made to panic.
    let text = json!({
        "operation": "appliance_info", "host": "127.0.0.1", "username": "USERID", "password": "c4n4ry-password",
        "_task": "lxca::appliance_info",
    });
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, text.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lxca"));
    command.env_clear().env("LXCA_PANIC_FOR_TESTS", "c4n4ry-message").env("RUST_BACKTRACE", "full").arg(input);
    let ended = ended(command.stdin(Stdio::null()));
    let msg = refused(&ended, "internal");
    let (_, place) = msg.split_once("src/").expect("a file of ours");
    let line = place.split_once(".rs:").and_then(|(_, rest)| rest.split(';').next()).unwrap();
    assert!(line.parse::<u32>().is_ok_and(|line| line > 0), "{msg}");
    assert!(!ended.stdout.contains("c4n4ry"), "{}", ended.stdout);
    assert!(!msg.contains(env!("CARGO_MANIFEST_DIR")), "{msg}");
    let answer = ended.answer();
    assert_eq!(answer["operation"], "appliance_info");
    assert_eq!(answer["_error"]["kind"], "lxca/internal");
}
