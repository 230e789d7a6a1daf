//! What a careful user writes by hand on async-nats: the baseline.

use std::sync::Arc;

use async_nats::{Client, Message};
use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::messages::{Reply, Request, answer, check, check_echo};
use super::{Peer, Serving};
use crate::Result;

/// Bytes, borrowed from the message that they came in.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    data: &'a serde_bytes::Bytes,
}

/// What encoding adds to the bytes of a [`Payload`], at most.
const PAYLOAD_EXTRA: usize = 16;

/// Where requests are handled.
#[derive(Clone, Copy)]
pub(super) enum Handling {
    /// One after the other, in the task that receives them.
    Inline,
    /// In a task of their own each.
    Spawned,
}

impl Handling {
    fn subjects(self) -> (&'static str, &'static str) {
        match self {
            Handling::Inline => ("by-hand.hello", "by-hand.echo"),
            Handling::Spawned => ("by-hand-spawn.hello", "by-hand-spawn.echo"),
        }
    }

    /// Subscribes to a subject, and answers with what `handler` makes of a payload.
    async fn serve(
        self,
        client: &Client,
        subject: &'static str,
        handler: fn(&[u8]) -> Result<Bytes>,
    ) -> Result<()> {
        let mut requests = client.queue_subscribe(subject, "q".to_owned()).await?;
        let client = Arc::new(client.clone());
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                match self {
                    Handling::Inline => respond(&client, request, handler).await,
                    Handling::Spawned => {
                        let client = Arc::clone(&client);
                        tokio::spawn(async move { respond(&client, request, handler).await });
                    }
                }
            }
        });
        Ok(())
    }
}

async fn respond(client: &Client, request: Message, handler: fn(&[u8]) -> Result<Bytes>) {
    let Some(reply) = request.reply else { return };
    let answer = handler(&request.payload).expect("the request of this benchmark");
    client.publish(reply, answer).await.expect("the connection is open");
}

pub(super) async fn serve(url: &str, handling: Handling) -> Result<Serving> {
    let client = async_nats::connect(url).await?;
    let (hello_subject, echo_subject) = handling.subjects();
    handling.serve(&client, hello_subject, hello).await?;
    handling.serve(&client, echo_subject, echo).await?;
    prove(&client).await?;
    Ok(Serving::at(url))
}

/// Waits until the broker has the subscriptions.
pub(super) async fn prove(client: &Client) -> Result<()> {
    // The broker works off the commands of a connection in order: that nobody is there proves what came before.
    match client.request("bench.nobody", Bytes::new()).await {
        Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => Ok(()),
        other => Err(format!("the broker answered {other:?} where nobody serves").into()),
    }
}

pub(super) fn hello(payload: &[u8]) -> Result<Bytes> {
    let request: Request = rmp_serde::from_slice(payload)?;
    Ok(rmp_serde::to_vec_named(&answer(request.id, &request.name))?.into())
}

pub(super) fn echo(payload: &[u8]) -> Result<Bytes> {
    let request: Payload<'_> = rmp_serde::from_slice(payload)?;
    encode(request.data)
}

fn encode(data: &[u8]) -> Result<Bytes> {
    // Without the capacity, the buffer would be copied at each of its doublings.
    let mut payload = Vec::with_capacity(data.len() + PAYLOAD_EXTRA);
    rmp_serde::encode::write_named(&mut payload, &Payload { data: serde_bytes::Bytes::new(data) })?;
    Ok(payload.into())
}

/// A client by hand.
#[derive(Clone)]
pub(super) struct ByHand {
    client: Arc<Client>,
    hello_subject: &'static str,
    echo_subject: &'static str,
}

impl ByHand {
    pub(super) async fn connect(url: &str, handling: Handling) -> Result<Self> {
        let (hello_subject, echo_subject) = handling.subjects();
        Ok(ByHand::new(async_nats::connect(url).await?, hello_subject, echo_subject))
    }

    pub(super) fn new(client: Client, hello_subject: &'static str, echo_subject: &'static str) -> Self {
        ByHand { client: Arc::new(client), hello_subject, echo_subject }
    }
}

impl Peer for ByHand {
    async fn hello(&self, id: u64) -> Result<()> {
        let request = rmp_serde::to_vec_named(&Request::new(id))?;
        let message = self.client.request(self.hello_subject, request.into()).await?;
        let reply: Reply = rmp_serde::from_slice(&message.payload)?;
        check(&reply, id)
    }

    async fn echo(&self, data: Bytes) -> Result<()> {
        let message = self.client.request(self.echo_subject, encode(&data)?).await?;
        let reply: Payload<'_> = rmp_serde::from_slice(&message.payload)?;
        check_echo(reply.data, &data)
    }
}
