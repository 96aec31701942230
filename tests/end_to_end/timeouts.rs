//! Time limits that hold, whatever the other side does: silence, trickles, half an answer (docs/contract.md, Options of every operation, `timeout` and `connect_timeout`).

use std::io::Write;
use std::thread;
use std::time::Duration;

use lxca_appliance::{Appliance, Fault, FaultRule};
use serde_json::{Value, json};

use crate::harness::{Lxca, appliance, appliance_with, damage, requests, with};
use crate::proxy::{Proxy, Way};
use crate::scripted::{Server, wait_for_end};
use crate::tls::{info, says};

/// What a busy machine may add to a limit.
const SLACK: Duration = Duration::from_secs(10);

/// The call ends with a time-out, not before its seconds have passed and not long after; the words are said.
#[track_caller]
fn times_out(call: &Lxca, seconds: u64, words: &[&str]) {
    let ended = call.run();
    let answer = ended.answer();
    assert_eq!(answer["error"], json!({"kind": "timeout", "retryable": true}), "{}", answer.0);
    says(&answer, words);
    let limit = Duration::from_secs(seconds);
    // The process reads its clock a little later than the test does.
    assert!(ended.took >= limit && ended.took < limit + SLACK, "{seconds} s: {ended:?}");
}

fn damaged(fault: Fault) -> Appliance {
    appliance_with(|settings| settings.faults.push(FaultRule::new(fault)))
}

#[test]
fn the_timeout_holds_against_every_kind_of_slowness_and_is_not_repeated() {
    let cases = [
        Fault::Stall,
        Fault::StallInBody { after: 0 },
        Fault::StallInBody { after: 100 },
        Fault::Trickle { milliseconds: 1000 },
        Fault::Trickle { milliseconds: 5 },
        Fault::Delay { milliseconds: 30_000 },
    ];
    thread::scope(|scope| {
        for fault in cases {
            scope.spawn(move || {
                let appliance = damaged(fault);
                let call = Lxca::asks(&appliance, info(json!({"timeout": 2})));
                times_out(&call, 2, &["2 s", "`timeout`", &appliance.port().to_string()]);
                assert_eq!(requests(&appliance).len(), 1);
            });
        }
    });
}

#[test]
fn the_connect_timeout_holds_against_silence_and_trickles() {
    // A TLS record of 16 KiB that comes a byte at a time.
    let trickle = Server::start(|mut tcp| {
        let mut sent = tcp.write_all(b"\x16\x03\x03\x40\x00");
        while sent.is_ok() {
            thread::sleep(Duration::from_millis(100));
            sent = tcp.write_all(b"\x02");
        }
    });
    let silent = Server::start(|mut tcp| wait_for_end(&mut tcp));
    thread::scope(|scope| {
        for server in [&trickle, &silent] {
            scope.spawn(|| {
                let ask = |options| Lxca::given(with(server.connection(), info(options)).to_string());
                times_out(&ask(json!({"connect_timeout": 1, "retries": 0})), 1, &["1 s", "`connect_timeout`"]);
                assert_eq!(server.connections(), 1);
                // A connect time-out is repeated: nothing was sent.
                times_out(&ask(json!({"connect_timeout": 1, "retries": 1})), 2, &["`connect_timeout`"]);
                assert_eq!(server.connections(), 3);
                // The smaller of the two counts.
                let both = json!({"timeout": 1, "connect_timeout": 60, "retries": 0});
                times_out(&ask(both), 1, &["1 s", "`timeout`"]);
            });
        }
    });
}

#[test]
fn the_connect_timeout_covers_the_proxy_and_the_tls_behind_it_together() {
    let ask = |appliance: &Appliance, proxy: &Proxy, options: Value| {
        let call = Lxca::asks(appliance, info(with(json!({"retries": 0}), options)));
        call.environment("https_proxy", &proxy.url())
    };
    thread::scope(|scope| {
        for way in [Way::Stall, Way::Trickle] {
            scope.spawn(move || {
                let appliance = appliance();
                let proxy = Proxy::start(&appliance, way);
                times_out(&ask(&appliance, &proxy, json!({"connect_timeout": 1})), 1, &["`connect_timeout`"]);
            });
        }
        scope.spawn(|| {
            let appliance = damaged(Fault::StallBeforeTls);
            let proxy = Proxy::start(&appliance, Way::Tunnel(Duration::from_secs(4)));
            let ended = ask(&appliance, &proxy, json!({"connect_timeout": 5})).run();
            assert_eq!(ended.answer()["error"]["kind"], "timeout");
            // 4 s for the proxy and 5 s anew for TLS would be 9 s.
            assert!(ended.took < Duration::from_secs(9), "{ended:?}");
        });
    });
}

#[test]
fn the_timeout_includes_connecting() {
    let appliance = damaged(Fault::Delay { milliseconds: 2000 });
    let proxy = Proxy::start(&appliance, Way::Tunnel(Duration::from_secs(2)));
    let call = |timeout| {
        let call = Lxca::asks(&appliance, info(json!({"timeout": timeout})));
        call.environment("https_proxy", &proxy.url())
    };
    let all = call(60).start();
    // Each part alone fits.
    times_out(&call(3), 3, &["3 s", "`timeout`"]);
    assert_eq!(all.wait().answer()["failed"], false);
}

#[test]
fn the_connect_timeout_ends_with_connecting() {
    let appliance = appliance();
    damage(&appliance, FaultRule::new(Fault::Delay { milliseconds: 3000 }));
    Lxca::asks(&appliance, info(json!({"connect_timeout": 2}))).succeeds();
}

#[test]
fn a_slow_answer_within_the_timeout_is_read_to_its_end() {
    let slow = damaged(Fault::Trickle { milliseconds: 2 });
    let options = json!({"operation": "firmware_export_info", "task_id": 12, "timeout": 120});
    Lxca::asks(&slow, options).succeeds();
}
