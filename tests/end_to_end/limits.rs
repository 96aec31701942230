//! What is refused for its size or its encoding, and what every request says of itself (docs/contract.md, Limits and Request headers).

use lxca_appliance::{ContentEncoding, Fault, FaultRule};
use serde_json::json;

use crate::harness::{Lxca, appliance, appliance_with, body, damage, requests};
use crate::tls::{info, says};

/// The limit for all answers of one call together.
const BODIES: usize = 64 << 20;

/// An answer of `/aicc` of so many bytes.
fn aicc(bytes: usize) -> String {
    let start = r#"{"appliance":{"version":"4.0.0"},"padding":""#;
    let end = r#""}"#;
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

#[test]
fn answers_of_64_mib_are_read_and_not_one_byte_more() {
    for (bytes, fits) in [(BODIES, true), (BODIES + 1, false)] {
        for chunked in [false, true] {
            let appliance = appliance();
            appliance.change(|state| state.settings.quirks.chunked = chunked);
            damage(&appliance, FaultRule::new(body(aicc(bytes))));
            let answer = Lxca::asks(&appliance, info(json!({}))).run().answer();
            if fits {
                assert_eq!(answer["failed"], false, "{}", answer.0);
                assert_eq!(answer["data"]["version"], "4.0.0");
            } else {
                assert_eq!(answer["error"]["kind"], "invalid_response", "{}", answer.0);
                assert_eq!(answer["error"]["retryable"], false);
                says(&answer, &["64 MiB"]);
            }
            assert_eq!(requests(&appliance).len(), 1);
        }
    }
}

#[test]
fn the_limit_is_for_all_answers_of_one_call_together() {
    let appliance = appliance();
    let (first, second) = ("lnvgy_sw_lxca_291-4.0.1_anyos_noarch", "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch");
    for id in [first, second] {
        let readme = json!({"field": "readme", "fixid": id, "value": "x".repeat(40 << 20)});
        let fault = body(readme);
        damage(&appliance, FaultRule::new(fault).on("GET", &format!("/managementServer/updates/{id}")));
    }
    let ask = |ids: &[&str]| {
        let options = json!({"operation": "management_server_update_info", "fix_ids": ids, "filetype": "readme"});
        Lxca::asks(&appliance, options)
    };
    ask(&[first]).succeeds();
    ask(&[second]).succeeds();
    let answer = ask(&[first, second]).fails("invalid_response");
    says(&answer, &["64 MiB", second]);
    assert_eq!(answer["data"]["files"][0]["fixid"], first);
    assert_eq!(answer["data"]["files"].as_array().unwrap().len(), 1);
}

#[test]
fn headers_end_at_64_kib() {
    for (bytes, fits) in [(60 << 10, true), (66 << 10, false), (1 << 20, false)] {
        let appliance = appliance();
        damage(&appliance, FaultRule::new(Fault::HugeHeaders { bytes }));
        let answer = Lxca::asks(&appliance, info(json!({}))).run().answer();
        if fits {
            assert_eq!(answer["failed"], false, "{bytes}: {}", answer.0);
        } else {
            assert_eq!(answer["error"]["kind"], "invalid_response", "{bytes}: {}", answer.0);
            assert_eq!(answer["error"]["retryable"], false);
            says(&answer, &["64 KiB"]);
        }
        assert_eq!(requests(&appliance).len(), 1);
    }
}

#[test]
fn no_content_encoding_is_asked_for_and_none_is_accepted() {
    let with_encoding = |encoding| appliance_with(|settings| settings.quirks.content_encoding = encoding);
    for encoding in [ContentEncoding::WhenAsked, ContentEncoding::Never] {
        let appliance = with_encoding(encoding);
        Lxca::asks(&appliance, info(json!({}))).succeeds();
        let asked = appliance.requests()[0].header("accept-encoding").map(str::to_owned);
        assert!(matches!(asked.as_deref(), None | Some("identity")), "{asked:?}");
    }
    for encoding in [ContentEncoding::Always, ContentEncoding::HeaderOnly] {
        let appliance = with_encoding(encoding);
        let answer = Lxca::asks(&appliance, info(json!({}))).fails("invalid_response");
        says(&answer, &["gzip"]);
        assert_eq!(answer["error"], json!({"kind": "invalid_response", "http_status": 200, "retryable": false}));
        assert_eq!(requests(&appliance).len(), 1);
    }
}

#[test]
fn every_request_says_who_asks_and_in_which_language() {
    let appliance = appliance();
    Lxca::asks(&appliance, info(json!({"auth_method": "session"}))).succeeds();
    let version = Lxca::with_arguments(&["--version"]).run().stdout;
    let version = version.split_whitespace().last().unwrap();
    let requests = appliance.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.header("user-agent"), Some(format!("lxca/{version}").as_str()));
        assert_eq!(request.header("accept-language"), Some("en"));
        let host = format!("127.0.0.1:{}", appliance.port());
        assert_eq!(request.header("host"), Some(host.as_str()));
    }
}

#[test]
fn credentials_too_long_for_a_header_are_refused_and_never_sent() {
    let appliance = appliance();
    let call = json!({"operation": "appliance_info", "password": "p".repeat(9000)});
    let answer = Lxca::asks(&appliance, call).fails("invalid_input");
    assert!(answer.msg().contains("longer than 8 KiB"), "{}", answer.msg());
    assert!(requests(&appliance).is_empty());
}
