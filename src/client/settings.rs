//! Where the appliance is, who asks, what is trusted, how long an exchange may take: all a client has to know.

use std::time::Duration;

use crate::fingerprint::Fingerprint;
use crate::host::Host;
use crate::scrub::Secret;

/// How to log in (docs/lxca-api.md, Two ways to authenticate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// Credentials with every request: one round trip, no session on the appliance.
    Basic,
    /// `POST /sessions`, and `DELETE /sessions` on every way out.
    Session,
}

/// The settings of a client. `docs/contract.md` describes each under the option of the same name.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name or address of the appliance.
    pub host: Host,
    /// TCP port of its web server.
    pub port: u16,
    /// User to log in as.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// What may be wrong with the password, to be said when it is refused.
    pub password_doubt: Option<&'static str>,
    /// How to log in.
    pub auth_method: AuthMethod,
    /// Whether the server's certificate is verified.
    pub validate_certs: bool,
    /// PEM file with the certificates that are trusted in place of the system's.
    pub ca_path: Option<String>,
    /// The one certificate to trust, in place of every other check.
    pub certificate_fingerprint: Option<Fingerprint>,
    /// Name expected in the certificate, in place of `host`.
    pub server_name: Option<Host>,
    /// For one exchange, from the first packet to the last byte of the body, connecting included.
    pub timeout: Duration,
    /// For name lookup, TCP and TLS over all addresses together.
    pub connect_timeout: Duration,
    /// How often an exchange that can be repeated safely is repeated.
    pub retries: u32,
    /// Whether the proxy of the environment counts.
    pub use_proxy: bool,
}
