//! An appliance as its user holds it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::listener::{Place, Restart, Shared, serve};
use crate::request_log::LoggedRequest;
use crate::settings::Settings;
use crate::state::State;

/// A running appliance. Dropping it stops it and removes its directory.
pub struct Appliance {
    shared: Arc<Shared>,
    address: SocketAddr,
    directory: TempDir,
    ca_path: PathBuf,
    username: String,
    password: String,
    restarts: UnboundedSender<Restart>,
    /// The server stops when this is gone.
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Appliance {
    /// Starts an appliance in its own thread. It listens when this returns.
    ///
    /// # Errors
    /// The settings are not valid ([`Settings::check`]), the port is taken, or the system refuses a thread, a
    /// directory.
    pub fn start(settings: Settings) -> io::Result<Self> {
        settings.check()?;
        let wanted = SocketAddr::new(settings.listen, settings.port);
        let directory = tempfile::Builder::new().prefix("lxca-appliance-").tempdir()?;
        let ca_path = directory.path().join("ca.pem");
        let state = State::new(settings);
        let first = state.accounts.first().cloned();
        let (username, password) = first.map(|account| (account.username, account.password)).unwrap_or_default();
        let shared = Arc::new(Shared::new(state)?);
        std::fs::write(&ca_path, &shared.front().identity.ca_pem)?;

        let (restarts, asked) = unbounded_channel();
        let (running, stopped) = oneshot::channel();
        let (ready, started) = channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("lxca-appliance".into())
            .spawn(move || run(served, wanted, asked, stopped, |result| drop(ready.send(result))))?;
        let address = started.recv().unwrap_or_else(|_| Err(io::Error::other("the appliance's thread ended")))?;
        Ok(Self {
            shared,
            address,
            directory,
            ca_path,
            username,
            password,
            restarts,
            running: Some(running),
            thread: Some(thread),
        })
    }

    /// The address it listens on, without port: `127.0.0.1` or `::1`, without brackets.
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// The TCP port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// User name of the first account.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Password of the first account, as it was at the start.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// PEM file with the certificate of the internal CA, as downloaded when the appliance started (docs/lxca-api.md,
    /// Transport and certificates); removed with the appliance.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// The appliance's own temporary directory, for files that belong to it; removed with the appliance.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// SHA-256 of the server's certificate, which a restart may change: `sha256:` and 64 lower-case hexadecimal digits.
    pub fn certificate_fingerprint(&self) -> String {
        self.shared.front().identity.fingerprint()
    }

    /// The last 5,000 requests, in order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().log.entries()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }

    /// Every request from now on, as soon as it is answered.
    pub fn follow_requests(&self) -> Receiver<LoggedRequest> {
        self.shared.state().log.follow()
    }

    /// TCP connections accepted so far, those without a request included.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Looks at the live state, or changes it. No request is answered meanwhile; do not call this appliance from
    /// inside `work`.
    pub fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let result = work(&mut self.shared.state());
        self.shared.changed.notify_one();
        result
    }

    /// Restarts the appliance: connections break and are refused for `down_for`, then every request gets a 503 page
    /// for `then_503_for`, then it works again, without any session. Returns as soon as connections are refused. A
    /// restart that is asked for during the refusing part of another one begins after it.
    pub fn restart(&self, down_for: Duration, then_503_for: Duration) {
        let (done, refused) = channel();
        let restart = Restart { down: down_for, unavailable: then_503_for, done: Some(done) };
        if self.restarts.send(restart).is_ok() {
            // An error says that the server has stopped: nothing to wait for.
            let _ = refused.recv();
        }
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.running.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the server was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// The thread of an appliance.
fn run(
    shared: Arc<Shared>,
    wanted: SocketAddr,
    asked: UnboundedReceiver<Restart>,
    stopped: oneshot::Receiver<()>,
    ready: impl FnOnce(io::Result<SocketAddr>),
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ready(Err(error)),
    };
    runtime.block_on(async {
        let opened = Place::take(wanted).and_then(|place| Ok((place.listen()?, place)));
        match opened {
            Ok((listener, place)) => {
                ready(Ok(place.address()));
                tokio::select! {
                    // Fails only during a restart; then nothing listens, as clients will see.
                    _ = serve(shared, place, listener, asked) => {}
                    _ = stopped => {}
                }
            }
            Err(error) => ready(Err(error)),
        }
    });
}
