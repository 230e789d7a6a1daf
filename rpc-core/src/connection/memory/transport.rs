//! One client's side of the broker: publishing and subscribing.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;

use super::endpoint::{Command, Terms};
use super::routes::Pattern;
use super::{Shared, Subscriber};
use crate::connection::{Message, OutboundMessage, Subject, header_size, inbox, too_large};
use crate::error::Error;
use crate::wire::subject::check_framing;

/// How many messages may wait in a subscription, as in async-nats.
const SUBSCRIPTION_CAPACITY: usize = 64 * 1024;

/// One client of a broker.
pub(crate) struct MemoryTransport {
    shared: Arc<Shared>,
    connection: u64,
}

impl MemoryTransport {
    /// `calls` learn of it when the connection is lost.
    pub(super) fn new(shared: Arc<Shared>, calls: Weak<inbox::Shared>) -> Self {
        let connection = shared.next_id();
        if let Some(links) = &shared.links {
            links.connect(connection, calls);
        }
        MemoryTransport { shared, connection }
    }

    pub(crate) fn max_payload(&self) -> usize {
        self.shared.max_payload
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.shared.links.as_ref().is_none_or(|links| links.is_connected(self.connection))
    }

    /// The connection's number, if it is one to this broker.
    pub(super) fn number_at(&self, broker: &Arc<Shared>) -> Option<u64> {
        Arc::ptr_eq(&self.shared, broker).then_some(self.connection)
    }

    /// Publishes a message. As on a real connection, a subject that no subscription can match (`a..b`) is no error: it
    /// reaches nobody.
    pub(crate) fn publish(&self, message: OutboundMessage) -> Result<(), Error> {
        check_framing("subject", &message.subject)?;
        if let Some(reply) = &message.reply {
            check_framing("reply subject", reply)?;
        }
        let (message, size) = inbound(message);
        if size > self.shared.max_payload {
            return Err(too_large(size, self.shared.max_payload));
        }
        match &self.shared.links {
            None => self.shared.route(self.connection, message),
            Some(links) => return links.send(self.connection, Command::Publish(message)),
        }
        Ok(())
    }

    pub(crate) fn subscribe(
        &self,
        subject: Subject,
        group: Option<&str>,
    ) -> Result<MemorySubscription, Error> {
        let pattern = Pattern::new(subject)?;
        if let Some(group) = group {
            check_framing("queue group", group)?;
        }
        let group = group.map(str::to_owned);
        let (sender, messages) = mpsc::channel(SUBSCRIPTION_CAPACITY);
        let subscriber = Subscriber { connection: self.connection, messages: sender };
        let terms = Arc::new(Terms { id: self.shared.next_id(), pattern, group });
        match &self.shared.links {
            None => self.shared.subscribe(&terms, subscriber),
            Some(links) => {
                links.send(self.connection, Command::Subscribe(Arc::clone(&terms), subscriber))?;
            }
        }
        Ok(MemorySubscription {
            shared: Arc::clone(&self.shared),
            connection: self.connection,
            terms,
            messages,
        })
    }
}

/// The receiving end of a subscription; dropping it unsubscribes.
pub(crate) struct MemorySubscription {
    shared: Arc<Shared>,
    connection: u64,
    terms: Arc<Terms>,
    messages: mpsc::Receiver<Message>,
}

impl MemorySubscription {
    /// Takes no new messages; those that wait stay readable, and then the stream ends.
    pub(crate) fn stop_intake(&mut self) {
        match &self.shared.links {
            None => self.shared.unsubscribe(&self.terms),
            Some(links) => {
                // Only a connection that is lost refuses it, and asks for it no more when it is there again.
                let _ = links.send(self.connection, Command::Unsubscribe(Arc::clone(&self.terms)));
            }
        }
    }
}

impl Stream for MemorySubscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.messages.poll_recv(cx)
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        self.stop_intake();
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        if let Some(links) = &self.shared.links {
            // Unknown only if it was closed before.
            let _ = links.send(self.connection, Command::Close);
        }
    }
}

/// The message as subscribers see it, and its size on the wire as far as it counts against the largest payload.
fn inbound(message: OutboundMessage) -> (Message, usize) {
    let OutboundMessage { subject, reply, payload, headers } = message;
    let headers = headers.filter(|headers| !headers.is_empty());
    let size = payload.len() + headers.as_ref().map_or(0, header_size);
    let length = size + subject.len() + reply.as_ref().map_or(0, |reply| reply.len());
    let message = Message { subject, reply, payload, headers, status: None, description: None, length };
    (message, size)
}

#[cfg(test)]
mod tests {
    use crate::connection::{HeaderMap, header_map};
    use crate::error::ErrorKind;
    use futures_util::{FutureExt, StreamExt};

    use super::super::Broker;
    use super::*;

    fn transport(broker: &Broker) -> MemoryTransport {
        MemoryTransport::new(Arc::clone(&broker.shared), Weak::new())
    }

    fn outbound(subject: &str, payload: impl AsRef<[u8]>) -> OutboundMessage {
        let payload = payload.as_ref().to_vec().into();
        OutboundMessage { subject: subject.into(), reply: None, payload, headers: None }
    }

    /// The payloads that wait in a subscription.
    fn waiting(subscription: &mut MemorySubscription) -> Vec<String> {
        let waiting = std::iter::from_fn(|| subscription.next().now_or_never().flatten());
        waiting.map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect()
    }

    #[test]
    fn what_is_published_is_there_at_once_and_in_order() {
        let client = transport(&Broker::new());
        let mut subscription = client.subscribe("a.*".into(), None).unwrap();
        for n in 0..3 {
            client.publish(outbound(&format!("a.{n}"), n.to_string())).unwrap();
        }
        assert_eq!(waiting(&mut subscription), ["0", "1", "2"]);
    }

    #[test]
    fn a_stopped_subscription_keeps_what_waits_and_then_ends() {
        let client = transport(&Broker::new());
        let mut subscription = client.subscribe("a".into(), None).unwrap();
        client.publish(outbound("a", "before")).unwrap();
        subscription.stop_intake();
        client.publish(outbound("a", "after")).unwrap();
        assert_eq!(subscription.next().now_or_never().unwrap().unwrap().payload, "before");
        assert!(subscription.next().now_or_never().unwrap().is_none());
    }

    #[test]
    fn a_full_subscription_loses_the_newest_messages_and_they_are_counted() {
        let broker = Broker::new();
        let client = transport(&broker);
        let mut subscription = client.subscribe("a".into(), None).unwrap();
        for n in 0..SUBSCRIPTION_CAPACITY + 2 {
            client.publish(outbound("a", n.to_string())).unwrap();
        }
        assert_eq!(broker.dropped_messages(), 2);
        assert_eq!(waiting(&mut subscription).last().unwrap(), "65535");
        client.publish(outbound("a", "room again")).unwrap();
        assert_eq!(waiting(&mut subscription), ["room again"]);
    }

    #[test]
    fn headers_count_against_the_largest_payload() {
        let broker = Broker::builder().max_payload(64).build();
        let client = transport(&broker);
        let headers = header_map([("a", "1"), ("a", "2"), ("bc", "3")]);
        let block = "NATS/1.0\r\na: 1\r\na: 2\r\nbc: 3\r\n\r\n".len();

        let fits = OutboundMessage { headers: headers.clone(), ..outbound("a", vec![0; 64 - block]) };
        client.publish(fits).unwrap();
        let over = OutboundMessage { headers, ..outbound("a", vec![0; 65 - block]) };
        assert_eq!(client.publish(over).unwrap_err().kind(), ErrorKind::PayloadTooLarge);
        let without = OutboundMessage { headers: Some(HeaderMap::new()), ..outbound("a", [0; 64]) };
        client.publish(without).unwrap();
        assert_eq!(client.publish(outbound("a", [0; 65])).unwrap_err().kind(), ErrorKind::PayloadTooLarge);
    }

    #[test]
    fn what_would_break_the_protocol_is_refused() {
        let client = transport(&Broker::new());
        for bad in ["", "a b", "a\r\nPUB b 0", "\t"] {
            let to = client.publish(outbound(bad, "")).unwrap_err();
            let reply = OutboundMessage { reply: Some(bad.into()), ..outbound("a", "") };
            let reply = client.publish(reply).unwrap_err();
            let group = client.subscribe("a".into(), Some(bad)).err().unwrap();
            for error in [to, reply, group] {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
            }
        }
    }

    #[test]
    fn a_seed_decides_which_members_are_chosen_and_how_connections_draw() {
        let run = |seed| {
            let broker = Broker::builder().seed(seed).build();
            let client = transport(&broker);
            let mut members: Vec<_> =
                (0..4).map(|_| client.subscribe("a".into(), Some("q")).unwrap()).collect();
            for n in 0..64 {
                client.publish(outbound("a", n.to_string())).unwrap();
            }
            (members.iter_mut().map(waiting).collect::<Vec<_>>(), broker.connect().random().u64())
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).0, run(8).0);
        assert_ne!(run(7).1, run(8).1);
        assert!(run(7).0.iter().all(|member| !member.is_empty()), "every member gets its share");
    }

    #[test]
    fn a_seed_decides_where_mappings_send_messages() {
        let run = |seed| {
            let builder = Broker::builder().seed(seed).mapping("a", [("a", 50), ("b", 50)]).unwrap();
            let client = transport(&builder.build());
            let mut subscriptions = ["a", "b"].map(|subject| client.subscribe(subject.into(), None).unwrap());
            for n in 0..64 {
                client.publish(outbound("a", n.to_string())).unwrap();
            }
            subscriptions.each_mut().map(waiting)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_broker_forgets_what_is_dropped() {
        let broker = Broker::new();
        let client = transport(&broker);
        let subscriptions =
            ["a", "a.*", ">"].map(|subject| client.subscribe(subject.into(), Some("q")).unwrap());
        assert_eq!(broker.shared.routes().plain("a").count(), 0);
        assert_eq!(broker.shared.routes().receivers("a", |_| 0).len(), 1);
        drop(subscriptions);
        assert_eq!(broker.shared.routes().receivers("a", |_| 0).len(), 0);
    }
}
