//! Proxies: what CONNECT says, and how failures name the proxy (docs/contract.md, Input, `use_proxy`).

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lxca_appliance::Appliance;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{Lxca, appliance, appliance_with, with};
use crate::scripted::{Certificate, NOBODY, Server, as_ca, close, file, read_head, wait_for_end};
use crate::tls::{info, says};

/// What a proxy does once it has read a request.
pub enum Way {
    /// Connects to the appliance, after a while.
    Tunnel(Duration),
    /// Answers this and closes.
    Answer(&'static str),
    /// Answers 403 with the client's own credentials as the reason.
    Echo,
    /// Closes without an answer.
    Close,
    /// Never answers.
    Stall,
    /// Answers a byte every 200 ms and never ends.
    Trickle,
}

/// A proxy on loopback that notes what it was asked for.
pub struct Proxy {
    server: Server,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy in front of one appliance, whatever it is asked to connect to.
    pub fn start(appliance: &Appliance, way: Way) -> Proxy {
        let target = (appliance.host(), appliance.port());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = heads.clone();
        let server = Server::start(move |mut client| {
            let Some(head) = read_head(&mut client) else { return };
            log.lock().unwrap().push(head.clone());
            match way {
                Way::Tunnel(pause) => {
                    thread::sleep(pause);
                    let appliance = TcpStream::connect((target.0.as_str(), target.1)).unwrap();
                    let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n");
                    join(client, appliance);
                }
                Way::Answer(answer) => drop(client.write_all(answer.as_bytes())),
                Way::Echo => {
                    let credentials = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
                    let decoded = BASE64_STANDARD.decode(credentials.unwrap()).unwrap();
                    let decoded = String::from_utf8(decoded).unwrap();
                    let reason = format!("{} is {decoded}", credentials.unwrap());
                    let _ = write!(client, "HTTP/1.1 403 {reason}\r\nContent-Length: 0\r\n\r\n");
                }
                Way::Close => {}
                Way::Stall => wait_for_end(&mut client),
                Way::Trickle => {
                    while client.write_all(b"H").is_ok() {
                        thread::sleep(Duration::from_millis(200));
                    }
                }
            }
        });
        Proxy { server, heads }
    }

    /// A proxy that connects at once.
    pub fn tunnel(appliance: &Appliance) -> Proxy {
        Proxy::start(appliance, Way::Tunnel(Duration::ZERO))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Its address, as a message should name it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// The requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Carries bytes both ways until both sides have ended.
fn join(client: TcpStream, appliance: TcpStream) {
    let one_way = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let (to_client, from_appliance) = (client.try_clone().unwrap(), appliance.try_clone().unwrap());
    let back = thread::spawn(move || one_way(from_appliance, to_client));
    one_way(client, appliance);
    let _ = back.join();
}

/// A call with these variables.
pub fn call(appliance: &Appliance, options: Value, environment: &[(&str, &str)]) -> Lxca {
    let call = Lxca::asks(appliance, info(options));
    environment.iter().fold(call, |call, (name, value)| call.environment(name, value))
}

#[test]
fn the_proxy_is_asked_for_host_and_port_and_verification_goes_on() {
    for (listen, host, target) in [
        ("127.0.0.1", "appliance.test", "appliance.test"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::1", "::1", "[::1]"),
        ("::1", "[::1]", "[::1]"),
    ] {
        let appliance = appliance_with(|settings| settings.listen = listen.parse().unwrap());
        let proxy = Proxy::tunnel(&appliance);
        let environment: &[(&str, &str)] = &[("https_proxy", &proxy.url())];
        let options = json!({"host": host, "server_name": "lxca.test"});
        call(&appliance, options, environment).succeeds();
        let head = proxy.heads().remove(0);
        let target = format!("{target}:{}", appliance.port());
        assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nHost: {target}\r\n")), "{head}");
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        assert_eq!(appliance.requests()[0].server_name.as_deref(), Some("lxca.test"));
        let options = json!({"host": host, "server_name": "elsewhere.test"});
        call(&appliance, options, environment).fails("tls");
    }
}

#[test]
fn credentials_in_the_url_are_sent_to_the_proxy_and_shown_to_nobody() {
    let appliance = appliance();
    let cases =
        [("scott:t1ger-in-a-box", "scott:t1ger-in-a-box"), ("sc%40tt:t1ger%3Ain%2Fa%25box", "sc@tt:t1ger:in/a%box")];
    for (written, meant) in cases {
        for way in [Way::Tunnel(Duration::ZERO), Way::Echo] {
            let echoes = matches!(way, Way::Echo);
            let proxy = Proxy::start(&appliance, way);
            let url = format!("http://{written}@{}", proxy.address());
            let call = call(&appliance, json!({}), &[("https_proxy", &url), ("LXCA_LOG", "debug")]);
            let ended = call.run();
            let answer = ended.answer();
            assert_eq!(answer["failed"], echoes, "{}", answer.0);
            let token = BASE64_STANDARD.encode(meant);
            let head = proxy.heads().remove(0);
            assert!(head.contains(&format!("\r\nProxy-Authorization: Basic {token}\r\n")), "{head}");
            let password = meant.split_once(':').unwrap().1;
            for secret in [password, &token, written.split_once(':').unwrap().1] {
                assert!(!ended.stdout.contains(secret), "{}", ended.stdout);
                assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
            }
            assert!(!echoes || answer.msg().contains("********"), "{}", answer.msg());
        }
    }
    // They are the proxy's, not the appliance's.
    assert!(appliance.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
}

#[test]
fn a_407_names_what_the_proxy_offers_and_what_is_left_to_do() {
    let answers = [
        ("Basic realm=\"a, b\"", "it offers Basic,", "wants a login: put user:password@", "refused the user"),
        (
            "Negotiate, NTLM\r\nProxy-Authenticate: Basic realm=x",
            "Negotiate, NTLM, Basic",
            "wants a login: put",
            "refused the user",
        ),
        (
            "Digest realm=\"a\", nonce=\"b, c\", qop=auth",
            "it offers Digest,",
            "another kind than Basic",
            "another kind than Basic",
        ),
        ("", "names no scheme", "wants a login: put", "refused the user"),
    ];
    for (header, offered, without, with) in answers {
        let appliance = appliance();
        let answer = format!("HTTP/1.1 407 Login\r\nProxy-Authenticate: {header}\r\nContent-Length: 0\r\n\r\n");
        let answer: &'static str = String::leak(answer.replace("Proxy-Authenticate: \r\n", ""));
        let proxy = Proxy::start(&appliance, Way::Answer(answer));
        for (credentials, words) in [("", without), ("scott:t1ger-in-a-box@", with)] {
            let url = format!("http://{credentials}{}", proxy.address());
            let answer = call(&appliance, json!({}), &[("https_proxy", &url)]).fails("connection_failed");
            says(&answer, &["407", offered, words, "only Basic is supported", &proxy.address()]);
            let advice = answer.msg().contains("put user:password@");
            assert!(!advice || credentials.is_empty(), "{}", answer.msg());
        }
        assert_eq!(proxy.heads().len(), 2, "not asked again");
    }
}

#[test]
fn a_connect_that_fails_names_the_proxy() {
    let cases = [
        (Way::Answer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"), "407"),
        (Way::Answer("HTTP/1.1 403 Not that way\r\nContent-Length: 0\r\n\r\n"), "403"),
        (Way::Answer("HTTP/1.0 502 Bad Gateway\r\n\r\n"), "502"),
        (Way::Answer("HTTP/1.1 503 Later\r\n\r\n<html>"), "503"),
        (Way::Answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"), "302"),
        (Way::Answer("+OK POP3 ready\r\n\r\n"), "HTTP"),
        (Way::Answer("HTTP/1.1 200 OK\r\nVia: "), ""),
        (Way::Close, ""),
    ];
    for (way, word) in cases {
        let appliance = appliance();
        let proxy = Proxy::start(&appliance, way);
        let answer =
            call(&appliance, json!({"retries": 0}), &[("https_proxy", &proxy.url())]).fails("connection_failed");
        says(&answer, &[&proxy.address(), "proxy", "use_proxy", word]);
        assert_eq!(answer["error"], json!({"kind": "connection_failed", "retryable": true}));
        assert_eq!(appliance.connections(), 0, "{}", answer.0);
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let appliance = appliance();
    let url = format!("http://{}:{}", NOBODY.0, NOBODY.1);
    let answer = call(&appliance, json!({"retries": 0}), &[("https_proxy", &url)]).fails("connection_failed");
    says(&answer, &[&format!("{}:{}", NOBODY.0, NOBODY.1), "proxy", "use_proxy"]);
    assert_eq!(appliance.connections(), 0);
}

#[test]
fn a_proxy_may_itself_speak_tls() {
    let appliance = appliance();
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let (config, port) = (certificate.config(), appliance.port());
    let proxy = Server::start(move |tcp| {
        let mut client = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
        if read_head(&mut client).is_none() {
            return;
        }
        let mut appliance = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        // One thread serves both ways: a TLS stream cannot be read and written by two.
        client.sock.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        appliance.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        while carry(&mut client, &mut appliance) && carry(&mut appliance, &mut client) {}
    });
    let environment: &[(&str, &str)] = &[("https_proxy", &format!("https://127.0.0.1:{}", proxy.port()))];
    let both = file(certificate.pem() + &std::fs::read_to_string(appliance.ca_path()).unwrap());
    call(&appliance, json!({"ca_path": both.path()}), environment).succeeds();
    // A proxy that is not trusted is told from the appliance.
    let place = format!("127.0.0.1:{}", proxy.port());
    let answer = call(&appliance, json!({}), environment).fails("tls");
    says(&answer, &[&format!("the proxy {place}"), "Put the proxy's CA into", &certificate.fingerprint()]);
    // The appliance's pin is not the proxy's, and its options say nothing of it.
    let pinned = json!({"ca_path": null, "certificate_fingerprint": appliance.certificate_fingerprint(), "server_name": "a.test"});
    let none = file("");
    let answer =
        call(&appliance, pinned, environment).environment("SSL_CERT_FILE", none.path().to_str().unwrap()).fails("tls");
    says(&answer, &[&place, "proxy's CA to the certificates that this system trusts"]);
    for option in ["certificate_fingerprint", "server_name", "ca_path"] {
        assert!(!answer.msg().contains(option), "{option} is in: {}", answer.msg());
    }
}

#[test]
fn a_body_without_length_is_cut_where_tls_inside_a_tls_proxy_was_not_closed() {
    let certificate = Certificate::self_signed(&["127.0.0.1"], as_ca);
    let answer = b"HTTP/1.1 200 OK\r\n\r\n{\"appliance\":{\"version\":\"4.0.0\",\"build\":\"\"}}";
    for (inner, outer, whole) in [(true, true, true), (true, false, true), (false, true, false), (false, false, false)]
    {
        let target = Server::closing(certificate.config(), answer, inner);
        let (config, port) = (certificate.config(), target.port());
        let proxy = Server::start(move |tcp| {
            let mut client = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
            if read_head(&mut client).is_none() {
                return;
            }
            let mut target = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            client.sock.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            target.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            while carry(&mut client, &mut target) && carry(&mut target, &mut client) {}
            close(&mut client, b"", outer);
        });
        let trusted = file(certificate.pem());
        let options = with(target.connection(), json!({"ca_path": trusted.path(), "retries": 0}));
        let call = Lxca::given(info(options).to_string());
        let call = call.environment("https_proxy", &format!("https://127.0.0.1:{}", proxy.port()));
        let answer = call.run().answer();
        assert_eq!(answer["failed"], !whole, "{inner} {outer}: {}", answer.0);
        assert!(whole || answer["error"]["kind"] == "connection_failed", "{}", answer.0);
    }
}

/// Carries what is there from one side to the other; whether both go on.
fn carry(from: &mut impl Read, to: &mut impl Write) -> bool {
    let mut bytes = [0; 16384];
    match from.read(&mut bytes) {
        Ok(0) => false,
        Ok(length) => to.write_all(&bytes[..length]).and_then(|()| to.flush()).is_ok(),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}
