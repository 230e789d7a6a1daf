//! How a connection finds a NATS server: the first one, and another when that is going to shut down.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};

use super::events::on_event;
use super::{NatsTransport, relocation};
use crate::connection::events::ConnectionEvent;
use crate::connection::inbox::Shared;
use crate::error::{Error, ErrorKind};

/// What a connection is made with.
pub(in crate::connection) struct Dialer {
    options: ConnectOptions,
    servers: Vec<ServerAddr>,
    shared: Arc<Shared>,
    /// Which of the clients that were made is in use: what happens to others does not matter.
    current: AtomicU64,
    pub(super) is_moving: AtomicBool,
    transport: OnceLock<Weak<NatsTransport>>,
}

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
        let (current, is_moving) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Dialer { options, servers, shared, current, is_moving, transport: OnceLock::new() })
    }

    /// Connects for the first time.
    pub(in crate::connection) async fn connect(self: &Arc<Self>) -> Result<Arc<NatsTransport>, Error> {
        let client = self.dial(&self.servers, 0).await.map_err(|error| self.not_connected(error))?;
        let transport = Arc::new(NatsTransport::dialled(client, Arc::clone(self)));
        let _ = self.transport.set(Arc::downgrade(&transport));
        Ok(transport)
    }

    /// Makes a client, whose events count as long as it is the one in use.
    pub(super) async fn dial(
        self: &Arc<Self>,
        servers: &[ServerAddr],
        number: u64,
    ) -> Result<Client, async_nats::ConnectError> {
        let dialer = Arc::clone(self);
        let options = on_event(self.options.clone(), move |event| dialer.hear(number, &event));
        options.connect(servers).await
    }

    /// The number of the client that is in use.
    pub(super) fn number(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    /// From now on the events of this client count, and those of no other.
    pub(super) fn use_number(&self, number: u64) {
        self.current.store(number, Ordering::Release);
    }

    pub(super) fn tell(&self, event: &ConnectionEvent) {
        self.shared.hear(event);
    }

    fn hear(&self, number: u64, event: &ConnectionEvent) {
        if number != self.number() {
            return;
        }
        self.shared.hear(event);
        let Some(transport) = self.transport.get().and_then(Weak::upgrade) else { return };
        match event {
            // It ends by itself, within seconds.
            ConnectionEvent::LameDuck => _ = tokio::spawn(relocation::relocate(transport)),
            ConnectionEvent::SubscriptionDenied(subject) => transport.refuse(subject),
            _ => {}
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
        Error::not_executed(kind, format!("{message} at {}", names.join(", "))).with_source(error)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}
