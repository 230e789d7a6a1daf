//! Where the broker sends a message.

use super::routes::Routes;
use super::{Shared, Subscriber};
use crate::connection::{Message, header_map, header_size};

/// The status of the message that tells a requester that nobody got the request.
const NO_RESPONDERS: u16 = 503;

impl Shared {
    /// Sends a message of a connection to those who subscribed to its subject, or to what that is
    /// mapped to.
    pub(super) fn route(&self, connection: u64, message: Message) {
        let message = self.mapped(message);
        let routes = self.routes();
        let receivers = routes.receivers(&message.subject, |members| self.random_below(members));
        match receivers.split_last() {
            Some((last, others)) => {
                for receiver in others {
                    self.deliver(receiver, message.clone());
                }
                self.deliver(last, message);
            }
            None => self.tell_no_responders(&routes, connection, message),
        }
    }

    fn mapped(&self, mut message: Message) -> Message {
        if let Some(subject) = self.mappings.map(&message.subject, || self.random.u64()) {
            message.length = message.length.saturating_sub(message.subject.len()) + subject.len();
            message.subject = subject;
        }
        message
    }

    /// Answers a request that reached nobody. A NATS server looks no further than the plain subscriptions of the
    /// connection that published it, and tells one of them.
    fn tell_no_responders(&self, routes: &Routes<Subscriber>, connection: u64, request: Message) {
        let Some(reply) = request.reply else { return };
        let own = routes.plain(&reply).find(|subscriber| subscriber.connection == connection);
        if let Some(own) = own {
            let headers = header_map([("Nats-Subject", request.subject.as_str())]);
            let length = reply.len() + headers.as_ref().map_or(0, header_size);
            let message = Message {
                subject: reply,
                reply: None,
                payload: Default::default(),
                headers,
                status: NO_RESPONDERS.try_into().ok(),
                description: None,
                length,
            };
            self.deliver(own, message);
        }
    }
}
