//! The firmware repository.

use std::io::{Cursor, Read as _};
use std::time::{Duration, Instant};

use lxca_appliance::{Appliance, ExportParameter, Package, Settings};
use serde_json::{Value, json};

use crate::client::{Answer, UEFI, XCC, ask, basic, get, put, send, start};

const FIRMWARE: &str = "/updateRepositories/firmware";

fn fast() -> Appliance {
    Appliance::start(Settings { speed: 100.0, ..Settings::default() }).unwrap()
}

fn act(appliance: &Appliance, query: &str, body: Value) -> Answer {
    put(appliance, "PUT", &format!("{FIRMWARE}?{query}"), &body)
}

fn status(appliance: &Appliance, kind: &str, task: &Value) -> Value {
    get(appliance, &format!("{FIRMWARE}/status?tasktype={kind}&taskid={task}"))
}

fn package(appliance: &Appliance, fixid: &str) -> Option<Value> {
    let list = get(appliance, &format!("{FIRMWARE}?key=updates"));
    let found = list["updates"].as_array().unwrap().iter().find(|package| package["fixid"] == fixid);
    found.cloned()
}

#[test]
fn a_fresh_appliance_has_something_to_show() {
    let appliance = start();
    let finished = status(&appliance, "EXPORTREPOSITORY", &json!(12));
    assert_eq!((&finished["state"], &finished["progress"]), (&json!("complete"), &json!(100)));
    assert_eq!((&finished["taskIds"], &finished["updates"]), (&json!(""), &json!([])));
    assert_eq!(finished["downloadedsize"], finished["totalsize"]);
    let running = status(&appliance, "EXPORTREPOSITORY", &json!(14));
    assert_eq!((&running["state"], &running["progress"]), (&json!("running"), &json!(0)));
    let downloadable = get(&appliance, &format!("{FIRMWARE}?key=updates"))["updates"].as_array().unwrap().clone();
    assert_eq!(downloadable.iter().filter(|package| package["payload"] == "false").count(), 3);
}

#[test]
fn every_key_has_its_part() {
    let appliance = start();
    let keys = [
        "supportedMts",
        "size",
        "lastRefreshed",
        "importDir",
        "publicKeys",
        "updates",
        "updatesByMt",
        "updatesByMtByComp",
    ];
    for key in keys {
        let body = get(&appliance, &format!("{FIRMWARE}?key={key}"));
        assert!(!body[key].is_null() && body["status"]["result"] == "informational", "{body}");
    }
    assert_eq!(get(&appliance, &format!("{FIRMWARE}?key=updatesByMt"))["updatesByMt"]["jobid"], -1);
    let chosen = get(&appliance, &format!("{FIRMWARE}?key=updates&mt=8721&with=latest"));
    assert_eq!(chosen["updates"].as_array().unwrap().len(), 1);
    for wrong in ["", "?key=nothing"] {
        assert_eq!(ask(&appliance, "GET", &format!("{FIRMWARE}{wrong}")).status, 400);
    }
    for key in ["uxsps", "uxspsByMt"] {
        assert!(!get(&appliance, &format!("{FIRMWARE}/uxsps?key={key}"))[key].is_null());
    }
}

#[test]
fn an_export_is_made_polled_and_downloaded() {
    let appliance = fast();
    let started = act(&appliance, "action=export&filetypes=payloads", json!({ "fixids": [UEFI] })).json();
    let (job, task) = (started["jobid"].clone(), started["taskid"].clone());
    assert_ne!(job, task);
    assert_eq!((&started["result"], &started["errorMsg"]["result"]), (&json!("success"), &json!("informational")));
    let mut seen = Vec::new();
    let name = loop {
        let now = status(&appliance, "EXPORTREPOSITORY", &task);
        seen.push(now["progress"].as_u64().unwrap());
        if now["state"] == "complete" {
            break now["current"].as_str().unwrap().to_owned();
        }
        assert_eq!(now["current"], "");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(seen.is_sorted() && seen.iter().all(|step| [0, 50, 100].contains(step)), "{seen:?}");
    for word in ["key", "action"] {
        let file = ask(&appliance, "GET", &format!("{FIRMWARE}?{word}=export&exportRepoFilename={name}"));
        assert_eq!(file.header("content-type"), Some("application/zip"));
        check_zip(&file.body, &[UEFI]);
    }
}

#[test]
fn one_way_to_download_may_be_the_only_one() {
    let appliance = start();
    let name = status(&appliance, "EXPORTREPOSITORY", &json!(12))["current"].as_str().unwrap().to_owned();
    let answers = |wanted| {
        appliance.change(|state| state.settings.quirks.export_parameter = wanted);
        ["key", "action"]
            .map(|word| ask(&appliance, "GET", &format!("{FIRMWARE}?{word}=export&exportRepoFilename={name}")).status)
    };
    assert_eq!(answers(ExportParameter::Key), [200, 400]);
    assert_eq!(answers(ExportParameter::Action), [400, 200]);
    assert_eq!(answers(ExportParameter::Both), [200, 200]);
}

#[test]
fn a_download_can_be_resumed() {
    let appliance = start();
    let name = status(&appliance, "EXPORTREPOSITORY", &json!(12))["current"].as_str().unwrap().to_owned();
    let target = format!("{FIRMWARE}?key=export&exportRepoFilename={name}");
    let whole = ask(&appliance, "GET", &target);
    let etag = whole.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let part = |tag: &str| {
        let tag = format!("If-Range: {tag}");
        send(&appliance, "GET", &target, &[&basic(&appliance), "Range: bytes=1000-", &tag], b"")
    };
    let rest = part(&etag);
    assert_eq!((rest.status, rest.header("etag")), (206, Some(etag.as_str())));
    assert_eq!(rest.body, whole.body[1000..]);
    assert_eq!(part("\"another\"").status, 200);
}

#[test]
fn the_size_of_an_export_can_be_chosen() {
    let appliance = start();
    let task = appliance.change(|state| {
        let task = state.add_export_task(60.0, 5_000_000);
        state.finish(task);
        task
    });
    let finished = status(&appliance, "EXPORTREPOSITORY", &json!(task));
    let name = finished["current"].as_str().unwrap();
    let file = ask(&appliance, "GET", &format!("{FIRMWARE}?key=export&exportRepoFilename={name}"));
    assert_eq!(finished["totalsize"], file.body.len());
    assert!(file.body.len() > 5_000_000 && file.body.len() < 5_001_000);
    check_zip(&file.body, &[UEFI]);
}

/// Reads every entry of a ZIP file, which fails when a checksum differs, and looks for these updates.
fn check_zip(bytes: &[u8], fixids: &[&str]) {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    for index in 0..archive.len() {
        archive.by_index(index).unwrap().read_to_end(&mut Vec::new()).unwrap();
    }
    for fixid in fixids {
        assert!(archive.index_for_name(&format!("{fixid}.zip")).is_some(), "{fixid}");
    }
}

#[test]
fn exports_end_in_other_ways() {
    let appliance = start();
    let (failed, cancelled) = appliance.change(|state| {
        let (failed, cancelled) = (state.add_export_task(60.0, 1000), state.add_export_task(60.0, 1000));
        state.fail(failed);
        state.cancel(cancelled);
        (failed, cancelled)
    });
    let failed = status(&appliance, "EXPORTREPOSITORY", &json!(failed));
    assert_eq!((&failed["state"], &failed["errorMsg"]["result"]), (&json!("error"), &json!("failure")));
    let cancelled = status(&appliance, "EXPORTREPOSITORY", &json!(cancelled));
    assert_eq!((&cancelled["state"], &cancelled["progress"]), (&json!("canceled"), &json!(50)));
}

#[test]
fn exports_that_make_no_sense_are_refused() {
    let appliance = start();
    for body in [json!({}), json!({ "fixids": [] }), json!({ "fixids": ["nothing"] }), json!({ "fixids": [XCC] })] {
        let refused = act(&appliance, "action=export&filetypes=payloads", body);
        assert_eq!((refused.status, refused.json()["errorMsg"]["result"].as_str()), (400, Some("failure")));
    }
    assert_eq!(act(&appliance, "action=export&filetypes=some", json!({ "fixids": [UEFI] })).status, 400);
    assert_eq!(act(&appliance, "action=unknown", json!({})).status, 400);
    for query in ["", "?tasktype=EXPORTREPOSITORY", "?taskid=12", "?tasktype=OTHER&taskid=12"] {
        assert_eq!(ask(&appliance, "GET", &format!("{FIRMWARE}/status{query}")).status, 400);
    }
}

#[test]
fn firmware_is_downloaded_and_deleted() {
    let appliance = start();
    let acquire = json!({ "fixids": [XCC], "mt": ["7X06"], "type": "latest" });
    let started = act(&appliance, "action=acquire&with=payloads", acquire.clone()).json();
    assert_eq!(act(&appliance, "action=acquire&with=payloads", acquire).status, 409);
    assert_eq!(act(&appliance, "action=delete&filetypes=payloads", json!({ "fixids": [XCC] })).status, 409);
    assert_eq!(package(&appliance, XCC).unwrap()["state"], "downloading");
    let by_type = get(&appliance, &format!("{FIRMWARE}?key=updatesByMt"))["updatesByMt"].clone();
    assert_eq!(by_type["jobid"], started["jobid"]);
    appliance.change(|state| state.finish(started["taskid"].as_u64().unwrap()));
    assert_eq!(status(&appliance, "ACQUIREPAYLOAD", &started["taskid"])["state"], "complete");
    let downloaded = package(&appliance, XCC).unwrap();
    assert_eq!((&downloaded["payload"], &downloaded["percentage"]), (&json!("true"), &json!(100)));
    assert_eq!(act(&appliance, "action=delete&filetypes=payloads", json!({ "fixids": [XCC] })).status, 200);
    assert_eq!(package(&appliance, XCC).unwrap()["payload"], "false");
    assert_eq!(act(&appliance, "action=delete&filetypes=all", json!({ "fixids": [XCC] })).status, 200);
    assert!(package(&appliance, XCC).is_none());
}

#[test]
fn a_refresh_finds_something_new() {
    let appliance = start();
    let newer = "lnvgy_fw_uefi_ive184h-3.60_anyos_32-64";
    let body = json!({ "mt": ["7X06"], "os": "", "type": "catalog" });
    let started = act(&appliance, "action=refresh&with=all", body.clone()).json();
    assert_eq!(act(&appliance, "action=refresh&with=all", body.clone()).status, 409);
    assert!(package(&appliance, newer).is_none());
    appliance.change(|state| state.finish(started["taskid"].as_u64().unwrap()));
    assert!(package(&appliance, newer).is_some());
    assert_eq!(act(&appliance, "action=refresh&with=nothing", body.clone()).status, 400);
    assert_eq!(act(&appliance, "action=refresh", json!({})).status, 400);
    let both = act(&appliance, "action=refreshThenAcquire&with=latest", body).json();
    appliance.change(|state| state.finish(both["taskid"].as_u64().unwrap()));
    assert_eq!(package(&appliance, newer).unwrap()["payload"], "true");
    assert_eq!(act(&appliance, "action=cleanup", json!({})).status, 400);
    assert_eq!(act(&appliance, "action=cleanup", json!({ "cleanUpIf": "unused" })).status, 200);
    assert_eq!(package(&appliance, newer).unwrap()["payload"], "false");
}

#[test]
fn system_packs_have_their_own_calls() {
    let appliance = start();
    let pack = "lnvgy_utl_uxsp_7x06-26a_anyos_32-64";
    let target = |action: &str| format!("{FIRMWARE}/uxsps?action={action}");
    let started = put(&appliance, "PUT", &target("acquire&with=payloads"), &json!({ "fixids": [pack] })).json();
    appliance.change(|state| state.finish(started["taskid"].as_u64().unwrap()));
    let export = put(&appliance, "PUT", &target("export&filetype=payload"), &json!({ "fixids": [pack] })).json();
    assert!(export["taskid"].is_u64());
    assert_eq!(put(&appliance, "PUT", &target("delete"), &json!({ "fixids": [pack] })).status, 400);
}

#[test]
fn files_are_imported() {
    let appliance = fast();
    let files = json!({ "files": [{ "index": 0, "name": "own-2.0_anyos_noarch.xml", "size": 5, "type": "text/xml" }] });
    let validated = put(&appliance, "POST", "/files/updateRepositories/firmware/import/validate", &files).json();
    assert_eq!(validated["state"], "success");
    let target = format!("/files/updateRepositories/firmware/import?jobid={}", validated["jobid"]);
    let form = "--edge\r\nContent-Disposition: form-data; name=\"uploadedfiles[]\"; \
                filename=\"own-2.0_anyos_noarch.xml\"\r\nContent-Type: text/xml\r\n\r\n<a/>\n\r\n--edge--\r\n";
    let headers = [basic(&appliance), "Content-Type: multipart/form-data; boundary=edge".into()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let upload = |target: &str, form: &str| send(&appliance, "POST", target, &headers, form.as_bytes()).status;
    assert_eq!(upload(&target, &form.replace("own", "other")), 400);
    assert_eq!(upload(&target, "nothing"), 400);
    assert_eq!(upload("/files/updateRepositories/firmware/import?jobid=99", form), 400);
    assert_eq!(upload(&target, form), 200);
    assert_eq!(upload(&target, form), 409);
    let end = Instant::now() + Duration::from_secs(20);
    let imported = loop {
        match package(&appliance, "own-2.0_anyos_noarch") {
            Some(package) => break package,
            None => assert!(Instant::now() < end, "not imported"),
        }
    };
    assert_eq!(imported["version"], "2.0");
}

#[test]
fn an_export_is_imported_by_another_appliance() {
    let (from, to) = (start(), fast());
    let fixid = "lnvgy_fw_made_up-7.7_anyos_noarch";
    let name = from.change(|state| {
        state.firmware = vec![Package { downloaded: true, ..Package::new(fixid, "Made up", "7.7", 5) }];
        let task = state.add_export_task(0.0, 500_000);
        state.finish(task);
        state.task(task).unwrap().file.clone().unwrap().name
    });
    let file = ask(&from, "GET", &format!("{FIRMWARE}?key=export&exportRepoFilename={name}")).body;
    let files = json!({ "files": [{ "index": 0, "name": name, "size": file.len(), "type": "binary" }] });
    let validated = put(&to, "POST", "/files/updateRepositories/firmware/import/validate", &files).json();
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n");
    let form = [head.as_bytes(), &file, b"\r\n--b--\r\n"].concat();
    let headers = [basic(&to), "Content-Type: multipart/form-data; boundary=b".into()];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let target = format!("/files/updateRepositories/firmware/import?jobid={}", validated["jobid"]);
    assert_eq!(send(&to, "POST", &target, &headers, &form).status, 200);
    let end = Instant::now() + Duration::from_secs(20);
    while package(&to, fixid).is_none_or(|package| package["payload"] != "true") {
        assert!(Instant::now() < end, "not imported");
    }
}

#[test]
fn what_does_not_fit_is_not_taken_in() {
    let appliance = start();
    let free = || get(&appliance, &format!("{FIRMWARE}?key=size"))["size"]["freeSpace"].as_u64().unwrap();
    let before = free();
    let validate = |path: &str, size: u64| {
        let files = json!({ "files": [{ "index": 0, "name": "a.zip", "size": size, "type": "binary" }] });
        put(&appliance, "POST", &format!("/files/{path}"), &files).json()
    };
    let path = "updateRepositories/firmware/import/validate";
    assert_eq!(validate(path, before)["state"], "success");
    let refused = validate(path, before + 1);
    assert_eq!((&refused["state"], &refused["jobid"]), (&json!("failure"), &json!(-1)));
    assert_eq!(refused["errorMsg"]["result"], "failure");
    // System packs lie in the same repository.
    appliance.change(|state| state.uxsps[0].downloaded = true);
    assert!(free() < before);
    let path = "stgupdates/repository/import/validate/SELF";
    assert_eq!(validate(path, u64::MAX)["state"], "failure");
    let job = validate(path, 5)["jobid"].clone();
    assert_eq!(get(&appliance, &format!("/tasks/{job}"))[0]["status"], "Pending");
    // Known to the upload that belongs to it, which finds no files here.
    let target = format!("/files/stgupdates/repository/import/SELF?jobid={job}");
    assert_eq!(put(&appliance, "POST", &target, &json!({})).status, 400);
}
