//! From a message to the calls in it: what is refused is answered here, the rest is dispatched.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::admission::{Bounds, Incoming, Part};
use super::dispatch::Endpoint;
use super::plain;
use super::probe::Probe;
use super::receive::Turn;
use super::replies::{Dispatch, end_replies, send_message, send_refusal};
use crate::connection::{Joining, MAX_BYTES, MAX_FRAMES, Message};
use crate::deadline::{CLOCK_TOLERANCE, Deadline};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, ContentType, Format, Together, is_across_accounts};
use crate::service::MethodKind;
use crate::wire::dialect::{self, Dialect, PlainBody};
use crate::wire::frame::{self, BadMessage, CallFrame, Flags, Frame, Frames, Id};
use crate::wire::headers::Headers;

/// What is done with the messages of a subscription.
pub(super) enum Work {
    Calls(Intake),
    Probes(Probe),
}

impl Work {
    /// Takes a message. It never waits.
    pub(super) fn take(&self, message: Message, turn: &mut Turn<'_>) {
        match self {
            Work::Calls(intake) => intake.take(message, turn),
            Work::Probes(probe) => probe.answer(&message),
        }
    }
}

/// Takes in the messages of one of a method's subscriptions.
pub(super) struct Intake {
    pub(super) endpoint: Arc<Endpoint>,
    /// Who else gets what comes there.
    pub(super) audience: Audience,
}

/// When a message came, by both clocks.
#[derive(Clone, Copy)]
struct Arrived {
    at: Instant,
    unix_ms: u64,
}

impl Intake {
    /// The server that it belongs to.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.endpoint.shared
    }

    /// Answers or dispatches every call of a message.
    fn take(&self, message: Message, turn: &mut Turn<'_>) {
        if !self.has_good_reply(&message) {
            return;
        }
        if let Some(places) = &self.endpoint.places
            && let Err(error) = places.check(&message.subject)
        {
            return self.refuse(&message, &error);
        }
        let method = &self.endpoint.method;
        let content_type = plain::content_type(&message);
        let body = if method.is_bare() { PlainBody::Value } else { PlainBody::Arguments };
        let dialect = dialect::detect(&message.payload, content_type, body);
        // Small calls may share a message that is larger than each of them may be.
        let shared = if dialect == Some(Dialect::Framed) { MAX_BYTES } else { 0 };
        if message.payload.len() > self.shared().limits.request.max(shared) {
            return self.refuse(&message, &self.shared().limits.too_large(message.payload.len()));
        }
        match dialect {
            Some(Dialect::Framed) => self.take_frames(message, turn),
            Some(Dialect::Plain(codec)) => {
                let content_type = content_type.map_or(ContentType::Implied, |_| ContentType::Named);
                self.take_plain(message, Format::Plain { codec, content_type }, turn);
            }
            None => {
                let text = "the body is neither a map nor an array of arguments";
                self.refuse(&message, &Error::not_executed(ErrorKind::InvalidArgument, text));
            }
        }
    }

    /// Whether the call can be answered where it asks to, or needs no answer.
    fn has_good_reply(&self, message: &Message) -> bool {
        match &message.reply {
            Some(reply) => self.shared().accepts_reply(&message.subject, reply),
            None if self.endpoint.method.kind() != MethodKind::Oneway => {
                self.shared().counters.reply_missing.add();
                false
            }
            None => true,
        }
    }

    fn take_frames(&self, message: Message, turn: &mut Turn<'_>) {
        let mut frames = match Frames::new(&message.payload) {
            Ok(frames) => frames,
            Err(BadMessage::Version(version)) => {
                let text = format!("protocol version {version} is not spoken here, only {}", frame::VERSION);
                return self.refuse(&message, &Error::not_executed(ErrorKind::Unimplemented, text));
            }
            Err(BadMessage::Malformed) => return self.refuse(&message, &malformed()),
        };
        let arrived = Arrived { at: turn.now, unix_ms: self.shared().connection().clock().unix_ms() };
        let first = match frames.next() {
            None => return self.refuse(&message, &malformed()),
            Some(Ok(frame)) if frames.is_empty() => {
                let held = self.held(&message);
                let Message { subject, reply, .. } = message;
                let part = Part { subject, reply, joining: Joining::Lone, together: None, held };
                return self.take_frame(part, arrived, frame, turn);
            }
            Some(first) => first,
        };
        // Nothing of a message is run before all of it has been read: its error would claim that nothing was.
        let all = std::iter::once(first).chain(frames).take(MAX_FRAMES + 1);
        match all.collect::<Result<Vec<_>, _>>() {
            Ok(frames) if frames.len() > MAX_FRAMES => {
                let text = format!("a message has no more than {MAX_FRAMES} frames");
                self.refuse(&message, &Error::not_executed(ErrorKind::InvalidArgument, text));
            }
            Ok(mut frames) => {
                let held = self.held_by_several(&message);
                let Message { subject, reply, .. } = message;
                let together = self.together(reply.as_deref(), &mut frames);
                let part = Part { subject, reply, joining: Joining::Several, together, held };
                // The time that reading took is not the first handler's.
                turn.proceed();
                frames.into_iter().for_each(|frame| self.take_frame(part.clone(), arrived, frame, turn));
            }
            Err(_) => self.refuse(&message, &malformed()),
        }
    }

    /// What is known of the answers to the calls of one message from another account. They leave
    /// together if the NATS server may let one reply through. Then no call has more time than the
    /// one that expires first: its answer takes the others along. One that has expired already does
    /// not count; it is answered at once.
    fn together(&self, reply: Option<&str>, frames: &mut [Frame]) -> Option<Arc<Together>> {
        if !reply.is_some_and(is_across_accounts) {
            return None;
        }
        let calls = || {
            frames.iter().filter_map(|frame| match frame {
                Frame::Call(call) if !call.flags.is_trial() => Some(call),
                _ => None,
            })
        };
        let count = calls().count();
        if calls().all(|call| call.flags.allows_several_replies()) {
            return Some(Arc::new(Together::counting(count)));
        }
        let budget = |call: &CallFrame| call.budget.unwrap_or(self.shared().default_timeout);
        let first = calls().map(budget).filter(|budget| !budget.is_zero()).min();
        for frame in frames {
            if let Frame::Call(call) = frame {
                call.budget = first.map_or(call.budget, |first| Some(first.min(budget(call))));
            }
        }
        Some(Arc::new(Together::collecting(count)))
    }

    /// Answers a call that runs nothing, twice: whether both answers arrive is what its caller
    /// wants to know.
    fn answer_trial(&self, part: Part, call: &CallFrame) {
        let Part { reply: Some(reply), .. } = part else { return };
        let format = Format::Framed { id: call.id, flags: call.flags };
        let path = self.shared().reply_path(Some(reply), Joining::Lone, format, self.audience);
        for _ in 0..2 {
            let answer =
                path.success(&Headers::new(), Duration::ZERO, |codec, bytes| codec.encode(&(), bytes));
            if let Some(message) = answer.ok().and_then(|answer| path.message(answer)) {
                send_message(self.shared(), message, Joining::Lone, Dispatch::AtFlush);
            }
        }
        end_replies(self.shared(), &path, Dispatch::AtFlush);
    }

    /// Takes a call; frames of other kinds are not for a method's subject.
    fn take_frame(&self, part: Part, arrived: Arrived, frame: Frame, turn: &mut Turn<'_>) {
        let Frame::Call(call) = frame else { return };
        if call.flags.is_trial() && !call.flags.demands_the_unknown() {
            return self.answer_trial(part, &call);
        }
        let bounds = if call.args.len() > self.shared().limits.request {
            Err(self.shared().limits.too_large(call.args.len()))
        } else if call.flags.demands_the_unknown() {
            let text = "the call demands an extension of the protocol that is not known here";
            Err(Error::not_executed(ErrorKind::Unimplemented, text))
        } else {
            call.headers.check().and_then(|()| self.bounds(&call, arrived))
        };
        let incoming = Incoming {
            part,
            arrived: arrived.at,
            format: Format::Framed { id: call.id, flags: call.flags },
            bounds,
            attempt: call.attempt,
            headers: call.headers,
            credit: call.credit,
            body: call.args,
        };
        self.admit(incoming, turn);
    }

    fn take_plain(&self, message: Message, format: Format, turn: &mut Turn<'_>) {
        let arrived = turn.now;
        let (headers, bounds) = match plain::headers(message.headers.as_ref()) {
            Ok(headers) => {
                let budget = plain::budget(&headers).map(|budget| self.shared().timeout(budget));
                (headers, budget.map(|budget| Deadline::of(arrived, budget).into()))
            }
            Err(error) => (Headers::new(), Err(error)),
        };
        let held = self.held(&message);
        let Message { subject, reply, payload: body, .. } = message;
        let part = Part { subject, reply, joining: Joining::Lone, together: None, held };
        let (attempt, credit) = (1, None);
        self.admit(Incoming { part, arrived, format, bounds, attempt, headers, credit, body }, turn);
    }

    /// When the call expires by the clock here. Its moment of expiry, by its caller's clock, can only have it refused: it
    /// may be off by as much as two clocks may differ, and must not cut a handler short.
    fn bounds(&self, call: &CallFrame, arrived: Arrived) -> Result<Bounds, Error> {
        let deadline = Deadline::of(arrived.at, self.shared().timeout(call.budget));
        let Some(expires) = call.expires_unix_ms else { return Ok(deadline.into()) };
        let now = arrived.unix_ms;
        let tolerance = u64::try_from(CLOCK_TOLERANCE.as_millis()).unwrap_or_default();
        let left = Duration::from_millis(expires.saturating_add(tolerance).saturating_sub(now));
        if left.is_zero() {
            self.endpoint.stats.counters.expired.add();
            let text = format!("the call expired at {expires} ms after the epoch, it is {now} ms here");
            return Err(Error::not_executed(ErrorKind::DeadlineExceeded, text));
        }
        // It may wait here for a place: then too it is not to begin after that moment.
        Ok(Bounds { begin_by: deadline.min(Deadline::of(arrived.at, left)).instant(), deadline })
    }

    /// Answers a message of which nothing was run.
    fn refuse(&self, message: &Message, error: &Error) {
        let stats = &self.endpoint.stats;
        stats.counters.received.add();
        stats.counters.malformed.add();
        stats.fail(error);
        let reply = message.reply.clone();
        let path = self.shared().reply_path(reply, Joining::Lone, refusal_format(message), self.audience);
        send_refusal(self.shared(), &path, error);
    }
}

/// In which form a message is answered of which not even the dialect may be clear.
pub(super) fn refusal_format(message: &Message) -> Format {
    if message.payload.first() == Some(&frame::MAGIC) {
        // Whose id cannot be read gets a made-up one: the error is about the whole message anyway.
        let id = frame::first_id(&message.payload).unwrap_or_else(|| Id::new(Id::UNREADABLE));
        return Format::Framed { id, flags: Flags::default().with_whole() };
    }
    let content_type = plain::content_type(message);
    let named = content_type.map_or(ContentType::Implied, |_| ContentType::Named);
    match dialect::detect(&message.payload, content_type, PlainBody::Arguments) {
        Some(Dialect::Plain(codec)) => Format::Plain { codec, content_type: named },
        _ => Format::Plain { codec: crate::Codec::Json, content_type: named },
    }
}

fn malformed() -> Error {
    Error::not_executed(ErrorKind::InvalidArgument, "the message is not made of frames")
}
