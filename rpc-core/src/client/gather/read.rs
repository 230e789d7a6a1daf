//! What a message says that came for a call to all instances.

use crate::client::outcome::of_one;
use crate::client::outgoing::Outgoing;
use crate::client::plain;
use crate::client::returns::Returns;
use crate::connection::{Answer, Message, header_of};
use crate::error::{CallError, Error, ErrorKind, Execution};
use crate::wire::dialect::header;
use crate::wire::frame::{Frame, Frames, MAGIC};

/// What one instance has answered, with its name if it says that.
type Named<T, E> = (Option<Box<str>>, Result<T, CallError<E>>);

/// Reads the answers in a message, of which there is one: an instance got one call.
pub(super) fn answers<T, E>(
    outgoing: &Outgoing,
    returns: Returns<T, E>,
    message: Box<Message>,
) -> Vec<Named<T, E>> {
    if message.payload.first() != Some(&MAGIC) {
        let instance = header_of(&message, header::INSTANCE).map(Box::from);
        let answer = plain::judge(message, outgoing.codec());
        return vec![(instance, of_one(outgoing, returns, answer))];
    }
    let Ok(frames) = Frames::new(&message.payload) else { return vec![(None, Err(unreadable()))] };
    frames.filter_map(|frame| framed(outgoing, returns, frame.ok())).collect()
}

/// `None` for what is not an answer to this call.
fn framed<T, E>(outgoing: &Outgoing, returns: Returns<T, E>, frame: Option<Frame>) -> Option<Named<T, E>> {
    let (instance, answer) = match frame {
        Some(Frame::Success(id, success)) if id.own() == Some(outgoing.id) => {
            (success.instance.clone(), Answer::Success(success))
        }
        Some(Frame::Error(id, error)) if id.own() == Some(outgoing.id) || error.flags.is_whole() => {
            (error.instance.clone(), Answer::Error(error))
        }
        Some(_) => return None,
        None => return Some((None, Err(unreadable()))),
    };
    if let Answer::Error(error) = &answer
        && ErrorKind::from_code(error.code) == ErrorKind::DeadlineExceeded
        && error.execution == Execution::NotExecuted
    {
        // By the clock here it has time left: its answers are still listened for.
        outgoing.distrust_clocks();
    }
    Some((instance, of_one(outgoing, returns, answer)))
}

fn unreadable<E>() -> CallError<E> {
    Error::new(ErrorKind::Protocol, "an answer is not made of frames of this version").into()
}
