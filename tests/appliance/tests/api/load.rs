//! How much the appliance carries.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use lxca_appliance::Appliance;

use crate::client::{basic, connect, start};

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 2_000;

/// Sends a request `REQUESTS` times over one kept-alive connection; every answer has to be a 200.
fn talk(appliance: &Appliance) {
    let mut stream = connect(appliance, appliance.ca_path(), "127.0.0.1").unwrap();
    let path = "/updateRepositories/firmware/status?tasktype=EXPORTREPOSITORY&taskid=12";
    let request = format!("GET {path} HTTP/1.1\r\nHost: lxca.test\r\n{}\r\n\r\n", basic(appliance));
    let (mut received, mut piece) = (Vec::new(), [0; 16_384]);
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes()).unwrap();
        received.clear();
        while !is_whole(&received) {
            let length = stream.read(&mut piece).unwrap();
            assert!(length > 0, "the connection ended");
            received.extend(&piece[..length]);
        }
        assert!(received.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&received));
    }
}

/// Whether this is a head and as much of a body as the head announces.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    body.len() == length.parse::<usize>().unwrap()
}

#[test]
#[ignore = "a measurement: tests/load runs it in an optimised build"]
fn two_thousand_requests_a_second() {
    let appliance = start();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| talk(&appliance));
        }
    });
    let took = started.elapsed().as_secs_f64();
    let rate = (CONNECTIONS * REQUESTS) as f64 / took;
    println!("{} requests over {CONNECTIONS} connections in {took:.1} s: {rate:.0} a second", CONNECTIONS * REQUESTS);
    assert_eq!(appliance.connections(), CONNECTIONS as u64);
    assert!(rate >= 2_000.0, "{rate:.0} a second");
}
