//! From a message to the calls in it: what is refused is answered here, the rest is dispatched.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Shared;
use super::dispatch::{self, Accepted, Endpoint};
use super::limits::Held;
use super::pace::Pace;
use super::plain;
use super::probe::Probe;
use super::receive::Turn;
use super::replies::{send_receipt, send_refusal};
use crate::connection::{Joining, MAX_BYTES, MAX_FRAMES, Message, Subject};
use crate::context::{Arrival, Context};
use crate::deadline::{CLOCK_TOLERANCE, Deadline};
use crate::error::{Error, ErrorKind};
use crate::reply::{ContentType, Format};
use crate::service::{Handler, Method, MethodKind};
use crate::wire::dialect::{self, Dialect, PlainBody};
use crate::wire::frame::{self, BadMessage, CallFrame, Flags, Frame, Frames, Id};
use crate::wire::headers::Headers;

/// How long a caller is asked to wait before it tries an overloaded server again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

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

/// Takes in the messages of one method's subscription.
pub(super) struct Intake {
    shared: Arc<Shared>,
    endpoint: Arc<Endpoint>,
}

/// A call, whatever dialect it came in.
struct Incoming {
    arrived: Instant,
    held: Held,
    format: Format,
    deadline: Result<Deadline, Error>,
    attempt: u32,
    headers: Headers,
    body: Bytes,
    joining: Joining,
}

/// When a message came, by both clocks.
#[derive(Clone, Copy)]
struct Arrived {
    at: Instant,
    unix_ms: u64,
}

/// What the calls of a message have in common. A lone one gets it without a copy.
#[derive(Clone)]
struct Part {
    subject: Subject,
    reply: Option<Subject>,
    joining: Joining,
    held: Held,
}

/// Where a call is run.
enum Way {
    Here,
    Task,
}

impl Intake {
    pub(super) fn new(shared: Arc<Shared>, method: Method, handler: Handler) -> Self {
        let pace = if method.is_spawned() { Pace::Spawned } else { Pace::measured() };
        Intake { shared, endpoint: Arc::new(Endpoint { method, handler, pace }) }
    }

    /// Answers or dispatches every call of a message.
    fn take(&self, message: Message, turn: &mut Turn<'_>) {
        if !self.has_good_reply(&message) {
            return;
        }
        let method = &self.endpoint.method;
        let is_framed = message.payload.first() == Some(&frame::MAGIC);
        // Small calls may share a message that is larger than each of them may be.
        let limit = self.shared.limits.request.max(if is_framed { MAX_BYTES } else { 0 });
        if message.payload.len() > limit {
            return self.refuse(&message, &self.too_large(message.payload.len()));
        }
        let content_type = plain::content_type(&message);
        let body = if method.is_bare() { PlainBody::Value } else { PlainBody::Arguments };
        match dialect::detect(&message.payload, content_type, body) {
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

    fn too_large(&self, size: usize) -> Error {
        let limit = self.shared.limits.request;
        let text = format!("{size} bytes are more than the {limit} that this server takes");
        Error::not_executed(ErrorKind::PayloadTooLarge, text)
    }

    /// Whether the call can be answered where it asks to, or needs no answer.
    fn has_good_reply(&self, message: &Message) -> bool {
        match &message.reply {
            Some(reply) if !self.shared.reply_prefixes.accept(reply) => {
                if self.shared.counters.reply_refused.add() == 0 {
                    tracing::warn!(subject = %message.subject, %reply, "dropped a call: its reply subject is not allowed");
                }
                false
            }
            None if self.endpoint.method.kind() != MethodKind::Oneway => {
                self.shared.counters.reply_missing.add();
                false
            }
            _ => true,
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
        let arrived = Arrived { at: turn.now, unix_ms: self.shared.connection().clock().unix_ms() };
        let first = match frames.next() {
            None => return self.refuse(&message, &malformed()),
            Some(Ok(frame)) if frames.is_empty() => {
                let held = Held::Own(message.payload.len());
                let Message { subject, reply, .. } = message;
                let part = Part { subject, reply, joining: Joining::Lone, held };
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
            Ok(frames) => {
                let held = Held::shared(&self.shared.admitted, message.payload.len());
                let Message { subject, reply, .. } = message;
                let part = Part { subject, reply, joining: Joining::Several, held };
                // The time that reading took is not the first handler's.
                turn.proceed();
                frames.into_iter().for_each(|frame| self.take_frame(part.clone(), arrived, frame, turn));
            }
            Err(_) => self.refuse(&message, &malformed()),
        }
    }

    /// Takes a call; frames of other kinds are not for a method's subject.
    fn take_frame(&self, part: Part, arrived: Arrived, frame: Frame, turn: &mut Turn<'_>) {
        let Frame::Call(call) = frame else { return };
        let deadline = if call.args.len() > self.shared.limits.request {
            Err(self.too_large(call.args.len()))
        } else if call.flags.demands_the_unknown() {
            let text = "the call demands an extension of the protocol that is not known here";
            Err(Error::not_executed(ErrorKind::Unimplemented, text))
        } else {
            call.headers.check().and_then(|()| self.deadline(&call, arrived))
        };
        let incoming = Incoming {
            arrived: arrived.at,
            held: part.held,
            format: Format::Framed { id: call.id, flags: call.flags },
            deadline,
            attempt: call.attempt,
            headers: call.headers,
            body: call.args,
            joining: part.joining,
        };
        self.admit(part.subject, part.reply, incoming, turn);
    }

    fn take_plain(&self, message: Message, format: Format, turn: &mut Turn<'_>) {
        let arrived = turn.now;
        let (headers, deadline) = match plain::headers(message.headers.as_ref()) {
            Ok(headers) => {
                let budget =
                    plain::budget(&headers).map(|budget| budget.unwrap_or(self.shared.default_timeout));
                (headers, budget.map(|budget| Deadline::of(arrived, budget)))
            }
            Err(error) => (Headers::new(), Err(error)),
        };
        let incoming = Incoming {
            arrived,
            held: Held::Own(message.payload.len()),
            format,
            deadline,
            attempt: 1,
            headers,
            body: message.payload,
            joining: Joining::Lone,
        };
        self.admit(message.subject, message.reply, incoming, turn);
    }

    /// When the call expires by the clock here. Its moment of expiry, by its caller's clock, can only have it refused: it
    /// may be off by as much as two clocks may differ, and must not cut a handler short.
    fn deadline(&self, call: &CallFrame, arrived: Arrived) -> Result<Deadline, Error> {
        let now = arrived.unix_ms;
        let tolerance = u64::try_from(CLOCK_TOLERANCE.as_millis()).unwrap_or_default();
        if let Some(expires) = call.expires_unix_ms
            && expires.saturating_add(tolerance) <= now
        {
            self.shared.counters.expired.add();
            let text = format!("the call expired at {expires} ms after the epoch, it is {now} ms here");
            return Err(Error::not_executed(ErrorKind::DeadlineExceeded, text));
        }
        Ok(Deadline::of(arrived.at, call.budget.unwrap_or(self.shared.default_timeout)))
    }

    /// Takes the call on, or says why not.
    fn admit(&self, subject: Subject, reply: Option<Subject>, incoming: Incoming, turn: &mut Turn<'_>) {
        let method = &self.endpoint.method;
        let Incoming { arrived, held, format, deadline, attempt, headers, body, joining } = incoming;
        let mut path = self.shared.reply_path(reply, joining, format, self.shared.audience);
        let way = deadline.and_then(|deadline| {
            if deadline.was_expired(arrived) {
                self.shared.counters.expired.add();
                return Err(Error::not_executed(ErrorKind::DeadlineExceeded, "the call has no time left"));
            }
            Ok((deadline, self.way(&held, turn)?))
        });
        let (mut deadline, way) = match way {
            Ok(way) => way,
            Err(error) => {
                send_refusal(&self.shared, &path, &error);
                return turn.proceed();
            }
        };
        if method.kind() == MethodKind::Oneway {
            // Nobody waits for the handler: the caller's budget bounds the receipt, not the work.
            deadline = Deadline::of(arrived, method.timeout().unwrap_or(self.shared.default_timeout));
            if path.to.is_some() {
                send_receipt(&self.shared, &path);
                path.to = None;
            }
        }
        let method = method.name();
        let arrival = Arrival { subject, method, deadline, attempt, headers, reply: path };
        let (shared, context) = (Arc::clone(&self.shared), Context::new(arrival));
        match way {
            Way::Here => {
                let accepted = Accepted::new(shared, context, None);
                dispatch::begin(&self.endpoint, accepted, body, held, turn);
            }
            Way::Task => {
                dispatch::spawn(&self.endpoint, Accepted::new(shared, context, Some(held)), body);
                turn.proceed();
            }
        }
    }

    /// Where a call is run: handlers that have proven cheap here, all others in a task of their own, of which there may be
    /// too many.
    fn way(&self, held: &Held, turn: &mut Turn<'_>) -> Result<Way, Error> {
        let Shared { admitted, limits, .. } = &*self.shared;
        if self.endpoint.pace.is_inline()
            && !self.shared.is_closed()
            && admitted.has_room(limits, held)
            && turn.has_place()
        {
            return Ok(Way::Here);
        }
        self.shared.admitted.enter(&self.shared.limits, held).map(|()| Way::Task).map_err(|too_much| {
            self.shared.counters.overloaded.add();
            Error::not_executed(ErrorKind::Overloaded, too_much).with_retry_after(RETRY_AFTER)
        })
    }

    /// Answers a message of which nothing was run.
    fn refuse(&self, message: &Message, error: &Error) {
        self.shared.counters.malformed.add();
        let reply = message.reply.clone();
        let path =
            self.shared.reply_path(reply, Joining::Lone, refusal_format(message), self.shared.audience);
        send_refusal(&self.shared, &path, error);
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
