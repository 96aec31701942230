//! The variables that name a proxy and its exceptions (docs/contract.md, Input, `use_proxy`).

use serde_json::json;

use crate::harness::{appliance, appliance_with};
use crate::proxy::{Proxy, call};
use crate::scripted::NOBODY;
use crate::tls::says;

#[test]
fn the_variables_count_in_their_order() {
    // P is a proxy that works, D one that does not: who asks it fails.
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("https_proxy", "P")], true),
        (&[("HTTPS_PROXY", "P")], true),
        (&[("all_proxy", "P")], true),
        (&[("ALL_PROXY", "P")], true),
        (&[("https_proxy", "P"), ("HTTPS_PROXY", "D")], true),
        (&[("all_proxy", "P"), ("ALL_PROXY", "D")], true),
        (&[("https_proxy", "P"), ("all_proxy", "D"), ("ALL_PROXY", "D")], true),
        (&[("HTTPS_PROXY", "P"), ("all_proxy", "D")], true),
        (&[("https_proxy", ""), ("HTTPS_PROXY", "P")], true),
        (&[("https_proxy", " P ")], true),
        (&[("http_proxy", "D"), ("HTTP_PROXY", "D")], false),
        (&[("https_proxy", "")], false),
        (&[], false),
    ];
    for (environment, proxied) in cases {
        let appliance = appliance();
        let proxy = Proxy::tunnel(&appliance);
        let dead = format!("http://{}:{}", NOBODY.0, NOBODY.1);
        let environment: Vec<(&str, String)> =
            environment.iter().map(|(name, url)| (*name, url.replace('P', &proxy.url()).replace('D', &dead))).collect();
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, url)| (*name, url.as_str())).collect();
        let answer = call(&appliance, json!({"retries": 0}), &environment).run().answer();
        assert_eq!(answer["failed"], false, "{environment:?}: {}", answer.0);
        assert_eq!(proxy.heads().len(), usize::from(*proxied), "{environment:?}");
    }
}

#[test]
fn use_proxy_false_connects_directly() {
    let appliance = appliance();
    let dead = format!("http://{}:{}", NOBODY.0, NOBODY.1);
    call(&appliance, json!({"use_proxy": false}), &[("https_proxy", &dead), ("ALL_PROXY", &dead)]).succeeds();
    // Not even looked at.
    call(&appliance, json!({"use_proxy": false}), &[("https_proxy", "socks5://127.0.0.1:1")]).succeeds();
}

#[test]
fn exceptions_are_names_domains_addresses_networks_and_everything() {
    const PROXIED: bool = false;
    const DIRECT: bool = true;
    type Variables = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Variables, bool)] = &[
        ("127.0.0.1", &[("no_proxy", "127.0.0.1")], DIRECT),
        ("127.0.0.1", &[("NO_PROXY", "127.0.0.1")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "10.0.0.1 , \t127.0.0.1 ,x.test")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "127.0.0.0/8")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "127.9.9.9/8")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "0.0.0.0/0")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "127.0.0.1/32")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "x.test 127.0.0.1\ty.test")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "127.0.0.1:PORT")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "127.0.0.1:1")], PROXIED),
        ("localhost", &[("no_proxy", "localhost:PORT")], DIRECT),
        ("localhost", &[("no_proxy", "localhost:1")], PROXIED),
        ("localhost", &[("no_proxy", "localhost.")], DIRECT),
        ("lxca.rack.localhost", &[("no_proxy", "*.rack.localhost")], DIRECT),
        ("lxca.rack.localhost", &[("no_proxy", "*.rack.localhost:PORT")], DIRECT),
        ("lxca.rack.localhost", &[("no_proxy", ".localhost:1")], PROXIED),
        ("lxca.rack.localhost", &[("no_proxy", "*.ack.localhost")], PROXIED),
        ("::1", &[("no_proxy", "[::1]:PORT")], DIRECT),
        ("::1", &[("no_proxy", "[::1]:1")], PROXIED),
        ("::1", &[("no_proxy", "::2/64")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "10.0.0.0/8")], PROXIED),
        ("127.0.0.1", &[("no_proxy", "127.0.0.10")], PROXIED),
        ("127.0.0.1", &[("no_proxy", "0.0.1,.0.0.1")], PROXIED),
        ("127.0.0.1", &[("no_proxy", "localhost")], PROXIED),
        ("127.0.0.1", &[("no_proxy", "*")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "x.test, *")], DIRECT),
        ("127.0.0.1", &[("no_proxy", "x.test"), ("NO_PROXY", "*")], PROXIED),
        ("127.0.0.1", &[("no_proxy", ""), ("NO_PROXY", "*")], DIRECT),
        ("localhost", &[("no_proxy", "localhost")], DIRECT),
        ("localhost", &[("no_proxy", "LocalHost")], DIRECT),
        ("LOCALHOST", &[("no_proxy", "localhost")], DIRECT),
        ("localhost.", &[("no_proxy", "localhost")], DIRECT),
        ("localhost", &[("no_proxy", "host")], PROXIED),
        ("localhost", &[("no_proxy", "a.localhost")], PROXIED),
        ("lxca.rack.localhost", &[("no_proxy", "rack.localhost")], DIRECT),
        ("lxca.rack.localhost", &[("no_proxy", ".rack.localhost")], DIRECT),
        ("lxca.rack.localhost", &[("no_proxy", "ack.localhost")], PROXIED),
        ("lxca.rack.localhost", &[("no_proxy", "lxca.rack.localhost")], DIRECT),
        ("::1", &[("no_proxy", "::1")], DIRECT),
        ("[::1]", &[("no_proxy", "::1")], DIRECT),
        ("::1", &[("no_proxy", "[::1]")], DIRECT),
        ("::1", &[("no_proxy", "::/64")], DIRECT),
        ("::1", &[("no_proxy", "fe80::/10")], PROXIED),
        ("0:0:0:0:0:0:0:1", &[("no_proxy", "::1")], DIRECT),
    ];
    for ipv6 in [false, true] {
        let listen = if ipv6 { "::1" } else { "127.0.0.1" };
        let appliance = appliance_with(|settings| settings.listen = listen.parse().unwrap());
        let proxy = Proxy::tunnel(&appliance);
        let url = proxy.url();
        for (host, exceptions, direct) in cases.iter().filter(|(host, ..)| host.contains(':') == ipv6) {
            let before = proxy.heads().len();
            let port = appliance.port().to_string();
            let replaced: Vec<(&str, String)> =
                exceptions.iter().map(|(name, list)| (*name, list.replace("PORT", &port))).collect();
            let mut environment: Vec<(&str, &str)> =
                replaced.iter().map(|(name, list)| (*name, list.as_str())).collect();
            environment.push(("https_proxy", &url));
            call(&appliance, json!({"host": host, "server_name": "localhost"}), &environment).succeeds();
            let asked = proxy.heads().len() - before;
            assert_eq!(asked, usize::from(!direct), "{host} with {exceptions:?}");
        }
    }
}

#[test]
fn an_exception_that_is_not_understood_is_a_warning() {
    let appliance = appliance();
    let proxy = Proxy::tunnel(&appliance);
    let strange =
        ["10.0.0.0/33", "fe80::/129", "a..b", "*x.test", "a.test:http", "10.0.0.*", "[::1", "http://a.test", "0.0.1"];
    for item in strange {
        let environment: &[(&str, &str)] = &[("https_proxy", &proxy.url()), ("no_proxy", &format!("b.test,{item}"))];
        let answer = call(&appliance, json!({}), environment).succeeds();
        assert_eq!(answer.warnings().len(), 1, "{item}: {}", answer.0);
        assert!(answer.warnings()[0].contains("no_proxy") && answer.warnings()[0].contains(item), "{}", answer.0);
    }
    assert_eq!(proxy.heads().len(), strange.len());
    let usual = "localhost,.test, *.b.test ,10.0.0.0/8 fe80::/10 [::2]:443,c.test:8443,*.d.test:1";
    let environment: &[(&str, &str)] = &[("https_proxy", &proxy.url()), ("no_proxy", usual)];
    assert!(call(&appliance, json!({}), environment).succeeds()["warnings"].is_null());
    // Without a proxy there is nothing to except from.
    assert!(call(&appliance, json!({}), &[("no_proxy", "a..b")]).succeeds()["warnings"].is_null());
}

#[test]
fn an_address_that_is_not_one_is_refused_and_no_part_of_it_shown() {
    let appliance = appliance();
    let credentials = ["svc:31337#t1ger@", "svc:31337?t1ger@", "svc:31337/t1ger@", "svc#31337:t1ger@", "31337#t1ger@"];
    let with_credentials = credentials.iter().map(|it| format!("http://{it}proxy.t1ger:3128"));
    let without_scheme = credentials.iter().map(|it| format!("{it}proxy.t1ger:3128"));
    let places =
        [":808O", ":0", ":99999", ":65536", ":", ":-1", ":+80", ":80:80", "::1", "/path", "?query", "#fragment"];
    let places = places.iter().flat_map(|it| {
        [
            format!("http://proxy.t1ger{it}"),
            format!("http://svc:31337@proxy.t1ger{it}"),
            format!("https://proxy.t1ger{it}"),
        ]
    });
    let hosts = [
        "http://",
        "http://@",
        "http://svc:t1ger@",
        "http://:3128",
        "http://svc:t1ger@:3128",
        "http://pro xy.t1ger",
        "http://[::g]:1",
    ];
    let urls = with_credentials.chain(without_scheme).chain(places).chain(hosts.map(str::to_owned));
    for url in urls {
        let ended = call(&appliance, json!({}), &[("https_proxy", &url), ("LXCA_LOG", "debug")]).run();
        let answer = ended.answer();
        assert_eq!(answer["error"]["kind"], "invalid_input", "{url}: {}", answer.0);
        says(&answer, &["https_proxy", "use_proxy"]);
        for part in ["t1ger", "31337", "svc", "808O", "99999", "fragment", "3128"] {
            let text = ended.stdout.clone() + &ended.stderr;
            assert!(!text.contains(part) || !url.contains(part), "{url}: {part} is in {text}");
        }
        if url.contains("svc:31337#") {
            says(&answer, &["percent-encode"]);
        }
    }
    assert_eq!(appliance.connections(), 0);
    let proxy = Proxy::tunnel(&appliance);
    for good in [format!("{}/", proxy.url()), proxy.address(), format!("http://u:p@ss@{}", proxy.address())] {
        call(&appliance, json!({}), &[("https_proxy", &good)]).succeeds();
    }
}

#[test]
fn socks_and_nonsense_are_refused() {
    let appliance = appliance();
    for url in ["socks5://127.0.0.1:1", "socks4://127.0.0.1:1", "socks5h://127.0.0.1:1", "http://", "ftp://127.0.0.1"] {
        for variable in ["https_proxy", "ALL_PROXY"] {
            let answer = call(&appliance, json!({}), &[(variable, url)]).run().answer();
            assert_eq!(answer["failed"], true, "{variable}={url}: {}", answer.0);
            assert_eq!(answer["error"]["retryable"], false, "{variable}={url}: {}", answer.0);
            says(&answer, &[variable, "use_proxy"]);
        }
    }
    assert_eq!(appliance.connections(), 0);
}
