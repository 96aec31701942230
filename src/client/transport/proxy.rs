//! The proxy of the environment: which one counts for this host, and its CONNECT (docs/contract.md, Input).

mod exceptions;

use std::io::{self, Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::ProxyProtocol;

use super::words::list;
use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::host::Host;
use crate::scrub::{Secret, Secrets};

/// Where the proxy is named, first come first served. `HTTP_PROXY` is for http and not for us.
const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Where the exceptions are.
const NO_PROXY_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// A proxy's answer to CONNECT has no longer header.
const LARGEST_HEADER: usize = 16 << 10;

/// A proxy that connections to the appliance go through.
#[derive(Debug)]
pub struct Proxy {
    /// Its name or address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Whether the proxy itself is spoken to over TLS (`https://`).
    pub tls: bool,
    /// `Proxy-Authorization`, when its URL has credentials.
    authorization: Option<Secret>,
}

/// Why a proxy did not answer CONNECT with a connection.
#[derive(Debug)]
pub enum ConnectError {
    /// The time for connecting ran out.
    Deadline,
    /// The connection to it broke.
    Broken(io::Error),
    /// It answered with this status and reason.
    Status(u16, String),
    /// It wants other credentials than it got.
    Login {
        /// The schemes that it offers.
        offered: Vec<String>,
        /// Whether it got some.
        sent: bool,
    },
    /// It does not speak HTTP.
    NotHttp,
}

impl Proxy {
    /// The proxy that the environment names for a host, if any, and warnings about the exceptions; its credentials become
    /// known secrets.
    ///
    /// # Errors
    /// `invalid_input` for a URL that is not one, and for SOCKS. No part of the URL is shown: what looks like a host can
    /// be half a password.
    pub fn of(
        settings: &Settings,
        environment: &dyn Fn(&str) -> Option<String>,
        secrets: &Secrets,
    ) -> Result<(Option<Proxy>, Vec<String>), Failure> {
        let set = |name: &&'static str| {
            environment(name).filter(|value| !value.trim().is_empty()).map(|value| (*name, value))
        };
        let Some((variable, url)) = PROXY_VARIABLES.iter().find_map(set).filter(|_| settings.use_proxy) else {
            return Ok((None, Vec::new()));
        };
        let mut warnings = Vec::new();
        if let Some((variable, items)) = NO_PROXY_VARIABLES.iter().find_map(set) {
            let (excepted, unknown) = exceptions::apply(&items, &settings.host, settings.port);
            if !unknown.is_empty() {
                warnings.push(format!(
                    "The environment variable {variable} holds what is not understood and was passed over: {}.",
                    list(&unknown)
                ));
            }
            if excepted {
                return Ok((None, warnings));
            }
        }
        let proxy = Proxy::parse(url.trim(), secrets).map_err(|why| {
            let text = format!(
                "The environment variable {variable} {why}; accepted is http://[user:password@]host[:port]. \
                 Set `use_proxy` to false to connect directly. Nothing was sent."
            );
            Failure::new(Kind::InvalidInput, text)
        })?;
        Ok((Some(proxy), warnings))
    }

    fn parse(url: &str, secrets: &Secrets) -> Result<Proxy, &'static str> {
        let authority = authority(url)?;
        let proxy = ureq::Proxy::new(url).map_err(|_| "holds no URL of a proxy")?;
        let tls = match proxy.protocol() {
            ProxyProtocol::Http => false,
            ProxyProtocol::Https => true,
            _ => return Err("names a SOCKS proxy, which is not supported"),
        };
        let (user, password) = (proxy.username(), proxy.password());
        // Without a password the user's place holds a token.
        [password, user.filter(|_| password.is_none())].into_iter().flatten().for_each(|secret| secrets.add(secret));
        if let Some((written, _)) = authority.rsplit_once('@') {
            secrets.add(written.split_once(':').map_or(written, |(_, password)| password));
        }
        let authorization = (user.is_some() || password.is_some()).then(|| {
            let pair = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
            let token = BASE64_STANDARD.encode(pair);
            secrets.add(&token);
            Secret::new(token)
        });
        let host = Host::parse(proxy.host()).ok_or("holds no valid host name")?;
        Ok(Proxy { host, port: proxy.port(), tls, authorization })
    }

    /// Asks the proxy for a connection to the appliance (RFC 9110, section 9.3.6).
    pub fn connect(&self, stream: &mut (impl Read + Write), host: &Host, port: u16) -> Result<(), ConnectError> {
        let broken = |error: io::Error| match error.kind() {
            io::ErrorKind::TimedOut => ConnectError::Deadline,
            _ => ConnectError::Broken(error),
        };
        let target = format!("{}:{port}", host.in_url());
        let authorization = self.authorization.as_ref();
        let authorization = authorization.map(|token| format!("Proxy-Authorization: Basic {}\r\n", token.expose()));
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: lxca/{}\r\n{}\r\n",
            env!("CARGO_PKG_VERSION"),
            authorization.unwrap_or_default(),
        );
        stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(broken)?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the header belongs to the appliance, and the header is short.
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte).map_err(broken)? {
                0 if answer.is_empty() => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
                0 => return Err(ConnectError::NotHttp),
                _ => answer.extend_from_slice(&byte),
            }
            if answer.len() > LARGEST_HEADER {
                return Err(ConnectError::NotHttp);
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&answer).is_ok_and(|status| status.is_complete());
        match response.code.filter(|_| parsed) {
            Some(200..=299) => Ok(()),
            Some(407) => {
                let offers = response.headers.iter().filter(|it| it.name.eq_ignore_ascii_case("Proxy-Authenticate"));
                let offered = offers.flat_map(|it| schemes(&String::from_utf8_lossy(it.value))).collect();
                Err(ConnectError::Login { offered, sent: self.authorization.is_some() })
            }
            Some(code) => Err(ConnectError::Status(code, response.reason.unwrap_or_default().to_owned())),
            None => Err(ConnectError::NotHttp),
        }
    }
}

/// What stands between `://` and the end of a proxy's URL, checked for what `http::Uri` takes for something else: with a
/// raw `#`, `?` or `/` in the password it finds a host in front of it, and a port that is not a number is 80 to it.
fn authority(url: &str) -> Result<&str, &'static str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (credentials, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    if credentials.contains(['#', '?', '/']) {
        return Err("has a character in user or password that a URL cannot hold: percent-encode # ? / @ : as \
                    %23 %3F %2F %40 %3A");
    }
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains(['#', '?', '/']) {
        return Err("holds more than a proxy's URL has; if that belongs to the password, percent-encode it \
                    (# ? / as %23 %3F %2F)");
    }
    let port = match place.rsplit_once(':') {
        Some((host, port)) if !host.starts_with('[') || host.ends_with(']') => Some(port),
        _ => None,
    };
    if port
        .is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(port.parse::<u16>(), Ok(1..)))
    {
        return Err("has a port that is not a number from 1 to 65535");
    }
    Ok(rest)
}

/// The authentication schemes in a value of Proxy-Authenticate (RFC 9110, section 11.6.1).
fn schemes(value: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = value.split(|letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    });
    let first_words = parts.filter_map(|part| part.split_whitespace().next());
    first_words.filter(|word| !word.contains('=')).map(str::to_owned).collect()
}
