//! Each quirk is seen to act.

use std::io::Read as _;
use std::time::Duration;

use lxca_appliance::{
    Appliance, Booleans, ContentEncoding, EmptyCurrent, EmptyLists, Filetypes, Language, MediaType, Quirks, Severity,
    SuccessWord, TaskidZero, UnknownFixId, UnknownTask,
};
use serde_json::{Value, json};

use crate::client::{Answer, End, PACK, ask, basic, get, parse, raw_within, send, start};

const STATUS: &str = "/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=12";

fn set(appliance: &Appliance, change: impl FnOnce(&mut Quirks)) {
    appliance.change(|state| change(&mut state.settings.quirks));
}

fn with(change: impl FnOnce(&mut Quirks)) -> Appliance {
    let appliance = start();
    set(&appliance, change);
    appliance
}

fn pack(appliance: &Appliance) -> Value {
    get(appliance, &format!("/managementServer/updates/{PACK}"))
}

#[test]
fn both_spellings_of_the_task_type_unless_strict() {
    let appliance = start();
    let table = STATUS.replace("tasktype", "taskType");
    assert_eq!(ask(&appliance, "GET", &table).status, 200);
    set(&appliance, |quirks| quirks.strict_tasktype = true);
    assert_eq!(ask(&appliance, "GET", &table).status, 400);
    assert_eq!(ask(&appliance, "GET", STATUS).status, 200);
}

#[test]
fn error_msg_as_an_array() {
    let appliance = start();
    assert_eq!(get(&appliance, STATUS)["errorMsg"]["result"], "informational");
    set(&appliance, |quirks| quirks.error_msg_as_array = true);
    assert_eq!(get(&appliance, STATUS)["errorMsg"][0]["result"], "informational");
    // The errorMsg of a package is a text, and stays one.
    assert_eq!(pack(&appliance)["update"][0]["errorMsg"], "");
}

#[test]
fn current_may_be_empty() {
    let appliance = with(|quirks| quirks.empty_current = EmptyCurrent::Polls(2));
    let names: Vec<Value> = (0..3).map(|_| get(&appliance, STATUS)["current"].clone()).collect();
    assert_eq!(names[..2], ["", ""]);
    assert!(names[2].as_str().unwrap().starts_with("repository20"));
    set(&appliance, |quirks| quirks.empty_current = EmptyCurrent::Always);
    assert_eq!(get(&appliance, STATUS)["current"], "");
}

#[test]
fn a_running_job_says_what_it_likes() {
    let appliance = with(|quirks| quirks.running_state = String::new());
    let running = get(&appliance, &STATUS.replace("=12", "=14"));
    assert_eq!((&running["state"], &running["current"]), (&json!(""), &json!("")));
}

#[test]
fn values_are_typed_in_several_ways() {
    let appliance = start();
    let update = pack(&appliance)["update"][0].clone();
    assert_eq!((&update["severity"], &update["readme"]), (&json!(3), &json!("true")));
    set(&appliance, |quirks| quirks.severity = Severity::Word);
    set(&appliance, |quirks| quirks.booleans = Booleans::Real);
    let update = pack(&appliance)["update"][0].clone();
    assert_eq!((&update["severity"], &update["readme"]), (&json!("suggested"), &json!(true)));
    set(&appliance, |quirks| quirks.numbers_as_strings = true);
    assert_eq!(pack(&appliance)["update"][0]["totalsize"], "3846012416");
    assert_eq!(get(&appliance, STATUS)["progress"], "100");
}

#[test]
fn filetypes_are_spelled_in_several_ways() {
    let appliance = start();
    assert_eq!(pack(&appliance)["filetypes"], json!(["change", "readme"]));
    set(&appliance, |quirks| quirks.filetypes = Filetypes::ChangeHistory);
    assert_eq!(pack(&appliance)["filetypes"], json!(["changeHistory", "readme"]));
    set(&appliance, |quirks| quirks.filetypes = Filetypes::Text);
    assert_eq!(pack(&appliance)["filetypes"], "change,readme");
}

#[test]
fn lists_take_other_shapes() {
    let appliance = with(|quirks| quirks.single_objects = true);
    assert_eq!(pack(&appliance)["update"]["fixid"], PACK);
    assert!(pack(&appliance)["actions"].is_array());
    let shapes = [
        (EmptyLists::List, json!([])),
        (EmptyLists::Object, json!({})),
        (EmptyLists::BracketText, json!("[]")),
        (EmptyLists::EmptyText, json!("")),
        (EmptyLists::Null, Value::Null),
    ];
    for (shape, seen) in shapes {
        set(&appliance, |quirks| quirks.empty_lists = shape);
        assert_eq!(get(&appliance, STATUS)["updates"], seen);
    }
}

#[test]
fn task_zero_has_several_shapes() {
    let appliance = start();
    let zero = STATUS.replace("=12", "=0");
    assert_eq!(get(&appliance, &zero).as_array().unwrap().len(), 1);
    set(&appliance, |quirks| quirks.taskid0 = TaskidZero::Object);
    assert_eq!(get(&appliance, &zero)["state"], "running");
    appliance.change(|state| state.finish(14));
    assert_eq!(get(&appliance, &zero)["progress"], 0);
    set(&appliance, |quirks| quirks.taskid0 = TaskidZero::EmptyList);
    assert_eq!(get(&appliance, &zero), json!([]));
}

#[test]
fn words_and_languages() {
    let appliance = with(|quirks| quirks.success_word = SuccessWord::Success);
    assert_eq!(get(&appliance, STATUS)["errorMsg"]["result"], "success");
    set(&appliance, |quirks| quirks.language = Language::Portuguese);
    let text = get(&appliance, STATUS)["errorMsg"]["messages"][0]["text"].clone();
    assert!(text.as_str().unwrap().contains("operação"), "{text}");
}

#[test]
fn media_types() {
    let appliance = start();
    let types = [
        (MediaType::Vendor, Some("application/com.lenovo.lxca-v4.0.0+json; charset=UTF-8")),
        (MediaType::Json, Some("application/json")),
        (MediaType::Text, Some("text/plain")),
        (MediaType::None, None),
    ];
    for (media_type, seen) in types {
        set(&appliance, |quirks| quirks.media_type = media_type);
        assert_eq!(ask(&appliance, "GET", STATUS).header("content-type"), seen);
    }
}

#[test]
fn bytes_around_the_json() {
    let appliance = with(|quirks| quirks.byte_order_mark = true);
    assert!(ask(&appliance, "GET", STATUS).text().starts_with("\u{feff}{"));
    let appliance = with(|quirks| quirks.chunked = true);
    let answer = ask(&appliance, "GET", "/aicc");
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert!(answer.header("content-length").is_none());
    assert_eq!(answer.json()["appliance"]["version"], "4.0.0");
}

/// A gzip body, decompressed.
fn plain(answer: &Answer) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn texts_hold_line_breaks_of_every_kind() {
    let appliance = with(|quirks| quirks.line_breaks_in_texts = true);
    let status = get(&appliance, STATUS);
    let text = status["errorMsg"]["messages"][0]["text"].as_str().unwrap();
    assert!(['\u{85}', '\u{2028}', '\u{2029}'].iter().all(|line_break| text.contains(*line_break)), "{text:?}");
    assert_eq!(status["errorMsg"]["messages"][0]["id"], "FQXHMUP2500I");
}

#[test]
fn content_codings() {
    let appliance = start();
    let coding = |answer: &Answer| answer.header("content-encoding").map(str::to_owned);
    let asked = |appliance| send(appliance, "GET", STATUS, &[&basic(appliance), "Accept-Encoding: gzip, deflate"], b"");
    let answer = asked(&appliance);
    assert_eq!(coding(&answer).as_deref(), Some("gzip"));
    assert!(plain(&answer).contains("FQXHMUP2500I"));
    assert_eq!(coding(&ask(&appliance, "GET", STATUS)), None);
    set(&appliance, |quirks| quirks.content_encoding = ContentEncoding::Never);
    assert_eq!(coding(&asked(&appliance)), None);
    set(&appliance, |quirks| quirks.content_encoding = ContentEncoding::Always);
    assert!(plain(&ask(&appliance, "GET", STATUS)).contains("FQXHMUP2500I"));
    set(&appliance, |quirks| quirks.content_encoding = ContentEncoding::HeaderOnly);
    let answer = ask(&appliance, "GET", STATUS);
    assert_eq!((coding(&answer).as_deref(), &answer.json()["progress"]), (Some("gzip"), &json!(100)));
}

#[test]
fn unknown_things() {
    let appliance = start();
    let unknown = STATUS.replace("=12", "=77");
    // The job's number is not the subtask's.
    assert_eq!(ask(&appliance, "GET", &STATUS.replace("=12", "=11")).status, 400);
    assert_eq!(ask(&appliance, "GET", &unknown).status, 400);
    set(&appliance, |quirks| quirks.unknown_task = UnknownTask::NotFound);
    assert_eq!(ask(&appliance, "GET", &unknown).status, 404);
    set(&appliance, |quirks| quirks.unknown_task = UnknownTask::Failure);
    let answer = ask(&appliance, "GET", &unknown);
    assert_eq!((answer.status, answer.json()["errorMsg"]["result"].as_str()), (200, Some("failure")));

    let mixed = format!("/managementServer/updates/{PACK},nothing");
    assert_eq!(get(&appliance, &mixed)["update"].as_array().unwrap().len(), 1);
    set(&appliance, |quirks| quirks.unknown_fix_id = UnknownFixId::NotFound);
    assert_eq!(ask(&appliance, "GET", &mixed).status, 404);

    let file = "/updateRepositories/firmware?key=export&exportRepoFilename=repository20000101000000.zip";
    assert_eq!(ask(&appliance, "GET", file).status, 400);
    set(&appliance, |quirks| quirks.unknown_file_status = 200);
    let answer = ask(&appliance, "GET", file);
    assert_eq!((answer.status, answer.json()["status"]["result"].as_str()), (200, Some("failure")));
}

#[test]
fn other_refusals() {
    let appliance = with(|quirks| quirks.basic_failure_status = Some(418));
    let wrong = crate::client::token("USERID", "wrong");
    assert_eq!(send(&appliance, "GET", "/aicc", &[&wrong], b"").status, 418);
    set(&appliance, |quirks| quirks.session_limit_status = 409);
    appliance.change(|state| state.settings.max_sessions_per_user = 1);
    let body = json!({ "UserId": appliance.username(), "password": appliance.password() }).to_string();
    assert_eq!(send(&appliance, "POST", "/sessions", &[], body.as_bytes()).status, 200);
    assert_eq!(send(&appliance, "POST", "/sessions", &[], body.as_bytes()).status, 409);
}

#[test]
fn connections_may_end_after_each_answer() {
    let keep = |appliance: &Appliance| {
        let request = format!("GET {STATUS} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", basic(appliance));
        let (bytes, end) = raw_within(appliance, request.as_bytes(), Duration::from_millis(500)).unwrap();
        (parse(&bytes).header("connection").map(str::to_owned), end)
    };
    let appliance = start();
    assert_eq!(keep(&appliance), (None, End::Silent));
    set(&appliance, |quirks| quirks.connection_close = true);
    assert_eq!(keep(&appliance), (Some("close".into()), End::Closed));
}
