//! What a careful user writes by hand.

use std::sync::Arc;

use async_nats::Client;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::load::Peer;

/// The request, by hand and in the service alike: a number and sixteen letters.
#[derive(Serialize, Deserialize)]
struct Request {
    id: u64,
    name: String,
}

/// The reply: the number and thirty-two letters.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) id: u64,
    pub(crate) msg: String,
}

/// What the handlers of both sides do.
pub(crate) fn answer(id: u64, name: &str) -> Reply {
    Reply { id, msg: format!("{name}{name}") }
}

/// The name in every request.
pub(crate) const NAME: &str = "abcdefghijklmnop";

/// A client by hand, with its server on a connection of its own.
#[derive(Clone)]
pub(crate) struct Baseline(Arc<Client>);

impl Baseline {
    pub(crate) async fn start(url: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let server = async_nats::connect(url).await?;
        let mut requests = server.queue_subscribe("baseline.hello", "q".to_owned()).await?;
        // The broker works off the commands of a connection in order: its answer proves the subscription.
        let nobody = server.request("baseline.nobody", "".into()).await;
        assert!(nobody.is_err(), "the broker answers that nobody is there");
        tokio::spawn(async move {
            while let Some(message) = requests.next().await {
                let Some(reply) = message.reply else { continue };
                let request: Request = rmp_serde::from_slice(&message.payload).expect("a request");
                let answer = rmp_serde::to_vec_named(&answer(request.id, &request.name)).expect("encodes");
                server.publish(reply, answer.into()).await.expect("the connection is open");
            }
        });
        Ok(Baseline(Arc::new(async_nats::connect(url).await?)))
    }
}

impl Peer for Baseline {
    async fn call(&self, id: u64) {
        let request = Request { id, name: NAME.to_owned() };
        let payload = rmp_serde::to_vec_named(&request).expect("encodes");
        let reply = self.0.request("baseline.hello", payload.into()).await.expect("a reply");
        let reply: Reply = rmp_serde::from_slice(&reply.payload).expect("decodes");
        assert!(reply.id == id && reply.msg.len() == 32);
    }
}
