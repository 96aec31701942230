//! What an appliance is started with. Every field may be absent from a settings file.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::faults::FaultRule;
use crate::plays::Plays;
use crate::quirks::Quirks;

/// All settings of one appliance. The copy inside [`crate::State`] is live: what is changed there counts from the
/// next request on. But address, port, certificate and accounts are read at the start only, the rest of TLS also at a
/// restart.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on. Loopback only: anything else is refused at the start.
    pub listen: IpAddr,
    /// TCP port; 0 picks a free one. A real appliance has 443 (docs/lxca-api.md, Transport and certificates).
    pub port: u16,
    /// Version, `major.minor.patch` (docs/lxca-api.md, Appliance facts). Shown by `/aicc` and by the media type.
    pub version: String,
    /// Build, a decimal number as text (docs/lxca-api.md, Appliance facts).
    pub build: String,
    /// Name shown by `/aicc`; absent: `LXCA - <address>`.
    pub name: Option<String>,
    /// UUID shown by `/aicc`; absent: a random one.
    pub uuid: Option<String>,
    /// Which certificate the server presents.
    pub certificate: CertificateKind,
    /// Which certificate the server presents after a restart, such as the one that ends an update: a new one each time,
    /// issued by the same CA where the appliance's own CA issues it. `ca_path` stays as it is. Absent: the certificate
    /// stays (docs/lxca-api.md, Transport and certificates: its web server restarts with a new certificate, and all
    /// sessions end).
    pub certificate_after_restart: Option<CertificateKind>,
    /// Which TLS the server speaks.
    pub tls: TlsOffer,
    /// Require a client certificate that the appliance's own CA issued. No client has one.
    pub client_certificate_required: bool,
    /// Accounts; the first is the one [`crate::Appliance::username`] names.
    pub accounts: Vec<Account>,
    /// Sessions one user may hold at a time, 0 = no limit (docs/lxca-api.md, Account policy:
    /// `MaxConcurrentSessions`).
    pub max_sessions_per_user: usize,
    /// Failed logins in a row that lock an account, 0 = never (docs/lxca-api.md, Account policy:
    /// `MaximumLoginFailures`).
    pub maximum_login_failures: u32,
    /// Seconds an account stays locked, 0 = until unlocked by hand (docs/lxca-api.md, Account policy: `LockoutTime`,
    /// 60 minutes).
    pub lockout_seconds: u64,
    /// Minutes after which an idle session ends, 0 = never (docs/lxca-api.md, Account policy: `InactivityTimeout`).
    pub inactivity_timeout_minutes: u64,
    /// Days after which a password must be changed, 0 = never (docs/lxca-api.md, Account policy:
    /// `MaximumPasswordExpiration`).
    pub maximum_password_expiration_days: u32,
    /// Time factor of jobs and of the restart after an update: 10 makes them ten times as fast. Above 0.
    pub speed: f64,
    /// How long jobs take at speed 1.
    pub durations: Durations,
    /// Size of an export's ZIP file in bytes, about; it is made while it is sent, so gigabytes need no memory. Up to
    /// 64 GiB.
    pub export_bytes: u64,
    /// Longest accepted body of an ordinary request, in bytes; longer ones get 413. Limits are not documented.
    pub body_limit_bytes: usize,
    /// Longest accepted body of an upload (`/files/…`), in bytes; longer ones get 413. Uploads are read without being
    /// kept.
    pub upload_limit_bytes: usize,
    /// Where the documents contradict themselves or are silent: which variant this appliance plays.
    pub quirks: Quirks,
    /// How jobs, repositories and downloads go wrong.
    pub plays: Plays,
    /// What goes wrong with requests and answers, and when. The first rule that applies to a request wins.
    pub faults: Vec<FaultRule>,
    /// Decides which requests are hit by rules with a probability; absent: another one at every start.
    pub seed: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            version: "4.0.0".into(),
            build: "264".into(),
            name: None,
            uuid: None,
            certificate: CertificateKind::InternalCa,
            certificate_after_restart: None,
            tls: TlsOffer::Tls12AndTls13,
            client_certificate_required: false,
            accounts: vec![
                Account { username: "USERID".into(), ..Account::default() },
                Account { username: "READER".into(), read_only: true, ..Account::default() },
            ],
            max_sessions_per_user: 3,
            maximum_login_failures: 20,
            lockout_seconds: 3600,
            inactivity_timeout_minutes: 1440,
            maximum_password_expiration_days: 90,
            speed: 1.0,
            durations: Durations::default(),
            export_bytes: 262_144,
            body_limit_bytes: 1 << 20,
            upload_limit_bytes: 64 << 30,
            quirks: Quirks::default(),
            plays: Plays::default(),
            faults: Vec::new(),
            seed: None,
        }
    }
}

impl Settings {
    /// Whether an appliance can be started with these settings.
    ///
    /// # Errors
    /// An address that is not loopback, no account, a speed that is not above 0, an export of more than
    /// 64 GiB, or a probability outside 0 to 1.
    pub fn check(&self) -> io::Result<()> {
        let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if !self.listen.is_loopback() {
            return refuse("listen: only a loopback address is accepted");
        }
        if self.accounts.is_empty() {
            return refuse("accounts: at least one is needed");
        }
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return refuse("speed: must be above 0");
        }
        if self.export_bytes > crate::zip::LARGEST {
            return refuse("export_bytes: at most 64 GiB");
        }
        if self.faults.iter().filter_map(|rule| rule.probability).any(|part| !(0.0..=1.0).contains(&part)) {
            return refuse("faults: a probability is a number from 0 to 1");
        }
        Ok(())
    }

    /// `seconds` of appliance time as real time.
    pub(crate) fn scaled(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds.max(0.0) / self.speed).unwrap_or(Duration::MAX)
    }
}

/// A user account.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// User name; compared as written.
    pub username: String,
    /// Password; absent: a random one is made at the start.
    pub password: Option<String>,
    /// How many days ago the password was set.
    pub password_age_days: u32,
    /// The login succeeds with `pwChangeRequired: true`, and everything else but the change of the password is refused
    /// (docs/lxca-api.md, POST /sessions).
    pub password_change_required: bool,
    /// The account may read only: every writing call gets 403.
    pub read_only: bool,
}

/// Which certificate the server presents (docs/lxca-api.md, Transport and certificates).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateKind {
    /// ECDSA P-256, issued by the appliance's own CA; names 127.0.0.1, ::1, localhost and lxca.test.
    #[default]
    InternalCa,
    /// As `internal_ca`, for the name `localhost` only.
    LocalhostOnly,
    /// As `internal_ca`, expired a day ago.
    Expired,
    /// As `internal_ca`, valid from tomorrow.
    NotYetValid,
    /// As `internal_ca`, with a common name but no subjectAltName.
    NoSan,
    /// As `internal_ca`, but for clients only: serverAuth is not in the extended key usage.
    ClientAuthOnly,
    /// Its own issuer and marked as a CA; `ca_path` is the certificate itself.
    SelfSigned,
    /// As `self_signed`, expired a day ago.
    SelfSignedExpired,
    /// As `self_signed`, but marked as no CA.
    SelfSignedLeaf,
    /// As `internal_ca`, but issued by a CA other than the one in `ca_path`.
    UnknownCa,
    /// As `internal_ca`, with an RSA key of 2048 bits.
    Rsa,
    /// As `internal_ca`, with an RSA key of 1024 bits; always the same, as the next two.
    Rsa1024,
    /// As `internal_ca`, signed with SHA-1.
    Sha1,
    /// As `internal_ca`, but of X.509 version 1, which has no place for names beside the common name.
    X509V1,
}

/// Which TLS the server speaks. The documents name 1.2 "and stronger" and leave 1.3 open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsOffer {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12AndTls13,
    /// TLS 1.2.
    Tls12Only,
    /// TLS 1.1 at most, as a server from before TLS 1.3 says it: by choosing 1.1. What follows is not simulated.
    Tls11Only,
    /// TLS 1.1 at most, as a newer server says it: by the alert protocol_version.
    Tls11OnlyByAlert,
    /// TLS 1.2 without any cipher suite of forward secrecy and authenticated encryption: the server finds nothing in
    /// common with a client of today, and says so by the alert handshake_failure.
    OldCiphersOnly,
}

/// How long things take, in seconds at speed 1.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// Fetching a catalog.
    pub refresh: f64,
    /// Downloading updates.
    pub acquire: f64,
    /// Making an export's ZIP file.
    pub export: f64,
    /// The export that is running when the appliance starts.
    pub running_export: f64,
    /// Taking in uploaded files.
    pub import: f64,
    /// From the request to cancel a job until it has ended; the job runs on meanwhile.
    pub cancel: f64,
    /// Applying an update to the management server, up to the restart.
    pub apply: f64,
    /// The part of that restart in which connections are refused.
    pub restart_down: f64,
    /// The part of that restart in which every request gets a 503 page.
    pub restart_503: f64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            refresh: 5.0,
            acquire: 10.0,
            export: 8.0,
            running_export: 45.0,
            import: 2.0,
            cancel: 0.0,
            apply: 10.0,
            restart_down: 5.0,
            restart_503: 5.0,
        }
    }
}
