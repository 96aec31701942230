//! The options every operation has: where the appliance is, who asks, what is trusted, how long to wait.

use serde::Deserialize;

use super::declaration::{Form, Kind, Literal, options};
use super::rule::{Rule, Test};
use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::scrub::Secret;

/// The longest time-out: a day, in seconds.
const LONGEST_TIMEOUT: u64 = 86_400;

/// How a fingerprint is written.
const FINGERPRINT: Form = Form {
    about: "64 hexadecimal digits, with or without `sha256:` and colons",
    pattern: r"^(?:[sS][hH][aA]256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$",
    longest: 102,
    fits: |text| Fingerprint::parse(text).is_some(),
};

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Credentials with every request.
    Basic,
    /// A session.
    Session,
}

options! {
    /// The connection options, checked.
    pub struct Connection {
        /// Name, IPv4 or IPv6 address of the appliance (brackets allowed), without scheme, path, user, port, zone or
        /// blanks. A trailing dot is not part of the TLS name. Write names with non-ASCII letters as punycode.
        host: Host = Kind::Host.required().alias("hostname").environment("LXCA_HOST").example(r#""lxca.example.com""#),
        /// TCP port of the appliance's web server.
        port: u16 = Kind::Integer(1, 65_535).default(Literal::Integer(443)).environment("LXCA_PORT"),
        /// User to log in as. With `auth_method: basic` it must not contain a colon.
        username: String = Kind::Text.required().environment("LXCA_USERNAME").example(r#""USERID""#),
        /// The user's password, sent as UTF-8.
        password: Secret = Kind::Secret.required().environment("LXCA_PASSWORD"),
        /// How to log in: `basic` sends the credentials with every request and leaves no session behind; `session` logs
        /// in and out again (the appliance allows 3 sessions a user).
        auth_method: AuthMethod =
            Kind::Choice(&["basic", "session"]).default(Literal::Text("basic")).environment("LXCA_AUTH_METHOD"),
        /// Whether the server's certificate is verified.
        validate_certs: bool = Kind::Boolean.default(Literal::Boolean(true)).environment("LXCA_VALIDATE_CERTS"),
        /// PEM file with the certificates to trust instead of the system's roots; `~/` is expanded. CA certificates sign
        /// for others. A server certificate in the file is trusted itself, if its name and dates are right.
        ca_path: Option<String> =
            Kind::Path.optional().empty_is_absent().environment("LXCA_CA_PATH").example(r#""~/lxca-ca.pem""#),
        /// SHA-256 of the server's certificate, with or without `sha256:` and colons, in any case. Replaces the checks of
        /// name, dates and chain and must match, also with `validate_certs: false`; `ca_path` is not opened then.
        certificate_fingerprint: Option<Fingerprint> = Kind::Form(&FINGERPRINT)
            .optional()
            .empty_is_absent()
            .environment("LXCA_CERTIFICATE_FINGERPRINT")
            .example(r#""sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0""#),
        /// Name expected in the certificate, and sent as SNI, in place of `host`: older appliances carry `localhost`.
        server_name: Option<Host> = Kind::Host.optional().empty_is_absent().example(r#""localhost""#),
        /// Seconds for one HTTP exchange, from the first packet to the last byte of the body, connecting included.
        timeout: u64 = Kind::Integer(1, LONGEST_TIMEOUT).default(Literal::Integer(60)),
        /// Seconds for name lookup, TCP and TLS over all addresses together; the smaller of this and `timeout` counts.
        connect_timeout: u64 = Kind::Integer(1, LONGEST_TIMEOUT).default(Literal::Integer(10)),
        /// How often an exchange that can be repeated safely is repeated after a connection failure, 429, 502, 503 or 504.
        retries: u32 = Kind::Integer(0, 10).default(Literal::Integer(2)),
        /// Whether `https_proxy`, `all_proxy` and `no_proxy` of the environment count.
        use_proxy: bool = Kind::Boolean.default(Literal::Boolean(true)),
    }
}

/// The rules between them.
pub const RULES: &[Rule] = &[Rule::When {
    option: "auth_method",
    is: Test::Is(Literal::Text("basic")),
    then: "username",
    must: Test::Without(':'),
    // RFC 7617, section 2: what stands behind the first colon would be taken for the password.
    problem: "must not contain a colon with `auth_method: basic`; use `auth_method: session`",
}];
