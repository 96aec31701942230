//! The proxy of the environment: which one counts for this host, and its CONNECT (contract, section 2).

use std::io::{self, Read, Write};
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use no_proxy::NoProxy;
use ureq::ProxyProtocol;

use crate::client::settings::Settings;
use crate::failure::{Failure, Kind};
use crate::host::Host;
use crate::scrub::Secrets;

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
    authorization: Option<crate::scrub::Secret>,
}

/// Why a proxy did not connect us.
#[derive(Debug)]
pub enum ProxyRefusal {
    /// The connection to it broke, or its time ran out.
    Broken(io::Error),
    /// It answered, but not with 2xx.
    Status(u16, String),
    /// It does not speak HTTP.
    NotHttp,
}

impl Proxy {
    /// The proxy that the environment names for a host, if any; its credentials become known secrets.
    ///
    /// # Errors
    /// `invalid_input` for a URL that is none, and for SOCKS.
    pub fn of(
        settings: &Settings,
        environment: &dyn Fn(&str) -> Option<String>,
        secrets: &Secrets,
    ) -> Result<Option<Proxy>, Failure> {
        let set = |name: &&'static str| {
            environment(name).filter(|value| !value.trim().is_empty()).map(|value| (*name, value))
        };
        let Some((variable, url)) = PROXY_VARIABLES.iter().find_map(set).filter(|_| settings.use_proxy) else {
            return Ok(None);
        };
        let exceptions = NO_PROXY_VARIABLES.iter().find_map(set).map(|(_, list)| exceptions(&list, &settings.host));
        if exceptions.is_some_and(|exceptions| exceptions.matches(&settings.host.bare())) {
            return Ok(None);
        }
        Proxy::parse(url.trim(), secrets).map(Some).map_err(|why| {
            let text = format!(
                "The environment variable {variable} {why}; accepted is http://[user:password@]host[:port]. \
                 Set `use_proxy` to false to connect directly. Nothing was sent."
            );
            Failure::new(Kind::InvalidInput, text)
        })
    }

    fn parse(url: &str, secrets: &Secrets) -> Result<Proxy, &'static str> {
        let proxy = ureq::Proxy::new(url).map_err(|_| "holds no URL of a proxy")?;
        let tls = match proxy.protocol() {
            ProxyProtocol::Http => false,
            ProxyProtocol::Https => true,
            _ => return Err("names a SOCKS proxy, which is not supported"),
        };
        let (user, password) = (proxy.username(), proxy.password());
        // Without a password the user's place holds a token.
        [password, user.filter(|_| password.is_none())].into_iter().flatten().for_each(|secret| secrets.add(secret));
        let authorization = (user.is_some() || password.is_some()).then(|| {
            let pair = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
            let token = BASE64_STANDARD.encode(pair);
            secrets.add(&token);
            crate::scrub::Secret::new(token)
        });
        let host = Host::parse(proxy.host()).ok_or("holds no valid host name")?;
        Ok(Proxy { host, port: proxy.port(), tls, authorization })
    }

    /// Asks the proxy for a connection to the appliance (RFC 9110, section 9.3.6).
    pub fn connect(&self, stream: &mut (impl Read + Write), host: &Host, port: u16) -> Result<(), ProxyRefusal> {
        let target = format!("{}:{port}", host.in_url());
        let authorization = self.authorization.as_ref();
        let authorization = authorization.map(|token| format!("Proxy-Authorization: Basic {}\r\n", token.expose()));
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: lxca/{}\r\n{}\r\n",
            env!("CARGO_PKG_VERSION"),
            authorization.unwrap_or_default(),
        );
        stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(ProxyRefusal::Broken)?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the header belongs to the appliance, and the header is short.
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte).map_err(ProxyRefusal::Broken)? {
                0 if answer.is_empty() => return Err(ProxyRefusal::Broken(io::ErrorKind::UnexpectedEof.into())),
                0 => return Err(ProxyRefusal::NotHttp),
                _ => answer.extend_from_slice(&byte),
            }
            if answer.len() > LARGEST_HEADER {
                return Err(ProxyRefusal::NotHttp);
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&answer).is_ok_and(|status| status.is_complete());
        match response.code.filter(|_| parsed) {
            Some(200..=299) => Ok(()),
            Some(code) => Err(ProxyRefusal::Status(code, response.reason.unwrap_or_default().to_owned())),
            None => Err(ProxyRefusal::NotHttp),
        }
    }
}

/// The exceptions that can apply to a host. The matcher compares letters as they are, knows no brackets, takes a trailing
/// dot for a prefix, and would find `0.0.1` in `127.0.0.1`.
fn exceptions(list: &str, host: &Host) -> NoProxy {
    let list = list.to_lowercase().replace(['[', ']'], "");
    let is_address = host.bare().parse::<IpAddr>().is_ok();
    let for_addresses = |item: &&str| *item == "*" || item.contains('/') || item.parse::<IpAddr>().is_ok();
    let items = list.split(',').map(|item| item.trim().trim_end_matches('.'));
    NoProxy::from(items.filter(|item| !is_address || for_addresses(item)).collect::<Vec<_>>().join(","))
}
