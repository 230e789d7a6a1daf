//! An instance made by hand: what it answers, and when, is up to the test.

use bytes::Bytes;
use futures::StreamExt;
use nats_rpc::{Connection, Subscription};

use crate::bed::{Bed, LabClient, outbound};
use crate::wire::{Framed, all, failure, success, write_frames};

/// The flag of a call that runs nothing and is answered twice.
const TRIAL: u64 = 1 << 9;

/// An instance of one method, in the queue group of the real ones.
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    calls: Subscription,
}

impl Peer {
    /// Returns when the broker knows of it.
    pub(crate) async fn new(bed: &Bed, subject: &str) -> Self {
        let connection = bed.connect_server().await;
        let calls = connection.subscribe(bed.served(subject), Some("q")).await.unwrap();
        let peer = Peer { connection, calls };
        peer.settle().await;
        peer
    }

    /// Waits until the broker has taken what this connection has sent, subscriptions among it.
    pub(crate) async fn settle(&self) {
        let inbox = format!("settled.{}", uuid::Uuid::new_v4().simple());
        let mut settled = self.connection.subscribe(inbox.as_str(), None).await.unwrap();
        self.connection.publish(outbound(&inbox, None, "")).await.unwrap();
        settled.next().await.unwrap();
    }

    /// The next message of calls. Trials are answered as in the account of the callers.
    pub(crate) async fn next(&mut self) -> Framed {
        loop {
            let message = Framed::read(&self.calls.next().await.unwrap());
            if message.frames[0][2].as_u64().unwrap() & TRIAL == 0 {
                return message;
            }
            for _ in 0..2 {
                let frame = success(&message.ids()[0], 0, "");
                self.reply(&message, write_frames([frame])).await;
            }
        }
    }

    /// Answers a message with another.
    pub(crate) async fn reply(&self, to: &Framed, payload: Bytes) {
        self.connection.publish(outbound(to.reply.as_ref().unwrap(), None, payload)).await.unwrap();
    }

    /// Answers all calls of a message with an error.
    pub(crate) async fn fail(&self, to: &Framed, code: u16, execution: u8, retry_after_ms: Option<u64>) {
        let frames = to.ids().into_iter().map(|id| failure(&id, code, execution, retry_after_ms));
        self.reply(to, write_frames(frames)).await;
    }

    /// Answers all calls of a message with their own text, as one whose handler took no time.
    pub(crate) async fn echo(&self, message: &Framed) {
        let answers = message.ids().into_iter().zip(message.texts());
        let frames = answers.map(|(id, text)| success(&id, 0, &text));
        self.reply(message, write_frames(frames)).await;
    }

    /// Answers as many calls as are needed to prove that so many may share a message: a message carries no more calls
    /// than were measured. Nothing but this is certain, since real handlers take what time the machine lets them.
    pub(crate) async fn prove_cheap(&mut self, lab: &LabClient, calls: usize) {
        let answer = async {
            for _ in 0..calls {
                let message = self.next().await;
                self.echo(&message).await;
            }
        };
        let call = async {
            for _ in 0..calls {
                lab.echo("cheap").await.unwrap();
            }
        };
        futures::join!(answer, call);
    }

    /// Answers everything from now on.
    pub(crate) fn keep_answering(mut self) -> tokio::task::AbortHandle {
        let task = tokio::spawn(async move {
            loop {
                let message = self.next().await;
                self.echo(&message).await;
            }
        });
        task.abort_handle()
    }
}

/// Calls until handlers are known to be cheap, as far as they are.
pub(crate) async fn warm_up(lab: &LabClient) {
    for _ in 0..100 {
        all([lab.echo("cheap")]).await;
    }
}
