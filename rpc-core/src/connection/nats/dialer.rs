//! How a connection finds a NATS server: the first one, and another when that is going to shut down.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use tokio::time::sleep;

use super::events::{Heard, on_event};
use super::{NatsTransport, relocation, watch};
use crate::connection::events::ConnectionEvent;
use crate::connection::inbox::Shared;
use crate::error::{Error, ErrorKind};

/// What a connection is made with.
pub(in crate::connection) struct Dialer {
    options: ConnectOptions,
    servers: Vec<ServerAddr>,
    shared: Arc<Shared>,
    /// The number of the next client that is made.
    next: AtomicU64,
    /// Which of them is in use: what happens to others does not matter.
    current: AtomicU64,
    /// How many losses of its connection were heard of.
    losses: AtomicU64,
    moving: Mutex<Moving>,
    transport: OnceLock<Weak<NatsTransport>>,
}

/// Which clients are at servers that shut down, and whether the connection is on its way already.
#[derive(Default)]
struct Moving {
    lame: HashSet<u64>,
    is_on_its_way: bool,
}

/// How long after the news of a loss a client may still call itself connected, and how often one looks.
const NEWS_AHEAD: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Dialer {
    pub(in crate::connection) fn new(
        options: ConnectOptions,
        servers: Vec<ServerAddr>,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        // async-nats leaves a user in the address out.
        let user = servers.iter().find_map(|server| Some((server.username()?, server.password()?)));
        let options = match user {
            Some((user, password)) => options.user_and_password(user.to_owned(), password.to_owned()),
            None => options,
        };
        Arc::new(Dialer {
            options,
            servers,
            shared,
            next: AtomicU64::new(0),
            current: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            moving: Mutex::default(),
            transport: OnceLock::new(),
        })
    }

    /// Connects for the first time.
    pub(in crate::connection) async fn connect(self: &Arc<Self>) -> Result<Arc<NatsTransport>, Error> {
        let (client, number) = self.dial(&self.servers).await.map_err(|error| self.not_connected(error))?;
        self.use_number(number);
        let transport = Arc::new(NatsTransport::dialled(client, Arc::clone(self)));
        let _ = self.transport.set(Arc::downgrade(&transport));
        tokio::spawn(watch::watch(Arc::downgrade(&transport)));
        Ok(transport)
    }

    /// Makes a client, whose events count as long as it is the one in use.
    pub(super) async fn dial(
        self: &Arc<Self>,
        servers: &[ServerAddr],
    ) -> Result<(Client, u64), async_nats::ConnectError> {
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        let dialer = Arc::clone(self);
        let options = on_event(self.options.clone(), move |event| Arc::clone(&dialer).heard(number, event));
        Ok((options.connect(servers).await?, number))
    }

    /// The number of the client that is in use.
    pub(super) fn number(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    /// From now on the events of this client count, and those of no other.
    pub(super) fn use_number(&self, number: u64) {
        self.losses.store(0, Ordering::Release);
        self.current.store(number, Ordering::Release);
    }

    pub(super) fn tell(&self, event: &ConnectionEvent) {
        self.shared.hear(event);
    }

    /// How many losses of the connection were heard of.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Makes good for losses that were not heard of.
    pub(super) fn hear_of_losses(&self, losses: u64, is_connected: bool) {
        self.losses.store(losses, Ordering::Release);
        self.shared.hear(&ConnectionEvent::Disconnected);
        if is_connected {
            self.shared.hear(&ConnectionEvent::Connected);
        }
    }

    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a client's server shuts down, be it that in use or the one that the connection is moving to. Says whether
    /// a move is to begin.
    fn is_to_move(&self, number: u64) -> bool {
        let mut moving = self.moving();
        number >= self.number()
            && moving.lame.insert(number)
            && !std::mem::replace(&mut moving.is_on_its_way, true)
    }

    /// Ends a move, unless the server that was reached shuts down as well.
    pub(super) fn has_arrived(&self) -> bool {
        let mut moving = self.moving();
        if moving.lame.contains(&self.number()) {
            return false;
        }
        *moving = Moving::default();
        true
    }

    /// Gives a move up.
    pub(super) fn stay(&self) {
        *self.moving() = Moving::default();
    }

    /// Boxed, since a move, which an event may lead to, makes a client itself.
    fn heard(self: Arc<Self>, number: u64, event: ConnectionEvent) -> Heard {
        Box::pin(async move { self.hear(number, &event).await })
    }

    async fn hear(&self, number: u64, event: &ConnectionEvent) {
        let transport = self.transport.get().and_then(Weak::upgrade);
        if *event == ConnectionEvent::LameDuck
            && let Some(transport) = &transport
            && self.is_to_move(number)
        {
            // It ends by itself, within seconds.
            tokio::spawn(relocation::relocate(Arc::clone(transport)));
        }
        if number != self.number() {
            return;
        }
        if *event == ConnectionEvent::Disconnected {
            self.losses.fetch_add(1, Ordering::AcqRel);
            for _ in 0..NEWS_AHEAD {
                // What is sent before the client knows of its loss is to fail with the rest.
                if transport.as_ref().is_some_and(|transport| transport.is_connected()) {
                    sleep(LOOK_AGAIN).await;
                }
            }
        }
        self.shared.hear(event);
        if let (ConnectionEvent::SubscriptionDenied(subject), Some(transport)) = (event, transport) {
            transport.refuse(subject);
        }
    }

    fn not_connected(&self, error: async_nats::ConnectError) -> Error {
        let kind = match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                ErrorKind::Unauthenticated
            }
            ConnectErrorKind::ServerParse => ErrorKind::InvalidArgument,
            _ => ErrorKind::Unavailable,
        };
        let message = match kind {
            ErrorKind::Unauthenticated => "these credentials are not accepted by NATS",
            _ => "no connection to NATS",
        };
        // Host and port only: an address may have a password in it.
        let names: Vec<_> =
            self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        let is_about_tls = error.kind() == ConnectErrorKind::Tls;
        let error =
            Error::not_executed(kind, format!("{message} at {}", names.join(", "))).with_source(error);
        // Certificates do not become right by waiting.
        if is_about_tls { error.for_good() } else { error }
    }
}
