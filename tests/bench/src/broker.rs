//! The nats-server that a run stands on.

use std::env;

use tests::NatsServer;

/// A nats-server of our own, or the one that `NATS_URL` names.
pub(crate) struct Broker {
    url: String,
    own: Option<NatsServer>,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Broker::or(NatsServer::start)
    }

    /// One with JetStream.
    pub(crate) fn with_jetstream() -> Self {
        Broker::or(|| NatsServer::builder().jetstream().start())
    }

    fn or(own: impl FnOnce() -> NatsServer) -> Self {
        match env::var("NATS_URL") {
            Ok(url) => Broker { url, own: None },
            Err(_) => {
                let server = own();
                Broker { url: server.url().to_owned(), own: Some(server) }
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The process of our own server.
    pub(crate) fn process(&self) -> Option<u32> {
        self.own.as_ref().map(NatsServer::process_id)
    }
}
