//! A broker under test, and the words in which the cases are written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::Message;
use async_nats::message::OutboundMessage;
use futures::{FutureExt, Stream, StreamExt};
use nats_rpc::Connection;
use nats_rpc::memory::{Broker, Faults};
use tests::{NatsServer, Version};
use tokio::task::unconstrained;

/// The largest payload that the brokers of this suite take.
pub(crate) const MAX_PAYLOAD: usize = 4096;

/// How long something that must happen may take; only a broken test comes near it.
const LIMIT: Duration = Duration::from_secs(20);

/// The first token of the subjects that [`settle`] uses.
const SETTLE: &str = "_SETTLE";

/// A broker under test.
pub(crate) enum Bed {
    Memory(Broker, Way),
    Nats(NatsServer, Version),
}

/// What is between a broker in memory and its connections.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Nothing,
    /// A network on which messages take their time.
    Network,
}

/// A subject, and where its messages go, with weights in percent.
pub(crate) type Mapping<'a> = (&'a str, &'a [(&'a str, u8)]);

impl Bed {
    pub(crate) fn memory() -> Self {
        Bed::in_memory(Way::Nothing, &[])
    }

    /// The same with a network in between, on which messages take their time.
    pub(crate) fn memory_over_a_network() -> Self {
        Bed::in_memory(Way::Network, &[])
    }

    pub(crate) fn nats(version: Version) -> Self {
        Bed::on_nats(version, &[])
    }

    /// A new broker of the same kind with subject mappings.
    pub(crate) fn mapped(self, mappings: &[Mapping<'_>]) -> Self {
        match self {
            Bed::Memory(_, way) => Bed::in_memory(way, mappings),
            Bed::Nats(_, version) => Bed::on_nats(version, mappings),
        }
    }

    fn in_memory(way: Way, mappings: &[Mapping<'_>]) -> Self {
        let mut builder = Broker::builder().max_payload(MAX_PAYLOAD);
        for (source, destinations) in mappings {
            builder = builder.mapping(source, destinations.iter().copied()).unwrap();
        }
        let slow = Faults::none().delay(Duration::ZERO..=Duration::from_millis(2));
        let broker = match way {
            Way::Nothing => builder.build(),
            Way::Network => builder.build_with_network(slow).0,
        };
        Bed::Memory(broker, way)
    }

    fn on_nats(version: Version, mappings: &[Mapping<'_>]) -> Self {
        let server = NatsServer::builder().version(version).max_payload(MAX_PAYLOAD);
        Bed::Nats(server.config(&configuration(mappings)).start(), version)
    }

    /// A client of its own.
    pub(crate) async fn connect(&self) -> Connection {
        match self {
            Bed::Memory(broker, _) => broker.connect(),
            Bed::Nats(server, _) => async_nats::connect(server.url()).await.unwrap().into(),
        }
    }
}

/// Mappings in the language of `nats-server`.
fn configuration(mappings: &[Mapping<'_>]) -> String {
    let mut lines = String::new();
    for (source, destinations) in mappings {
        let destinations = destinations.iter();
        let destinations =
            destinations.map(|(to, weight)| format!("{{ destination: {to:?}, weight: {weight}% }}"));
        let destinations: Vec<String> = destinations.collect();
        lines.push_str(&format!("{source:?}: [ {} ]\n", destinations.join(", ")));
    }
    if lines.is_empty() { lines } else { format!("mappings {{\n{lines}}}") }
}

/// A message without reply subject and headers.
pub(crate) fn message(subject: &str, payload: &str) -> OutboundMessage {
    OutboundMessage {
        subject: subject.into(),
        reply: None,
        payload: payload.to_owned().into(),
        headers: None,
    }
}

/// A message that wants an answer.
pub(crate) fn request(subject: &str, reply: &str) -> OutboundMessage {
    OutboundMessage { reply: Some(reply.into()), ..message(subject, "request") }
}

/// Waits until the broker has done all that these connections asked of it, and what it sent them has arrived.
///
/// A broker works off the commands of one connection in order, and so does a connection with what the broker sends.
/// So the first message to oneself proves that what was published before has been routed, to whichever connection;
/// and the second, that what was routed then has arrived.
pub(crate) async fn settle<const N: usize>(connections: [&Connection; N]) {
    static ROUND_TRIPS: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..2 {
        for connection in connections {
            let subject = format!("{SETTLE}.{}", ROUND_TRIPS.fetch_add(1, Ordering::Relaxed));
            let mut subscription = connection.subscribe(subject.as_str(), None).await.unwrap();
            connection.publish(message(&subject, "")).await.unwrap();
            next(&mut subscription).await;
        }
    }
}

/// The next message, which must come.
pub(crate) async fn next(subscription: &mut (impl Stream<Item = Message> + Unpin)) -> Message {
    let message = tokio::time::timeout(LIMIT, subscription.next()).await;
    message.expect("a message arrives").expect("the subscription goes on")
}

/// All messages that have arrived; what is on its way must be waited for with [`settle`].
pub(crate) fn arrived(subscription: &mut (impl Stream<Item = Message> + Unpin)) -> Vec<Message> {
    // Unconstrained, for the runtime makes a task that has read 128 messages wait for its next turn.
    let arrived = std::iter::from_fn(|| unconstrained(subscription.next()).now_or_never().flatten());
    arrived.filter(|message| !message.subject.starts_with(SETTLE)).collect()
}

/// The payloads of all messages that have arrived.
pub(crate) fn payloads(subscription: &mut (impl Stream<Item = Message> + Unpin)) -> Vec<String> {
    arrived(subscription).iter().map(payload).collect()
}

/// The payload of a message as text.
pub(crate) fn payload(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).unwrap()
}
