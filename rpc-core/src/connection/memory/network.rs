//! The network between a broker and its connections, in the hands of a test.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::Shared;
use super::endpoint::{Endpoint, Parcel};
use super::faults::Faults;
use super::links::{Links, drive};
use crate::connection::{Connection, ConnectionEvent, inbox};

/// The network between a broker and its connections, for a test to break; see [`BrokerBuilder::build_with_network`].
///
/// Each message takes its way from a connection to the broker, and from there to those who get it. Over a connection that is
/// lost or frozen, it does not get through. Connections of another broker are left alone.
///
/// [`BrokerBuilder::build_with_network`]: super::BrokerBuilder::build_with_network
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

impl Network {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        if let Some(links) = &shared.links {
            tokio::spawn(drive(Arc::downgrade(&shared), links.wake()));
        }
        Network { shared }
    }

    /// Changes what goes wrong, for what is sent from now on.
    pub fn set_faults(&self, faults: Faults) {
        if let Some(links) = &self.shared.links {
            links.lock().faults = faults;
        }
    }

    /// Loses a connection, and what is on its way over it. As with async-nats, its subscriptions stay, and are the
    /// broker's again after the [`reconnect`](Self::reconnect).
    pub fn disconnect(&self, connection: &Connection) {
        let Some((links, number)) = self.find(connection) else { return };
        let calls = {
            let mut state = links.lock();
            links.note(&mut state, number, "is lost", &"");
            let Some(endpoint) = state.endpoints.get_mut(&number) else { return };
            let Some(known) = endpoint.disconnect() else { return };
            known.values().for_each(|terms| self.shared.unsubscribe(terms));
            endpoint.calls.upgrade()
        };
        tell(calls, &ConnectionEvent::Disconnected);
    }

    /// Ends a [`disconnect`](Self::disconnect).
    pub fn reconnect(&self, connection: &Connection) {
        let Some((links, number)) = self.find(connection) else { return };
        let calls = {
            let mut state = links.lock();
            links.note(&mut state, number, "is back", &"");
            let Some(endpoint) = state.endpoints.get_mut(&number) else { return };
            let Some(commands) = endpoint.reconnect() else { return };
            let calls = endpoint.calls.upgrade();
            for command in commands {
                links.dispatch(&mut state, number, Parcel::ToBroker(command));
            }
            calls
        };
        tell(calls, &ConnectionEvent::Connected);
    }

    /// Lets nothing through on a connection, in either direction, and lets nobody know: as if the process at its end had
    /// been stopped, or a firewall had forgotten it.
    pub fn freeze(&self, connection: &Connection) {
        let Some((links, number)) = self.find(connection) else { return };
        let mut state = links.lock();
        links.note(&mut state, number, "is frozen", &"");
        state.endpoints.get_mut(&number).into_iter().for_each(Endpoint::freeze);
    }

    /// Ends a [`freeze`](Self::freeze): what has waited arrives now.
    pub fn thaw(&self, connection: &Connection) {
        let Some((links, number)) = self.find(connection) else { return };
        let mut state = links.lock();
        links.note(&mut state, number, "thaws", &"");
        let held = state.endpoints.get_mut(&number).map(Endpoint::thaw).unwrap_or_default();
        for transit in held {
            links.put(&mut state, transit);
        }
    }

    /// Writes down from now on what arrives and what breaks.
    pub fn keep_log(&self) {
        if let Some(links) = &self.shared.links {
            links.lock().log = Some(Vec::new());
        }
    }

    /// What was written down since [`keep_log`](Self::keep_log), a line for each event: the same for the same seed.
    pub fn log(&self) -> Vec<String> {
        let log = self.shared.links.as_ref().and_then(|links| links.lock().log.clone());
        log.unwrap_or_default()
    }

    /// The network, and the number of a connection on it.
    fn find(&self, connection: &Connection) -> Option<(&Links, u64)> {
        let number = connection.transport().memory()?.number_at(&self.shared)?;
        Some((self.shared.links.as_ref()?, number))
    }
}

/// Tells the calls of a connection what has become of it; not under a lock, since it wakes tasks.
fn tell(calls: Option<Arc<inbox::Shared>>, event: &ConnectionEvent) {
    if let Some(calls) = calls {
        calls.hear(event);
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}
