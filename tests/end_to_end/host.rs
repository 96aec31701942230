//! What the host and the caller do to a call: too little memory, no threads, no reader, a FIFO, process 1.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, Fault, FaultRule};
use serde_json::{Value, json};

use crate::harness::{Ended, Lxca, appliance, binary, body, connection, damage, program, requests, until, with};

fn info(appliance: &Appliance, options: Value) -> String {
    with(with(connection(appliance), json!({"operation": "appliance_info"})), options).to_string()
}

/// The binary behind a command that ends in its name, such as `sh -c 'exec "$0" -'`.
fn behind(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command.args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn started(command: &mut Command, input: &[u8]) -> Child {
    let mut child = command.spawn().unwrap();
    // A process that has answered before it read everything is no failure here.
    let _ = child.stdin.take().unwrap().write_all(input);
    child
}

fn waited(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: Duration::ZERO,
    }
}

/// Runs the binary with so much address space, in KiB, and with the core dumps its caller wants.
fn limited(kilobytes: usize, folder: &Path, input: &[u8]) -> Ended {
    let script = format!("ulimit -c unlimited; ulimit -v {kilobytes} && exec \"$0\" -");
    let mut command = behind("sh", &["-c", &script]);
    waited(started(command.arg(binary()).current_dir(folder), input))
}

/// The answer of a call that ran out of memory.
#[track_caller]
fn out_of_memory(ended: &Ended, what: &str) {
    let answer = ended.answer();
    assert_eq!(answer["error"], json!({"kind": "internal", "retryable": false}), "{what}: {:.300}", answer.msg());
    assert!(answer.msg().contains("not enough memory"), "{what}: {}", answer.msg());
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(1), ""), "{what}");
}

#[test]
fn an_answer_that_does_not_fit_into_memory_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    for size in [1 << 20, 8 << 20, 40 << 20] {
        let appliance = appliance();
        let text = json!({"appliance": {"version": "4.0.0"}, "x": "y".repeat(size)});
        let list = format!("{{\"appliance\":{{\"version\":\"4.0.0\"}},\"x\":[{}1]}}", "1,".repeat(size / 2));
        for raw in [text.to_string(), list] {
            appliance.change(|state| state.settings.faults = vec![FaultRule::new(body(raw))]);
            // From what hardly starts the process to what the answer alone takes.
            let least = 20 << 10;
            let most = (size >> 10) * 6;
            for kilobytes in [least, (least + most) / 2, most.max(least)] {
                for all in [false, true] {
                    let ended = limited(kilobytes, folder.path(), info(&appliance, json!({"all": all})).as_bytes());
                    match size {
                        // It may fit.
                        1_048_576 => assert_eq!(ended.stderr, "", "{:?}", ended.answer()),
                        _ => out_of_memory(&ended, &format!("{size} bytes in {kilobytes} KiB")),
                    }
                }
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no core");
}

#[test]
fn an_input_that_does_not_fit_into_memory_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let length = (16 << 20) - 200;
    let with_ids = |ids: String| {
        format!(
            "{{\"operation\":\"management_server_update_info\",\"host\":\"h\",\"username\":\"u\",\"password\":\"p\",\"fix_ids\":{ids}}}"
        )
    };
    let inputs = [
        (
            "a password",
            json!({"operation": "appliance_info", "host": "h", "username": "u", "password": "p".repeat(length)})
                .to_string(),
        ),
        ("a caller's value", json!({"operation": "appliance_info", "_x": "p".repeat(length)}).to_string()),
        ("ids", with_ids(format!("[{}1]", "1,".repeat(length / 2)))),
        ("objects", with_ids(format!("[{}1]", "{\"\":1},".repeat(length / 7)))),
        ("text", with_ids(format!("\"{}a\"", "a,".repeat(length / 2)))),
    ];
    for (what, input) in inputs {
        for kilobytes in [16 << 10, 30 << 10, 100 << 10, 400 << 10, 1 << 20] {
            let ended = limited(kilobytes, folder.path(), input.as_bytes());
            out_of_memory(&ended, &format!("{what} in {kilobytes} KiB"));
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no core");
}

/// The binary as a user with no right to start another thread.
fn without_threads() -> Command {
    let mut command = behind("setpriv", &["--reuid=65533", "--regid=65533", "--clear-groups", "--no-new-privs"]);
    // Of this user no process but this one runs, and one is the most.
    command.arg(program("prlimit")).args(["--nproc=1:1"]).arg(binary()).arg("-");
    command
}

#[test]
fn without_threads_the_call_works_and_a_signal_ends_it() {
    if !is_root() {
        return;
    }
    let appliance = appliance();
    for auth_method in ["basic", "session"] {
        let options = json!({"auth_method": auth_method, "ca_path": null, "validate_certs": false});
        let ended = waited(started(&mut without_threads(), info(&appliance, options).as_bytes()));
        assert_eq!(ended.answer()["failed"], false, "{ended:?}");
        assert_eq!(ended.stderr, "");
    }

    damage(&appliance, FaultRule::new(Fault::Stall).on("GET", "/aicc"));
    appliance.clear_requests();
    let options = json!({"ca_path": null, "validate_certs": false});
    let child = started(&mut without_threads(), info(&appliance, options).as_bytes());
    until("the question", || !requests(&appliance).is_empty());
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    assert!(status.contains("Threads:\t1\n"), "{status}");
    signal(child.id(), "TERM");
    let ended = waited(child);
    assert_eq!(ended.status.signal(), Some(15), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

/// Only root can become somebody else, makes namespaces everywhere, and sees into a process that is not dumpable.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn signal(process: u32, name: &str) {
    let status = Command::new(program("kill")).args(["-s", name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn the_process_is_private_and_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    for (name, number) in [("QUIT", 3), ("ABRT", 6), ("TRAP", 5)] {
        let mut command = behind("sh", &["-c", "ulimit -c unlimited; exec \"$0\" -"]);
        let mut child = command.arg(binary()).current_dir(folder.path()).spawn().unwrap();
        let limits = format!("/proc/{}/limits", child.id());
        // It is set before the input is read.
        until("a limit of 0", || {
            let limits = std::fs::read_to_string(&limits).unwrap();
            let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
            core.split_whitespace().filter(|word| *word == "0").count() == 2
        });
        signal(child.id(), name);
        let status = child.wait().unwrap();
        assert_eq!((status.signal(), status.core_dumped()), (Some(number), false), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no core");
}

#[test]
fn other_processes_of_the_user_cannot_read_its_memory() {
    if !is_root() {
        return;
    }
    let arguments = ["--reuid=65532", "--regid=65532", "--clear-groups"];
    let mut child = behind("setpriv", &arguments).arg(binary()).arg("-").spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    // The files of a process that is not dumpable belong to root.
    let process = format!("/proc/{}", child.id());
    until("another user", || std::fs::read_to_string(format!("{process}/status")).unwrap().contains("Uid:\t65532"));
    until("lxca", || std::fs::read_to_string(format!("{process}/comm")).unwrap().starts_with("lxca"));
    until("root's files", || std::fs::metadata(format!("{process}/mem")).unwrap().uid() == 0);
    drop(stdin);
    assert_eq!(waited(child).status.code(), Some(1));
}

/// The process 1 of a new namespace.
fn as_process_1(input: &[u8]) -> (Child, u32) {
    let arguments = ["--pid", "--fork", "--kill-child"];
    let child = started(behind("unshare", &arguments).arg(binary()).arg("-"), input);
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let mut inner = String::new();
    until("process 1", || {
        inner = std::fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
        !inner.is_empty()
    });
    (child, inner.parse().unwrap())
}

#[test]
fn process_1_answers_a_signal_and_ends_with_its_status() {
    if !is_root() {
        return;
    }
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(Fault::Stall).on("GET", "/aicc"));
        let (child, inner) = as_process_1(info(&appliance, json!({"auth_method": "session"})).as_bytes());
        until("the question", || requests(&appliance).len() == 2);
        signal(inner, name);
        let ended = waited(child);
        assert_eq!(ended.status.code(), Some(128 + number), "{ended:?}");
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(answer["error"]["kind"], "interrupted", "{answer}");
        assert_eq!(ended.stderr, "");
        assert_eq!(appliance.change(|state| state.sessions.len()), 0);
    }
}

#[test]
fn a_second_signal_ends_process_1_at_once() {
    if !is_root() {
        return;
    }
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Stall).on("POST", "/sessions"));
    let (mut child, inner) = as_process_1(info(&appliance, json!({"auth_method": "session"})).as_bytes());
    until("the login", || requests(&appliance).len() == 1);
    let signalled = Instant::now();
    until("the end", || {
        let _ = Command::new(program("kill")).args(["-s", "TERM", &inner.to_string()]).status();
        child.try_wait().unwrap().is_some()
    });
    assert!(signalled.elapsed() < Duration::from_secs(4), "{:?}", signalled.elapsed());
    assert_eq!(waited(child).status.code(), Some(143));
}

/// Whether a process has this file open without `O_NONBLOCK`.
fn blocks_on(process: u32, path: &Path) -> bool {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.filter(|file| std::fs::read_link(file).is_ok_and(|target| target == path));
    files.any(|file| {
        let number = file.file_name().unwrap().to_str().unwrap();
        let details = std::fs::read_to_string(format!("/proc/{process}/fdinfo/{number}")).unwrap();
        let flags = details.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        u32::from_str_radix(flags.trim(), 8).unwrap() & 0o4000 == 0
    })
}

/// A FIFO in this folder.
fn fifo(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("fifo");
    assert!(Command::new(program("mkfifo")).arg(&path).status().unwrap().success());
    path
}

#[test]
fn a_fifo_without_a_writer_is_not_waited_for_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Lxca::with_arguments(&[fifo(folder.path()).to_str().unwrap()]).run();
    let answer = ended.answer();
    assert_eq!(answer["error"]["kind"], "local_file", "{}", answer.0);
    assert!(answer.msg().contains("FIFO"), "{}", answer.msg());
    assert!(ended.took > Duration::from_secs(9) && ended.took < Duration::from_secs(15), "{:?}", ended.took);
}

#[test]
fn a_fifo_with_a_writer_is_read_to_its_end_however_slow() {
    let appliance = appliance();
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let input = info(&appliance, json!({}));
    let (running, stdin) = Lxca::with_arguments(&[path.to_str().unwrap()]).start_without_input();
    drop(stdin);
    // Opening waits for the reader. Once it has seen the writer, it reads without a limit of time: whoever types a password
    // takes longer than a FIFO without a writer is waited for.
    let mut writer = File::options().write(true).open(&path).unwrap();
    if is_root() {
        until("a read that blocks", || blocks_on(running.id(), &path));
    }
    for piece in input.as_bytes().chunks(40) {
        writer.write_all(piece).unwrap();
    }
    drop(writer);
    assert_eq!(running.wait().answer()["failed"], false);
}

#[test]
fn a_fifo_whose_writer_says_nothing_is_an_empty_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = fifo(folder.path());
    let running = Lxca::with_arguments(&[path.to_str().unwrap()]).start();
    drop(File::options().write(true).open(&path).unwrap());
    let ended = running.wait();
    assert_eq!(ended.answer()["error"]["kind"], "invalid_input", "{ended:?}");
    assert!(ended.took < Duration::from_secs(8), "{:?}", ended.took);
}

#[test]
fn a_process_substitution_is_read() {
    let appliance = appliance();
    let mut command = behind("bash", &["-c", "exec \"$0\" <(cat)"]);
    command.arg(binary()).env("PATH", std::env::var_os("PATH").unwrap());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(info(&appliance, json!({})).as_bytes()).unwrap();
    assert_eq!(waited(child).answer()["failed"], false);
}

#[test]
fn a_stdout_that_does_not_block_gets_the_whole_line() {
    let appliance = appliance();
    let name = "n".repeat(4 << 20);
    damage(&appliance, FaultRule::new(body(json!({"appliance": {"version": "4.0.0", "name": name}}))));
    // perl sets its stdout, a pipe, to non-blocking; the flag stays with the pipe's end.
    let script = "use Fcntl; fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV or die";
    let mut command = behind("perl", &["-e", script]);
    let mut child = started(command.arg(binary()).arg("-"), info(&appliance, json!({})).as_bytes());
    until("an answer", || appliance.requests().iter().any(|made| made.status == Some(200)));
    // A reader in pieces smaller than the pipe: it is full again and again.
    let (mut stdout, mut line, mut piece) = (child.stdout.take().unwrap(), Vec::new(), vec![0; 1000]);
    loop {
        match stdout.read(&mut piece).unwrap() {
            0 => break,
            read => line.extend_from_slice(&piece[..read]),
        }
    }
    let ended = Ended { stdout: String::from_utf8(line).unwrap(), ..waited(child) };
    assert_eq!(ended.answer()["data"]["name"].as_str().unwrap().len(), name.len());
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_input_on_the_command_line_is_refused_and_not_repeated() {
    for argument in [
        r#"{"operation": "appliance_info", "password": "c4n4ry"}"#,
        "  {\"password\": \"c4n4ry\"",
        "\n{\"password\": \"c4n4ry\"}",
        r#"[{"password": "c4n4ry"}]"#,
        r#""password": "c4n4ry""#,
        "{password: c4n4ry}",
    ] {
        let ended = Lxca::with_arguments(&[argument]).run();
        let answer = ended.answer();
        assert_eq!(answer["error"]["kind"], "invalid_input", "{argument}: {}", answer.0);
        assert!(answer.msg().contains("standard input") && answer.msg().contains("lxca -"), "{}", answer.msg());
        assert!(!ended.stdout.contains("c4n4ry") && ended.stderr.is_empty(), "{argument}: {ended:?}");
    }
}
