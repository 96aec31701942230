//! A simulated Lenovo XClarity Administrator (LXCA): a stateful HTTPS server on a loopback address, for tests of
//! clients and for trying them without hardware.
//!
//! It is written from the public documents of the API. Where they contradict themselves, [`Quirks`] choose the
//! variant; where they are silent, a comment at the place says so and which choice was made. What goes wrong on
//! purpose is in [`Fault`] and [`Plays`].
//!
//! ```
//! use lxca_appliance::{Appliance, Fault, FaultRule, Settings};
//!
//! # fn main() -> std::io::Result<()> {
//! let appliance = Appliance::start(Settings::default())?;
//! appliance.change(|state| {
//!     state.settings.quirks.error_msg_as_array = true;
//!     state.settings.faults.push(FaultRule::new(Fault::Reset).on("GET", "/aicc").times(1));
//! });
//! assert!(appliance.requests().is_empty());
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

mod accounts;
mod appliance;
mod body;
mod catalog;
mod certificates;
mod clock;
mod connection;
mod dressing;
mod echo;
mod effects;
mod endpoints;
mod envelope;
mod faults;
mod gate;
mod http;
mod listener;
mod multipart;
mod package;
mod plays;
mod quirks;
mod random;
mod range;
mod replaced;
mod reply;
mod request_log;
mod routes;
mod sessions;
mod settings;
mod small_rsa;
mod space;
mod state;
mod tasks;
mod tls;
mod wire;
mod zip;

pub use accounts::{LiveAccount, Lock};
pub use appliance::Appliance;
pub use faults::{CutEnd, EchoEncoding, EchoShape, Fault, FaultRule, Reason, StatusBody, chaos};
pub use package::Package;
pub use plays::{
    Download, Fate, ForeignJob, JobIds, JobRule, NoSpace, Phase, Plays, Ranges, Refused, RestartPhase, UnknownJob,
    ValidationPath, Validator,
};
pub use quirks::{
    Booleans, ContentEncoding, CsrfLocation, EmptyCurrent, EmptyLists, ExportParameter, Filetypes, Language, MediaType,
    Quirks, Severity, SuccessWord, TaskidZero, Unauthenticated, UnknownFixId, UnknownTask,
};
pub use request_log::LoggedRequest;
pub use sessions::Session;
pub use settings::{Account, CertificateKind, Durations, Settings, TlsOffer};
pub use state::{Installed, State};
pub use tasks::{Announced, End, Task, TaskKind};
pub use zip::ZipFile;
