//! Down, unavailable, and back.

use std::io;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{End, ask, basic, connect, raw, request, send, start};

#[test]
fn a_restart_has_its_phases() {
    let appliance = start();
    let body = json!({ "UserId": appliance.username(), "password": appliance.password() }).to_string();
    assert_eq!(send(&appliance, "POST", "/sessions", &[], body.as_bytes()).status, 200);
    let mut open = connect(&appliance, appliance.ca_path(), "localhost").unwrap();

    appliance.restart(Duration::from_secs(1), Duration::from_secs(2));
    let began = Instant::now();
    let error = connect(&appliance, appliance.ca_path(), "localhost").err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(matches!(crate::client::collect(&mut open).1, End::Torn | End::Reset));
    while connect(&appliance, appliance.ca_path(), "localhost").is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(began.elapsed() > Duration::from_millis(900));
    let page = ask(&appliance, "GET", "/sessions");
    assert_eq!(page.status, 503);
    assert!(page.text().contains("<html>"));
    let poll = request("GET", "/sessions", &[&basic(&appliance)], b"");
    while !raw(&appliance, &poll).unwrap().0.starts_with(b"HTTP/1.1 200") {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(appliance.change(|state| (state.sessions.len(), state.restarts)), (0, 1));
}

#[test]
fn an_appliance_can_be_dropped_at_any_time() {
    let appliance = start();
    let directory = appliance.directory().to_owned();
    appliance.restart(Duration::from_secs(60), Duration::ZERO);
    let began = Instant::now();
    drop(appliance);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!directory.exists());
}
