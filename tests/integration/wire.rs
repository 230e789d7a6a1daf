//! What passes over the broker, as another client on it sees it.

use std::collections::HashMap;
use std::fmt::Debug;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use nats_rpc::async_nats::Message;
use nats_rpc::{Connection, Subscription};
use rmpv::Value;

use crate::bed::{Bed, outbound};

/// Listens on a subject beside those who serve it.
pub(crate) struct Tap {
    messages: Subscription,
    marks: Subscription,
    mark: String,
}

/// A framed message.
#[derive(Debug, Clone)]
pub(crate) struct Framed {
    pub(crate) subject: String,
    pub(crate) size: usize,
    pub(crate) reply: Option<String>,
    pub(crate) frames: Vec<Value>,
}

impl Tap {
    /// Returns when the broker knows of it. It is in the account of the callers, and hears what
    /// they publish.
    pub(crate) async fn new(bed: &Bed, subject: &str) -> Self {
        let connection = bed.connect().await;
        let messages = connection.subscribe(bed.served(subject), None).await.unwrap();
        let mark = format!("tap.{}", uuid::Uuid::new_v4().simple());
        let marks = connection.subscribe(mark.as_str(), None).await.unwrap();
        let mut tap = Tap { messages, marks, mark };
        tap.messages(&connection).await;
        tap
    }

    /// What has come since the last time, of all that this connection has sent until now.
    pub(crate) async fn messages(&mut self, from: &Connection) -> Vec<Framed> {
        from.publish(outbound(&self.mark, None, "")).await.unwrap();
        self.marks.next().await.unwrap();
        // A subscription whose task has done much is told to pause, which looks as if there were no more.
        let next = || tokio::task::unconstrained(self.messages.next()).now_or_never().flatten();
        std::iter::from_fn(next).map(|message| Framed::read(&message)).collect()
    }
}

impl Framed {
    pub(crate) fn read(message: &Message) -> Self {
        Framed {
            subject: message.subject.to_string(),
            size: message.payload.len(),
            reply: message.reply.as_ref().map(|reply| reply.to_string()),
            frames: read_frames(&message.payload),
        }
    }

    /// The ids of the frames.
    pub(crate) fn ids(&self) -> Vec<Vec<u8>> {
        self.frames.iter().map(|frame| frame[1].as_slice().unwrap().to_vec()).collect()
    }

    /// The number of the attempt that each call is.
    pub(crate) fn attempts(&self) -> Vec<u64> {
        self.frames.iter().map(|frame| frame[5].as_u64().unwrap()).collect()
    }

    /// What each call says, of a method with one argument that is a text.
    pub(crate) fn texts(&self) -> Vec<String> {
        let argument = |frame: &Value| {
            let args: Value = rmp_serde::from_slice(frame[8].as_slice().unwrap()).unwrap();
            args.as_map().unwrap()[0].1.as_str().unwrap().to_owned()
        };
        self.frames.iter().map(argument).collect()
    }
}

/// The frames of a message.
#[track_caller]
pub(crate) fn read_frames(payload: &[u8]) -> Vec<Value> {
    let (head, mut rest) = payload.split_at(2);
    assert_eq!(head, [0xC1, 0x01], "a framed message of version 1");
    let mut frames = Vec::new();
    while !rest.is_empty() {
        frames.push(rmpv::decode::read_value(&mut rest).unwrap());
    }
    frames
}

/// A message of these frames.
pub(crate) fn write_frames(frames: impl IntoIterator<Item = Value>) -> Bytes {
    let mut bytes = vec![0xC1, 0x01];
    frames.into_iter().for_each(|frame| rmpv::encode::write_value(&mut bytes, &frame).unwrap());
    bytes.into()
}

/// A call with one argument, whose id is made of a number.
pub(crate) fn call(number: u8, argument: &str, value: usize) -> Value {
    let args = rmp_serde::to_vec(&HashMap::from([(argument, value)])).unwrap();
    let (id, budget_ms, nil) = (Value::Binary(vec![number; 8]), 60_000, Value::Nil);
    let (flags, attempt, args) = (0, 1, Value::Binary(args));
    let head = [1.into(), id, flags.into(), budget_ms.into(), nil.clone(), attempt.into(), nil.clone(), nil];
    Value::Array(head.into_iter().chain([args]).collect())
}

/// A successful reply with a text.
pub(crate) fn success(id: &[u8], handler_us: u64, text: &str) -> Value {
    let body = rmp_serde::to_vec(text).unwrap();
    Value::Array(vec![2.into(), id.into(), handler_us.into(), body.into(), Value::Nil, Value::Nil])
}

/// A failed reply without a value.
pub(crate) fn failure(id: &[u8], code: u16, execution: u8, retry_after_ms: Option<u64>) -> Value {
    let retry_after = retry_after_ms.map_or(Value::Nil, Value::from);
    let head = [3.into(), id.into(), code.into(), execution.into(), 0.into(), "by hand".into(), 0.into()];
    Value::Array(head.into_iter().chain([retry_after, Value::Nil, Value::Nil, Value::Nil]).collect())
}

/// How many calls each message carries.
pub(crate) fn calls_per_message(messages: &[Framed]) -> Vec<usize> {
    messages.iter().map(|message| message.frames.len()).collect()
}

/// Numbers that look random and are the same in every run: a xorshift.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new() -> Self {
        Numbers(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Makes all calls at once and returns their values.
pub(crate) async fn all<T: Debug, E: Debug>(calls: impl IntoIterator<Item = nats_rpc::Call<T, E>>) -> Vec<T> {
    let answers = futures::future::join_all(calls).await;
    answers.into_iter().map(Result::unwrap).collect()
}
