//! One message for each item, and an empty one for the end.

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use tokio::task::JoinHandle;

use super::peer::{self, Peer, Taken};
use crate::Result;

/// Where it is asked for, as two numbers: how many, and of which size if they are chunks.
const SUBJECT: &str = "by-hand.stream";

pub(super) struct ByHand {
    client: Client,
    serving: JoinHandle<()>,
}

impl ByHand {
    pub(super) async fn start(url: &str) -> Result<Self> {
        let client = async_nats::connect(url).await?;
        let mut questions = client.queue_subscribe(SUBJECT, "q".to_owned()).await?;
        client.flush().await?;
        let serving = tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                let asked: (usize, Option<usize>) =
                    rmp_serde::from_slice(&question.payload).expect("a question of ours");
                let to = question.reply.expect("it has an inbox");
                let client = client.clone();
                tokio::spawn(async move {
                    let publish = async |payload: Bytes| {
                        client.publish(to.clone(), payload).await.expect("the connection is open");
                    };
                    match asked {
                        (count, None) => {
                            for item in peer::items(count) {
                                let item = rmp_serde::to_vec_named(&item).expect("it can be written");
                                publish(item.into()).await;
                            }
                        }
                        (count, Some(size)) => {
                            for chunk in peer::chunks(count, size) {
                                publish(chunk).await;
                            }
                        }
                    }
                    publish(Bytes::new()).await;
                });
            }
        });
        Ok(ByHand { client: async_nats::connect(url).await?, serving })
    }

    async fn ask(&self, asked: (usize, Option<usize>)) -> Result<Subscriber> {
        let inbox = self.client.new_inbox();
        let items = self.client.subscribe(inbox.clone()).await?;
        let question: Bytes = rmp_serde::to_vec(&asked)?.into();
        self.client.publish_with_reply(SUBJECT, inbox, question).await?;
        Ok(items)
    }
}

impl Peer for ByHand {
    async fn items(&self, count: usize) -> Result<()> {
        let (mut items, mut taken) = (self.ask((count, None)).await?, Taken::default());
        while let Some(item) = items.next().await.filter(|item| !item.payload.is_empty()) {
            taken.item(&rmp_serde::from_slice(&item.payload)?)?;
        }
        taken.all(count)
    }

    async fn chunks(&self, count: usize, size: usize) -> Result<()> {
        let (mut chunks, mut taken) = (self.ask((count, Some(size))).await?, Taken::default());
        while let Some(chunk) = chunks.next().await.filter(|chunk| !chunk.payload.is_empty()) {
            taken.chunk(&chunk.payload, size)?;
        }
        taken.all(count)
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
