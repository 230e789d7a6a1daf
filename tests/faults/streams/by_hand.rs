//! Sides of a stream that are made by hand, and do what the library never does.

use std::collections::HashMap;

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use rmpv::Value;
use tokio::time::timeout;

use super::bed::{Bed, LIMIT};

/// The instance, and the token of its one peer.
const INSTANCE: &str = "by-hand";
const CONTROL: &str = "feeds._ctl.by-hand.0123456789ab";

/// In an *accepted*: the stream of results is open.
const OPEN: u64 = 1 << 4;

/// One side of a stream, as the other one sees it.
pub(super) struct Side {
    nats: Client,
    heard: Subscriber,
    to: String,
    from: String,
    id: Value,
    /// What the other side lets this one send at first.
    pub(super) credit: Option<(u64, u64)>,
}

/// An instance of `Feeds::numbers`.
pub(super) struct Instance {
    nats: Client,
    calls: Subscriber,
    heard: Subscriber,
}

impl Instance {
    pub(super) async fn serve(bed: &Bed) -> Self {
        let nats = async_nats::connect(bed.nats.url()).await.unwrap();
        let calls = nats.queue_subscribe("feeds.numbers", "q".to_owned()).await.unwrap();
        let heard = nats.subscribe(CONTROL).await.unwrap();
        settle(&nats).await;
        Instance { nats, calls, heard }
    }

    /// Opens the stream of the next call.
    pub(super) async fn open(mut self) -> Side {
        let call = next(&mut self.calls).await;
        let frame = frames(&call).remove(0);
        let reply = call.reply.unwrap().to_string();
        let (inbox, _) = reply.rsplit_once('.').unwrap();
        let (to, from, id) = (format!("{inbox}._{INSTANCE}"), CONTROL.to_owned(), frame[1].clone());
        let accepted = [8.into(), id.clone(), INSTANCE.into(), Value::Nil, Value::Nil, OPEN.into()];
        let side = Side { nats: self.nats, heard: self.heard, to, from, id, credit: credit(&frame[7]) };
        side.say([Value::Array(accepted.into())]).await;
        side
    }
}

impl Side {
    /// Calls `Feeds::count` and waits until it wants items.
    pub(super) async fn call(bed: &Bed) -> Self {
        let nats = async_nats::connect(bed.nats.url()).await.unwrap();
        let mut heard = nats.subscribe("_INBOX.by-hand.*").await.unwrap();
        settle(&nats).await;
        let id = Value::Binary(b"by hand!".to_vec());
        let args = rmp_serde::to_vec(&HashMap::from([("each_ms", 0)])).unwrap();
        let (nil, nothing) = (Value::Nil, Value::Array(vec![0.into(), 0.into()]));
        let call =
            [1.into(), id.clone(), 0.into(), 60_000.into(), nil.clone(), 1.into(), nil, nothing, args.into()];
        let reply = "_INBOX.by-hand.call";
        nats.publish_with_reply("feeds.count", reply, message([Value::Array(call.into())])).await.unwrap();
        let accepted = next(&mut heard).await;
        let (to, from) = (accepted.reply.clone().unwrap().to_string(), accepted.subject.to_string());
        let credit = credit(&frames(&accepted)[0][3]);
        Side { nats, heard, to, from, id, credit }
    }

    /// Sends frames in one message.
    pub(super) async fn say(&self, frames: impl IntoIterator<Item = Value>) {
        self.nats.publish_with_reply(self.to.clone(), self.from.clone(), message(frames)).await.unwrap();
        self.nats.flush().await.unwrap();
    }

    /// An item, whose value is its number.
    pub(super) fn item(&self, number: u64) -> Value {
        let body = rmp_serde::to_vec(&number).unwrap();
        Value::Array(vec![5.into(), self.id.clone(), number.into(), body.into()])
    }

    /// The end of a direction that had so many items.
    pub(super) fn end(&self, items: u64) -> Value {
        let nil = Value::Nil;
        Value::Array(vec![
            6.into(),
            self.id.clone(),
            items.into(),
            0.into(),
            2.into(),
            nil.clone(),
            nil.clone(),
            nil,
        ])
    }

    /// Waits until the other side says something of a kind about the stream: `4` is that it wants no more, `2` that the call has
    /// succeeded.
    pub(super) async fn hear(&mut self, kind: u64) -> Value {
        loop {
            let heard = next(&mut self.heard).await;
            let about = |frame: &Value| frame[0].as_u64() == Some(kind) && frame[1] == self.id;
            if let Some(frame) = frames(&heard).into_iter().find(about) {
                return frame;
            }
        }
    }
}

/// Waits until the broker has taken what was sent before.
async fn settle(nats: &Client) {
    let inbox = nats.new_inbox();
    let mut settled = nats.subscribe(inbox.clone()).await.unwrap();
    nats.publish(inbox, Bytes::new()).await.unwrap();
    next(&mut settled).await;
}

async fn next(subscriber: &mut Subscriber) -> Message {
    timeout(LIMIT, subscriber.next()).await.expect("a message in time").unwrap()
}

fn credit(value: &Value) -> Option<(u64, u64)> {
    let credit = value.as_array()?;
    Some((credit[0].as_u64()?, credit[1].as_u64()?))
}

fn message(frames: impl IntoIterator<Item = Value>) -> Bytes {
    let mut bytes = vec![0xC1, 0x01];
    frames.into_iter().for_each(|frame| rmpv::encode::write_value(&mut bytes, &frame).unwrap());
    bytes.into()
}

fn frames(message: &Message) -> Vec<Value> {
    let mut rest = &message.payload[2..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        frames.push(rmpv::decode::read_value(&mut rest).unwrap());
    }
    frames
}
