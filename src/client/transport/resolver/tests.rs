//! Tests against small DNS servers on loopback addresses and files in temporary folders. No test sleeps: what takes time
//! waits on a socket, and every wait has an end.

use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use domain::base::iana::Rcode;
use domain::base::{Message, Rtype};
use proptest::prelude::{any, prop, proptest};

use super::files::{Config, hosts};
use super::message::{Query, Verdict, host_name};
use super::{LookupError, Sources, dns, literal, lookup, lookup_in};

#[path = "../../../../tests/support/dns_server.rs"]
mod dns_server;

use dns_server::{DnsServer, Zone};

/// Time enough for a test that is not about time.
const LONG: Duration = Duration::from_secs(20);

/// What stays below it did not wait for a time-out.
const SHORT: Duration = Duration::from_secs(3);

/// A zone with one host of both families.
fn host_zone() -> Zone {
    Zone::default().address("host.example", "2001:db8::1").address("host.example", "192.0.2.1")
}

const HOST: [&str; 2] = ["192.0.2.1", "2001:db8::1"];

/// The result of reading a `resolv.conf` with this text, on a machine with this name.
fn read(text: &[u8], hostname: &str) -> Result<Config, LookupError> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (resolv_conf, hostname) = (write("resolv.conf", text), write("hostname", hostname.as_bytes()));
    let sources = Sources { hosts: Path::new("/"), resolv_conf: &resolv_conf, hostname: &hostname, port: 53 };
    Config::read(&sources, Instant::now() + LONG)
}

/// The configuration of a `resolv.conf` with the given lines, and these servers.
fn config(lines: &str, servers: &[SocketAddr]) -> Config {
    Config { servers: servers.to_vec(), ..read(lines.as_bytes(), "").unwrap() }
}

/// Asks DNS alone, in the order in which [`lookup`] gives addresses.
fn resolve(name: &str, config: &Config, time: Duration) -> Result<Vec<IpAddr>, LookupError> {
    let mut addresses = dns::resolve(name, config, Instant::now() + time)?;
    addresses.sort_by_key(IpAddr::is_ipv6);
    Ok(addresses)
}

/// Asks one server for a name, with the given lines of `resolv.conf`.
fn ask(server: &DnsServer, lines: &str, name: &str) -> Result<Vec<IpAddr>, LookupError> {
    resolve(name, &config(lines, &[server.address()]), LONG)
}

#[track_caller]
fn says(error: &LookupError, parts: &[&str]) {
    let sentence = error.to_string();
    assert!(parts.iter().all(|part| sentence.contains(part)), "{parts:?} in: {sentence}");
    assert!(sentence.len() < 2048 && !sentence.contains('\n'), "{sentence}");
}

/// Asserts the failure of a name that DNS says does not exist, or without an address.
#[track_caller]
fn not_found(found: Result<Vec<IpAddr>, LookupError>, parts: &[&str]) {
    let error = found.unwrap_err();
    says(&error, parts);
    assert!(error.name_does_not_exist() && !error.deadline_passed(), "{error}");
}

/// Asserts a failure that says nothing about the name, with the deadline passed or not.
#[track_caller]
fn failed(found: Result<Vec<IpAddr>, LookupError>, deadline_passed: bool, parts: &[&str]) {
    let error = found.unwrap_err();
    says(&error, parts);
    assert!(!error.name_does_not_exist() && error.deadline_passed() == deadline_passed, "{error}");
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The names that a server was asked for with A queries over UDP, in their order.
fn asked_names(server: &DnsServer) -> Vec<String> {
    let a = server.queries().into_iter().filter(|query| query.rtype == Rtype::A && !query.tcp);
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
        hosts: Path::new("/nonexistent/hosts"),
        resolv_conf: Path::new("/"), // reading a directory fails
        hostname: Path::new("/nonexistent/hostname"),
        port: 1,
    };
    for (name, address) in
        [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"), ("[::1]", "::1")]
    {
        assert_eq!(lookup_in(&nowhere, name, Instant::now()).unwrap(), ips(&[address]), "{name}");
    }
    for name in ["[192.0.2.7]", "[::1", "::1]", "", "fe80::1%1"] {
        assert_eq!(literal(name), None, "{name}");
    }
    failed(lookup_in(&nowhere, "host.example", Instant::now() + LONG), false, &["cannot read /: "]);
}

#[test]
fn the_public_function_needs_no_network_for_these() {
    let now = Instant::now();
    assert_eq!(lookup("192.0.2.7", now).unwrap(), ips(&["192.0.2.7"]));
    assert_eq!(lookup("unit-test.localhost.", now).unwrap(), ips(&["127.0.0.1", "::1"]));
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
        (&"\n".repeat(1 << 20), "only letters"),
        (&format!("{}aa", "a.".repeat(126)), "longer than 253"),
    ] {
        not_found(lookup(name, Instant::now()), &["is not a valid host name", part]);
    }
    let longest = format!("{}a", "a.".repeat(126));
    assert_eq!(host_name(&longest).unwrap().as_slice().len(), 255);
    assert!(host_name(&format!("{longest}.")).is_ok());
}

#[test]
fn hosts_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let find = |text: &[u8], name| {
        fs::write(file.path(), text).unwrap();
        hosts(file.path(), name, Instant::now() + LONG)
    };
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
        assert_eq!(find(text, name), ips(expected), "{name}");
    }
    // Any size, and lines of any length, of which a long one is skipped as a whole.
    let long_line = format!("192.0.2.66 {} 192.0.2.66 last.example", "x".repeat((64 << 10) - 12));
    let big = format!("{}{long_line}\n192.0.2.7 last.example", "192.0.2.66 other.example\n".repeat(100_000));
    assert!(big.len() > 2 << 20);
    assert_eq!(find(big.as_bytes(), "last.example"), ips(&["192.0.2.7"]));
    assert_eq!(find(long_line.as_bytes(), "last.example"), ips(&[]));
    // One family cannot crowd out the other.
    let mut crowd: String = (0..40_000).map(|n| format!("2001:db8::{n:x} crowd.example\n")).collect();
    crowd += "192.0.2.7 crowd.example\n";
    let found = find(crowd.as_bytes(), "crowd.example");
    assert_eq!((found.len(), found[16]), (17, "192.0.2.7".parse().unwrap()));
}

#[test]
fn files_without_an_end_are_read_until_the_deadline() {
    let zero = Path::new("/dev/zero");
    let sources = Sources { hosts: zero, resolv_conf: zero, hostname: zero, port: 1 };
    let start = Instant::now();
    failed(lookup_in(&sources, "host.example", start + Duration::from_millis(300)), true, &["no time left"]);
    assert!(start.elapsed() < SHORT);
}

#[test]
fn sources_are_asked_in_their_order() {
    let server = DnsServer::local(host_zone().address("both.example", "192.0.2.66"));
    let folder = tempfile::tempdir().unwrap();
    let [hosts, resolv_conf, hostname, missing] = ["1", "2", "3", "4"].map(|name| folder.path().join(name));
    let both = "2001:db8::5 both.example\n192.0.2.5 both.example\n192.0.2.5 both.example\n";
    let many: String = (1..40).map(|n| format!("192.0.2.{n} many.example\n")).collect();
    fs::write(&hosts, format!("{both}127.0.1.1 special.localhost\n{many}")).unwrap();
    fs::write(&resolv_conf, "nameserver 127.0.0.1\n").unwrap();
    fs::write(&hostname, "client.example\n").unwrap();
    let port = server.address().port();
    let with_files = Sources { hosts: &hosts, resolv_conf: &resolv_conf, hostname: &hostname, port };
    // Then 127.0.0.1 is the server.
    let without_files = Sources { hosts: &missing, resolv_conf: &missing, hostname: &missing, port };
    let find = |sources, name| lookup_in(sources, name, Instant::now() + LONG);

    // The hosts file wins, each address once, IPv4 first.
    assert_eq!(find(&with_files, "both.example").unwrap(), ips(&["192.0.2.5", "2001:db8::5"]));
    assert_eq!(find(&with_files, "special.localhost").unwrap(), ips(&["127.0.1.1"]));
    assert_eq!(find(&with_files, "many.example").unwrap().len(), 16);
    // localhost needs neither file nor server.
    for name in ["localhost", "LOCALHOST.", "a.b.localhost"] {
        assert_eq!(find(&without_files, name).unwrap(), ips(&["127.0.0.1", "::1"]), "{name}");
    }
    assert!(server.queries().is_empty());
    // All else is DNS, with this machine's domain for want of a search list.
    assert_eq!(find(&with_files, "host").unwrap(), ips(&HOST));
    assert_eq!(find(&without_files, "host.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host.example", "host.example"]);
    not_found(find(&without_files, "localhost.example"), &["NXDOMAIN"]);
}

#[test]
fn resolv_conf_is_read_tolerantly() {
    let config = read(
        b"; comment\n# other \xff\nnonsense\nnameserver\nnameserver nowhere\nnameserver fe80::1%nowhere0\n\
          \xff\xff\noptions ndots:x ndots:2 timeout:3 nonsense:1 attempts:4 rotate use-vc no-aaaa\n\
          nameserver 192.0.2.1 # one\nnameserver fe80::2%7\nsortlist nonsense\n\
          domain old.example\nsearch a.example b.example\n\
          nameserver fe80::3%lo\r\nnameserver 192.0.2.4",
        "client.example\n",
    )
    .unwrap();
    let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["192.0.2.1:53", "[fe80::2%7]:53", "[fe80::3%1]:53"]);
    assert!(!config.assumed);
    assert_eq!(config.search, ["a.example", "b.example"]);
    assert_eq!((config.ndots, config.attempts, config.timeout), (2, 4, Duration::from_secs(3)));
    assert!(config.tcp && !config.ipv6);
}

#[test]
fn resolv_conf_defaults_and_limits() {
    let config = read(b"", "client.corp.example\n").unwrap();
    assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()]);
    assert!(config.assumed);
    assert_eq!(config.search, ["corp.example"]);
    assert_eq!((config.ndots, config.attempts, config.timeout), (1, 2, Duration::from_secs(5)));
    assert!(!config.tcp && config.ipv6);

    let config = read(b"options ndots:99 timeout:99 attempts:99", "client").unwrap();
    assert!(config.search.is_empty());
    assert_eq!((config.ndots, config.attempts, config.timeout), (15, 5, Duration::from_secs(30)));
    let config = read(b"options timeout:0 attempts:0\n", "client.").unwrap();
    assert_eq!((config.attempts, config.timeout), (1, Duration::from_secs(1)));
    let config = read(format!("search {}", "a.example ".repeat(1000)).as_bytes(), "").unwrap();
    assert_eq!(config.search.len(), 32);

    let text = "nameserver fe80::1%nowhere0\n".to_owned() + &"nameserver 192.0.2.300\n".repeat(1000);
    let error = read(text.as_bytes(), "").unwrap_err();
    says(&error, &["fe80::1%nowhere0", "192.0.2.300", "each must be"]);
}

// ---- answers ----

#[test]
fn addresses_of_both_families_ipv4_first() {
    let zone = host_zone().address("four.example", "192.0.2.4").address("six.example", "2001:db8::6");
    let server = DnsServer::local(zone.address("many.example", "192.0.2.9").address("many.example", "192.0.2.8"));
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
    assert_eq!(ask(&server, "options no-aaaa", "host.example").unwrap(), ips(&HOST[..1]));
    assert_eq!(server.udp_queries(), 11);
}

#[test]
fn names_that_do_not_exist_or_have_no_address() {
    let server = DnsServer::local(host_zone());
    let address = server.address().to_string();
    let parts = ["\"missing\" does not exist", &address, "missing.a.example, missing)", "spelling"];
    not_found(ask(&server, "search a.example", "missing"), &parts);
    let many: String = (0..30).map(|n| format!(" {n}.{}", "a.".repeat(110))).collect();
    not_found(ask(&server, &format!("search {many}"), "missing"), &[" and 28 more)"]);
    for name in ["lxca.local", "lxca.LOCAL."] {
        not_found(ask(&server, "", name), &["does not exist", "mDNS", "`server_name`"]);
    }
    let server = DnsServer::local(Zone { unknown: Rcode::NOERROR, ..host_zone() });
    not_found(ask(&server, "", "empty.example"), &["no IPv4 or IPv6 address", &server.address().to_string()]);
}

#[test]
fn aliases_in_one_answer_and_from_answer_to_answer() {
    let mut zone = host_zone().alias("n7.example", "Host.Example");
    for step in 0..7 {
        zone = zone.alias(&format!("n{step}.example"), &format!("n{}.example", step + 1));
    }
    let server = DnsServer::local(zone.clone());
    assert_eq!(ask(&server, "", "n0.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["n0.example"]);
    let server = DnsServer::local(Zone { one_alias: true, ..zone });
    assert_eq!(ask(&server, "", "n0.example").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server).len(), 9);
}

#[test]
fn aliases_without_end() {
    for one_alias in [false, true] {
        let mut zone = Zone { one_alias, ..host_zone() }.alias("self.example", "self.example");
        zone = zone.alias("a.example", "b.example").alias("b.example", "c.example").alias("c.example", "a.example");
        for step in 0..200 {
            zone = zone.alias(&format!("n{step}.example"), &format!("n{}.example", step + 1));
        }
        let server = DnsServer::local(zone);
        for name in ["a.example", "n0.example"] {
            failed(ask(&server, "", name), false, &["an alias that leads to no host", "CNAME"]);
        }
        // An alias for itself alone is no alias: there is just no address.
        not_found(ask(&server, "", "self.example"), &["no IPv4 or IPv6 address"]);
        assert!(asked_names(&server).len() <= 16, "{:?}", asked_names(&server));
    }
}

#[test]
fn an_alias_to_a_name_without_addresses() {
    let zone = host_zone().alias("one.example", "missing.example").alias("six.example", "only-six.example");
    let server = DnsServer::local(zone.address("only-six.example", "2001:db8::6"));
    not_found(ask(&server, "", "one.example"), &["does not exist"]);
    assert_eq!(ask(&server, "", "six.example").unwrap(), ips(&["2001:db8::6"]));
    assert_eq!(asked_names(&server), ["one.example", "six.example"]);
}

#[test]
fn tcp_after_a_truncated_answer_or_by_wish() {
    let mut zone = Zone { truncate_udp: true, ..host_zone() };
    for n in 0..2000 {
        zone = zone.address("many.example", &format!("10.0.{}.{}", n / 256, n % 256));
    }
    let server = DnsServer::local(zone);
    assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
    assert_eq!((server.udp_queries(), server.tcp_queries()), (2, 2));
    assert!(ask(&server, "", "missing.example").is_err());
    assert_eq!(ask(&server, "", "many.example").unwrap().len(), 16);
    let server = DnsServer::local(host_zone());
    assert_eq!(ask(&server, "options use-vc", "host.example").unwrap(), ips(&HOST));
    assert_eq!((server.udp_queries(), server.tcp_queries()), (0, 2));
}

#[test]
fn silence_over_tcp_ends_at_the_deadline_and_leaves_time_for_the_next_server() {
    let dead = DnsServer::local(Zone { silent: true, ..host_zone() });
    let start = Instant::now();
    let found = resolve("host.example", &config("options use-vc", &[dead.address()]), Duration::from_millis(400));
    failed(found, true, &["over TCP no answer"]);
    assert!(start.elapsed() < SHORT);
    let good = DnsServer::local(host_zone());
    let both = config("options use-vc", &[dead.address(), good.address()]);
    assert_eq!(resolve("host.example", &both, Duration::from_secs(4)).unwrap(), ips(&HOST));
}

#[test]
fn foreign_and_broken_datagrams_are_ignored() {
    let server = DnsServer::local(Zone { noise: true, ..host_zone() });
    assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
    assert!(ask(&server, "", "missing.example").is_err());
    assert_eq!((server.udp_queries(), server.tcp_queries()), (4, 0));
}

#[test]
fn a_flood_of_datagrams_ends_at_the_deadline() {
    let (server, address) = silent();
    let flood = thread::spawn(move || {
        let (_, client) = server.recv_from(&mut [0; 512]).unwrap();
        server.connect(client).unwrap();
        // Until the client's port is closed; never without an end.
        let end = Instant::now() + LONG;
        while Instant::now() < end && server.send(&[0xff; 40]).is_ok() {}
        Instant::now() < end
    });
    let start = Instant::now();
    let found = resolve("host.example", &config("options no-aaaa", &[address]), Duration::from_millis(400));
    failed(found, true, &["no answer"]);
    assert!(start.elapsed() < SHORT);
    assert!(flood.join().unwrap());
}

#[test]
fn only_errors_about_the_message_may_leave_out_the_question() {
    let query = Query::new(&host_name("host.example").unwrap(), Rtype::A).unwrap();
    for (code, accepted) in [
        (Rcode::FORMERR, true),
        (Rcode::NOTIMP, true),
        (Rcode::REFUSED, true),
        (Rcode::NXDOMAIN, false),
        (Rcode::NOERROR, false),
    ] {
        let answer = dns_server::bare(Message::from_slice(query.as_datagram()).unwrap(), code);
        assert_eq!(query.answer(&answer).is_some(), accepted, "{code}");
    }
    assert!(query.answer(query.as_datagram()).is_none(), "a query is no answer");
}

/// A query, and a proper answer to it with an alias and an address.
static ANSWERED: LazyLock<(Query, Vec<u8>)> = LazyLock::new(|| {
    let query = Query::new(&host_name("one.example").unwrap(), Rtype::AAAA).unwrap();
    let zone = host_zone().alias("one.example", "host.example");
    let answer = dns_server::answer(&zone, Message::from_slice(query.as_datagram()).unwrap(), false);
    (query, answer)
});

proptest! {
    /// Pointers and lengths are where a parser can go wrong. `PROPTEST_CASES` says how many are tried.
    #[test]
    fn no_answer_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![0, 0xc0, 0xff])), 0..4),
        random in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        tail in prop::collection::vec(any::<u8>(), 0..64),
        end in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let (query, answer) = &*ANSWERED;
        let mut octets = answer.clone();
        for (position, value) in changes.iter().chain(&random) {
            let position = position.index(octets.len());
            octets[position] = *value;
        }
        octets.extend(&tail);
        octets.truncate(if whole { octets.len() } else { end.index(octets.len()) });
        query.answer(&octets);
        if let Ok(message) = Message::from_slice(&octets)
            && let Ok(Verdict::Addresses(addresses)) = query.verdict(message)
        {
            assert!((1..=16).contains(&addresses.len()) && addresses.iter().all(IpAddr::is_ipv6));
        }
    }
}

#[test]
fn the_answer_that_is_changed_is_a_good_one() {
    let (query, answer) = &*ANSWERED;
    let verdict = query.verdict(query.answer(answer).unwrap());
    assert!(matches!(verdict, Ok(Verdict::Addresses(found)) if found == ips(&HOST[1..])));
}

#[test]
fn one_family_suffices_when_the_other_stays_silent() {
    for (silent_for, expected) in [(Rtype::AAAA, HOST[0]), (Rtype::A, HOST[1])] {
        let server = DnsServer::local(Zone { silent_for: Some(silent_for), ..host_zone() });
        let start = Instant::now();
        assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&[expected]));
        assert!(start.elapsed() < SHORT, "the grace is short");
        assert_eq!(server.udp_queries(), 2);
    }
}

#[test]
fn one_family_without_addresses_does_not_answer_for_the_other() {
    let zone = Zone { silent_for: Some(Rtype::A), ..Zone::default() };
    let server = DnsServer::local(zone.address("four.example", "192.0.2.4"));
    let timeout = Duration::from_millis(700);
    let config = Config { timeout, ..config("options attempts:1", &[server.address()]) };
    let start = Instant::now();
    failed(resolve("four.example", &config, LONG), false, &["no answer"]);
    assert!(start.elapsed() >= timeout, "there was no reason for haste");
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
        let lines = format!("search a.example b.example\noptions ndots:{ndots}\n");
        assert!(ask(&server, &lines, name).is_err());
        assert_eq!(asked_names(&server), expected, "ndots:{ndots} {name}");
    }
    // Names with a final dot are not searched.
    let server = DnsServer::local(host_zone());
    assert!(ask(&server, "search example\noptions ndots:5", "host.").is_err());
    assert_eq!(ask(&server, "search example\noptions ndots:5", "host.example.").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host", "host.example"]);
}

#[test]
fn the_search_ends_at_the_first_name_with_addresses() {
    // NODATA goes on as NXDOMAIN does.
    let server = DnsServer::local(Zone { unknown: Rcode::NOERROR, ..host_zone() });
    assert_eq!(ask(&server, "search a.example example b.example", "host").unwrap(), ips(&HOST));
    assert_eq!(asked_names(&server), ["host.a.example", "host.example"]);
}

#[test]
fn search_domains_are_taken_as_they_come() {
    let server = DnsServer::local(host_zone());
    let long = format!("search . bad..domain {}. .example. EXAMPLE", "a.".repeat(125));
    assert_eq!(ask(&server, &long, "host").unwrap(), ips(&HOST));
    assert!(ask(&server, &long, "other").is_err());
    assert_eq!(asked_names(&server), ["host", "host.example", "other", "other.example"]);
}

#[test]
fn what_exists_or_fails_decides_the_error_wherever_it_stands_in_the_search_list() {
    let server = DnsServer::local(host_zone().alias("x.a.example", "x.a.example"));
    not_found(ask(&server, "search a.example b.example", "x"), &["exists but has no"]);
    let server = DnsServer::local(Zone { unknown: Rcode::SERVFAIL, ..host_zone() });
    assert_eq!(ask(&server, "search a.example example", "host").unwrap(), ips(&HOST));
    let found = ask(&server, "search a.example example", "missing");
    failed(found, false, &["asked for missing.a.example;", "(SERVFAIL)"]);
}

// ---- several servers ----

#[test]
fn silent_servers_cost_nothing_while_one_answers() {
    let (_one, one) = silent();
    let (_two, two) = silent();
    let server = DnsServer::local(host_zone());
    let config = config("search a.example b.example c.example", &[one, two, server.address()]);
    let start = Instant::now();
    assert_eq!(resolve("host.example", &config, Duration::from_millis(1000)).unwrap(), ips(&HOST));
    not_found(resolve("missing", &config, LONG), &["NXDOMAIN"]);
    assert!(start.elapsed() < SHORT);
}

#[test]
fn when_all_are_silent_the_deadline_holds() {
    let ((_one, one), (_two, two)) = (silent(), silent());
    let start = Instant::now();
    let found = resolve("host", &config("search a.example", &[one, two]), Duration::from_millis(500));
    assert!((Duration::from_millis(500)..SHORT).contains(&start.elapsed()));
    let (one, two) = (format!("{one}: no answer;"), format!("{two}: no answer"));
    failed(found, true, &["asked for host.a.example;", &one, &two, "the time allowed was over"]);
}

#[test]
fn after_the_deadline_nobody_is_asked() {
    let server = DnsServer::local(host_zone());
    failed(resolve("host.example", &config("", &[server.address()]), Duration::ZERO), true, &["no time left"]);
    assert!(server.queries().is_empty());
}

#[test]
fn attempts_are_how_often_and_timeout_how_long() {
    let server = DnsServer::local(Zone { silent: true, ..host_zone() });
    let config = config("options attempts:3\nsearch a.example", &[server.address()]);
    let config = Config { timeout: Duration::from_millis(100), ..config };
    let start = Instant::now();
    failed(resolve("host", &config, LONG), false, &["no answer", "/etc/resolv.conf"]);
    assert!((Duration::from_millis(300)..SHORT).contains(&start.elapsed()));
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
        let alone = config("options timeout:30 attempts:1", &[bad.address()]);
        failed(resolve("host.example", &alone, LONG), false, &["could not be looked up"]);
        assert!(start.elapsed() < SHORT);
        let servers = config("", &[closed(), bad.address(), good.address()]);
        assert_eq!(resolve("host.example", &servers, LONG).unwrap(), ips(&HOST));
    }
}

#[test]
fn what_refuses_or_ends_early_costs_no_time() {
    let start = Instant::now();
    for option in ["no-aaaa", "inet6", "use-vc"] {
        let config = config(&format!("options timeout:30 attempts:1 {option}"), &[closed()]);
        failed(resolve("host.example", &config, LONG), false, &["connection refused"]);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || listener.accept().unwrap().0.read(&mut [0; 4096]).unwrap());
    let config = config("options use-vc no-aaaa timeout:30 attempts:1", &[address]);
    failed(resolve("host.example", &config, LONG), false, &["over TCP unreachable, unexpected end"]);
    assert!(server.join().unwrap() > 0);
    assert!(start.elapsed() < SHORT);
}

#[test]
fn the_error_says_what_each_server_did() {
    let failing = DnsServer::local(Zone { fail: Some(Rcode::SERVFAIL), ..Zone::default() });
    let refusing = DnsServer::local(Zone { fail: Some(Rcode::REFUSED), ..Zone::default() });
    let servers = config("", &[failing.address(), refusing.address(), closed()]);
    let error = resolve("host.example", &Config { assumed: true, ..servers }, LONG).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the host name \"host.example\" could not be looked up (asked for host.example; {}: failed to find out \
             (SERVFAIL); {}: refused to answer (REFUSED); {}: unreachable, connection refused; /etc/resolv.conf names \
             no server, so this is the default); check the name servers in /etc/resolv.conf, or use an IP address",
            failing.address(),
            refusing.address(),
            closed(),
        )
    );
}

#[test]
fn servers_on_ipv6() {
    // Not everywhere is there an IPv6 loopback address.
    if UdpSocket::bind("[::1]:0").is_ok() {
        let server = DnsServer::start("[::1]:0".parse().unwrap(), host_zone());
        assert_eq!(ask(&server, "", "host.example").unwrap(), ips(&HOST));
    }
}
