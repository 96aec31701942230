//! Sessions that a damaged answer, a refusal or the appliance itself leaves behind: left at the end, or a warning.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lxca_appliance::{Account, Appliance, CutEnd, Fault, FaultRule, Reason, StatusBody};
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{Answer, Lxca, appliance, appliance_with, connection, damage, requests, until, with};
use crate::scripted::{Certificate, Server, read_head};

fn info(options: Value) -> Value {
    with(json!({"operation": "appliance_info", "auth_method": "session", "retries": 0}), options)
}

/// A call of two questions in one session.
fn two_questions() -> Value {
    let ids: Vec<String> = (0..150).map(|number| format!("lnvgy_sw_lxca_{number}-1.0.{number}_anyos_noarch")).collect();
    info(json!({"operation": "management_server_update_info", "fix_ids": ids, "key": "update"}))
}

fn status(code: u16) -> Fault {
    Fault::Status { code, retry_after: None, body: StatusBody::Envelope }
}

fn open_sessions(appliance: &Appliance) -> usize {
    appliance.change(|state| state.sessions.len())
}

fn count(appliance: &Appliance, request: &str) -> usize {
    requests(appliance).iter().filter(|made| made.starts_with(request)).count()
}

#[test]
fn the_session_of_a_login_whose_body_was_lost_is_left() {
    let faults = [
        (Fault::CutInBody { after: 0, end: CutEnd::Fin }, "connection_failed"),
        (Fault::CutInBody { after: 9, end: CutEnd::CloseNotify }, "connection_failed"),
        (Fault::CutInBody { after: 9, end: CutEnd::Reset }, "connection_failed"),
        (Fault::NoLength { end: CutEnd::Fin }, "connection_failed"),
        (Fault::WrongLength { by: 5 }, "connection_failed"),
        (Fault::WrongLength { by: -5 }, "invalid_response"),
        (Fault::StallInBody { after: 9 }, "timeout"),
        (Fault::StallInBody { after: 0 }, "timeout"),
        (Fault::Compressed, "invalid_response"),
        (Fault::BadChunks, "any"),
    ];
    std::thread::scope(|scope| {
        for (fault, kind) in faults {
            scope.spawn(move || {
                let appliance = appliance();
                damage(&appliance, FaultRule::new(fault.clone()).on("POST", "/sessions"));
                let answer = Lxca::asks(&appliance, info(json!({"timeout": 1}))).run().answer();
                assert_eq!(answer["failed"], true, "{fault:?}: {}", answer.0);
                assert!(kind == "any" || answer["error"]["kind"] == kind, "{fault:?}: {}", answer.0);
                assert_eq!(open_sessions(&appliance), 0, "{fault:?}: {}", answer.0);
                assert!(answer.warnings().is_empty(), "{fault:?}: {}", answer.0);
                assert_eq!(requests(&appliance), ["POST /sessions", "DELETE /sessions"], "{fault:?}");
            });
        }
    });
}

/// A server that answers a login with this body and a cookie, and counts what leaves that session.
fn logs_in_with(certificate: &Certificate, head: &'static str, body: &'static str) -> (Answer, usize) {
    let config = certificate.config();
    let left = Arc::new(AtomicUsize::new(0));
    let counter = left.clone();
    let server = Server::start(move |tcp| {
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
        while let Some(request) = read_head(&mut stream) {
            let length = request
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse().unwrap());
            stream.read_exact(&mut vec![0; length]).unwrap();
            let in_session = request.contains("JSESSIONID=of-this-login");
            let answer = match request.split(' ').next() {
                Some("POST") => format!(
                    "{head}\r\nSet-Cookie: JSESSIONID=of-this-login; Path=/\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ),
                Some("DELETE") if in_session => {
                    counter.fetch_add(1, Ordering::SeqCst);
                    "HTTP/1.1 204 No Content\r\n\r\n".into()
                }
                _ => "HTTP/1.1 500 Unexpected\r\nContent-Length: 0\r\n\r\n".into(),
            };
            if stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    });
    let pin = json!({"certificate_fingerprint": certificate.fingerprint()});
    let answer = Lxca::given(with(server.connection(), info(pin)).to_string()).run().answer();
    (answer, left.load(Ordering::SeqCst))
}

#[test]
fn the_session_of_a_login_with_a_bad_body_is_left() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], |_| {});
    for (head, body, kind) in [
        ("HTTP/1.1 200 OK", "{\"result\":", "invalid_response"),
        ("HTTP/1.1 200 OK", "<html>Welcome</html>", "invalid_response"),
        ("HTTP/1.1 200 OK", "welcome", "invalid_response"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "\u{1f}\u{8}", "invalid_response"),
        ("HTTP/1.1 200 OK", "{\"result\":\"failure\",\"messages\":[]}", "authentication_failed"),
        ("HTTP/1.1 403 Forbidden", "{\"result\":\"failure\",\"messages\":[]}", "authentication_failed"),
        ("HTTP/1.1 500 Broken", "", "server_error"),
        ("HTTP/1.1 302 Found\r\nLocation: /ui/login.html", "", "redirected"),
    ] {
        let (answer, left) = logs_in_with(&certificate, head, body);
        assert_eq!(answer["error"]["kind"], kind, "{head} {body}: {}", answer.0);
        assert_eq!((left, answer.warnings().len()), (1, 0), "{head} {body}: {}", answer.0);
    }
}

#[test]
fn a_login_whose_answer_is_lost_is_a_warning() {
    for fault in [Fault::Reset, Fault::CloseBeforeAnswer, Fault::Stall, Fault::Garbage] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault.clone()).on("POST", "/sessions"));
        let answer = Lxca::asks(&appliance, info(json!({"timeout": 1}))).run().answer();
        assert_eq!(answer["failed"], true, "{fault:?}");
        assert_eq!(answer.warnings().len(), 1, "{fault:?}: {}", answer.0);
        assert!(answer.warnings()[0].contains("may remain open"), "{fault:?}: {}", answer.0);
        assert_eq!(requests(&appliance), ["POST /sessions"], "{fault:?}");
    }
}

#[test]
fn a_session_that_worked_and_is_refused_is_opened_anew_once_and_both_are_left() {
    let redirect = Fault::Redirect { location: "/ui/login.html".into(), status: 302 };
    for (fault, kind) in
        [(status(401), "authentication_failed"), (status(403), "permission_denied"), (redirect, "redirected")]
    {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(fault.clone()).on("GET", "/").skip(1).times(1));
        let answer = Lxca::asks(&appliance, two_questions()).succeeds();
        assert_eq!(answer["data"]["missing_fix_ids"].as_array().map(Vec::len), Some(150));
        assert!(answer.warnings().iter().all(|warning| !warning.contains("session")), "{fault:?}: {}", answer.0);
        assert_eq!(open_sessions(&appliance), 0, "{fault:?}");
        assert_eq!((count(&appliance, "POST"), count(&appliance, "DELETE")), (2, 2), "{fault:?}");

        // The second answer counts.
        let appliance = self::appliance();
        damage(&appliance, FaultRule::new(fault.clone()).on("GET", "/").skip(1));
        let answer = Lxca::asks(&appliance, two_questions()).fails(kind);
        assert!(answer.warnings().iter().all(|warning| !warning.contains("session")), "{fault:?}: {}", answer.0);
        assert_eq!(open_sessions(&appliance), 0, "{fault:?}");
        assert_eq!((count(&appliance, "POST"), count(&appliance, "GET")), (2, 3), "{fault:?}");
    }
}

#[test]
fn a_session_that_the_appliance_forgot_is_opened_anew() {
    for code in [401, 403, 302] {
        let appliance = appliance_with(|settings| settings.quirks.forgotten_session_status = code);
        let answered = appliance.follow_requests();
        let wait = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "poll_interval": 1});
        let running = Lxca::asks(&appliance, info(wait)).start();
        while answered.recv().unwrap().method != "GET" {}
        appliance.change(|state| {
            state.sessions.clear();
            assert!(state.finish(14));
        });
        let answer = running.wait().answer();
        assert_eq!(answer["failed"], false, "{code}: {}", answer.0);
        assert!(answer.warnings().is_empty(), "{code}: {}", answer.0);
        assert_eq!((count(&appliance, "POST"), count(&appliance, "GET")), (2, 3), "{code}");
        assert_eq!(open_sessions(&appliance), 0, "{code}");
    }
}

#[test]
fn both_sessions_are_left_when_the_appliance_replaces_the_cookie() {
    // Of one that only looks new, the old one is open still.
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::SessionCookies { count: 1, length: 40 }).on("GET", "/aicc"));
    Lxca::asks(&appliance, info(json!({}))).succeeds();
    assert_eq!(open_sessions(&appliance), 0);
    assert_eq!(count(&appliance, "DELETE"), 2);

    // Of one that is new, the old one has ended, which needs no warning.
    let appliance = self::appliance();
    damage(&appliance, FaultRule::new(Fault::NewSessionCookie).on("GET", "/aicc"));
    let answer = Lxca::asks(&appliance, info(json!({}))).succeeds();
    assert_eq!(open_sessions(&appliance), 0);
    assert!(answer.warnings().is_empty(), "{}", answer.0);

    // In an answer that is asked for again.
    let appliance = self::appliance();
    let headers = vec![("Set-Cookie".into(), "JSESSIONID=of-a-busy-server; Path=/".into())];
    let busy = Fault::Generated {
        status: 503,
        headers,
        before: String::new(),
        unit: "x".into(),
        after: String::new(),
        bytes: 1,
    };
    damage(&appliance, FaultRule::new(busy).on("GET", "/aicc").times(1));
    Lxca::asks(&appliance, info(json!({"retries": 1}))).succeeds();
    assert_eq!(open_sessions(&appliance), 0);
    let left = appliance.requests();
    let left = left.iter().filter(|made| made.method == "DELETE");
    let cookies: Vec<&str> = left.filter_map(|made| made.header("cookie")).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].contains("of-a-busy-server"), "{cookies:?}");
}

#[test]
fn leaving_all_sessions_takes_five_seconds_at_most() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(status(401)).on("GET", "/").skip(1).times(1));
    damage(&appliance, FaultRule::new(Fault::Stall).on("DELETE", "/sessions"));
    let run = Lxca::asks(&appliance, two_questions()).run();
    let answer = run.answer();
    assert_eq!(answer["failed"], false);
    assert!(answer.warnings().iter().any(|warning| warning.contains("may remain open")), "{}", answer.0);
    assert!(run.took > Duration::from_secs(4) && run.took < Duration::from_secs(8), "{:?}", run.took);
}

#[test]
fn more_sessions_than_are_left_are_a_warning() {
    // Each answer asks to come back, and sets another cookie.
    for (answers, warned) in [(7, false), (11, true)] {
        let appliance = appliance();
        let busy = |number| Fault::Generated {
            status: 503,
            headers: vec![
                ("Set-Cookie".into(), format!("JSESSIONID=of-a-busy-server-{number}; Path=/")),
                ("Retry-After".into(), "0".into()),
            ],
            before: String::new(),
            unit: "x".into(),
            after: String::new(),
            bytes: 1,
        };
        for number in 1..=answers {
            damage(&appliance, FaultRule::new(busy(number)).on("GET", "/aicc").times(1));
        }
        let left = Fault::Status { code: 204, retry_after: None, body: StatusBody::Empty };
        damage(&appliance, FaultRule::new(left).on("DELETE", "/sessions"));
        let answer = Lxca::asks(&appliance, info(json!({"retries": 10}))).run().answer();
        let told = answer.warnings().iter().any(|warning| warning.contains("replaced too often"));
        assert_eq!(told, warned, "{}", answer.0);
        assert_eq!(count(&appliance, "DELETE"), answers.min(8) + 1, "{}", answer.0);
    }
}

#[test]
fn a_refused_login_is_known_by_its_message_whatever_the_status() {
    for auth_method in ["basic", "session"] {
        for code in [400, 401, 403] {
            let appliance = appliance();
            let refusal = Fault::Refusal { status: code, reason: Reason::LoginFailed };
            damage(&appliance, FaultRule::new(refusal).on("GET", "/"));
            let call = info(json!({"auth_method": auth_method}));
            let answer = Lxca::asks(&appliance, call).fails("authentication_failed");
            assert_eq!(answer["error"]["http_status"], code);
            assert!(
                answer.msg().contains("FQXHMSE0291J") && answer.msg().contains(appliance.username()),
                "{}",
                answer.msg()
            );
        }
        let appliance = appliance();
        let refusal = Fault::Refusal { status: 403, reason: Reason::Forbidden };
        damage(&appliance, FaultRule::new(refusal).on("GET", "/"));
        Lxca::asks(&appliance, info(json!({"auth_method": auth_method}))).fails("permission_denied");
    }
}

#[test]
fn an_expired_password_is_told_with_basic_and_with_sessions() {
    for auth_method in ["basic", "session"] {
        let account = Account { username: "USERID".into(), password_change_required: true, ..Account::default() };
        let appliance = appliance_with(|settings| settings.accounts = vec![account]);
        let answer =
            Lxca::asks(&appliance, info(json!({"auth_method": auth_method}))).fails("password_change_required");
        assert!(answer.msg().contains("set a new one"), "{}", answer.msg());
        assert_eq!(open_sessions(&appliance), 0);
    }
    for code in [400, 401, 403] {
        let appliance = appliance();
        let refusal = Fault::Refusal { status: code, reason: Reason::PasswordChange };
        damage(&appliance, FaultRule::new(refusal));
        Lxca::asks(&appliance, info(json!({"auth_method": "basic"}))).fails("password_change_required");
        Lxca::asks(&appliance, info(json!({}))).fails("password_change_required");
    }
}

#[test]
fn a_doubtful_password_is_named_when_it_is_refused() {
    for auth_method in ["basic", "session"] {
        for (password, doubt) in [
            (json!("Passw0rd\n"), Some("line break")),
            (json!("Passw0rd\r\n"), Some("line break")),
            (json!(12345), Some("number")),
            (json!("Passw0rd"), None),
        ] {
            for code in [401, 403] {
                let appliance = appliance_with(|settings| settings.quirks.login_failure_status = code);
                damage(&appliance, FaultRule::new(status(code)).on("GET", "/"));
                let call = info(json!({"auth_method": auth_method, "password": password.clone()}));
                let answer = Lxca::asks(&appliance, call).run().answer();
                assert_eq!(answer["error"]["http_status"], code);
                for word in ["line break", "number"] {
                    assert_eq!(answer.msg().contains(word), doubt == Some(word), "{password} {}", answer.msg());
                }
            }
        }
    }
}

#[test]
fn what_the_appliance_says_of_a_refused_login_is_quoted_to_its_end() {
    let appliance = appliance();
    let message = json!({"id": "FQXHMSE0202M", "text": "The User limit is reached: END OF IT."});
    let raw = json!({"result": "failure", "messages": [message]}).to_string();
    for status in [400, 403] {
        let fault = Fault::Body { status, content_type: None, raw: raw.clone() };
        appliance.change(|state| state.settings.faults = vec![FaultRule::new(fault).on("POST", "/sessions")]);
        let answer = Lxca::asks(&appliance, info(json!({}))).fails("authentication_failed");
        assert!(answer.msg().contains("END OF IT"), "{}", answer.msg());
        assert!(!answer.msg().contains("lacks the privilege"), "{}", answer.msg());
    }
}

#[test]
fn the_reader_of_stdout_that_goes_while_waiting_ends_it() {
    let appliance = appliance();
    let wait = json!({"operation": "firmware_export_info", "task_id": 14, "wait": true, "wait_timeout": 45, "poll_interval": 60});
    let input = with(connection(&appliance), info(wait)).to_string();
    let mut child = Lxca::with_arguments(&["-"]).command().spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    until("an answer", || appliance.requests().iter().any(|made| made.method == "GET" && made.status == Some(200)));
    drop(child.stdout.take());
    let started = Instant::now();
    until("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!((open_sessions(&appliance), count(&appliance, "DELETE /sessions")), (0, 1));
    assert_eq!(count(&appliance, "GET"), 1);
}
