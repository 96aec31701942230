//! What nobody may read in an answer or a log: password, basic token, session cookie, CSRF token, session id.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lxca_appliance::{Account, Appliance, EchoEncoding, EchoShape, Fault, FaultRule, StatusBody};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::harness::{Ended, Lxca, appliance, appliance_with, body, damage, requests, until};

/// Every character that some way of writing treats in its own way.
const PASSWORD: &str = r#"Zq"7\x&<k>'%/é+Wm=;v"#;

fn with_password(password: &str) -> Appliance {
    let account = Account { username: "USERID".into(), password: Some(password.into()), ..Account::default() };
    appliance_with(|settings| settings.accounts = vec![account])
}

fn basic_token(password: &str) -> String {
    STANDARD.encode(format!("USERID:{password}"))
}

/// The secrets in what an appliance was sent, and in the sessions it opened.
fn secrets_of(appliance: &Appliance, password: &str) -> Vec<String> {
    let mut secrets = vec![password.to_owned(), basic_token(password)];
    for request in appliance.requests() {
        secrets.extend(request.header("x-csrf-token").map(str::to_owned));
        let cookies = request.header("cookie").unwrap_or_default().split("; ");
        secrets.extend(cookies.filter_map(|cookie| cookie.strip_prefix("JSESSIONID=")).map(str::to_owned));
    }
    secrets
}

fn html_decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let entity = rest.find(';').filter(|end| *end < 12).map(|end| &rest[1..end]);
        let character = entity.and_then(|entity| match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        let skipped = character.and(entity).map_or(1, |entity| entity.len() + 2);
        decoded.push(character.unwrap_or('&'));
        rest = &rest[skipped..];
    }
    decoded + rest
}

fn json_decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            decoded.push(character);
            continue;
        }
        match rest.next() {
            Some('u') => {
                let digits: String = rest.clone().take(4).collect();
                match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                    Some(named) => {
                        decoded.push(named);
                        rest.nth(3);
                    }
                    None => decoded.push_str("\\u"),
                }
            }
            Some('n') => decoded.push('\n'),
            Some(other) => decoded.push(other),
            None => decoded.push('\\'),
        }
    }
    decoded
}

/// The text, and everything it may be read as after up to three decodings.
fn readings(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([text.to_owned()]);
    for _ in 0..3 {
        let decoded: Vec<String> = found
            .iter()
            .flat_map(|text| {
                [percent_decode_str(text).decode_utf8_lossy().into_owned(), html_decoded(text), json_decoded(text)]
            })
            .collect();
        found.extend(decoded);
    }
    found
}

#[test]
fn the_readings_of_this_test_find_what_is_hidden() {
    let hidden = [r#"a\"b"#, r#"a\u0022b"#, "a%22b", "a&quot;b", "a&#34;b", "a&#x22;b", r#"a\\\"b"#, "a%26quot%3Bb"];
    for text in hidden {
        assert!(readings(text).contains("a\"b"), "{text}");
    }
}

#[track_caller]
fn holds_none_of(run: &Ended, secrets: &[String], what: &str) {
    for text in [&run.stdout, &run.stderr] {
        for reading in readings(text) {
            for secret in secrets {
                assert!(!reading.contains(secret.as_str()), "{what}: {secret} in {text}");
            }
        }
    }
}

fn info(auth_method: &str) -> Value {
    json!({"operation": "appliance_info", "all": true, "auth_method": auth_method, "retries": 0})
}

/// A call whose answer may hold anything.
fn call(auth_method: &str) -> Value {
    json!({"operation": "management_server_update_info", "auth_method": auth_method, "retries": 0})
}

const SHAPES: [EchoShape; 5] =
    [EchoShape::Envelope, EchoShape::Json, EchoShape::Html, EchoShape::Text, EchoShape::Location];

const ENCODINGS: [EchoEncoding; 4] =
    [EchoEncoding::Plain, EchoEncoding::JsonEscapedTwice, EchoEncoding::PercentEncoded, EchoEncoding::HtmlEscaped];

#[test]
fn a_server_that_repeats_the_request_gives_nothing_away() {
    let appliance = with_password(PASSWORD);
    for auth_method in ["basic", "session"] {
        let requests: &[&str] = if auth_method == "basic" { &["GET"] } else { &["GET", "POST", "DELETE"] };
        for (method, shape, encoding) in requests
            .iter()
            .flat_map(|method| SHAPES.map(|shape| (method, shape)))
            .flat_map(|(method, shape)| ENCODINGS.map(|encoding| (method, shape, encoding)))
        {
            for status in if shape == EchoShape::Location { [302, 307] } else { [200, 400] } {
                appliance.clear_requests();
                let fault = Fault::Echo { status, shape, encoding };
                appliance.change(|state| {
                    state.sessions.clear();
                    state.settings.faults = vec![FaultRule::new(fault).on(method, "/")];
                });
                let run = Lxca::asks(&appliance, call(auth_method)).environment("LXCA_LOG", "debug").run();
                let answer = run.answer();
                let what = format!("{auth_method} {method} {status} {shape:?} {encoding:?}");
                holds_none_of(&run, &secrets_of(&appliance, PASSWORD), &what);
                // Attributes nobody knows are no failure; neither is a logout that fails, and any success is good there.
                let fine = status == 200 && shape == EchoShape::Json && *method == "GET" || *method == "DELETE";
                assert_eq!(answer["failed"], !fine, "{what}: {}", answer.0);
                if shape == EchoShape::Envelope && encoding == EchoEncoding::Plain && *method != "DELETE" {
                    assert!(answer.msg().contains("USERID"), "readable, {what}: {}", answer.msg());
                    assert!(answer.msg().contains("********"), "{what}: {}", answer.msg());
                    let text = answer["messages"][0]["text"].as_str().unwrap();
                    assert!(text.contains(&format!("lxca/{}", env!("CARGO_PKG_VERSION"))), "{what}: {text}");
                }
            }
        }
    }
}

/// A text in every form a server may write it in.
fn written(text: &str) -> Vec<String> {
    let each = |write: &dyn Fn(char) -> String| text.chars().map(write).collect::<String>();
    let bytes = |write: &dyn Fn(u8) -> String| text.bytes().map(write).collect::<String>();
    let html = |apostrophe: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        text.replace('\'', apostrophe)
    };
    let json = Value::from(text).to_string();
    let json = json[1..json.len() - 1].to_owned();
    vec![
        text.to_owned(),
        json.clone(),
        json.replace('/', "\\/"),
        each(&|character| format!("\\u{:04x}", u32::from(character))),
        each(&|character| format!("\\u{:04X}", u32::from(character))),
        bytes(&|byte| format!("%{byte:02X}")),
        bytes(&|byte| format!("%{byte:02x}")),
        bytes(&|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02x}") }),
        html("&#39;"),
        html("&#x27;"),
        html("&apos;"),
        each(&|character| format!("&#{};", u32::from(character))),
        each(&|character| format!("&#x{:X};", u32::from(character))),
        each(&|character| format!("&#x{:04x};", u32::from(character))),
    ]
}

#[test]
fn every_form_of_a_secret_in_every_place() {
    let appliance = with_password(PASSWORD);
    let secrets = [PASSWORD.to_owned(), basic_token(PASSWORD)];
    for form in secrets.iter().flat_map(|secret| written(secret)) {
        let text = format!("before {form} after");
        let message = json!({
            "id": form, "text": text, "explanation": text, "recovery": {"text": text, "URL": format!("https://x/{form}")}
        });
        let html = |status| Fault::Body {
            status,
            content_type: Some("text/html".into()),
            raw: format!("<html><title>{text}</title>{text}</html>"),
        };
        let faults = [
            body(json!({"result": "failure", "messages": [message]})),
            body(json!({
                "appliance": {"name": form, "version": text, "new": {&text: [form]}}, "messages": [message], &form: text
            })),
            html(200),
            html(500),
            Fault::Body { status: 400, content_type: Some("text/plain".into()), raw: text.clone() },
            body(&text),
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            appliance.change(|state| state.settings.faults = vec![FaultRule::new(fault)]);
            let run = Lxca::asks(&appliance, info("basic")).environment("LXCA_LOG", "debug").run();
            let answer = run.answer();
            holds_none_of(&run, &secrets, &format!("{number} {form}"));
            if number == 1 {
                assert_eq!(answer["failed"], false, "{}", answer.0);
                assert_eq!(answer["data"]["name"], "********");
                assert_eq!(answer["data"]["version"], "before ******** after", "{form}");
                assert_eq!(answer["messages"][0]["text"], "before ******** after");
                assert_eq!(answer.warnings().len(), 1, "masking inside data: {}", answer.0);
            }
        }
    }
}

#[test]
fn secrets_in_headers() {
    let password = "Passw0rd-9.9.9";
    let appliance = with_password(password);
    let media_type = |name: String| Fault::Body {
        status: 200,
        content_type: Some(name),
        raw: json!({"appliance": {"version": "4.0.0"}}).to_string(),
    };
    let faults = [
        media_type(format!("application/com.lenovo.lxca-v{password}+json")),
        media_type(format!("text/{password}")),
        Fault::Status { code: 503, retry_after: Some(password.into()), body: StatusBody::Html },
        Fault::Redirect { location: format!("https://USERID:{password}@192.0.2.9/login?p={password}"), status: 302 },
    ];
    for fault in faults {
        appliance.change(|state| state.settings.faults = vec![FaultRule::new(fault.clone())]);
        let run = Lxca::asks(&appliance, info("basic")).environment("LXCA_LOG", "debug").run();
        run.answer();
        holds_none_of(&run, &[password.to_owned()], &format!("{fault:?}"));
    }
}

#[test]
fn the_secrets_of_a_session_also_after_it_has_ended() {
    std::thread::scope(|scope| {
        for renewed in [false, true] {
            scope.spawn(move || {
                let appliance = with_password(PASSWORD);
                let call = json!({
                    "operation": "firmware_export_info", "task_id": 14, "wait": true, "poll_interval": 1,
                    "auth_method": "session"
                });
                let answered = appliance.follow_requests();
                let running = Lxca::asks(&appliance, call).environment("LXCA_LOG", "debug").start();
                while answered.recv().unwrap().method != "GET" {}
                let session = appliance.change(|state| state.sessions[0].clone());
                let secrets = [session.id, session.cookie, session.csrf];
                let forms: Vec<String> = secrets.iter().flat_map(|secret| written(secret)).collect();
                let told = json!({"errorMsg": {"result": "failure", "messages": [
                    {"id": "FQXHMUP4199L", "text": forms.join(" | ")}
                ]}});
                if renewed {
                    let refused = Fault::Status { code: 401, retry_after: None, body: StatusBody::Envelope };
                    damage(&appliance, FaultRule::new(refused).on("GET", "/").times(1));
                }
                damage(&appliance, FaultRule::new(body(told)).on("GET", "/"));
                let run = running.wait();
                assert_eq!(run.answer()["error"]["kind"], "operation_failed", "{run:?}");
                let logins = requests(&appliance).iter().filter(|request| *request == "POST /sessions").count();
                assert_eq!(logins, 1 + usize::from(renewed));
                holds_none_of(&run, &secrets, "session");
                assert!(run.stdout.contains("********"));
            });
        }
    });
}

#[test]
fn shortening_leaves_no_part_of_a_secret() {
    let password = "kJ8vQz1LwT5nRb3XcY7m";
    let appliance = with_password(password);
    for filler in ["", " ", "-----", "a longer filler of words "] {
        let long = format!("{filler}{password}").repeat(2000);
        let content =
            |status, media_type: &str, raw: String| Fault::Body { status, content_type: Some(media_type.into()), raw };
        let faults = [
            body(json!({"result": "failure", "messages": [{"id": "FQXHMUP4199L", "text": long}]})),
            content(500, "text/html", format!("<html><title>{long}</title><body>{long}</body></html>")),
            content(200, "text/plain", long.clone()),
            body(&long),
            body(format!("{{\"a\": {long}")),
            Fault::Redirect { location: format!("/x?{}", &long[..8000]), status: 302 },
        ];
        for fault in faults {
            appliance.change(|state| state.settings.faults = vec![FaultRule::new(fault)]);
            let run = Lxca::asks(&appliance, info("basic")).environment("LXCA_LOG", "debug").run();
            run.answer();
            let parts = [&password[..6], &password[7..13], &password[14..]].map(str::to_owned);
            holds_none_of(&run, &parts, filler);
        }
    }
}

#[test]
fn a_short_secret_only_where_it_is_everything() {
    let appliance = with_password("abc");
    damage(
        &appliance,
        FaultRule::new(body(json!({"appliance": {"name": "abc", "version": "abcdef", "build": "xabc"}}))),
    );
    let answer = Lxca::asks(&appliance, info("basic")).succeeds();
    assert_eq!(answer["data"]["name"], "********");
    assert_eq!(answer["data"]["version"], "abcdef");
    assert_eq!(answer["data"]["build"], "xabc");
}

#[test]
fn our_own_words_are_not_touched() {
    for password in
        ["complete", "phase", "data", "failed", "appliance", "firmware_export_info", "informational", "2500"]
    {
        let appliance = with_password(password);
        let call = json!({"operation": "firmware_export_info", "task_id": 12});
        let answer = Lxca::asks(&appliance, call).succeeds();
        assert_eq!(answer["operation"], "firmware_export_info");
        assert_eq!(answer["data"]["phase"], "complete", "{password}");
        assert!(answer["data"]["totalsize"].is_u64(), "{password}");
        let call = json!({"operation": "firmware_export_info", "task_id": 4711});
        let answer = Lxca::asks(&appliance, call).fails("bad_request");
        assert_eq!(answer["error"]["http_status"], 400);
    }
}

#[test]
fn a_plain_call_masks_nothing() {
    let appliance = appliance();
    for auth_method in ["basic", "session"] {
        let run = Lxca::asks(&appliance, info(auth_method)).run();
        assert_eq!(run.answer()["failed"], false);
        assert!(!run.stdout.contains("***"));
        assert!(run.stderr.is_empty());
    }
}

#[test]
fn the_log_holds_facts_and_no_secrets() {
    for level in ["info", "debug"] {
        for auth_method in ["basic", "session"] {
            let appliance = with_password(PASSWORD);
            let run = Lxca::asks(&appliance, info(auth_method)).environment("LXCA_LOG", level).run();
            assert_eq!(run.answer()["failed"], false);
            for word in ["GET", "/aicc", "200"] {
                assert!(run.stderr.contains(word), "{level}: {}", run.stderr);
            }
            holds_none_of(&run, &secrets_of(&appliance, PASSWORD), level);
        }
    }
    let appliance = with_password(PASSWORD);
    let run = Lxca::asks(&appliance, info("basic")).environment("LXCA_LOG", "debug").run();
    let fingerprint = appliance.certificate_fingerprint();
    assert!(run.stderr.contains(&fingerprint), "{}", run.stderr);
    assert!(run.stderr.contains("TLS"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("127.0.0.1:{}", appliance.port())), "{}", run.stderr);
}

#[test]
fn credentials_of_a_proxy() {
    let appliance = appliance();
    for (user, password) in [("proxyuser", "Pr0xyP4ss"), ("proxyuser", "Pr%220xy%3CP4ss")] {
        // Nothing listens on port 1.
        let proxy = format!("http://{user}:{password}@127.0.0.1:1");
        let call = Lxca::asks(&appliance, info("basic")).environment("https_proxy", &proxy);
        let run = call.environment("LXCA_LOG", "debug").run();
        let answer = run.answer();
        assert_eq!(answer["error"]["kind"], "connection_failed", "{}", answer.0);
        assert!(answer.msg().contains("127.0.0.1:1"), "{}", answer.msg());
        let plain = percent_decode_str(password).decode_utf8_lossy().into_owned();
        let token = STANDARD.encode(format!("{user}:{plain}"));
        holds_none_of(&run, &[password.to_owned(), plain, token], "proxy");
    }
}

#[test]
fn what_the_server_chose_does_not_mask_our_own_words() {
    // A session id that is a word of our sentences.
    let appliance = appliance();
    let told = json!({
        "appliance": {"version": "4.0.0", "name": "an XClarity", "XClarity": "\u{2028}"},
        "response": {"session": {"id": "XClarity"}},
    });
    damage(&appliance, FaultRule::new(body(told)));
    let run = Lxca::asks(&appliance, info("basic")).run();
    let answer = run.answer();
    assert!(answer.msg().contains(" answers as XClarity Administrator 4.0.0"), "{}", answer.msg());
    assert_eq!(answer["data"]["name"], "an ********", "{}", answer.0);
    assert_eq!(answer["data"]["appliance"], Value::Null, "{}", answer.0);
    assert!(!answer["data"].to_string().contains("XClarity"), "{}", answer.0);
    assert_eq!(answer.warnings().iter().filter(|warning| warning.contains("A secret of this call")).count(), 1);
    assert!(run.stdout.contains("\\u2028"), "{}", run.stdout);
}

/// A text that takes long to mask, and holds a piece of every spelling.
fn slow(bytes: usize) -> String {
    "&z;&amp%41+\\u0041".repeat(bytes / 17)
}

#[test]
fn a_signal_while_secrets_are_masked_is_answered() {
    // A debug build is slower by far.
    let (bytes, bound) = if std::env::var_os("LXCA_BINARY").is_some() { (48 << 20, 2) } else { (2 << 20, 10) };
    let appliance = with_password("p\u{e4}ss w0rd");
    damage(&appliance, FaultRule::new(body(json!({"appliance": {"version": "4.0.0"}, "padding": slow(bytes)}))));
    // Reading the answer comes before: the signal is sent later and later, until it comes while secrets are masked.
    for delay in 0.. {
        appliance.clear_requests();
        let running = Lxca::asks(&appliance, info("basic")).start();
        until("an answer", || appliance.requests().iter().any(|made| made.status.is_some()));
        std::thread::sleep(Duration::from_millis(250 * delay));
        let signalled = Instant::now();
        running.signal("TERM");
        let run = running.wait();
        assert!(signalled.elapsed() < Duration::from_secs(bound), "{delay}: {:?}", signalled.elapsed());
        let answer = run.answer();
        assert_eq!(answer["error"]["kind"], "interrupted", "masking was never interrupted: {delay}");
        assert_eq!(run.status.signal(), Some(15), "{delay}");
        if answer.warnings().iter().any(|warning| warning.contains("left out of this answer")) {
            assert!(answer.0.get("data").is_none());
            return;
        }
    }
}
