//! Updates of the management server.

use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, Durations, Settings};
use serde_json::{Value, json};

use crate::client::{NEXT, PACK, ask, basic, connect, get, put, raw, request, send, start, token};

const UPDATES: &str = "/managementServer/updates";

fn act(appliance: &Appliance, method: &str, action: &str, body: &Value) -> crate::client::Answer {
    put(appliance, method, &format!("{UPDATES}?action={action}"), body)
}

#[test]
fn every_key_of_the_collection() {
    let appliance = start();
    let all = get(&appliance, UPDATES);
    for key in ["currentVersion", "history", "importDir", "size", "updates", "updatedDate"] {
        let part = get(&appliance, &format!("{UPDATES}?key={key}"));
        assert_eq!(part[key], all[key]);
        assert_eq!(part.as_object().unwrap().len(), 2, "{part}");
        assert_eq!(part["status"]["result"], "informational");
    }
    assert_eq!(all["currentVersion"], "4.0.0");
    assert!(all["updates"].as_array().unwrap().len() >= 3);
    assert_eq!(ask(&appliance, "GET", &format!("{UPDATES}?key=update")).status, 400);
}

#[test]
fn every_key_of_an_item() {
    let appliance = start();
    let item = |query: &str| get(&appliance, &format!("{UPDATES}/{PACK}{query}"));
    let all = item("");
    assert_eq!(all["actions"][0], json!({ "action": "acquire" }));
    assert_eq!(all["update"][0]["origin"], format!("{PACK}.xml"));
    for key in ["actions", "keys", "filetypes", "update"] {
        let part = item(&format!("?key={key}"));
        assert_eq!((&part[key], part.as_object().unwrap().len()), (&all[key], 2));
    }
    assert_eq!(item("?key=all"), all);
    assert!(item("?action=status")["update"].is_array());
    for filetype in ["readme", "changeHistory"] {
        let file = item(&format!("?filetype={filetype}"));
        assert_eq!((&file["field"], &file["fixid"]), (&json!(filetype), &json!(PACK)));
        assert!(file["value"].as_str().unwrap().contains("Version 1.1.0"));
    }
    for wrong in ["?key=updates", "?filetype=change", "?key=update&filetype=readme"] {
        assert_eq!(ask(&appliance, "GET", &format!("{UPDATES}/{PACK}{wrong}")).status, 400, "{wrong}");
    }
    let missing = get(
        &appliance,
        &format!("{UPDATES}/lnvgy_sw_lxca-fw-repository-pack_2-3.1.0_anyos_noarch?filetype=changeHistory"),
    );
    assert_eq!((&missing["value"], &missing["status"]["result"]), (&json!(""), &json!("failure")));
}

#[test]
fn lists_of_ids_need_literal_commas_and_may_be_long() {
    let appliance = start();
    let two = get(&appliance, &format!("{UPDATES}/{PACK},{NEXT}?key=update"));
    assert_eq!(two["update"].as_array().unwrap().len(), 2);
    let encoded = get(&appliance, &format!("{UPDATES}/{PACK}%2C{NEXT}?key=update"));
    assert_eq!(encoded["update"], json!([]));
    let many = |count| ask(&appliance, "GET", &format!("{UPDATES}/{}?key=update", vec![PACK; count].join(",")));
    assert_eq!(many(1000).json()["update"].as_array().unwrap().len(), 1000);
    // Longer than hyper takes a target.
    assert_eq!(many(3000).status, 414);
}

#[test]
fn the_appliance_updates_itself() {
    let durations = Durations { apply: 4.0, restart_down: 10.0, restart_503: 20.0, ..Durations::default() };
    let settings = Settings { speed: 10.0, durations, ..Settings::default() };
    let appliance = Appliance::start(settings).unwrap();
    let body = json!({ "fixids": [NEXT] });
    assert_eq!(act(&appliance, "PUT", "apply", &body).status, 400, "not downloaded");
    let acquired = act(&appliance, "POST", "acquire", &body).json();
    assert_eq!(acquired["errorMsg"]["result"], "informational");
    assert_eq!(act(&appliance, "POST", "acquire", &body).status, 409, "under way");
    appliance.change(|state| state.finish(acquired["jobid"].as_u64().unwrap()));
    assert_eq!(get(&appliance, &format!("{UPDATES}/{NEXT}"))["update"][0]["applyable"], "true");
    assert_eq!(act(&appliance, "PUT", "apply", &json!({ "fixids": [NEXT, PACK] })).status, 400);

    let applied = act(&appliance, "PUT", "apply", &body).json();
    let job = applied["jobid"].to_string();
    let poll = request("GET", &format!("/tasks/{job}"), &[&basic(&appliance)], b"");
    let (mut refused, mut unavailable) = (0, 0);
    let began = Instant::now();
    let after = loop {
        assert!(began.elapsed() < Duration::from_secs(60));
        match raw(&appliance, &poll) {
            Ok((bytes, _)) if bytes.starts_with(b"HTTP/1.1 503") => unavailable += 1,
            Ok((bytes, _)) if bytes.starts_with(b"HTTP/1.1 200") => {
                let body = crate::client::parse(&bytes).json();
                if body[0]["status"] == "Complete" && unavailable > 0 {
                    break body;
                }
            }
            _ => refused += 1,
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(refused > 0 && unavailable > 0, "{refused} {unavailable}");
    assert_eq!(after[0]["percentage"], 100.0);
    let answer = ask(&appliance, "GET", UPDATES);
    assert!(answer.header("content-type").unwrap().contains("v4.0.1+json"));
    assert_eq!(answer.json()["history"][1]["version"], "4.0.1");
    assert_eq!(act(&appliance, "PUT", "apply", &body).status, 400, "already installed");
}

#[test]
fn packs_are_applied_without_a_restart_and_old_versions_not_at_all() {
    let appliance = start();
    appliance.change(|state| {
        state.management[0].version = "3.99.9".into();
        state.management[0].downloaded = true;
        state.management[1].downloaded = true;
    });
    assert_eq!(get(&appliance, &format!("{UPDATES}/{NEXT}"))["update"][0]["applyable"], "false");
    assert_eq!(act(&appliance, "PUT", "apply", &json!({ "fixids": [NEXT] })).status, 400);
    let job = act(&appliance, "PUT", "apply", &json!({ "fixids": [PACK] })).json()["jobid"].as_u64().unwrap();
    appliance.change(|state| state.finish(job));
    let all = get(&appliance, UPDATES);
    assert_eq!((&all["currentVersion"], &all["history"][1]["version"]), (&json!("4.0.0"), &json!("1.1.0")));
    assert_eq!((&all["updates"][1]["applied"], &all["updates"][1]["applyable"]), (&json!("true"), &json!("false")));
    assert_eq!(appliance.change(|state| state.restarts), 0);
}

#[test]
fn ids_come_in_every_documented_form() {
    let appliance = start();
    let joined = json!({ "fixids": [format!("{PACK},{NEXT}")] });
    assert_eq!(act(&appliance, "POST", "acquire", &joined).status, 200);
    assert_eq!(appliance.change(|state| state.tasks.last().unwrap().fixids.clone()), [PACK, NEXT]);
    let appliance = start();
    assert_eq!(act(&appliance, "POST", "acquire", &json!({ "fixid": [PACK] })).status, 200);
    // An import that is announced by its size alone takes any file.
    let job = act(&appliance, "POST", "import", &json!({ "size": 3 })).json()["jobid"].clone();
    let form = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.tgz\"\r\n\r\nabc\r\n--b--\r\n";
    let headers = [basic(&appliance), "Content-Type: multipart/form-data; boundary=b".into()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let target = format!("/files{UPDATES}?action=import&jobid={job}");
    assert_eq!(send(&appliance, "POST", &target, &headers, form).status, 200);
}

#[test]
fn refresh_wants_its_own_key() {
    let appliance = start();
    assert_eq!(act(&appliance, "POST", "refresh", &json!({ "mt": ["lxca"] })).status, 400);
    assert_eq!(act(&appliance, "POST", "refresh", &json!({ "mts": ["lxca"] })).status, 200);
    assert_eq!(act(&appliance, "POST", "refresh", &json!({ "mts": ["lxca"] })).status, 409);
    assert_eq!(act(&appliance, "POST", "acquire", &json!({ "fixids": ["nothing"] })).status, 400);
    assert_eq!(act(&appliance, "POST", "nothing", &json!({})).status, 400);
}

#[test]
fn updates_are_deleted_with_or_without_what_is_known_about_them() {
    let appliance = start();
    appliance.change(|state| state.management[1].downloaded = true);
    let target = format!("{UPDATES}/{PACK}");
    assert_eq!(ask(&appliance, "DELETE", &target).json()["result"], "success");
    assert_eq!(get(&appliance, &target)["update"][0]["payload"], "false");
    assert_eq!(ask(&appliance, "DELETE", &format!("{target}?key=removeMetadata")).status, 200);
    assert_eq!(get(&appliance, &target)["update"], json!([]));
    assert_eq!(ask(&appliance, "DELETE", &target).status, 400);
}

#[test]
fn only_who_announced_files_may_upload_them() {
    let appliance = start();
    let files =
        json!({ "files": [{ "index": 1, "name": "a-1_x.tgz", "size": 3, "type": "application/x-compressed" }] });
    let job = act(&appliance, "POST", "import", &files).json()["jobid"].clone();
    let form = b"--b\r\nContent-Disposition: form-data; name=\"file_1\"; filename=\"a-1_x.tgz\"\r\n\r\nabc\r\n--b--";
    let other = appliance.change(|state| {
        state.accounts[1].read_only = false;
        state.accounts[1].password.clone()
    });
    let kind = "Content-Type: multipart/form-data; boundary=\"b\"";
    let upload = |who: &str| {
        let target = format!("/files{UPDATES}?action=import&jobid={job}");
        send(&appliance, "POST", &target, &[who, kind], form).status
    };
    assert_eq!(upload(&token("READER", &other)), 403);
    assert_eq!(upload(&basic(&appliance)), 200);
    let moved = ask(&appliance, "POST", &format!("/stgupdates/repository/import/SELF?jobid={job}"));
    assert_eq!(moved.status, 307);
    assert!(moved.header("location").unwrap().starts_with("/files/managementServer/updates"));
}

#[test]
fn an_imported_update_is_what_was_uploaded() {
    let appliance = Appliance::start(Settings { speed: 1000.0, ..Settings::default() }).unwrap();
    let fixid = "lnvgy_sw_lxca_own-1.0.0_anyos_noarch";
    let contents = [("txt", "the readme"), ("chg", "the history"), ("xml", "<update/>"), ("tgz", "the payload")];
    let files: Vec<Value> = contents
        .iter()
        .map(
            |(end, content)| json!({ "index": 0, "name": format!("{fixid}.{end}"), "size": content.len(), "type": "" }),
        )
        .collect();
    let job = act(&appliance, "POST", "import", &json!({ "files": files })).json()["jobid"].clone();
    let parts = contents.iter().map(|(end, content)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{fixid}.{end}\"\r\n\r\n{content}\r\n")
    });
    let form = parts.collect::<String>() + "--b--\r\n";
    let headers = [basic(&appliance), "Content-Type: multipart/form-data; boundary=b".into()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let target = format!("/files{UPDATES}?action=import&jobid={job}");
    assert_eq!(send(&appliance, "POST", &target, &headers, form.as_bytes()).status, 200);
    let (end, item) = (Instant::now() + Duration::from_secs(20), format!("{UPDATES}/{fixid}"));
    while get(&appliance, &item)["update"][0]["payload"] != "true" {
        assert!(Instant::now() < end, "not imported");
    }
    for (filetype, content) in [("readme", "the readme"), ("changeHistory", "the history")] {
        assert_eq!(get(&appliance, &format!("{item}?filetype={filetype}"))["value"], content);
    }
}

#[test]
fn a_finished_download_is_whole_to_the_byte() {
    let appliance = start();
    appliance.change(|state| state.management[0].downloaded = true);
    let update = get(&appliance, &format!("{UPDATES}/{NEXT}"))["update"][0].clone();
    assert_eq!((&update["downloadedsize"], &update["totalsize"]), (&json!(2_913_206_272_u64), &update["totalsize"]));
    assert_eq!(update["downloadedsize"], update["totalsize"]);
}

#[test]
fn connections_are_kept_open_for_more_requests() {
    use std::io::{Read as _, Write as _};
    let appliance = start();
    let mut stream = connect(&appliance, appliance.ca_path(), "localhost").unwrap();
    let keep = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", basic(&appliance));
    // Both at once, and a chunked body after them.
    stream.write_all((keep("/sessions") + &keep("/tasks")).as_bytes()).unwrap();
    let chunked = format!(
        "POST {UPDATES}?action=refresh HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\nTransfer-Encoding: chunked\r\n\
         \r\n5\r\n{{\"mts\r\na\r\n\":[\"lxca\"]\r\n1\r\n}}\r\n0\r\n\r\n",
        basic(&appliance)
    );
    stream.write_all(chunked.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    assert!(appliance.requests().iter().all(|entry| entry.connection == 1));
}
