//! Tests of the resolver against small DNS servers on loopback addresses and files of their own.
//!
//! No test sleeps: what takes time waits on a socket, and every wait has an end.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use domain::base::iana::Rcode;
use domain::base::{Message, Rtype};

use super::config::Plan;
use super::error::{Failure, LookupError};
use super::message::{Query, Verdict, host_name};
use super::{Sources, dns, hosts, literal, lookup, lookup_in};

#[path = "../../../../tests/end_to_end/dns_server.rs"]
mod dns_server;

use dns_server::{DnsServer, Zone};

/// Time enough for a test that is not about time.
const LONG: Duration = Duration::from_secs(20);

/// A zone with one host of both families, and its server's usual name.
fn host_zone() -> Zone {
    Zone::default().address("host.example", "2001:db8::1").address("host.example", "192.0.2.1")
}

/// The addresses of [`host_zone`]'s host.
const HOST: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

/// The plan of a `resolv.conf` with the given lines, and these servers.
fn plan(resolv_conf: &str, servers: &[SocketAddr]) -> Plan {
    let mut plan = Plan::parse(resolv_conf.as_bytes(), b"", 53).unwrap();
    plan.servers = servers.to_vec();
    plan
}

/// Asks DNS alone, in the order in which [`lookup`] gives addresses.
fn resolve(name: &str, plan: &Plan, time: Duration) -> Result<Vec<IpAddr>, LookupError> {
    dns::resolve(name, plan, Instant::now() + time).map(super::in_order)
}

/// Asks one well-behaved server for a name, with the given lines of `resolv.conf`.
fn ask(server: &DnsServer, resolv_conf: &str, name: &str) -> Result<Vec<IpAddr>, LookupError> {
    resolve(name, &plan(resolv_conf, &[server.address()]), LONG)
}

/// Addresses from their text.
fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The names that a server was asked for over UDP with A queries, in their order.
fn asked_names(server: &DnsServer) -> Vec<String> {
    let queries = server.queries();
    let a = queries.into_iter().filter(|query| query.rtype == Rtype::A);
    a.map(|query| query.name).collect()
}

/// The address of a UDP port on which nobody answers, and the socket that keeps it so.
fn silent() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A loopback port on which nobody listens: tcpmux, as one that was free might be taken meanwhile.
fn closed() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
}

// ---- literals, names, files ----

#[test]
fn address_literals_need_no_file() {
    let nowhere = Sources {
        hosts: "/nonexistent/hosts".as_ref(),
        resolv_conf: "/".as_ref(), // reading a directory fails: LookupError::Configuration
        hostname: "/nonexistent/hostname".as_ref(),
        port: 1,
    };
    for (name, address) in
        [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"), ("[::1]", "::1")]
    {
        let found = lookup_in(&nowhere, name, Instant::now());
        assert_eq!(found.unwrap(), ips(&[address]), "{name}");
    }
    for name in ["[192.0.2.7]", "[::1", "::1]", "", "fe80::1%1"] {
        assert_eq!(literal(name), None, "{name}");
    }
    let error = lookup_in(&nowhere, "host.example", Instant::now()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /: "), "{error}");
}

#[test]
fn the_public_function_needs_no_network_for_these() {
    let now = Instant::now();
    assert_eq!(lookup("192.0.2.7", now).unwrap(), ips(&["192.0.2.7"]));
    let localhost = lookup("unit-test.localhost.", now).unwrap();
    assert_eq!(localhost, ips(&["127.0.0.1", "::1"]));
}

#[test]
fn invalid_names_are_refused_before_anybody_is_asked() {
    let too_long = "a".repeat(64);
    for (name, part) in [
        ("", "empty"),
        ("..", "no letter"),
        ("192.0.2.256", "no letter"),
        ("a..b", "between dots"),
        (".a", "between dots"),
        ("a b", "only letters"),
        ("a\\.b", "only letters"),
        ("a\nb", "only letters"),
        ("http://a", "only letters"),
        ("bücher.example", "xn--"),
        (&too_long, "longer than 63"),
        (&"abc.".repeat(64), "longer than 253"),
        (&format!("{}aa", "a.".repeat(126)), "longer than 253"),
    ] {
        let error = lookup(name, Instant::now()).unwrap_err();
        assert!(matches!(error, LookupError::InvalidName { .. }), "{name}");
        assert!(error.to_string().contains(part), "{name:?}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    let longest = format!("{}a", "a.".repeat(126));
    assert_eq!(host_name(&longest).unwrap().as_slice().len(), 255);
    assert!(host_name(&format!("{longest}.")).is_ok());
}

#[test]
fn hosts_file() {
    let text = b"# 192.0.2.66 host.example\n\
        127.0.0.1\tlocalhost\n\
        192.0.2.1\t\thost.example  host # comment, fran\xe7ais\n\
        \t192.0.2.2 Other.Example.\n\
        nonsense host.example\n\
        192.0.2.300 host.example\n\
        fe80::1%eth0 host.example\n\
        192.0.2.66 \xff host.example\n\
        192.0.2.66\n\
        \n\
        2001:db8::1 HOST.EXAMPLE\r\n\
        192.0.2.66 host.example2 #host.example\n\
        192.0.2.9 host";
    for (name, expected) in [
        ("host.example", &["192.0.2.1", "2001:db8::1"] as &[_]),
        ("HOST.Example.", &["192.0.2.1", "2001:db8::1"]),
        ("host", &["192.0.2.1", "192.0.2.9"]), // the latter without a newline at its end
        ("other.example", &["192.0.2.2"]),
        ("localhost", &["127.0.0.1"]),
        ("comment", &[]),
        ("192.0.2.1", &[]),
        ("example", &[]),
        ("", &[]),
    ] {
        assert_eq!(hosts::addresses(text, name), ips(expected), "{name}");
    }
}

/// Files of one test, removed at its end.
struct Files(PathBuf);

impl Files {
    /// A directory of its own for the test.
    fn new(test: &str) -> Self {
        let directory = env::temp_dir().join(format!("resolver-{test}-{}", process::id()));
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    /// Writes a file; the path of one that is not written is that of a missing file.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sources_are_asked_in_their_order() {
    let server = DnsServer::local(host_zone().address("both.example", "192.0.2.66"));
    let files = Files::new("order");
    let hosts = files.write(
        "hosts",
        "2001:db8::5 both.example\n192.0.2.5 both.example\n192.0.2.5 both.example\n\
         127.0.1.1 special.localhost\n",
    );
    let resolv_conf = files.write("resolv.conf", "nameserver 127.0.0.1\n");
    let hostname = files.write("hostname", "client.example\n");
    let missing = files.0.join("missing");
    let with_files =
        Sources { hosts: &hosts, resolv_conf: &resolv_conf, hostname: &hostname, port: server.address().port() };
    let without_files = Sources {
        hosts: &missing,
        resolv_conf: &missing, // then 127.0.0.1 is the server
        hostname: &missing,
        port: server.address().port(),
    };
    let find = |sources, name| lookup_in(sources, name, Instant::now() + LONG);

    // The hosts file wins, each address once, IPv4 first.
    let both = find(&with_files, "both.example").unwrap();
    assert_eq!(both, ips(&["192.0.2.5", "2001:db8::5"]));
    let special = find(&with_files, "special.localhost").unwrap();
    assert_eq!(special, ips(&["127.0.1.1"]));
    // localhost needs neither file nor server.
    for name in ["localhost", "LOCALHOST.", "a.b.localhost"] {
        let found = find(&without_files, name).unwrap();
        assert_eq!(found, ips(&["127.0.0.1", "::1"]), "{name}");
    }
    assert!(server.queries().is_empty());
    // All else is DNS, with this machine's own domain for want of a search list.
    assert_eq!(find(&with_files, "host").unwrap(), ips(&HOST));
    assert_eq!(find(&without_files, "host.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host.example", "host.example"]);
    let error = find(&without_files, "localhost.example").unwrap_err();
    assert!(matches!(error, LookupError::NoSuchName { .. }));
}

#[test]
fn files_are_read_up_to_a_limit_and_to_the_end_of_a_line() {
    let files = Files::new("limit");
    let line = "192.0.2.1 host.example\n";
    let short_of_limit = (super::FILE_LIMIT as usize - 10) / line.len();
    let mut text = line.repeat(short_of_limit);
    let complete = text.len() - 1;
    text.push_str("192.0.2.66 cut.example.and-more-of-it\n");
    let path = files.write("hosts", &text);
    let read = super::read(&path).unwrap();
    assert_eq!(read.len(), complete);
    assert!(super::read(&files.0.join("missing")).is_err());
}

// ---- resolv.conf ----

#[test]
fn resolv_conf_is_read_tolerantly() {
    let plan = Plan::parse(
        b"; comment\n# other \xff\nnonsense\nnameserver\nnameserver nowhere\nnameserver fe80::1%eth0\n\
          \xff\xff\noptions ndots:x ndots:2 timeout:3 nonsense:1 attempts:4 rotate use-vc no-aaaa\n\
          nameserver 192.0.2.1 # one\nnameserver fe80::2%7\nsortlist nonsense\n\
          domain old.example\nsearch a.example b.example\n\
          nameserver 2001:db8::1\r\nnameserver 192.0.2.4",
        b"client.example\n",
        5353,
    )
    .unwrap();
    let servers: Vec<_> = plan.servers.iter().map(ToString::to_string).collect();
    let expected = ["192.0.2.1:5353", "[fe80::2%7]:5353", "[2001:db8::1]:5353"];
    assert_eq!(servers, expected);
    assert!(!plan.assumed);
    assert_eq!(plan.search, ["a.example", "b.example"]);
    assert_eq!((plan.ndots, plan.attempts), (2, 4));
    assert_eq!(plan.timeout, Duration::from_secs(3));
    assert!(plan.rotate && plan.tcp && !plan.ipv6);
}

#[test]
fn resolv_conf_defaults_and_limits() {
    let plan = Plan::parse(b"", b"client.corp.example\n", 53).unwrap();
    assert_eq!(plan.servers, ["127.0.0.1:53".parse().unwrap()]);
    assert!(plan.assumed);
    assert_eq!(plan.search, ["corp.example"]);
    assert_eq!((plan.ndots, plan.attempts), (1, 2));
    assert_eq!(plan.timeout, Duration::from_secs(5));
    assert!(!plan.rotate && !plan.tcp && plan.ipv6);

    let options = b"options ndots:99 timeout:99 attempts:99";
    let plan = Plan::parse(options, b"client", 53).unwrap();
    assert!(plan.search.is_empty());
    assert_eq!((plan.ndots, plan.attempts), (15, 5));
    assert_eq!(plan.timeout, Duration::from_secs(30));
    let plan = Plan::parse(b"options timeout:0 attempts:0\n", b"client.", 53).unwrap();
    assert!(plan.search.is_empty());
    assert_eq!((plan.timeout, plan.attempts), (Duration::from_secs(1), 1));

    let unusable = Plan::parse(b"nameserver fe80::1%eth0\n", b"", 53).unwrap_err();
    assert_eq!(unusable, ["fe80::1%eth0"]);
}

// ---- answers ----

#[test]
fn addresses_of_both_families_ipv4_first() {
    let zone = host_zone()
        .address("four.example", "192.0.2.4")
        .address("six.example", "2001:db8::6")
        .address("many.example", "192.0.2.9")
        .address("many.example", "192.0.2.8");
    let server = DnsServer::local(zone);
    for (name, expected) in [
        ("host.example", &HOST as &[_]),
        ("HOST.example", &HOST),
        ("four.example", &["192.0.2.4"]),
        ("six.example", &["2001:db8::6"]),
        ("many.example", &["192.0.2.9", "192.0.2.8"]),
    ] {
        assert_eq!(ask(&server, "", name).unwrap(), ips(expected), "{name}");
    }
    assert_eq!((server.udp_queries(), server.tcp_queries()), (10, 0));
    assert!(server.queries().iter().all(|query| query.edns));
}

#[test]
fn no_aaaa_asks_for_ipv4_only() {
    let server = DnsServer::local(host_zone());
    let found = ask(&server, "options no-aaaa", "host.example").unwrap();
    assert_eq!(found, ips(&["192.0.2.1"]));
    assert_eq!(server.udp_queries(), 1);
}

#[test]
fn a_name_that_does_not_exist() {
    let server = DnsServer::local(host_zone());
    let error = ask(&server, "search a.example", "missing").unwrap_err();
    assert!(matches!(error, LookupError::NoSuchName { .. }));
    let sentence = error.to_string();
    let address = server.address().to_string();
    for part in ["\"missing\" does not exist", &address, "missing.a.example, missing)"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert!(!error.deadline_passed());
}

#[test]
fn a_name_without_addresses() {
    let zone = Zone { unknown: Rcode::NOERROR, ..host_zone() };
    let server = DnsServer::local(zone);
    let error = ask(&server, "", "empty.example").unwrap_err();
    assert!(matches!(error, LookupError::NoAddress { .. }));
    assert!(error.to_string().contains("no IPv4 or IPv6 address"));
}

#[test]
fn an_alias_and_its_target_in_one_answer() {
    let zone = host_zone().alias("one.example", "Two.Example").alias("two.example", "host.example");
    let server = DnsServer::local(zone);
    assert_eq!(ask(&server, "", "one.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["one.example"]);
}

#[test]
fn aliases_from_answer_to_answer() {
    let mut zone = Zone { one_alias: true, ..host_zone() };
    for step in 0..7 {
        zone = zone.alias(&format!("n{step}.example"), &format!("n{}.example", step + 1));
    }
    let server = DnsServer::local(zone.alias("n7.example", "host.example"));
    assert_eq!(ask(&server, "", "n0.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server).len(), 9);
}

#[test]
fn aliases_without_end() {
    for one_alias in [false, true] {
        let mut zone = Zone { one_alias, ..host_zone() };
        zone = zone.alias("self.example", "self.example");
        zone = zone.alias("a.example", "b.example").alias("b.example", "c.example");
        zone = zone.alias("c.example", "a.example");
        for step in 0..200 {
            zone = zone.alias(&format!("n{step}.example"), &format!("n{}.example", step + 1));
        }
        let server = DnsServer::local(zone);
        for name in ["a.example", "self.example", "n0.example"] {
            let error = ask(&server, "", name).unwrap_err();
            // An alias for itself alone is no alias: there is just no address.
            let expected = match name {
                "self.example" => matches!(error, LookupError::NoAddress { .. }),
                _ => matches!(error, LookupError::AliasLoop { .. }),
            };
            assert!(expected, "{one_alias} {name}: {error}");
        }
        assert!(asked_names(&server).len() <= 16, "{:?}", asked_names(&server));
    }
}

#[test]
fn an_alias_to_a_name_without_addresses() {
    let zone = host_zone()
        .alias("one.example", "missing.example")
        .alias("six.example", "only-six.example")
        .address("only-six.example", "2001:db8::6");
    let server = DnsServer::local(zone);
    let error = ask(&server, "", "one.example").unwrap_err();
    assert!(matches!(error, LookupError::NoSuchName { .. }), "{error}");
    let found = ask(&server, "", "six.example").unwrap();
    assert_eq!(found, ips(&["2001:db8::6"]));
    assert_eq!(asked_names(&server), ["one.example", "six.example"]);
}

#[test]
fn truncated_answers_are_asked_again_over_tcp() {
    let zone = Zone { truncate_udp: true, ..host_zone() };
    let server = DnsServer::local(zone);
    assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
    assert_eq!((server.udp_queries(), server.tcp_queries()), (2, 2));
    assert!(ask(&server, "", "missing.example").is_err());
}

#[test]
fn use_vc_asks_over_tcp_only() {
    let server = DnsServer::local(host_zone());
    let found = ask(&server, "options use-vc", "host.example").unwrap();
    assert_eq!(found, ips(&HOST));
    assert_eq!((server.udp_queries(), server.tcp_queries()), (0, 2));
}

#[test]
fn silence_over_tcp_ends_at_the_deadline() {
    let zone = Zone { silent: true, ..host_zone() };
    let server = DnsServer::local(zone);
    let start = Instant::now();
    let plan = plan("options use-vc", &[server.address()]);
    let error = resolve("host.example", &plan, Duration::from_millis(400)).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(error.deadline_passed());
    assert!(error.to_string().contains("over TCP no answer"), "{error}");
}

#[test]
fn foreign_and_broken_datagrams_are_ignored() {
    let zone = Zone { noise: true, ..host_zone() };
    let server = DnsServer::local(zone);
    assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
    assert!(ask(&server, "", "missing.example").is_err());
    assert_eq!((server.udp_queries(), server.tcp_queries()), (4, 0));
}

#[test]
fn only_errors_about_the_message_may_leave_out_the_question() {
    let query = Query::new(&host_name("host.example").unwrap(), Rtype::A, true).unwrap();
    let octets = query.as_datagram();
    for (code, accepted) in [
        (Rcode::FORMERR, true),
        (Rcode::NOTIMP, true),
        (Rcode::REFUSED, true),
        (Rcode::NXDOMAIN, false),
        (Rcode::NOERROR, false),
    ] {
        let answer = dns_server::bare(Message::from_slice(octets).unwrap(), code);
        let message = Message::from_slice(&answer).unwrap();
        assert_eq!(query.is_answered_by(message), accepted, "{code}");
    }
    let itself = Message::from_slice(octets).unwrap();
    assert!(!query.is_answered_by(itself), "a query is no answer");
}

#[test]
fn no_answer_makes_it_panic() {
    let zone = host_zone().alias("one.example", "host.example");
    let query = Query::new(&host_name("one.example").unwrap(), Rtype::AAAA, true).unwrap();
    let answer = dns_server::answer(&zone, Message::from_slice(query.as_datagram()).unwrap(), false);
    assert!(matches!(query.verdict(Message::from_slice(&answer).unwrap()), Ok(Verdict::Addresses(_))));
    let mut random = fastrand::Rng::with_seed(1);
    let mut unreadable = 0;
    for _ in 0..20_000 {
        let mut octets = answer.clone();
        for _ in 0..random.usize(1..6) {
            // Pointers and lengths are where a parser can go wrong.
            let any = random.u8(..);
            let value = random.choice([0, 0xc0, 0xff, any]).unwrap();
            let position = random.usize(..octets.len());
            octets[position] = value;
        }
        octets.truncate(random.usize(..octets.len() * 2));
        if let Ok(message) = Message::from_slice(&octets) {
            query.is_answered_by(message);
            unreadable += usize::from(matches!(query.verdict(message), Err(Failure::Unreadable)));
        }
    }
    assert!(unreadable > 1000);
}

#[test]
fn servers_that_refuse_edns_are_asked_without_it() {
    let zone = Zone { refuse_edns: true, ..host_zone() };
    let server = DnsServer::local(zone);
    // One round, as the second would go without EDNS anyway.
    assert_eq!(ask(&server, "options attempts:1", "host.example").unwrap(), ips(&HOST));
    let edns: Vec<_> = server.queries().iter().map(|query| query.edns).collect();
    assert_eq!(edns, [true, true, false, false]);
}

#[test]
fn servers_behind_firewalls_that_drop_edns_are_found_in_the_second_round() {
    let zone = Zone { drop_edns: true, ..host_zone() };
    let server = DnsServer::local(zone);
    let found = ask(&server, "options timeout:1", "host.example");
    assert_eq!(found.unwrap(), ips(&HOST));
    assert_eq!(server.udp_queries(), 4);
}

#[test]
fn one_family_suffices_when_the_other_stays_silent() {
    for (silent_for, expected) in [(Rtype::AAAA, HOST[0]), (Rtype::A, HOST[1])] {
        let zone = Zone { silent_for: Some(silent_for), ..host_zone() };
        let server = DnsServer::local(zone);
        let start = Instant::now();
        let found = ask(&server, "", "host.example").unwrap();
        assert_eq!(found, ips(&[expected]));
        assert!(start.elapsed() < Duration::from_secs(3), "the grace is short");
        assert_eq!(server.udp_queries(), 2);
    }
}

#[test]
fn one_family_without_addresses_does_not_answer_for_the_other() {
    let zone = Zone { silent_for: Some(Rtype::A), ..Zone::default() };
    let server = DnsServer::local(zone.address("four.example", "192.0.2.4"));
    let mut plan = plan("options attempts:1", &[server.address()]);
    plan.timeout = Duration::from_millis(700);
    let start = Instant::now();
    let error = resolve("four.example", &plan, LONG).unwrap_err();
    assert!(start.elapsed() >= plan.timeout, "there was no reason for haste");
    assert!(matches!(error, LookupError::NoAnswer { .. }), "{error}");
}

// ---- the search list ----

#[test]
fn search_list_and_ndots() {
    for (ndots, name, expected) in [
        (0, "x", ["x", "x.a.example", "x.b.example"]),
        (1, "x", ["x.a.example", "x.b.example", "x"]),
        (1, "x.y", ["x.y", "x.y.a.example", "x.y.b.example"]),
        (2, "x.y", ["x.y.a.example", "x.y.b.example", "x.y"]),
        (2, "x.y.z", ["x.y.z", "x.y.z.a.example", "x.y.z.b.example"]),
    ] {
        let server = DnsServer::local(host_zone());
        let conf = format!("search a.example b.example\noptions ndots:{ndots}\n");
        assert!(ask(&server, &conf, name).is_err());
        assert_eq!(asked_names(&server), expected, "ndots:{ndots} {name}");
    }
}

#[test]
fn the_search_ends_at_the_first_name_with_addresses() {
    let zone = Zone {
        unknown: Rcode::NOERROR, // NODATA goes on as NXDOMAIN does
        ..host_zone()
    };
    let server = DnsServer::local(zone);
    let conf = "search a.example example b.example";
    assert_eq!(ask(&server, conf, "host").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host.a.example", "host.example"]);
}

#[test]
fn absolute_names_are_not_searched() {
    let server = DnsServer::local(host_zone());
    let conf = "search example\noptions ndots:5";
    assert!(ask(&server, conf, "host.").is_err());
    assert_eq!(ask(&server, conf, "host.example.").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host", "host.example"]);
}

#[test]
fn search_domains_are_taken_as_they_come() {
    let server = DnsServer::local(host_zone());
    let long = format!("search . bad..domain {}. .example. EXAMPLE", "a.".repeat(125));
    assert_eq!(ask(&server, &long, "host").unwrap(), ips(&HOST));
    assert!(ask(&server, &long, "other").is_err());
    let expected = ["host", "host.example", "other", "other.example"];
    assert_eq!(asked_names(&server), expected);
}

#[test]
fn some_data_is_more_than_no_name() {
    // What exists without addresses decides the error, wherever it stands in the list.
    let zone = host_zone().alias("x.a.example", "x.a.example");
    let server = DnsServer::local(zone);
    let error = ask(&server, "search a.example b.example", "x").unwrap_err();
    assert!(matches!(error, LookupError::NoAddress { .. }), "{error}");
}

#[test]
fn a_domain_that_fails_does_not_end_the_search_but_decides_the_error() {
    let zone = Zone { unknown: Rcode::SERVFAIL, ..host_zone() };
    let server = DnsServer::local(zone);
    let conf = "search a.example example";
    assert_eq!(ask(&server, conf, "host").unwrap(), ips(&HOST));
    let error = ask(&server, conf, "missing").unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.contains("asked for missing.a.example;"), "{error}");
    assert!(sentence.contains("(SERVFAIL)"), "{error}");
    assert!(!error.deadline_passed());
}

// ---- several servers ----

#[test]
fn a_silent_server_costs_little_and_only_once() {
    let (_socket, silent) = silent();
    let server = DnsServer::local(host_zone());
    let plan = plan("search a.example b.example c.example", &[silent, server.address()]);
    let start = Instant::now();
    // Four names are asked for: a second for each would be too much.
    let found = resolve("host.example", &plan, LONG);
    assert_eq!(found.unwrap(), ips(&HOST));
    assert!(start.elapsed() < Duration::from_secs(3));
    let start = Instant::now();
    assert!(resolve("missing", &plan, LONG).is_err());
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_silent_server_leaves_time_for_the_next_one() {
    let (_socket, silent) = silent();
    let server = DnsServer::local(host_zone());
    let plan = plan("", &[silent, server.address()]);
    let found = resolve("host.example", &plan, Duration::from_millis(1000));
    assert_eq!(found.unwrap(), ips(&HOST));
}

#[test]
fn when_all_are_silent_the_deadline_holds() {
    let (_one, one) = silent();
    let (_two, two) = silent();
    let start = Instant::now();
    let plan = plan("search a.example", &[one, two]);
    let error = resolve("host", &plan, Duration::from_millis(500)).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(error.deadline_passed());
    let sentence = error.to_string();
    for part in [
        "asked for host.a.example;",
        &format!("{one}: no answer;"),
        &format!("{two}: no answer"),
        "the time allowed was over",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn after_the_deadline_nobody_is_asked() {
    let server = DnsServer::local(host_zone());
    let plan = plan("", &[server.address()]);
    let error = resolve("host.example", &plan, Duration::ZERO).unwrap_err();
    assert!(error.deadline_passed());
    assert!(error.to_string().contains("no time left"), "{error}");
    assert!(server.queries().is_empty());
}

#[test]
fn attempts_are_the_rounds_and_timeout_their_length() {
    let zone = Zone { silent: true, ..host_zone() };
    let server = DnsServer::local(zone);
    let mut plan = plan("options attempts:3\nsearch a.example", &[server.address()]);
    plan.timeout = Duration::from_millis(100);
    let start = Instant::now();
    let error = resolve("host", &plan, LONG).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(!error.deadline_passed());
    // Dead servers are not asked for the other names.
    assert_eq!(asked_names(&server), ["host.a.example"; 3]);
}

#[test]
fn servers_that_fail_are_passed_over_at_once() {
    let good = DnsServer::local(host_zone());
    for zone in [
        Zone { fail: Some(Rcode::SERVFAIL), ..host_zone() },
        Zone { fail: Some(Rcode::REFUSED), ..host_zone() },
        Zone { fail: Some(Rcode::NOTIMP), ..host_zone() },
        Zone { unknown: Rcode::NOERROR, not_recursive: true, ..Zone::default() },
    ] {
        let bad = DnsServer::local(zone);
        // Alone it would have half a minute for its answer.
        let start = Instant::now();
        let options = "options timeout:30 attempts:1";
        let alone = resolve("host.example", &plan(options, &[bad.address()]), LONG);
        assert!(matches!(alone, Err(LookupError::NoAnswer { .. })));
        assert!(start.elapsed() < Duration::from_secs(5));
        let servers = [closed(), bad.address(), good.address()];
        let found = resolve("host.example", &plan("", &servers), LONG);
        assert_eq!(found.unwrap(), ips(&HOST));
    }
}

#[test]
fn a_port_without_a_listener_costs_no_time() {
    let start = Instant::now();
    // With one query the refusal comes when receiving, with two already when sending.
    for option in ["no-aaaa", "inet6", "use-vc"] {
        let options = format!("options timeout:30 attempts:1 {option}");
        let error = resolve("host.example", &plan(&options, &[closed()]), LONG).unwrap_err();
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_connection_that_ends_early_costs_no_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read(&mut [0; 4096]).unwrap()
    });
    let start = Instant::now();
    let options = "options use-vc no-aaaa timeout:30 attempts:1";
    let error = resolve("host.example", &plan(options, &[address]), LONG).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(error.to_string().contains("over TCP unreachable, unexpected end"), "{error}");
    assert!(server.join().unwrap() > 0);
}

#[test]
fn the_error_says_what_each_server_did() {
    let failing = DnsServer::local(Zone { fail: Some(Rcode::SERVFAIL), ..Zone::default() });
    let refusing = DnsServer::local(Zone { fail: Some(Rcode::REFUSED), ..Zone::default() });
    let closed = closed();
    let servers = [failing.address(), refusing.address(), closed];
    let mut plan = plan("", &servers);
    plan.assumed = true;
    let error = resolve("host.example", &plan, LONG).unwrap_err();
    let LookupError::NoAnswer { servers, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(servers[2].1, Some(Failure::Network(_))));
    assert_eq!(
        error.to_string(),
        format!(
            "the host name \"host.example\" could not be looked up (asked for host.example; {}: \
             failed to find out (SERVFAIL); {}: refused to answer (REFUSED); {closed}: \
             unreachable, Connection refused (os error 111); /etc/resolv.conf names no server, so \
             this is the default)",
            failing.address(),
            refusing.address(),
        )
    );
}

#[test]
fn rotate_starts_with_any_server() {
    let one = DnsServer::local(host_zone());
    let two = DnsServer::local(host_zone());
    let plan = plan("options rotate", &[one.address(), two.address()]);
    for _ in 0..64 {
        assert!(resolve("host.example", &plan, LONG).is_ok());
    }
    assert!(one.udp_queries() > 0 && two.udp_queries() > 0);
}

#[test]
fn servers_on_ipv6() {
    // Not everywhere is there an IPv6 loopback address.
    let Ok(probe) = UdpSocket::bind("[::1]:0") else {
        return;
    };
    drop(probe);
    let server = DnsServer::start("[::1]:0".parse().unwrap(), host_zone());
    assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
}
