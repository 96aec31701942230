//! The release as one static file: what it is made of, and that it finds its way with nothing else of a system around
//! it, names included (docs/contract.md, Options of every operation).
//!
//! These tests run in a network namespace of their own, where port 53 and every address are free and nothing leaves the
//! machine. Each starts this test binary anew inside of it; files of a system lie in a directory that the release is
//! confined to.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use domain::base::iana::Rcode;
use lxca_appliance::{Appliance, CertificateKind};
use serde_json::{Value, json};

use crate::dns_server::{DnsServer, Zone};
use crate::harness::{Answer, Lxca, appliance, appliance_with, program};
use crate::tls::{info, says};

/// Set for the test binary inside the namespace.
const ISOLATED: &str = "LXCA_TEST_ISOLATED";

/// The flags of `unshare` that give a namespace: to anybody, or to root where users must not have any.
const NAMESPACES: [&[&str]; 2] = [&["--user", "--map-root-user", "--net", "--mount"], &["--net", "--mount"]];

/// The release under test.
#[track_caller]
fn release() -> PathBuf {
    let named = std::env::var_os("LXCA_BINARY").map(PathBuf::from);
    named.expect("this test is about the release: run tests/run, which builds it and names it in LXCA_BINARY")
}

/// Runs a test of this module in a namespace of its own.
#[track_caller]
fn isolated(name: &str, test: impl FnOnce()) {
    release();
    if std::env::var_os(ISOLATED).is_some() {
        run(program("ip"), &["link", "set", "lo", "up"]);
        return test();
    }
    let possible = |flags: &&&[&str]| {
        let probe = Command::new(program("unshare")).args(**flags).arg("true").output();
        probe.is_ok_and(|output| output.status.success())
    };
    let Some(flags) = NAMESPACES.iter().find(possible) else {
        panic!(
            "this test needs a network namespace: run it as root, or allow users to have namespaces (sysctl \
             kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        );
    };
    let mut inside = Command::new(program("unshare"));
    inside.args(*flags).arg("--").arg(std::env::current_exe().unwrap());
    inside.args([&format!("static_binary::{name}"), "--exact", "--nocapture"]).env(ISOLATED, "1");
    let output = inside.output().unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && told.contains("1 passed"), "in its namespace: {told}");
}

#[track_caller]
fn run(program: PathBuf, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A directory with the release in it and, as `ca.pem`, an appliance's CA, which goes with the appliance.
fn root(appliance: &Appliance) -> PathBuf {
    static ROOTS: AtomicU8 = AtomicU8::new(0);
    let root = appliance.directory().join(format!("root{}", ROOTS.fetch_add(1, Ordering::SeqCst)));
    fs::create_dir(&root).unwrap();
    fs::copy(release(), root.join("lxca")).unwrap();
    root
}

/// Writes a file of that little system.
fn file(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A question from in there, with no more trust than the appliance's fingerprint.
fn ask(appliance: &Appliance, root: &Path, options: Value) -> Lxca {
    let mut all = json!({"ca_path": null, "certificate_fingerprint": appliance.certificate_fingerprint()});
    all.as_object_mut().unwrap().append(options.as_object().cloned().as_mut().unwrap());
    Lxca::asks(appliance, info(all)).inside(root)
}

/// A DNS server on the port that resolv.conf means.
fn dns(zone: Zone) -> DnsServer {
    static SERVERS: AtomicU8 = AtomicU8::new(1);
    let address = Ipv4Addr::new(127, 77, 77, SERVERS.fetch_add(1, Ordering::SeqCst));
    DnsServer::start(SocketAddr::from((address, 53)), zone)
}

/// A resolv.conf with these servers and other lines.
fn resolv_conf(servers: &[&DnsServer], lines: &str) -> String {
    let servers = servers.iter().map(|server| format!("nameserver {}\n", server.address().ip()));
    servers.collect::<String>() + lines + "\n"
}

/// The names that were asked for, each once in its order.
fn names(server: &DnsServer) -> Vec<String> {
    let mut names: Vec<String> = server.queries().into_iter().map(|query| query.name.to_lowercase()).collect();
    names.dedup();
    names
}

#[test]
fn it_needs_no_interpreter_no_library_and_no_name_service() {
    const INTERPRETER: u64 = 3;
    const DYNAMIC: u64 = 2;
    const NEEDED: u64 = 1;
    let elf = fs::read(release()).unwrap();
    let number = |at: usize, bytes: usize| {
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(&elf[at..at + bytes]);
        u64::from_le_bytes(number)
    };
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01", "an ELF file of 64 bits, little-endian");
    let [offset, size, count] = [number(0x20, 8), number(0x36, 2), number(0x38, 2)].map(|value| value as usize);
    let headers: Vec<usize> = (0..count).map(|index| offset + index * size).collect();
    assert!(headers.len() > 2);
    assert!(headers.iter().all(|&header| number(header, 4) != INTERPRETER), "it has an interpreter");
    for header in headers.into_iter().filter(|&header| number(header, 4) == DYNAMIC) {
        let [start, length] = [number(header + 8, 8), number(header + 32, 8)].map(|value| value as usize);
        let mut tags = (start..start + length).step_by(16).map(|entry| number(entry, 8));
        assert!(tags.all(|tag| tag != NEEDED), "it needs a library");
    }
    for trace in [&b"nsswitch.conf"[..], b"getaddrinfo", b"libnss_"] {
        let found = elf.windows(trace.len()).any(|window| window == trace);
        assert!(!found, "{:?} stands in it: names go through the C library", String::from_utf8_lossy(trace));
    }
}

#[test]
fn it_runs_in_an_empty_directory() {
    isolated("it_runs_in_an_empty_directory", || {
        for listen in ["127.0.0.1", "::1"] {
            let appliance = appliance_with(|settings| settings.listen = listen.parse().unwrap());
            let root = root(&appliance);
            for arguments in [&["--version"][..], &["--help"], &["operations"], &["schema"], &["schema", "output"]] {
                let ended = Lxca::with_arguments(arguments).inside(&root).run();
                assert!(ended.status.success() && !ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
                assert_eq!(ended.stderr, "");
            }
            ask(&appliance, &root, json!({})).succeeds();
            ask(&appliance, &root, json!({"host": "localhost"})).succeeds();
            // No name can be looked up, and that is said.
            let answer = ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0})).fails("connection_failed");
            says(&answer, &["lxca.test"]);
        }
    });
}

#[test]
fn names_come_from_the_hosts_file_first() {
    isolated("names_come_from_the_hosts_file_first", || {
        let appliance = appliance();
        let root = root(&appliance);
        let server = dns(Zone::default().address("lxca.test", "127.9.9.9"));
        file(&root, "etc/resolv.conf", resolv_conf(&[&server], ""));
        // 127.0.0.2 refuses: nobody listens there. The last line has no line end.
        file(
            &root,
            "etc/hosts",
            "# names\n127.0.0.1\tlxca.test  lxca # LXCA\n::1 six.test\n127.0.0.2 two.test\n\
             nonsense lxca.test\n127.0.0.1 two.test\n127.0.0.1 last.test",
        );
        for host in ["lxca.test", "lxca", "LXCA.Test", "lxca.test.", "two.test", "last.test"] {
            ask(&appliance, &root, json!({"host": host})).succeeds();
        }
        let answer = ask(&appliance, &root, json!({"host": "six.test", "retries": 0})).fails("connection_failed");
        says(&answer, &["six.test", "[::1]"]);
        assert_eq!(names(&server), [""; 0]);
        // Its certificate is held against the name, not the address.
        file(&root, "ca.pem", fs::read(appliance.ca_path()).unwrap());
        let options = |host| json!({"host": host, "certificate_fingerprint": null, "ca_path": "/ca.pem"});
        ask(&appliance, &root, options("lxca.test")).succeeds();
        ask(&appliance, &root, options("two.test")).fails("tls");
    });
}

#[test]
fn a_hosts_file_of_any_size_is_read_and_many_addresses_make_no_long_sentence() {
    isolated("a_hosts_file_of_any_size_is_read_and_many_addresses_make_no_long_sentence", || {
        let appliance = appliance();
        let root = root(&appliance);
        let many: String = (0..40_000).map(|n| format!("127.1.{}.{} many.test\n", n / 256, n % 256)).collect();
        let long_line = format!("127.0.0.2 {}\n", "last.test ".repeat(10_000));
        let text = many + &"127.0.0.2 other.test\n".repeat(50_000) + &long_line + "127.0.0.1 last.test";
        assert!(text.len() > 1 << 20);
        file(&root, "etc/hosts", text);
        ask(&appliance, &root, json!({"host": "last.test", "retries": 0})).succeeds();
        let answer = ask(&appliance, &root, json!({"host": "many.test", "retries": 0})).fails("connection_failed");
        says(&answer, &["many.test", "127.1.0.0", "127.1.0.9", "and 6 more"]);
        let msg = answer["msg"].as_str().unwrap();
        assert!(msg.len() < 2048 && !msg.contains("127.1.0.10"), "{msg}");
    });
}

#[test]
fn a_name_server_may_have_a_link_local_address() {
    isolated("a_name_server_may_have_a_link_local_address", || {
        run(program("ip"), &["address", "add", "fe80::77/64", "dev", "lo", "nodad"]);
        let appliance = appliance();
        let address = SocketAddrV6::new("fe80::77".parse().unwrap(), 53, 0, 1);
        let _server = DnsServer::start(address.into(), Zone::default().address("lxca.test", "127.0.0.1"));
        for scope in ["lo", "1"] {
            let root = root(&appliance);
            file(&root, "etc/resolv.conf", format!("nameserver fe80::77%{scope}\n"));
            ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0})).succeeds();
        }
        let root = root(&appliance);
        file(&root, "etc/resolv.conf", "nameserver fe80::77%nowhere0\n");
        let answer = ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0})).fails("connection_failed");
        says(&answer, &["/etc/resolv.conf", "fe80::77%nowhere0", "interface"]);
    });
}

#[test]
fn names_come_from_dns() {
    isolated("names_come_from_dns", || {
        let zone = || Zone::default().address("lxca.test", "127.0.0.1");
        let chain = || zone().alias("one.test", "two.test").alias("two.test", "lxca.test");
        let rack = || Zone::default().address("lxca.rack.test", "127.0.0.1");
        // (zone, lines of resolv.conf, host, names asked for in their order)
        let cases: Vec<(Zone, &str, &str, &[&str])> = vec![
            (zone(), "", "lxca.test", &["lxca.test"]),
            (zone(), "", "LXCA.test", &["lxca.test"]),
            (zone(), "search rack.test", "lxca.test.", &["lxca.test"]),
            (
                Zone::default().address("xn--bcher-kva.test", "127.0.0.1"),
                "",
                "xn--bcher-kva.test",
                &["xn--bcher-kva.test"],
            ),
            (chain(), "", "one.test", &["one.test"]),
            (Zone { one_alias: true, ..chain() }, "", "one.test", &["one.test", "two.test", "lxca.test"]),
            (Zone { truncate_udp: true, ..zone() }, "", "lxca.test", &["lxca.test"]),
            (Zone { noise: true, ..zone() }, "", "lxca.test", &["lxca.test"]),
            (rack(), "search rack.test", "lxca", &["lxca.rack.test"]),
            (rack(), "domain rack.test", "lxca", &["lxca.rack.test"]),
            (rack(), "search row.test rack.test", "lxca", &["lxca.row.test", "lxca.rack.test"]),
            (rack(), "search test", "lxca.rack", &["lxca.rack", "lxca.rack.test"]),
            (rack(), "search test\noptions ndots:2", "lxca.rack", &["lxca.rack.test"]),
            (rack(), "search a.test\noptions ndots:3", "lxca.rack.test", &["lxca.rack.test.a.test", "lxca.rack.test"]),
            // The first address refuses.
            (zone().address("b.test", "127.0.0.2").address("b.test", "127.0.0.1"), "", "b.test", &["b.test"]),
        ];
        let appliance = appliance();
        for (zone, lines, host, asked) in cases {
            let root = root(&appliance);
            let truncates = zone.truncate_udp;
            let server = dns(zone);
            file(&root, "etc/resolv.conf", resolv_conf(&[&server], lines));
            ask(&appliance, &root, json!({"host": host})).succeeds();
            assert_eq!(names(&server), *asked, "{host} with {lines:?}");
            assert_eq!(server.tcp_queries() > 0, truncates, "{host}: TCP is for truncated answers");
            assert!(server.udp_queries() > 0);
        }
        assert!(appliance.requests().iter().all(|request| request.server_name.is_some()));
    });
}

#[test]
fn ipv6_addresses_come_from_dns_and_are_tried_too() {
    isolated("ipv6_addresses_come_from_dns_and_are_tried_too", || {
        let appliance = appliance_with(|settings| settings.listen = "::1".parse().unwrap());
        let only = || Zone::default().address("lxca.test", "::1");
        // The IPv4 address refuses: nobody listens there.
        for zone in [only(), only().address("lxca.test", "127.0.0.1"), Zone { truncate_udp: true, ..only() }] {
            let root = root(&appliance);
            let server = dns(zone);
            file(&root, "etc/resolv.conf", resolv_conf(&[&server], ""));
            ask(&appliance, &root, json!({"host": "lxca.test"})).succeeds();
        }
    });
}

#[test]
fn another_server_is_asked_when_the_first_does_not_help() {
    isolated("another_server_is_asked_when_the_first_does_not_help", || {
        let appliance = appliance();
        let zone = || Zone::default().address("lxca.test", "127.0.0.1");
        let good = dns(zone());
        for (name, first) in [
            ("silent", Zone { silent: true, ..zone() }),
            ("failing", Zone { fail: Some(Rcode::SERVFAIL), ..zone() }),
            ("refusing", Zone { fail: Some(Rcode::REFUSED), ..zone() }),
        ] {
            let root = root(&appliance);
            let first = dns(first);
            file(&root, "etc/resolv.conf", resolv_conf(&[&first, &good], ""));
            let before = good.udp_queries();
            ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0})).succeeds();
            assert!(good.udp_queries() > before && first.udp_queries() > 0, "{name}");
        }
        // Nobody is there at all.
        let root = root(&appliance);
        file(&root, "etc/resolv.conf", format!("nameserver 127.99.99.99\n{}", resolv_conf(&[&good], "")));
        ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0})).succeeds();
    });
}

#[test]
fn names_that_cannot_be_found_are_explained() {
    isolated("names_that_cannot_be_found_are_explained", || {
        let appliance = appliance();
        let zone = || Zone::default().address("lxca.test", "127.0.0.1");
        let circle = Zone::default().alias("nowhere.test", "there.test").alias("there.test", "nowhere.test");
        for (name, zone) in [
            ("NXDOMAIN", zone()),
            ("nothing", Zone { unknown: Rcode::NOERROR, ..zone() }),
            ("SERVFAIL", Zone { fail: Some(Rcode::SERVFAIL), ..zone() }),
            ("a circle", circle),
        ] {
            let root = root(&appliance);
            let server = dns(zone);
            file(&root, "etc/resolv.conf", resolv_conf(&[&server], ""));
            let options = json!({"host": "nowhere.test", "retries": 0});
            let answer = ask(&appliance, &root, options).fails("connection_failed");
            says(&answer, &["nowhere.test", &server.address().ip().to_string()]);
            // DNS said so for certain, unless it could not tell.
            let retryable = name == "SERVFAIL";
            assert_eq!(answer["error"], json!({"kind": "connection_failed", "retryable": retryable}), "{name}");
            // mDNS would know it.
            let answer = ask(&appliance, &root, json!({"host": "lxca.local", "retries": 0})).fails("connection_failed");
            says(&answer, &["lxca.local", "mDNS", "`host`", "`server_name`"]);
            // The proxy's name is told from the appliance's.
            let call = ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0}));
            let answer = call.environment("https_proxy", "http://nowhere.test:3128").fails("connection_failed");
            says(&answer, &["nowhere.test:3128", "proxy", "use_proxy"]);
        }
        assert_eq!(appliance.connections(), 0);
    });
}

#[test]
fn a_server_that_never_answers_costs_the_connect_timeout() {
    isolated("a_server_that_never_answers_costs_the_connect_timeout", || {
        let appliance = appliance();
        let root = root(&appliance);
        let server = dns(Zone { silent: true, ..Zone::default() });
        file(&root, "etc/resolv.conf", resolv_conf(&[&server], "search a.test b.test c.test"));
        let ended = ask(&appliance, &root, json!({"host": "lxca.test", "retries": 0, "connect_timeout": 2})).run();
        let answer = ended.answer();
        assert_eq!(answer["error"], json!({"kind": "timeout", "retryable": true}), "{}", answer.0);
        says(&answer, &["lxca.test", "2 s", "`connect_timeout`"]);
        assert!((2..12).contains(&ended.took.as_secs()), "{ended:?}");
    });
}

#[test]
fn a_dead_first_address_costs_a_second() {
    isolated("a_dead_first_address_costs_a_second", || {
        // What is sent to these addresses comes back on the loopback device and is dropped: it is nobody's.
        run(program("ip"), &["route", "add", "192.0.2.0/24", "dev", "lo"]);
        let appliance = appliance();
        let root = root(&appliance);
        file(
            &root,
            "etc/hosts",
            "192.0.2.1 dead.test\n\
             192.0.2.1 one.test\n127.0.0.1 one.test\n\
             192.0.2.1 three.test\n192.0.2.2 three.test\n192.0.2.3 three.test\n127.0.0.1 three.test\n",
        );
        let server = dns(Zone::default().address("lxca.test", "192.0.2.9").address("lxca.test", "127.0.0.1"));
        file(&root, "etc/resolv.conf", resolv_conf(&[&server], ""));
        let limits = Limits { appliance: &appliance, root: &root };
        thread::scope(|scope| {
            scope.spawn(|| limits.succeeds("one.test", 60, 0..9));
            scope.spawn(|| limits.succeeds("three.test", 60, 0..11));
            scope.spawn(|| limits.succeeds("lxca.test", 60, 0..9));
            // Alone it gets all the time there is, and all together get no more.
            scope.spawn(|| limits.times_out("dead.test", 3, 3..13));
            scope.spawn(|| limits.times_out("three.test", 2, 2..12));
        });
    });
}

/// Questions with a connect time-out of so many seconds, and for how many they may run.
struct Limits<'a> {
    appliance: &'a Appliance,
    root: &'a Path,
}

impl Limits<'_> {
    fn succeeds(&self, host: &str, connect_timeout: u64, range: Range<u64>) {
        let answer = self.ends(host, connect_timeout, range);
        assert_eq!(answer["failed"], false, "{}", answer.0);
    }

    fn times_out(&self, host: &str, connect_timeout: u64, range: Range<u64>) {
        let answer = self.ends(host, connect_timeout, range);
        assert_eq!(answer["error"], json!({"kind": "timeout", "retryable": true}), "{}", answer.0);
        says(&answer, &[host, &format!("{connect_timeout} s"), "`connect_timeout`"]);
    }

    fn ends(&self, host: &str, connect_timeout: u64, range: Range<u64>) -> Answer {
        let options = json!({"host": host, "retries": 0, "connect_timeout": connect_timeout});
        let ended = ask(self.appliance, self.root, options).run();
        assert!(range.contains(&ended.took.as_secs()), "{host}: {ended:?}");
        ended.answer()
    }
}

#[test]
fn the_roots_of_the_distributions_are_found() {
    isolated("the_roots_of_the_distributions_are_found", || {
        let appliance = appliance();
        let ask = |root: &Path| Lxca::asks(&appliance, info(json!({"ca_path": null}))).inside(root);
        let bundle = fs::read(appliance.ca_path()).unwrap();
        for path in [
            "etc/ssl/certs/ca-certificates.crt",
            "etc/pki/tls/certs/ca-bundle.crt",
            "etc/ssl/ca-bundle.pem",
            "etc/ssl/cert.pem",
        ] {
            let root = root(&appliance);
            file(&root, path, &bundle);
            ask(&root).succeeds();
            // A bundle that is named is the only one, also when it cannot be read.
            ask(&root).environment("SSL_CERT_FILE", "/nowhere.pem").fails("tls");
            ask(&root).environment("SSL_CERT_FILE", "").succeeds();
        }
        let root = root(&appliance);
        let answer = ask(&root).fails("tls");
        says(&answer, &["ca_path", "certificate_fingerprint", &appliance.certificate_fingerprint()]);
        // Another appliance's CA in the system's place.
        let stranger = appliance_with(|settings| settings.certificate = CertificateKind::SelfSigned);
        file(&root, "etc/ssl/cert.pem", fs::read(stranger.ca_path()).unwrap());
        ask(&root).fails("tls");
    });
}
