//! What is called, the same with every peer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The name in every request: sixteen letters.
pub(crate) const NAME: &str = "abcdefghijklmnop";

/// The request of peers that have no arguments, but messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) name: String,
}

impl Request {
    pub(crate) fn new(id: u64) -> Self {
        Request { id, name: NAME.to_owned() }
    }
}

/// The reply: the number of the request and thirty-two letters.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) id: u64,
    pub(crate) msg: String,
}

/// What every handler does.
pub(crate) fn answer(id: u64, name: &str) -> Reply {
    Reply { id, msg: name.repeat(2) }
}

/// Whether a reply is the one to the request.
pub(crate) fn check(reply: &Reply, id: u64) -> Result<()> {
    if reply.id == id && reply.msg.len() == 2 * NAME.len() && reply.msg.starts_with(NAME) {
        Ok(())
    } else {
        Err(format!("call {id} has a wrong answer: {reply:?}").into())
    }
}

/// Whether an echo is what was sent.
pub(crate) fn check_echo(echoed: &[u8], sent: &Bytes) -> Result<()> {
    if echoed == sent {
        Ok(())
    } else {
        Err(format!("{} bytes came back as {} others", sent.len(), echoed.len()).into())
    }
}
