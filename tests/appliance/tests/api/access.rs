//! Sessions, basic authentication, CSRF tokens, limits.

use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, CsrfLocation, Lock, Settings, Unauthenticated};
use serde_json::{Value, json};

use crate::client::{Answer, ask, get, put, send, start, token};

fn log_in_as(appliance: &Appliance, username: &str, password: &str) -> Answer {
    let body = json!({ "UserId": username, "password": password }).to_string();
    send(appliance, "POST", "/sessions", &["Content-Type: application/json"], body.as_bytes())
}

fn log_in(appliance: &Appliance) -> Answer {
    log_in_as(appliance, appliance.username(), appliance.password())
}

fn cookie(login: &Answer) -> String {
    format!("Cookie: JSESSIONID={}", login.cookie("JSESSIONID").unwrap())
}

fn csrf(login: &Answer) -> String {
    format!("X-Csrf-Token: {}", login.cookie("csrf").unwrap())
}

fn message(answer: &Answer) -> Value {
    answer.json()["messages"][0]["id"].clone()
}

#[test]
fn a_session_is_opened_used_listed_and_ended() {
    let appliance = start();
    let login = log_in(&appliance);
    assert_eq!(login.status, 200);
    let body = login.json();
    assert_eq!(body["result"], "success");
    assert_eq!(body["response"]["pwChangeRequired"], false);
    assert_eq!(body["response"]["session"]["csrf"], login.cookie("csrf").unwrap());
    assert_eq!(login.cookie("user").as_deref(), Some("USERID"));
    assert_eq!(login.cookie("inactivityTimeout").as_deref(), Some("1440"));

    let list = send(&appliance, "GET", "/sessions", &[&cookie(&login)], b"").json();
    assert_eq!(list["response"][0]["isOwnSession"], true);
    assert_eq!(list["response"][0]["id"], body["response"]["session"]["id"]);

    let refused = send(&appliance, "DELETE", "/sessions", &[&cookie(&login)], b"");
    assert_eq!(refused.status, 403);
    let ended = send(&appliance, "DELETE", "/sessions", &[&cookie(&login), &csrf(&login)], b"");
    assert_eq!((ended.status, message(&ended)), (200, json!("FQXHMSE0001I")));
    assert_eq!(send(&appliance, "GET", "/sessions", &[&cookie(&login)], b"").status, 401);
}

#[test]
fn the_csrf_token_can_be_in_one_place_only() {
    let appliance = start();
    appliance.change(|state| state.settings.quirks.csrf_location = CsrfLocation::Cookie);
    let login = log_in(&appliance);
    assert!(login.cookie("csrf").is_some() && login.json()["response"]["session"]["csrf"].is_null());
    appliance.change(|state| state.settings.quirks.csrf_location = CsrfLocation::Body);
    let login = log_in(&appliance);
    assert!(login.cookie("csrf").is_none() && login.json()["response"]["session"]["csrf"].is_string());
}

#[test]
fn a_fourth_session_is_refused_until_one_ends() {
    let appliance = start();
    let logins: Vec<Answer> = (0..3).map(|_| log_in(&appliance)).collect();
    assert!(logins.iter().all(|login| login.status == 200));
    assert_eq!(log_in(&appliance).status, 403);
    let id = logins[0].json()["response"]["session"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&appliance, "DELETE", &format!("/sessions/{id}")).status, 200);
    assert_eq!(ask(&appliance, "DELETE", &format!("/sessions/{id}")).status, 404);
    assert_eq!(log_in(&appliance).status, 200);
    assert_eq!(appliance.change(|state| state.sessions.len()), 3);
}

#[test]
fn wrong_credentials_are_refused_and_counted() {
    let appliance = Appliance::start(Settings { maximum_login_failures: 3, ..Settings::default() }).unwrap();
    let refused = log_in_as(&appliance, "USERID", "wrong");
    assert_eq!((refused.status, message(&refused)), (403, json!("FQXHMSE0291J")));
    assert_eq!(log_in_as(&appliance, "NOBODY", "wrong").status, 403);
    for status in [401, 400, 200] {
        appliance.change(|state| state.settings.quirks.login_failure_status = status);
        let refused = log_in_as(&appliance, "NOBODY", "wrong");
        assert_eq!((refused.status, refused.json()["result"].as_str()), (status, Some("failure")));
    }
    // One failure so far, two more lock the account for basic authentication as well.
    let wrong = token("USERID", "wrong");
    assert_eq!(send(&appliance, "GET", "/sessions", &[&wrong], b"").status, 401);
    assert_eq!(send(&appliance, "GET", "/updateRepositories/firmware?key=size", &[&wrong], b"").status, 403);
    assert_eq!(ask(&appliance, "GET", "/sessions").status, 401);
    assert!(appliance.change(|state| state.accounts[0].locked.is_some()));
    appliance.change(|state| state.accounts[0].locked = None);
    assert_eq!(ask(&appliance, "GET", "/sessions").status, 200);
    assert_eq!(appliance.change(|state| state.accounts[0].failures), 0);
}

#[test]
fn a_lock_ends_by_itself() {
    let settings = Settings { maximum_login_failures: 1, lockout_seconds: 3, ..Settings::default() };
    let appliance = Appliance::start(settings).unwrap();
    log_in_as(&appliance, "USERID", "wrong");
    assert_eq!(log_in(&appliance).status, 403);
    let end = Instant::now() + Duration::from_secs(20);
    while log_in(&appliance).status != 200 {
        assert!(Instant::now() < end, "still locked");
    }
}

#[test]
fn a_login_without_its_fields_is_a_bad_request() {
    let appliance = start();
    for body in ["", "{", "{\"userid\":\"USERID\",\"Password\":\"x\"}"] {
        assert_eq!(send(&appliance, "POST", "/sessions", &[], body.as_bytes()).status, 400, "{body}");
    }
}

#[test]
fn without_credentials_there_is_the_login_page_or_401() {
    let appliance = start();
    let redirect = send(&appliance, "GET", "/aicc", &[], b"");
    assert_eq!(redirect.status, 302);
    let page = send(&appliance, "GET", redirect.header("location").unwrap(), &[], b"");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=UTF-8")));
    assert_eq!(send(&appliance, "PUT", "/tasks", &[], b"{}").status, 401);
    // Wrong credentials are another thing than none.
    assert_eq!(send(&appliance, "GET", "/aicc", &[&token("USERID", "wrong")], b"").status, 401);
    appliance.change(|state| state.settings.quirks.unauthenticated = Unauthenticated::Json);
    let refused = send(&appliance, "GET", "/aicc", &[], b"");
    assert_eq!((refused.status, refused.json()["result"].as_str()), (401, Some("failure")));
}

#[test]
fn a_forgotten_session_is_refused_in_several_ways() {
    let appliance = start();
    for status in [401, 403, 302] {
        appliance.change(|state| state.settings.quirks.forgotten_session_status = status);
        assert_eq!(send(&appliance, "GET", "/aicc", &["Cookie: JSESSIONID=gone"], b"").status, status);
    }
}

#[test]
fn a_server_chooses_its_session_ids() {
    let appliance = start();
    appliance.change(|state| state.settings.quirks.session_id = Some("XClarity".into()));
    let login = log_in(&appliance);
    assert_eq!(
        (login.cookie("JSESSIONID").as_deref(), login.json()["response"]["session"]["id"].as_str()),
        (Some("XClarity"), Some("XClarity"))
    );
    assert_eq!(send(&appliance, "GET", "/sessions", &["Cookie: JSESSIONID=XClarity"], b"").status, 200);
}

#[test]
fn a_password_that_must_change_stops_everything_but_the_login() {
    let appliance = start();
    appliance.change(|state| state.accounts[0].password_change_required = true);
    let login = log_in(&appliance);
    assert_eq!(login.json()["response"]["pwChangeRequired"], true);
    assert_eq!(send(&appliance, "GET", "/aicc", &[&cookie(&login)], b"").status, 403);
    assert_eq!(send(&appliance, "DELETE", "/sessions", &[&cookie(&login), &csrf(&login)], b"").status, 200);
}

#[test]
fn who_may_only_read_may_only_read() {
    let appliance = start();
    let password = appliance.change(|state| state.accounts[1].password.clone());
    let reader = token("READER", &password);
    assert_eq!(send(&appliance, "GET", "/tasks", &[&reader], b"").status, 200);
    let target = "/updateRepositories/firmware?action=read";
    assert_eq!(send(&appliance, "PUT", target, &[&reader], b"").status, 403);
    assert_eq!(ask(&appliance, "PUT", target).status, 200);
}

#[test]
fn idle_sessions_end_and_polling_can_be_kept_from_counting() {
    let appliance = start();
    let login = log_in(&appliance);
    let long_ago = Instant::now().checked_sub(Duration::from_secs(1439 * 60));
    let Some(long_ago) = long_ago else { return };
    appliance.change(|state| state.sessions[0].last_input = long_ago);
    let quiet = [cookie(&login), "X-NOT-USER-INPUT: checkSession".to_owned()];
    let quiet: Vec<&str> = quiet.iter().map(String::as_str).collect();
    assert_eq!(send(&appliance, "GET", "/tasks", &quiet, b"").status, 200);
    assert_eq!(appliance.change(|state| state.sessions[0].last_input), long_ago);
    assert_eq!(send(&appliance, "GET", "/tasks", &[&cookie(&login)], b"").status, 200);
    assert!(appliance.change(|state| state.sessions[0].last_input) > long_ago);
    appliance.change(|state| {
        state.sessions[0].last_input = long_ago;
        state.settings.inactivity_timeout_minutes = 1400;
    });
    assert_eq!(send(&appliance, "GET", "/tasks", &[&cookie(&login)], b"").status, 401);
}

#[test]
fn bodies_and_paths_have_limits() {
    let appliance = start();
    appliance.change(|state| state.settings.body_limit_bytes = 1000);
    let target = "/managementServer/updates?action=acquire";
    for length in [2_000, 5_000_000] {
        assert_eq!(put(&appliance, "POST", target, &json!("x".repeat(length))).status, 413);
    }
    assert_eq!(ask(&appliance, "GET", "/nodes").status, 404);
    assert_eq!(ask(&appliance, "PUT", "/aicc").status, 404);
}

#[test]
fn the_appliance_tells_about_itself() {
    let appliance = start();
    let answer = ask(&appliance, "GET", "/aicc");
    assert_eq!(answer.json()["appliance"]["version"], "4.0.0");
    assert!(answer.body.len() > 150_000, "{}", answer.body.len());
    assert_eq!(answer.header("content-type"), Some("application/com.lenovo.lxca-v4.0.0+json; charset=UTF-8"));
    assert_eq!(answer.all("expires"), ["-1", "Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(answer.cookie("userAuthenticationMethod").as_deref(), Some("local"));
    assert!(get(&appliance, "/aicc")["date"]["timezones"].as_array().unwrap().len() > 400);
}

#[test]
fn an_appliance_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&start());
}

#[test]
fn requests_are_logged_in_order() {
    let appliance = start();
    let following = appliance.follow_requests();
    get(&appliance, "/sessions");
    ask(&appliance, "GET", "/tasks/999");
    let logged = appliance.requests();
    let seen: Vec<_> = logged.iter().map(|entry| (entry.target.as_str(), entry.status)).collect();
    assert_eq!(seen, [("/sessions", Some(200)), ("/tasks/999", Some(404))]);
    assert!(logged[0].header("authorization").is_some());
    assert_eq!(following.recv().unwrap().target, "/sessions");
    assert_eq!(appliance.connections(), 2);
    appliance.clear_requests();
    assert!(appliance.requests().is_empty());
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        Appliance::start(settings).is_err()
    };
    assert!(refused(|settings| settings.speed = 0.0));
    assert!(refused(|settings| settings.speed = f64::NAN));
    assert!(refused(|settings| settings.accounts.clear()));
    assert!(refused(|settings| settings.export_bytes = (1 << 50) + 1));
    assert!(!refused(|_| {}));
}

#[test]
fn a_lock_by_hand_stays() {
    let settings = Settings { maximum_login_failures: 1, lockout_seconds: 0, ..Settings::default() };
    let appliance = Appliance::start(settings).unwrap();
    log_in_as(&appliance, "USERID", "wrong");
    assert_eq!(appliance.change(|state| state.accounts[0].locked), Some(Lock::ByHand));
    assert_eq!(log_in(&appliance).status, 403);
}
