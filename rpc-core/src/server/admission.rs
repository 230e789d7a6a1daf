//! Whether a call is taken on, and where it is run.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::admitted::Held;
use super::callers::Callers;
use super::dispatch::{self, Endpoint};
use super::intake::Intake;
use super::receive::Turn;
use super::replies::{Dispatch, send_receipt, send_refusal};
use super::streams::{bounds_whole_stream, check_streaming};
use super::taken::Taken;
use crate::connection::{Joining, Message, Subject};
use crate::context::{Arrival, Bond, Context};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::reply::{Format, Together};
use crate::service::MethodKind;
use crate::telemetry::CallSpan;
use crate::wire::frame::Credit;
use crate::wire::headers::Headers;

/// How long a caller is asked to wait before it tries an overloaded server again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A call, whatever dialect it came in.
pub(super) struct Incoming {
    pub(super) part: Part,
    pub(super) arrived: Instant,
    pub(super) format: Format,
    pub(super) bounds: Result<Bounds, Error>,
    pub(super) attempt: u32,
    pub(super) headers: Headers,
    /// What its caller takes at first, if it opens a stream.
    pub(super) credit: Option<Credit>,
    pub(super) body: Bytes,
}

/// When a call must have begun, and when it must be over.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) begin_by: Instant,
    pub(super) deadline: Deadline,
}

impl From<Deadline> for Bounds {
    /// Of a call that says no more than how long it may take.
    fn from(deadline: Deadline) -> Self {
        Bounds { begin_by: deadline.instant(), deadline }
    }
}

/// What the calls of a message have in common. A lone one gets it without a copy.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) subject: Subject,
    pub(super) reply: Option<Subject>,
    pub(super) joining: Joining,
    /// What is known of their answers, if they are from another account.
    pub(super) together: Option<Arc<Together>>,
    pub(super) held: Held,
}

/// Where a call is run.
enum Way {
    Here,
    Task,
}

impl Intake {
    /// Takes the call on, or says why not.
    pub(super) fn admit(&self, incoming: Incoming, turn: &mut Turn<'_>) {
        let Endpoint { shared, service, method, places, stats, .. } = &*self.endpoint;
        stats.counters.received.add();
        let Incoming { part, arrived, format, bounds, attempt, headers, credit, body } = incoming;
        let Part { subject, reply, joining, together, mut held } = part;
        let mut path = shared.reply_path(reply, joining, format, self.audience);
        path.together = together;
        let way = bounds.and_then(|bounds| {
            if bounds.deadline.was_expired(arrived) {
                self.endpoint.stats.counters.expired.add();
                return Err(Error::not_executed(ErrorKind::DeadlineExceeded, "the call has no time left"));
            }
            check_streaming(method, credit)?;
            Ok((bounds, self.way(&mut held, path.to.as_deref(), turn)?))
        });
        let (mut bounds, way) = match way {
            Ok(way) => way,
            Err(error) => {
                stats.fail(&error);
                send_refusal(shared, &path, &error);
                return turn.proceed();
            }
        };
        let mut receipt_to = None;
        if method.kind() == MethodKind::Oneway {
            // Nobody waits for the handler: the caller's budget bounds the receipt, not the work.
            bounds = Deadline::of(arrived, method.timeout().unwrap_or(shared.default_timeout)).into();
            if path.to.is_some() {
                send_receipt(shared, &path);
                receipt_to = path.to.take();
            }
        }
        let opening = bounds.deadline;
        if method.kind().is_streaming() && !bounds_whole_stream(format) {
            bounds.deadline = Deadline::never();
        }
        let calls = if method.is_no_cancel() { Bond::Detached } else { Bond::Bound };
        let (method, Bounds { begin_by, deadline }) = (method.name(), bounds);
        let service = service.name();
        let span = CallSpan::of_server(service, method, &shared.replier.instance, &headers);
        let places = places.clone();
        let arrival = Arrival {
            subject,
            places,
            service,
            method,
            deadline,
            attempt,
            headers,
            reply: path,
            calls,
            span,
        };
        let (endpoint, context) = (Arc::clone(&self.endpoint), Context::new(arrival));
        match way {
            Way::Here => {
                let taken = Taken::new(endpoint, context, arrived, begin_by, None);
                dispatch::begin(taken, body, held, receipt_to.as_ref(), turn);
            }
            Way::Task => {
                let mut taken = Taken::new(endpoint, context, arrived, begin_by, Some(held));
                match credit.map_or(Ok(()), |credit| taken.open_stream(credit, opening)) {
                    Ok(()) => dispatch::spawn(taken, body),
                    Err(error) => taken.answer(Err(error), Dispatch::AtFlush),
                }
                turn.proceed();
            }
        }
    }

    /// What a message of one call keeps.
    pub(super) fn held(&self, message: &Message) -> Held {
        let held = Held::own(self.endpoint.quota.as_ref(), message.payload.len());
        held.of(self.shared().callers.of_account(message))
    }

    /// What a message of several calls keeps.
    pub(super) fn held_by_several(&self, message: &Message) -> Held {
        let Endpoint { shared, quota, .. } = &*self.endpoint;
        let held = Held::shared(self.endpoint.admitted(), quota.as_ref(), message.payload.len());
        held.of(shared.callers.of_account(message))
    }

    /// Where a call is run: handlers that have proven cheap here, all others in a task of their own, of which there may be
    /// too many.
    fn way(&self, held: &mut Held, reply: Option<&str>, turn: &mut Turn<'_>) -> Result<Way, Error> {
        let shared = self.shared();
        let admitted = self.endpoint.admitted();
        if self.endpoint.pace.is_inline()
            && !shared.is_closed()
            && admitted.has_room(held)
            && !is_crowded(&shared.callers, held, reply)
            && turn.has_place()
        {
            return Ok(Way::Here);
        }
        held.identify(&shared.callers, reply);
        admitted.enter(held).map(|()| Way::Task).map_err(|too_much| {
            self.endpoint.stats.counters.overloaded.add();
            Error::not_executed(ErrorKind::Overloaded, too_much).with_retry_after(RETRY_AFTER)
        })
    }
}

/// Whether a caller is at one of its limits. As long as nobody is, it need not be known who it is.
fn is_crowded(callers: &Callers, held: &mut Held, reply: Option<&str>) -> bool {
    callers.are_crowded() && held.identify(callers, reply).is_some_and(|caller| caller.is_crowded())
}
