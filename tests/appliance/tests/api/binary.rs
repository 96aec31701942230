//! The program.

use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running `serve`, which does not outlive a test that fails.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(arguments: &[&str]) -> (Serving, BufReader<std::process::ChildStdout>, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lxca-appliance"))
        .arg("serve")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (Serving(child), out, serde_json::from_str(&line).unwrap())
}

fn terminate(child: &mut Serving) -> bool {
    ends_by(child, "-TERM")
}

/// Whether it ends cleanly by a signal.
fn ends_by(Serving(child): &mut Serving, signal: &str) -> bool {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    child.wait().unwrap().success()
}

#[test]
fn it_says_how_to_be_reached_shows_requests_and_cleans_up() {
    let (mut child, mut out, described) = serve(&[]);
    let text = |key: &str| described[key].as_str().unwrap().to_owned();
    let arguments = std::fs::read_to_string(text("arguments_file")).unwrap();
    let arguments: Value = serde_json::from_str(&arguments).unwrap();
    assert_eq!((&arguments["operation"], &arguments["task_id"]), (&"firmware_export_info".into(), &12.into()));
    for key in ["host", "port", "username", "password", "ca_path"] {
        assert_eq!(arguments[key], described[key]);
    }
    let mode = std::fs::metadata(text("arguments_file")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let secret = "Cookie: JSESSIONID=nobody knows";
    let fetched = Command::new("curl")
        .args(["--silent", "--cacert", &text("ca_path"), "--user", &format!("USERID:{}", text("password"))])
        .args(["--user-agent", "a client", "--header", secret])
        .arg(format!("https://{}:{}/sessions", text("host"), described["port"]))
        .output();
    // A machine without curl sees the rest of this test.
    if fetched.is_ok_and(|output| output.status.success()) {
        // The log comes while it runs, after the lines for people.
        let line = out.by_ref().lines().map(Result::unwrap).find(|line| line.starts_with('{')).unwrap();
        let entry: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&entry["method"], &entry["target"], &entry["status"]),
            (&"GET".into(), &"/sessions".into(), &200.into())
        );
        let headers = entry["headers"].as_array().unwrap();
        for (name, value) in [("user-agent", "a client"), ("authorization", "********"), ("cookie", "********")] {
            assert!(headers.contains(&serde_json::json!([name, value])), "{line}");
        }
        assert!(!line.contains(&text("password")) && !line.contains("Basic ") && !line.contains("nobody knows"));
        assert!(entry["time"].is_f64() && entry["milliseconds"].is_f64(), "{line}");
    }
    assert!(ends_by(&mut child, "-INT"), "Ctrl-C");
    assert!(!Path::new(&text("ca_path")).exists());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty(), "{rest}");
}

#[test]
fn every_account_can_be_used() {
    let (mut child, mut out, described) = serve(&[]);
    let accounts = described["accounts"].as_array().unwrap();
    let names: Vec<&Value> = accounts.iter().map(|account| &account["username"]).collect();
    assert_eq!(names, ["USERID", "READER"]);
    assert_eq!(accounts[0]["password"], described["password"]);
    assert!(terminate(&mut child));
    let mut people = String::new();
    out.read_to_string(&mut people).unwrap();
    for account in accounts {
        assert!(people.contains(account["password"].as_str().unwrap()), "{people}");
    }
}

#[test]
fn it_starts_several_and_takes_settings() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.json");
    std::fs::write(&file, r#"{ "accounts": [{ "username": "ME", "password": "secret of mine" }] }"#).unwrap();
    let (mut child, _out, described) = serve(&["--count", "3", "--settings", file.to_str().unwrap()]);
    assert_eq!(described["appliances"].as_array().unwrap().len(), 3);
    assert_eq!((&described["username"], &described["password"]), (&"ME".into(), &"secret of mine".into()));
    assert!(terminate(&mut child));
}

#[test]
fn it_refuses_settings_it_does_not_understand() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_lxca-appliance")).args(["serve", "--listen", "192.0.2.1"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
}

/// What the program prints and how it ends, when it ends by itself.
fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lxca-appliance")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn all_settings_can_be_found() {
    assert!(run(&["--help"]).1.contains("settings "));
    let help = run(&["serve", "--help"]).1;
    assert!(help.contains("`lxca-appliance settings`"));
    let defaults: Value = serde_json::from_str(&run(&["settings"]).1).unwrap();
    let schema: Value = serde_json::from_str(&run(&["settings", "--schema"]).1).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (shown, described) in [
        (&defaults, &schema),
        (&defaults["quirks"], &schema["$defs"]["Quirks"]),
        (&defaults["durations"], &schema["$defs"]["Durations"]),
        (&defaults["accounts"][0], &schema["$defs"]["Account"]),
    ] {
        let (mut shown, mut described) = (names(shown), names(&described["properties"]));
        shown.sort();
        described.sort();
        assert_eq!(shown, described);
    }
    for word in [
        "stall_before_tls",
        "json_escaped_twice",
        "probability",
        "bracket_text",
        "not_yet_valid",
        "x509_v1",
        "old_ciphers_only",
    ] {
        assert!(schema.to_string().contains(word), "{word}");
    }
    for quirk in names(&defaults["quirks"]) {
        assert!(help.contains(&format!("  {quirk} ")), "{quirk}");
    }
    for word in ["stall_before_tls", "polls=", "x509_v1", "old_ciphers_only", "json, text, none"] {
        assert!(help.contains(word), "{word}");
    }

    // What was printed is accepted.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.json");
    std::fs::write(&file, defaults.to_string()).unwrap();
    let (mut child, _out, _) = serve(&["--settings", file.to_str().unwrap()]);
    assert!(terminate(&mut child));
}

#[test]
fn chaos_has_a_seed_that_is_shown() {
    let (mut child, _out, described) = serve(&["--chaos", "7", "--count", "2"]);
    let seeds: Vec<&Value> = described["appliances"].as_array().unwrap().iter().map(|one| &one["seed"]).collect();
    assert_eq!(seeds, [7, 8]);
    assert!(terminate(&mut child));
    let (mut child, _out, described) = serve(&["--chaos"]);
    assert!(described["seed"].is_u64());
    assert!(terminate(&mut child));
}

#[test]
fn it_writes_an_inventory_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("inventory.yml");
    let arguments = ["--count", "2", "--inventory", file.to_str().unwrap()];
    let (mut child, _out, described) = serve(&arguments);
    let inventory = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(inventory.starts_with("lxca:\n  vars:\n    ansible_connection: local\n  hosts:\n    lxca1:\n"));
    for (number, one) in (1..).zip(described["appliances"].as_array().unwrap()) {
        let host = inventory.split(&format!("    lxca{number}:\n")).nth(1).unwrap();
        let variables: Vec<&str> = host.lines().take(5).map(str::trim).collect();
        let wanted = ["host", "port", "username", "password", "ca_path"].map(|key| format!("lxca_{key}: {}", one[key]));
        assert_eq!(variables, wanted);
    }
    assert!(terminate(&mut child));
    // An existing file is not overwritten.
    let mut second = Command::new(env!("CARGO_BIN_EXE_lxca-appliance")).arg("serve").args(arguments).spawn().unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while second.try_wait().unwrap().is_none() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ended = second.try_wait().unwrap();
    let _ = second.kill();
    let _ = second.wait();
    assert!(ended.is_some_and(|status| !status.success()));
}
