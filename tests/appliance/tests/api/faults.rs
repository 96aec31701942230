//! Each fault is seen to act.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, CutEnd, EchoEncoding, EchoShape, Fault, FaultRule, Settings, StatusBody};
use serde_json::json;

use crate::client::{
    Answer, End, ask, basic, connect, connect_within, get, parse, raw, raw_within, request, send, start,
};

/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(800);

fn with(fault: Fault) -> Appliance {
    let appliance = start();
    appliance.change(|state| state.settings.faults.push(FaultRule::new(fault)));
    appliance
}

fn bytes_of(appliance: &Appliance, target: &str) -> (Vec<u8>, End) {
    raw_within(appliance, &request("GET", target, &[&basic(appliance)], b""), SILENCE).unwrap()
}

fn answer_of(fault: Fault) -> Answer {
    ask(&with(fault), "GET", "/sessions")
}

#[test]
fn rules_pick_their_requests() {
    let appliance = start();
    let gone = Fault::Status { code: 410, retry_after: None, body: StatusBody::Empty };
    let rule = FaultRule::new(gone).on("GET", "/tasks").skip(1).times(2);
    appliance.change(|state| state.settings.faults.push(rule));
    let statuses: Vec<u16> = (0..4).map(|_| ask(&appliance, "GET", "/tasks").status).collect();
    assert_eq!(statuses, [200, 410, 410, 200]);
    assert_eq!(ask(&appliance, "GET", "/sessions").status, 200);
    let counted = appliance.change(|state| (state.settings.faults[0].seen, state.settings.faults[0].hits));
    assert_eq!(counted, (4, 2));
}

#[test]
fn rules_can_be_written_in_a_file() {
    let settings: Settings = serde_json::from_value(json!({
        "faults": [
            { "fault": "reset", "times": 1 },
            { "method": "GET", "path": "/tasks", "skip": 1, "fault": { "cut": { "after": 10, "end": "close_notify" } } },
            { "fault": { "status": { "code": 503, "retry_after": "2", "body": "html" } } },
            { "fault": { "echo": { "shape": "html", "encoding": "html_escaped" } } },
        ],
        "quirks": { "empty_current": { "polls": 3 }, "language": "pt" },
        "certificate": "localhost_only",
    }))
    .unwrap();
    assert_eq!(settings.faults[1].fault, Fault::Cut { after: 10, end: CutEnd::CloseNotify });
    assert!(serde_json::from_value::<Settings>(json!({ "quirk": {} })).is_err());
}

#[test]
fn refuse_closes_before_tls() {
    let appliance = with(Fault::Refuse);
    assert!(connect(&appliance, appliance.ca_path(), "localhost").is_err());
    assert_eq!(appliance.connections(), 1);
    assert!(appliance.requests().is_empty());
}

#[test]
fn stall_before_tls_says_nothing() {
    let appliance = with(Fault::StallBeforeTls);
    let began = Instant::now();
    assert!(connect_within(&appliance, appliance.ca_path(), "localhost", SILENCE).is_err());
    assert!(began.elapsed() >= SILENCE);
}

#[test]
fn plain_http_answers_without_tls() {
    let appliance = with(Fault::PlainHttp);
    let error = connect(&appliance, appliance.ca_path(), "localhost").err().unwrap();
    assert!(error.to_string().contains("InvalidContentType"), "{error}");
    let mut tcp = TcpStream::connect((appliance.host(), appliance.port())).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut said = String::new();
    tcp.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
}

#[test]
fn the_connection_ends_in_place_of_the_answer() {
    for (fault, end) in [(Fault::Reset, End::Reset), (Fault::CloseBeforeAnswer, End::Torn), (Fault::Stall, End::Silent)]
    {
        let appliance = with(fault);
        assert_eq!(bytes_of(&appliance, "/sessions"), (Vec::new(), end));
        assert_eq!(appliance.requests()[0].status, None);
    }
}

#[test]
fn a_request_whose_answer_is_lost_was_carried_out() {
    let appliance = with(Fault::CloseBeforeAnswer);
    let request = request("PUT", "/updateRepositories/firmware?action=refresh", &[&basic(&appliance)], b"{\"mt\":[]}");
    raw(&appliance, &request).unwrap();
    assert_eq!(appliance.change(|state| state.tasks.len()), 3);
}

#[test]
fn the_answer_stops_on_its_way() {
    let appliance = with(Fault::StallInBody { after: 7 });
    let (bytes, end) = bytes_of(&appliance, "/sessions");
    assert_eq!((parse(&bytes).body.len(), end), (7, End::Silent));
    for (end, seen) in [(CutEnd::Fin, End::Torn), (CutEnd::CloseNotify, End::Closed), (CutEnd::Reset, End::Reset)] {
        let (bytes, ended) = bytes_of(&with(Fault::Cut { after: 25, end }), "/sessions");
        assert_eq!(ended, seen);
        // A reset may overtake what was sent.
        assert!(bytes.len() == 25 || end == CutEnd::Reset, "{}", bytes.len());
    }
}

#[test]
fn the_answer_trickles() {
    let began = Instant::now();
    let answer = answer_of(Fault::Trickle { milliseconds: 1 });
    assert_eq!(answer.status, 200);
    assert!(began.elapsed() > Duration::from_millis(800), "{:?}", began.elapsed());
}

#[test]
fn the_answer_is_late() {
    let began = Instant::now();
    assert_eq!(answer_of(Fault::Delay { milliseconds: 300 }).status, 200);
    assert!(began.elapsed() > Duration::from_millis(300));
}

#[test]
fn the_length_is_wrong() {
    for by in [10, -10] {
        let appliance = with(Fault::WrongLength { by });
        let (bytes, _) = bytes_of(&appliance, "/sessions");
        let answer = parse(&bytes);
        let announced: i64 = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(announced - by, answer.body.len() as i64);
    }
}

#[test]
fn garbage_is_not_http() {
    let (bytes, _) = bytes_of(&with(Fault::Garbage), "/sessions");
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP"));
}

#[test]
fn another_status_takes_the_place_of_the_answer() {
    let busy = |body| Fault::Status { code: 503, retry_after: Some("2".into()), body };
    let answer = answer_of(busy(StatusBody::Envelope));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")));
    assert_eq!(answer.json()["result"], "failure");
    assert!(answer_of(busy(StatusBody::Html)).text().contains("<html>"));
    assert!(answer_of(busy(StatusBody::Empty)).body.is_empty());
}

#[test]
fn a_redirection_and_a_body_of_ones_own() {
    let answer = answer_of(Fault::Redirect { location: "https://elsewhere.test/".into(), status: 307 });
    assert_eq!((answer.status, answer.header("location")), (307, Some("https://elsewhere.test/")));
    let own = Fault::Body { status: 201, content_type: Some("text/x-own".into()), raw: "[[[".into() };
    let answer = answer_of(own);
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.text().as_str()),
        (201, Some("text/x-own"), "[[[")
    );
}

#[test]
fn heads_and_bodies_can_be_huge() {
    let answer = answer_of(Fault::HugeHeaders { bytes: 100_000 });
    assert_eq!(answer.all("x-filler").concat().len(), 100_000);
    let answer = answer_of(Fault::HugeBody { bytes: 3_000_000 });
    assert_eq!(answer.body.len(), 3_000_000);
    assert!(answer.json().is_string());
}

#[test]
fn an_echo_repeats_the_secrets() {
    let echo = |shape, encoding| {
        let appliance = with(Fault::Echo { status: 500, shape, encoding });
        let password = appliance.password().to_owned();
        let cookie = "Cookie: JSESSIONID=\"a<b>&c\"";
        let answer = send(&appliance, "PUT", "/tasks?a=b", &[&basic(&appliance), cookie], b"{\"the\":\"body\"}");
        (answer, password)
    };
    for shape in [EchoShape::Envelope, EchoShape::Json, EchoShape::Html, EchoShape::Text] {
        for encoding in [EchoEncoding::Plain, EchoEncoding::JsonEscapedTwice, EchoEncoding::HtmlEscaped] {
            let (answer, password) = echo(shape, encoding);
            assert_eq!(answer.status, 500);
            let text = answer.text();
            assert!(text.contains(&password) && text.contains("the") && text.contains("/tasks?a=b"), "{text}");
        }
    }
    assert!(echo(EchoShape::Envelope, EchoEncoding::JsonEscapedTwice).0.text().contains(r#"\\\"the\\\""#));
    assert!(echo(EchoShape::Html, EchoEncoding::HtmlEscaped).0.text().contains("a&lt;b&gt;&amp;c"));
    assert!(echo(EchoShape::Text, EchoEncoding::PercentEncoded).0.text().contains("%2Ftasks%3Fa%3Db"));
    let (answer, password) = echo(EchoShape::Location, EchoEncoding::Plain);
    assert!(answer.header("location").unwrap().contains(&password));
    assert_eq!(echo(EchoShape::Envelope, EchoEncoding::Plain).0.json()["errorMsg"]["result"], "failure");
}

#[test]
fn faults_come_before_authentication() {
    let appliance = with(Fault::Status { code: 500, retry_after: None, body: StatusBody::Html });
    assert_eq!(send(&appliance, "GET", "/aicc", &[], b"").status, 500);
    appliance.change(|state| state.settings.faults.clear());
    assert_eq!(get(&appliance, "/sessions")["result"], "success");
}

/// The statuses of this many requests to an appliance with one rule, which hits a third of them.
fn by_chance(seed: Option<u64>, count: usize) -> (Vec<u16>, u64) {
    let gone = Fault::Status { code: 410, retry_after: None, body: StatusBody::Empty };
    let faults = vec![FaultRule::new(gone).probability(1.0 / 3.0)];
    let appliance = Appliance::start(Settings { seed, faults, ..Settings::default() }).unwrap();
    let statuses = (0..count).map(|_| ask(&appliance, "GET", "/sessions").status).collect();
    (statuses, appliance.change(|state| state.settings.seed.unwrap()))
}

#[test]
fn chance_follows_from_the_seed() {
    let (statuses, seed) = by_chance(None, 120);
    let hit = statuses.iter().filter(|status| **status == 410).count();
    assert!((15..=70).contains(&hit), "seed {seed}: {hit} of 120");
    assert_eq!(by_chance(Some(seed), 60).0, statuses[..60]);
    assert_ne!(by_chance(Some(seed + 1), 60).0, statuses[..60]);
}

#[test]
fn two_rules_of_chance_hit_different_requests() {
    let [left, right] = [410, 411].map(|code| {
        let gone = Fault::Status { code, retry_after: None, body: StatusBody::Empty };
        FaultRule::new(gone).probability(0.5)
    });
    let settings = Settings { seed: Some(1), faults: vec![left, right], ..Settings::default() };
    let appliance = Appliance::start(settings).unwrap();
    let statuses: Vec<u16> = (0..60).map(|_| ask(&appliance, "GET", "/sessions").status).collect();
    assert!([200, 410, 411].iter().all(|status| statuses.contains(status)), "{statuses:?}");
}

#[test]
fn a_probability_is_one() {
    for part in [-0.1, 1.1, f64::NAN] {
        let faults = vec![FaultRule::new(Fault::Reset).probability(part)];
        assert!(Appliance::start(Settings { faults, ..Settings::default() }).is_err(), "{part}");
    }
}
