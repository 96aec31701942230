//! Takes connections, and goes down and up again when the appliance restarts.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as blocking};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, mpsc, watch};

use crate::certificates::{Authority, Identity};
use crate::connection;
use crate::state::State;
use crate::tls::Greeting;

/// What the threads of an appliance share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something may be due earlier than before.
    pub changed: Notify,
    authority: Authority,
    front: Mutex<Front>,
    /// Connections accepted so far.
    pub connections: AtomicU64,
}

/// What connections meet first, from one start of the server to the next.
pub(crate) struct Front {
    pub identity: Identity,
    pub greeting: Greeting,
}

impl Shared {
    /// A server that has not started yet.
    ///
    /// # Errors
    /// The certificate library refuses the request, which is not expected.
    pub fn new(state: State) -> io::Result<Self> {
        let authority = Authority::new()?;
        let identity = Identity::make(state.settings.certificate, &authority)?;
        let greeting = Greeting::new(&state.settings, &identity, &authority)?;
        Ok(Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            authority,
            front: Mutex::new(Front { identity, greeting }),
            connections: AtomicU64::new(0),
        })
    }

    /// Switches the appliance off and on: what it does not keep is gone, and a certificate may be new.
    fn power_cycle(&self) -> io::Result<()> {
        let mut state = self.state();
        state.power_cycle();
        let mut front = self.front();
        if let Some(kind) = state.settings.certificate_after_restart {
            front.identity = Identity::make(kind, &self.authority)?;
            state.settings.certificate = kind;
        }
        front.greeting = Greeting::new(&state.settings, &front.identity, &self.authority)?;
        Ok(())
    }

    /// What connections meet first.
    pub fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state. A test that panicked while it held the lock does not stop the appliance.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a restart is due, and lets jobs end meanwhile.
    async fn restart_due(&self) -> Restart {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.advance(Instant::now());
                if let Some((down, unavailable)) = state.restart.take() {
                    return Restart { down, unavailable, done: None };
                }
                next
            };
            let later = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep_until(next.unwrap_or(later).into()) => {}
            }
        }
    }
}

/// A restart that was asked for.
pub(crate) struct Restart {
    /// How long connections are refused.
    pub down: Duration,
    /// How long every request gets a 503 page after that.
    pub unavailable: Duration,
    /// Told as soon as connections are refused.
    pub done: Option<blocking::Sender<()>>,
}

/// The address of an appliance, held even while nothing listens there: a second socket keeps the port from others.
pub(crate) struct Place {
    address: SocketAddr,
    _held: TcpSocket,
}

impl Place {
    /// Takes an address; port 0 is replaced by a free one.
    ///
    /// # Errors
    /// The port is taken, or the address does not exist here.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let held = bound(address)?;
        Ok(Self { address: held.local_addr()?, _held: held })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen.
    ///
    /// # Errors
    /// Somebody else listens there.
    pub fn listen(&self) -> io::Result<TcpListener> {
        bound(self.address)?.listen(1024)
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves until it is dropped.
///
/// # Errors
/// The port is lost during a restart, or no certificate can be made then.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    place: Place,
    mut listener: TcpListener,
    mut restarts: mpsc::UnboundedReceiver<Restart>,
) -> io::Result<Infallible> {
    // Connections end when this value changes.
    let (power, _) = watch::channel(());
    loop {
        let restart = tokio::select! {
            Some(asked) = restarts.recv() => asked,
            due = shared.restart_due() => due,
            never = accept(&shared, &listener, &power) => match never {},
        };
        drop(listener);
        power.send_replace(());
        shared.power_cycle()?;
        // Connection tasks see the change when they are polled next.
        tokio::task::yield_now().await;
        if let Some(done) = restart.done {
            // Who asked may have gone.
            let _ = done.send(());
        }
        tokio::time::sleep(restart.down).await;
        shared.state().come_up(restart.unavailable);
        listener = place.listen()?;
    }
}

async fn accept(shared: &Arc<Shared>, listener: &TcpListener, power: &watch::Sender<()>) -> Infallible {
    loop {
        // A failed accept concerns that one connection, or passes.
        let Ok((tcp, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(shared);
        let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let mut power = power.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                _ = power.changed() => {}
                // A connection that breaks is the client's affair.
                _ = connection::talk(shared, tcp, peer.ip(), number) => {}
            }
        });
    }
}
