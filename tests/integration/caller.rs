//! A client made by hand: what it sends, and when it goes away, is up to the test.

use std::time::Duration;

use futures::StreamExt;
use nats_rpc::{Connection, Subscription};
use rmpv::Value;

use crate::bed::{Bed, outbound};
use crate::wire::{Framed, call, write_frames};

/// One that speaks frames, with an inbox of its own.
pub(crate) struct Caller {
    pub(crate) connection: Connection,
    inbox: String,
    replies: Subscription,
    /// Whether it says of its calls that it has verified that several replies arrive.
    is_across_accounts: bool,
}

impl Caller {
    pub(crate) async fn new(bed: &Bed) -> Self {
        Caller::below("_INBOX", bed).await
    }

    /// The same with another inbox prefix.
    pub(crate) async fn below(prefix: &str, bed: &Bed) -> Self {
        let connection = bed.connect().await;
        let inbox = format!("{prefix}.{}", uuid::Uuid::new_v4().simple());
        let replies = connection.subscribe(format!("{inbox}.*"), None).await.unwrap();
        Caller { connection, inbox, replies, is_across_accounts: bed.is_across_accounts() }
    }

    /// The subject that hears from an instance.
    pub(crate) fn control(&self, instance: &str) -> String {
        format!("{}._{instance}", self.inbox)
    }

    /// Calls a method with a budget of a minute. The id is made of the number.
    pub(crate) async fn call(&self, subject: &str, number: u8) {
        self.send(subject, call(number, "ms", 60_000)).await;
    }

    /// The same with a budget in milliseconds.
    pub(crate) async fn call_within(&self, subject: &str, number: u8, budget_ms: u64) {
        let Value::Array(mut frame) = call(number, "ms", 60_000) else { unreachable!() };
        frame[3] = budget_ms.into();
        self.send(subject, Value::Array(frame)).await;
    }

    /// The same with the moment of its expiry, which is so many milliseconds ago.
    pub(crate) async fn call_expired(&self, subject: &str, number: u8, ms_ago: u64) {
        let Value::Array(mut frame) = call(number, "ms", 60_000) else { unreachable!() };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        frame[4] = (u64::try_from(now.as_millis()).unwrap() - ms_ago).into();
        self.send(subject, Value::Array(frame)).await;
    }

    async fn send(&self, subject: &str, mut frame: Value) {
        if let Value::Array(call) = &mut frame
            && self.is_across_accounts
        {
            call[2] = (1 << 7).into();
        }
        let slot = format!("{}.slot", self.inbox);
        self.connection.publish(outbound(subject, Some(&slot), write_frames([frame]))).await.unwrap();
    }

    /// Cancels a call where its instance said that it listens.
    pub(crate) async fn cancel(&self, control: &str, number: u8) {
        self.say(control, Value::Array(vec![4.into(), Value::Binary(vec![number; 8])])).await;
    }

    /// Says something where an instance said that it listens.
    pub(crate) async fn say(&self, control: &str, frame: Value) {
        self.connection.publish(outbound(control, None, write_frames([frame]))).await.unwrap();
    }

    /// The next message that comes, whatever it is.
    pub(crate) async fn next(&mut self) -> Framed {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.replies.next()).await;
            let message = next.expect("a message comes").expect("the connection is open");
            // With nothing, a server ends its replies to another account.
            if !message.payload.is_empty() || !self.is_across_accounts {
                return Framed::read(&message);
            }
        }
    }

    /// The next answer to a call.
    pub(crate) async fn next_frame_of(&mut self, number: u8) -> Value {
        let is_answer =
            |frame: &Value| frame[0].as_u64() < Some(4) && frame[1] == Value::Binary(vec![number; 8]);
        loop {
            if let Some(answer) = self.next().await.frames.into_iter().find(is_answer) {
                return answer;
            }
        }
    }

    /// The next answer to any call.
    pub(crate) async fn next_frame_of_any(&mut self) -> Value {
        loop {
            let mut frames = self.next().await.frames.into_iter();
            if let Some(answer) = frames.find(|frame| frame[0].as_u64() < Some(4)) {
                return answer;
            }
        }
    }

    /// The next frame that is no heartbeat, if it comes alone.
    pub(crate) async fn next_frame(&mut self) -> Value {
        loop {
            let mut frames = self.next().await.frames;
            frames.retain(|frame| frame[0] != 9.into());
            if let Some(frame) = frames.pop() {
                assert!(frames.is_empty(), "{frames:?}");
                return frame;
            }
        }
    }

    /// The next message is that an instance has a call. Returns where the instance hears about it.
    pub(crate) async fn accepted(&mut self, number: u8) -> String {
        let message = self.next().await;
        assert_eq!(message.frames[0][0], 8.into(), "{message:?}");
        assert_eq!(message.ids(), [vec![number; 8]]);
        // To another account, the frame says it, since a NATS server replaces reply subjects.
        message.reply.unwrap_or_else(|| message.frames[0][6].as_str().unwrap().to_owned())
    }

    /// What came until now, of what the server has sent before it answered a call made now.
    pub(crate) async fn rest(&mut self, subject: &str) -> Vec<Framed> {
        self.call(subject, 0xFF).await;
        let mut rest = Vec::new();
        loop {
            let message = self.next().await;
            if message.frames[0][0] != 9.into() && message.ids() == [vec![0xFF; 8]] {
                return rest;
            }
            rest.push(message);
        }
    }
}
