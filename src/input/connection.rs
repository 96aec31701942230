//! The options every operation has: where the appliance is, who asks, what is trusted, how long to wait.

use std::time::Duration;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::accepted::{self, Accepted};
use super::options::Options;
use crate::client::settings::AuthMethod;
use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::scrub::Secret;

/// The longest time-out: a day.
pub const LONGEST_TIMEOUT: u64 = 86_400;
/// `timeout` when it is not given, in seconds.
const TIMEOUT: u64 = 60;
/// `connect_timeout` when it is not given, in seconds.
const CONNECT_TIMEOUT: u64 = 10;
/// `retries` when it is not given.
const RETRIES: u64 = 2;
/// The most `retries`.
const MOST_RETRIES: u64 = 10;
/// `port` when it is not given.
const PORT: u64 = 443;

/// The connection options, checked. Doc comments, limits and defaults here are the published ones.
#[derive(Clone, Debug, JsonSchema)]
pub struct Connection {
    /// Name, IPv4 or IPv6 address of the appliance (brackets allowed). No scheme, path, user, port, zone or blank; a
    /// trailing dot is not part of the TLS name; names with other than ASCII letters as punycode. Alias: `hostname`.
    /// Environment: `LXCA_HOST`.
    #[schemars(extend("examples" = ["lxca.example.com", "192.0.2.10", "2001:db8::10"]))]
    pub host: Host,
    /// TCP port of the appliance's web server. Environment: `LXCA_PORT`.
    #[schemars(with = "Option<u16>", range(min = 1, max = 65535), extend("default" = PORT))]
    pub port: u16,
    /// User to log in as; without a colon for `auth_method: basic`. Environment: `LXCA_USERNAME`.
    #[schemars(length(min = 1), extend("examples" = ["USERID"]))]
    pub username: String,
    /// The user's password; sent as UTF-8. Environment: `LXCA_PASSWORD`.
    #[schemars(with = "String", length(min = 1), extend("writeOnly" = true))]
    pub password: Secret,
    /// How to log in: `basic` sends the credentials with every request and leaves nothing behind; `session` logs in
    /// and out again (the appliance allows 3 sessions a user). Environment: `LXCA_AUTH_METHOD`.
    #[schemars(with = "Option<String>", extend("enum" = ["basic", "session", null], "default" = "basic"))]
    pub auth_method: AuthMethod,
    /// Whether the server's certificate is verified. Environment: `LXCA_VALIDATE_CERTS`.
    #[schemars(with = "Option<bool>", extend("default" = true))]
    pub validate_certs: bool,
    /// PEM file with the certificates that are trusted in place of the system's; `~/` is expanded. A self-signed server
    /// certificate that stands in the file itself is trusted too. Environment: `LXCA_CA_PATH`.
    #[schemars(with = "Option<String>", extend("examples" = ["~/lxca-ca.pem"]))]
    pub ca_path: Option<String>,
    /// SHA-256 of the server's certificate, with or without `sha256:` and colons, in any case. Replaces the checks of
    /// name, dates and chain and must match, also with `validate_certs: false`; `ca_path` is not opened then.
    /// Environment: `LXCA_CERTIFICATE_FINGERPRINT`.
    #[schemars(
        with = "Option<String>",
        regex(pattern = r"^(?:(?:[sS][hH][aA]256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2})?$"),
        extend("examples" = ["sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"])
    )]
    pub certificate_fingerprint: Option<Fingerprint>,
    /// Name expected in the certificate, and sent as SNI, in place of `host`: older appliances carry `localhost`.
    #[schemars(with = "Option<Host>", extend("examples" = ["localhost"]))]
    pub server_name: Option<Host>,
    /// Seconds for one HTTP exchange, from the first packet to the last byte of the body, connecting included.
    #[schemars(with = "Option<u64>", range(min = 1, max = LONGEST_TIMEOUT), extend("default" = TIMEOUT))]
    pub timeout: Duration,
    /// Seconds for name lookup, TCP and TLS over all addresses together; the smaller of this and `timeout` counts.
    #[schemars(with = "Option<u64>", range(min = 1, max = LONGEST_TIMEOUT), extend("default" = CONNECT_TIMEOUT))]
    pub connect_timeout: Duration,
    /// How often an exchange that can be repeated safely is repeated after a connection failure, 429, 502, 503 or 504.
    #[schemars(with = "Option<u32>", range(min = 0, max = MOST_RETRIES), extend("default" = RETRIES))]
    pub retries: u32,
    /// Whether `https_proxy`, `all_proxy` and `no_proxy` of the environment count.
    #[schemars(with = "Option<bool>", extend("default" = true))]
    pub use_proxy: bool,
}

impl Connection {
    /// Takes the connection options; nothing when one of them was refused.
    pub fn read(options: &mut Options) -> Option<Connection> {
        let seconds = accepted::integer(1..=LONGEST_TIMEOUT);
        let host = options.required("host", host);
        let port = options.optional("port", accepted::integer(1..=u64::from(u16::MAX))).unwrap_or(PORT);
        let username = options.required("username", accepted::string);
        let password = options.required("password", accepted::string);
        let auth_method = options.optional("auth_method", auth_method).unwrap_or(AuthMethod::Basic);
        let validate_certs = options.optional("validate_certs", accepted::boolean).unwrap_or(true);
        let ca_path = options.optional("ca_path", accepted::string);
        let certificate_fingerprint = options.optional("certificate_fingerprint", fingerprint);
        let server_name = options.optional("server_name", self::host);
        let timeout = options.optional("timeout", &seconds).unwrap_or(TIMEOUT);
        let connect_timeout = options.optional("connect_timeout", &seconds).unwrap_or(CONNECT_TIMEOUT);
        let retries = options.optional("retries", accepted::integer(0..=MOST_RETRIES)).unwrap_or(RETRIES);
        let use_proxy = options.optional("use_proxy", accepted::boolean).unwrap_or(true);
        if auth_method == AuthMethod::Basic && username.as_ref().is_some_and(|name| name.contains(':')) {
            // RFC 7617, section 2: what stands behind the first colon would be taken for the password.
            options.refuse("username", "must not contain a colon with auth_method basic; use auth_method session");
        }
        Some(Connection {
            host: host?,
            port: u16::try_from(port).ok()?,
            username: username?,
            password: Secret::new(password?),
            auth_method,
            validate_certs,
            ca_path,
            certificate_fingerprint,
            server_name,
            timeout: Duration::from_secs(timeout),
            connect_timeout: Duration::from_secs(connect_timeout),
            retries: u32::try_from(retries).ok()?,
            use_proxy,
        })
    }

    /// The rules between connection options, for the published schema.
    pub fn rules() -> Vec<Value> {
        vec![json!({
            "if": {"properties": {"auth_method": {"const": "session"}}, "required": ["auth_method"]},
            "else": {"properties": {"username": {"pattern": "^[^:]*$"}}}
        })]
    }
}

fn auth_method(value: &Value) -> Accepted<AuthMethod> {
    accepted::choice(&["basic", "session"])(value).map(|word| match word {
        "session" => AuthMethod::Session,
        _ => AuthMethod::Basic,
    })
}

/// A host name or an address.
pub fn host(value: &Value) -> Accepted<Host> {
    Host::parse(&accepted::string(value)?).ok_or_else(|| {
        "accepted is a host name, an IPv4 or an IPv6 address, without scheme, user, port, path or zone \
         (names with other than ASCII letters as punycode)"
            .into()
    })
}

/// A fingerprint in any of its spellings.
fn fingerprint(value: &Value) -> Accepted<Fingerprint> {
    Fingerprint::parse(&accepted::string(value)?)
        .ok_or_else(|| "accepted are 64 hexadecimal digits, with or without `sha256:` and colons".into())
}
