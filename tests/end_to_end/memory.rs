//! Peak memory and time, whatever an appliance sends.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{Lxca, binary, with};
use crate::scripted::{Certificate, Server, read_head};

/// What the process may take beside eight times the answers, in bytes.
const SLACK: usize = 12 << 20;
/// How long most of the bodies are, in bytes: long enough for the slack not to hide what is eight times as long.
const LENGTH: usize = 4 << 20;
/// Every which body an unoptimized binary is asked with: it takes seconds for each of them.
const STEP: usize = 13;

const PROGRAM: &str = "LXCA_TESTS_MEASURED_PROGRAM";
const OUTPUT: &str = "LXCA_TESTS_MEASURED_OUTPUT";

/// Tests nothing by itself: it is the process between [`measured`] and the binary. A child counts the memory of the process
/// that started it until it becomes another program, and the one that runs all tests is large.
#[test]
fn measures_a_child() {
    let (Some(program), Some(output)) = (std::env::var_os(PROGRAM), std::env::var_os(OUTPUT)) else { return };
    let mut child = Command::new(program);
    child.arg("-").env_clear().stdout(File::create(output).unwrap()).status().unwrap();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = usage.user_time() + usage.system_time();
    println!("took: {} {} end", usage.max_rss(), time.num_milliseconds());
}

/// What a call took.
struct Took {
    /// The most memory at one time, in bytes.
    peak: usize,
    /// Time of the processor, whoever else wants it.
    time: Duration,
}

/// Runs a call that is measured.
fn measured(input: &Value) -> (Took, Value) {
    let output = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "memory::measures_a_child", "--nocapture"]);
    command.env(PROGRAM, binary()).env(OUTPUT, output.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut measuring = command.spawn().unwrap();
    measuring.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let told = String::from_utf8(measuring.wait_with_output().unwrap().stdout).unwrap();
    let numbers = told.split_once("took: ").and_then(|(_, rest)| rest.split_once(" end")).expect(&told).0;
    let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
    let answer = std::fs::read_to_string(output.path()).unwrap();
    let answer = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:.200}"));
    let peak = usize::try_from(numbers[0]).unwrap() << 10;
    (Took { peak, time: Duration::from_millis(numbers[1]) }, answer)
}

/// A server that gives one answer of this status to everything.
fn gives(config: Arc<ServerConfig>, status: u16, body: Vec<u8>) -> Server {
    serves(config, status, move || body.clone())
}

/// A server that makes an answer of this status for every request.
fn serves(config: Arc<ServerConfig>, status: u16, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::start(move |tcp| {
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
        while read_head(&mut stream).is_some() {
            let body = body();
            let head = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n\r\n", body.len());
            let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            if sent.and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    })
}

/// Asks for one body and holds what that takes against its length; what is too much is added to `excess`.
#[expect(clippy::print_stdout, reason = "the table that --nocapture shows")]
fn asked(
    certificate: &Certificate,
    name: &str,
    options: &Value,
    (status, body): (u16, Vec<u8>),
    excess: &mut Vec<String>,
) -> Value {
    let length = body.len();
    let server = gives(certificate.config(), status, body);
    let pinned = json!({"certificate_fingerprint": certificate.fingerprint(), "retries": 0});
    let (took, answer) = measured(&with(with(server.connection(), pinned), options.clone()));
    let ratio = took.peak.saturating_sub(SLACK) as f64 / length as f64;
    let kind = answer["error"]["kind"].as_str().unwrap_or("success");
    let line = format!("{ratio:6.2} {:4} MiB {:5} ms {name}: {kind}", took.peak >> 20, took.time.as_millis());
    println!("{line}");
    // A second for 8 MiB, and what every call takes. An unoptimized binary takes ten times as long.
    let time = Duration::from_millis(200) + Duration::from_secs(1).mul_f64(length as f64 / f64::from(8 << 20));
    if took.peak > 8 * length + SLACK || optimized() && took.time > time {
        excess.push(line);
    }
    answer
}

/// Whether a release is under test.
fn optimized() -> bool {
    std::env::var_os("LXCA_BINARY").is_some()
}

/// So many bytes of one item after the other in a list.
fn list(item: &str, length: usize) -> String {
    format!("[{}{item}]", format!("{item},").repeat(length / (item.len() + 1)))
}

/// Numbered items; `#` is the number.
fn numbered(item: &str, count: usize) -> String {
    let items: Vec<String> = (0..count).map(|number| item.replace('#', &number.to_string())).collect();
    items.join(",")
}

fn export(task_id: u64) -> Value {
    json!({"operation": "firmware_export_info", "task_id": task_id})
}

fn updates() -> Value {
    json!({"operation": "management_server_update_info", "fix_ids": ["a"]})
}

fn repository() -> Value {
    json!({"operation": "management_server_update_info"})
}

fn info() -> Value {
    json!({"operation": "appliance_info", "all": true})
}

fn readme() -> Value {
    json!({"operation": "management_server_update_info", "fix_ids": ["a"], "filetype": "readme"})
}

/// Name, question and body.
fn bodies() -> Vec<(String, Value, Vec<u8>)> {
    let mut bodies: Vec<(String, Value, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, options: Value, body: Vec<u8>| bodies.push((name.to_owned(), options, body));
    for item in ["1", "{}", "null", "\"\"", "[]", r#"{"a":1}"#, r#"{"fixid":"a","state":""}"#, r#"{"state":""}"#] {
        // Beyond the limit, and just below it.
        for (length, what) in [(LENGTH, "many"), (99_990 * (item.len() + 1), "as many as are read")] {
            let list = list(item, length);
            add(&format!("update, {what} {item}"), updates(), format!("{{\"update\":{list}}}").into());
            add(&format!("actions, {what} {item}"), updates(), format!("{{\"actions\":{list}}}").into());
            add(&format!("updates, {what} {item}"), repository(), format!("{{\"updates\":{list}}}").into());
            add(&format!("history, {what} {item}"), repository(), format!("{{\"history\":{list}}}").into());
            add(&format!("tasks, {what} {item}"), export(0), list.clone().into());
            add(
                &format!("a list in a task, {what} {item}"),
                export(1),
                format!("{{\"state\":\"\",\"updates\":{list}}}").into(),
            );
            add(&format!("messages, {what} {item}"), info(), format!("{{\"messages\":{list}}}").into());
            add(
                &format!("details, {what} {item}"),
                info(),
                format!("{{\"appliance\":{{\"name\":\"a\"}},\"x\":{list}}}").into(),
            );
        }
    }
    let words = numbered("\"word#\"", 99_990);
    add(
        "three lists of words",
        updates(),
        format!("{{\"actions\":[{words}],\"keys\":[{words}],\"filetypes\":[{words}]}}").into(),
    );
    let text = numbered("#", 500_000);
    add("words in a text", updates(), format!("{{\"actions\":\"{text}\"}}").into());
    let unknown = numbered("\"k#\":#", 300_000);
    add("unknown keys", repository(), format!("{{{unknown}}}").into());
    let few = numbered("\"#\":1", 9_990);
    add("as many unknown keys as are read", repository(), format!("{{{few}}}").into());
    add("as many in a list", repository(), format!("{{\"updates\":{}}}", list(&format!("{{{few}}}"), LENGTH)).into());
    add(
        "as many in each message",
        info(),
        format!("{{\"messages\":{}}}", list(&format!("{{\"id\":\"x\",{few}}}"), LENGTH)).into(),
    );
    add("one key many times", info(), format!("{{{}\"a\":1}}", "\"a\":1,".repeat(LENGTH / 6)).into());
    let long = numbered(&format!("\"{}#\":1", "k".repeat(64 << 10)), 64);
    add("long keys", info(), format!("{{\"appliance\":{{\"name\":\"a\",{long}}},{long}}}").into());
    let message = format!("{{\"id\":\"FQXHM#\",\"text\":\"{}\"}}", "m ".repeat(2000));
    for result in ["success", "warning", "failure"] {
        let messages = numbered(&message, 1000);
        let body = format!("{{\"result\":\"{result}\",\"messages\":[{messages}],\"appliance\":{{\"name\":\"a\"}}}}");
        add(&format!("messages of {result}"), with(info(), json!({"_task": "lxca::appliance_info"})), body.into());
    }
    for (name, piece) in [
        ("plain", "x"),
        ("blanks", "x "),
        ("escaped", "\\u0000"),
        ("quotes", "\\\""),
        ("backslashes", "\\\\"),
        ("wide", "\u{10348}"),
        ("surrogates", "\\ud800"),
        ("ampersands", "&"),
        ("percent", "%41"),
    ] {
        let text = piece.repeat(LENGTH / piece.len());
        for field in ["name", "version", "build", "runlevel", "other"] {
            add(
                &format!("{name} {field}"),
                info(),
                format!("{{\"appliance\":{{\"uuid\":\"a\",\"{field}\":\"{text}\"}}}}").into(),
            );
        }
        add(
            &format!("{name} details"),
            info(),
            format!("{{\"appliance\":{{\"uuid\":\"a\"}},\"x\":\"{text}\"}}").into(),
        );
        add(&format!("{name} key"), info(), format!("{{\"appliance\":{{\"uuid\":\"a\"}},\"{text}\":1}}").into());
        add(&format!("{name} state"), export(1), format!("{{\"state\":\"{text}\",\"current\":\"\"}}").into());
        add(&format!("{name} current"), export(1), format!("{{\"state\":\"complete\",\"current\":\"{text}\"}}").into());
        add(&format!("{name} progress"), export(1), format!("{{\"progress\":\"{text}\"}}").into());
        add(&format!("{name} fixid"), updates(), format!("{{\"update\":[{{\"fixid\":\"{text}\"}}]}}").into());
        add(
            &format!("{name} applyable"),
            repository(),
            format!("{{\"updates\":[{{\"applyable\":\"{text}\"}}]}}").into(),
        );
        add(&format!("{name} updates"), repository(), format!("{{\"updates\":\"{text}\"}}").into());
        add(
            &format!("{name} readme"),
            readme(),
            format!("{{\"fixid\":\"a\",\"field\":\"readme\",\"value\":\"{text}\"}}").into(),
        );
        add(
            &format!("{name} field"),
            readme(),
            format!("{{\"fixid\":\"a\",\"field\":\"{text}\",\"value\":\"\"}}").into(),
        );
        for part in ["id", "text", "explanation", "recovery"] {
            let body = format!("{{\"errorMsg\":{{\"result\":\"failure\",\"messages\":[{{\"{part}\":\"{text}\"}}]}}}}");
            add(
                &format!("{name} {part} of a message"),
                with(info(), json!({"_task": "lxca::appliance_info"})),
                body.into(),
            );
        }
        add(&format!("{name} result"), info(), format!("{{\"result\":\"{text}\"}}").into());
    }
    let deep = format!("{}{}", "[".repeat(90), "]".repeat(90));
    add("deep nesting", info(), format!("{{\"appliance\":{{\"name\":\"a\"}},\"x\":{}}}", list(&deep, LENGTH)).into());
    add("too deep", info(), "[".repeat(LENGTH).into());
    for digits in [900, 1100, LENGTH] {
        let number = format!("0.{}", "7".repeat(digits));
        let body = format!(
            "{{\"appliance\":{{\"name\":\"a\",\"runlevel\":{number}}},\"x\":{}}}",
            list(&number, LENGTH - digits)
        );
        add(&format!("numbers of {digits} digits"), info(), body.into());
    }
    add("a large readme", readme(), format!("{{\"value\":\"{}\"}}", "line\\n".repeat((32 << 20) / 6)).into());
    add("not JSON", info(), vec![b'x'; 32 << 20]);
    add("blank", info(), vec![b' '; LENGTH]);
    add("blanks in a list", repository(), format!("{{\"updates\":[{}]}}", " ".repeat(LENGTH)).into());
    add("broken at the end", info(), format!("{{\"x\":{}", list("1", LENGTH)).into());
    // With an escape, a text is decoded into a copy.
    for (name, start, end) in [
        ("name", r#"{"appliance":{"name":""#, r#""}}"#),
        ("escaped name", r#"{"appliance":{"name":"\n"#, r#""}}"#),
        ("key", r#"{"appliance":{"name":"a","\n"#, r#"":1}}"#),
        ("details", r#"{"appliance":{"uuid":1},"x":[""#, r#""]}"#),
        ("message", r#"{"errorMsg":{"result":"failure","messages":[{"text":"\n"#, r#""}]}}"#),
    ] {
        let body = [start.as_bytes(), &vec![0xff; 4 * LENGTH], end.as_bytes()].concat();
        add(&format!("{name} of bad UTF-8"), info(), body);
    }
    let body = [br#"{"actions":[""#, &vec![0xff; 4 * LENGTH][..], br#""]}"#].concat();
    add("actions of bad UTF-8", updates(), body);
    let marked = format!("\u{feff}{{\"appliance\":{{\"name\":\"{}\"}}}}", "x".repeat(LENGTH));
    add("a byte-order mark", info(), marked.into());
    add("only bad UTF-8", info(), vec![0xff; LENGTH]);
    bodies
}

#[test]
fn memory_and_time_follow_the_length_of_the_answer_whatever_it_holds() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let mut excess = Vec::new();
    let step = if optimized() { 1 } else { STEP };
    for (name, options, body) in bodies().into_iter().step_by(step) {
        asked(&certificate, &name, &options, (200, body), &mut excess);
    }
    assert!(excess.is_empty(), "{excess:#?}");
}

#[test]
fn refusals_take_no_more_memory_than_answers() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let mut excess = Vec::new();
    for (name, options, body) in bodies().into_iter().skip(5).step_by(4 * STEP) {
        asked(&certificate, &name, &options, (404, body), &mut excess);
    }
    assert!(excess.is_empty(), "{excess:#?}");
}

#[test]
fn while_waiting_only_the_last_answer_is_kept() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let text = "x".repeat(LENGTH);
    let wait = json!({
        "operation": "firmware_export_info", "task_id": 1, "wait": true, "wait_timeout": 6, "poll_interval": 1
    });
    for body in [
        format!("{{\"state\":\"\",\"progress\":1,\"current\":\"{text}\"}}"),
        format!("{{\"state\":\"\",\"progress\":1,\"errorMsg\":{{\"messages\":[{{\"text\":\"#{text}\"}}]}}}}"),
    ] {
        // Each answer differs from the ones before it.
        let polls = std::sync::atomic::AtomicUsize::new(0);
        let changed = move || {
            let poll = polls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            body.replacen('#', &poll.to_string(), 1).into_bytes()
        };
        let server = serves(certificate.config(), 200, changed);
        let pinned = json!({"certificate_fingerprint": certificate.fingerprint()});
        let (took, answer) = measured(&with(with(server.connection(), pinned), wait.clone()));
        assert_eq!(answer["error"]["kind"], "wait_timeout", "{:.200}", answer["msg"]);
        assert!(answer["messages"].as_array().is_none_or(|messages| messages.len() == 1), "only the last one");
        // Two answers: the last one, and the one whose data are shown until it is read.
        assert!(took.peak <= 6 * LENGTH + SLACK, "{}", took.peak);
    }
}

fn with_list(attribute: &str, items: usize) -> String {
    format!("{{\"appliance\":{{\"name\":\"a\"}},\"state\":\"\",\"{attribute}\":[{}1]}}", "1,".repeat(items - 1))
}

#[test]
fn lists_and_objects_have_a_limit_that_the_message_names() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let object =
        |attributes: usize| format!("{{\"appliance\":{{\"name\":\"a\"}},{}}}", numbered("\"#\":1", attributes - 1));
    for (name, options, body, limit) in [
        ("update", updates(), with_list("update", 100_001), Some("100,000 items")),
        ("update", updates(), with_list("update", 100_000), None),
        ("history", repository(), with_list("history", 100_001), Some("100,000 items")),
        ("messages", info(), with_list("messages", 100_001), None),
        ("unknown", info(), with_list("unknown", 100_001), None),
        ("object", info(), object(10_001), Some("10,000 attributes")),
        ("object", info(), object(10_000), None),
    ] {
        let answer = asked(&certificate, name, &options, (200, body.into_bytes()), &mut Vec::new());
        match limit {
            Some(limit) => {
                assert_eq!(
                    answer["error"],
                    json!({"kind": "invalid_response", "http_status": 200, "retryable": false})
                );
                assert!(answer["msg"].as_str().unwrap().contains(limit), "{}", answer["msg"]);
            }
            None => assert_eq!(answer["failed"], false, "{name}: {}", answer["msg"]),
        }
    }
}

#[test]
fn a_number_of_more_than_1000_digits_becomes_a_string() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let (fits, long) = ("7".repeat(1000), "7".repeat(1001));
    for number in [&fits, &long] {
        let body = format!("{{\"appliance\":{{\"name\":\"a\",\"runlevel\":{number}}},\"x\":[{{\"y\":-{number}}}]}}");
        let server = gives(certificate.config(), 200, body.into_bytes());
        let pinned = json!({"certificate_fingerprint": certificate.fingerprint()});
        let ended = Lxca::given(with(with(server.connection(), pinned), info()).to_string()).run();
        let quote = if number == &long { "\"" } else { "" };
        assert!(ended.stdout.contains(&format!("\"runlevel\":{quote}{number}{quote}")), "{:.300}", ended.stdout);
        assert!(ended.stdout.contains(&format!("\"y\":{quote}-{number}{quote}")), "{:.300}", ended.stdout);
    }
}

#[test]
fn numbers_in_sentences_are_short() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let task = r#"{"state":"","progress":1e308}"#;
    let server = gives(certificate.config(), 200, format!("[{}]", vec![task; 1000].join(",")).into_bytes());
    let pinned = json!({"certificate_fingerprint": certificate.fingerprint()});
    let answer = Lxca::given(with(with(server.connection(), pinned), export(0)).to_string()).succeeds();
    let comment = answer["comment"].as_str().unwrap();
    assert!(comment.contains("running, 1e308 % done") && comment.len() < 1000, "{comment}");
    assert!(comment.contains("990 more"), "{comment}");
}

#[test]
fn a_catalog_takes_no_more_when_what_would_change_is_shown() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    let body = format!(r#"{{"updates":[{}]}}"#, numbered(r#"{"fixid":#}"#, 100_000));
    let options = json!({"operation": "management_server_catalog", "_ansible_check_mode": true, "_ansible_diff": true});
    let mut excess = Vec::new();
    let answer = asked(&certificate, "catalog", &options, (200, body.into_bytes()), &mut excess);
    assert_eq!(answer["diff"]["after"].as_object().unwrap().len(), 100_000);
    assert!(excess.is_empty(), "{excess:#?}");
}
