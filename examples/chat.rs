//! A chat room: each member has one call open, which streams what they say to the room and what all of them say back.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example chat`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use futures::channel::mpsc;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use nats_rpc::{CallError, Incoming, Server, Streaming};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    from: String,
    text: String,
}

#[nats_rpc::service]
trait Chat {
    /// Takes a seat, says the lines to all who have one, and yields what they say, until there are no more lines.
    async fn join(&self, name: &str, lines: Incoming<String>) -> Result<impl Stream<Item = Line>, String>;
}

struct Room {
    said: broadcast::Sender<Line>,
    seats: Mutex<BTreeSet<String>>,
}

impl Chat for Room {
    async fn join(&self, name: &str, lines: Incoming<String>) -> Result<impl Stream<Item = Line>, String> {
        let seat = Seat::take(self, name)?;
        let says = lines.try_for_each(async |text| {
            _ = self.said.send(Line { from: name.to_owned(), text });
            Ok(())
        });
        let hears = stream::unfold((self.said.subscribe(), seat), async |(mut said, seat)| {
            let line = match said.recv().await {
                Ok(line) => line,
                // The room does not keep all that is said for one who is too slow.
                Err(RecvError::Lagged(lines)) => {
                    Line { from: "the room".into(), text: format!("{lines} are lost") }
                }
                Err(RecvError::Closed) => return None,
            };
            Some((line, (said, seat)))
        });
        Ok(hears.take_until(says))
    }
}

/// A member's seat, in their stream. However that ends, it is dropped, and the seat is free.
struct Seat<'a>(&'a Room, String);

impl<'a> Seat<'a> {
    fn take(room: &'a Room, name: &str) -> Result<Self, String> {
        let is_free = room.seats.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        if is_free { Ok(Seat(room, name.to_owned())) } else { Err(format!("{name} has a seat already")) }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

struct Member {
    name: &'static str,
    hears: Streaming<Line, String>,
    says: mpsc::UnboundedSender<String>,
}

impl Member {
    async fn join(chat: &ChatClient, name: &'static str) -> Result<Self, CallError<String>> {
        let (says, lines) = mpsc::unbounded();
        Ok(Member { name, hears: chat.join(name, lines).await?, says })
    }

    /// Answers somebody, and leaves after three lines. Returns what was heard.
    async fn chat(mut self, whom: &str, answer: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let mut heard = Vec::new();
        while let Some(Line { from, text }) = self.hears.try_next().await? {
            if from == whom {
                self.says.unbounded_send(answer.to_owned())?;
            }
            heard.push(format!("{} hears {from}: {text}", self.name));
            if heard.len() == 3 {
                self.says.close_channel(); // There are no more lines: the room ends the stream.
            }
        }
        Ok(heard)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let room = Room { said: broadcast::channel(100).0, seats: Mutex::default() };
    let server = Server::builder(&nats).add(ChatServer::new(room)).start().await?;
    let chat = ChatClient::new(&nats);

    let ann = Member::join(&chat, "ann").await?;
    let bob = Member::join(&chat, "bob").await?;
    let cleo = Member::join(&chat, "cleo").await?;
    if let Err(refused) = Member::join(&chat, "ann").await {
        println!("another ann: {refused}");
    }
    ann.says.unbounded_send("Is anybody here?".to_owned())?;
    let (ann, bob) = (ann.chat("nobody", ""), bob.chat("ann", "Hello, Ann!"));
    let (ann, bob, cleo) = tokio::try_join!(ann, bob, cleo.chat("bob", "Hello, you two!"))?;
    [ann, bob, cleo].concat().iter().for_each(|heard| println!("{heard}"));
    server.shutdown().await;
    Ok(())
}
