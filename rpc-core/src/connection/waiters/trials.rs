//! Trials: calls that run nothing and are answered twice. Whether both answers of an instance arrive
//! tells whether several replies get through from another account.
//!
//! Both have to be of one instance. A trial may get to several of them: two that answer at the same
//! time are both let through by a NATS server that forgets the way behind one reply, since the
//! connection of the second has found the way before that of the first has it removed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::Waiters;
use crate::connection::inbox::of_plain_call;
use crate::connection::outbox::{DestinationId, Joining, Replies, Through};
use crate::connection::random::Random;
use crate::connection::{Message, OutboundMessage, no_responders};
use crate::wire::frame::{Frame, Frames, Id, write_trial};

/// How long the first answer to a trial may take, and how much later the second one may come, which
/// is sent right behind it.
const FIRST_ANSWER: Duration = Duration::from_millis(500);
const SECOND_ANSWER: Duration = Duration::from_millis(250);

/// How long a call waits for a trial: for its first answer, and for the second one behind that.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
const SOON: Duration = Duration::from_millis(10);

/// How many instances are remembered that have answered a trial once.
const MAX_INSTANCES: usize = 1024;

/// Whether several replies to what is sent to a destination get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Several,
    /// One does, and no more.
    One,
    /// Nobody is there to tell.
    Unknown,
}

/// Those that are out, by their ids.
pub(super) type Trials = HashMap<u64, Trial>;

#[derive(Debug)]
pub(super) struct Trial {
    destination: DestinationId,
    sent: Instant,
    /// When it was answered for the first time.
    answered: Option<Instant>,
    /// Those who have answered it once.
    instances: HashSet<Option<Box<str>>>,
    /// Whether nobody is there who knows what it is.
    has_failed: bool,
}

impl Waiters {
    /// Sends a trial to a destination, unless there is one already.
    pub(super) fn begin_trial(&mut self, destination: DestinationId, random: &Random, now: Instant) {
        let is_out = |trial: &Trial| {
            trial.destination == destination
                && !trial.has_failed
                && now.duration_since(trial.sent) < FIRST_ANSWER
        };
        if self.trials.values().any(is_out) {
            return;
        }
        self.trials.retain(|_, trial| trial.destination != destination);
        let prefix = self.reply_prefix(destination);
        let Some(there) = self.destinations.get_mut(destination) else { return };
        let id = random.u64();
        let (subject, reply) = (there.subject.clone(), Some(of_plain_call(&prefix, id)));
        let mut payload = BytesMut::new();
        write_trial(&mut payload, &Id::new(id));
        let message = OutboundMessage { subject, reply, payload: payload.freeze(), headers: None };
        self.control.push((message, Joining::Lone));
        let instances = HashSet::new();
        let trial = Trial { destination, sent: now, answered: None, instances, has_failed: false };
        self.trials.insert(id, trial);
    }

    /// Takes in what has come for a trial. Says whether it has.
    pub(in crate::connection) fn take_trial(&mut self, id: u64, message: &Message, now: Instant) -> bool {
        let Some(trial) = self.trials.get_mut(&id) else { return false };
        let first = Frames::new(&message.payload).ok().and_then(|mut frames| frames.next());
        let replies = match first {
            Some(Ok(Frame::Success(_, success))) if !success.is_across_accounts => Replies::Own,
            Some(Ok(Frame::Success(_, success))) if trial.instances.contains(&success.instance) => {
                Replies::Across(Through::Several)
            }
            Some(Ok(Frame::Success(_, success))) => {
                self.news.imports = true;
                trial.answered.get_or_insert(now);
                if trial.instances.len() < MAX_INSTANCES {
                    trial.instances.insert(success.instance);
                }
                Replies::Across(Through::Unknown)
            }
            _ => {
                trial.has_failed |= no_responders(message).is_some() || !message.payload.is_empty();
                self.news.trials = true;
                return true;
            }
        };
        let destination = trial.destination;
        if replies != Replies::Across(Through::Unknown) {
            self.trials.remove(&id);
        }
        if let Some(there) = self.destinations.get_mut(destination) {
            there.replies = replies;
        }
        self.news.trials = true;
        true
    }

    /// Whether several replies get through. An error says until when to wait for that to be known.
    pub(in crate::connection) fn verdict(
        &mut self,
        destination: DestinationId,
        random: &Random,
        now: Instant,
    ) -> Result<Verdict, Instant> {
        let there = self.destinations.get_mut(destination);
        match there.and_then(|there| there.replies.get_through(now)) {
            Some(true) => return Ok(Verdict::Several),
            Some(false) => return Ok(Verdict::One),
            None => {}
        }
        let trial = self.trials.iter().find(|(_, trial)| trial.destination == destination);
        let Some((id, trial)) = trial else {
            self.begin_trial(destination, random, now);
            return Err(now + FIRST_ANSWER);
        };
        let (until, verdict) = match trial.answered {
            _ if trial.has_failed => (now, Verdict::Unknown),
            Some(answered) => (answered + SECOND_ANSWER, Verdict::One),
            None => (trial.sent + FIRST_ANSWER, Verdict::Unknown),
        };
        if now < until {
            return Err(until);
        }
        let id = *id;
        self.trials.remove(&id);
        if verdict == Verdict::One
            && let Some(there) = self.destinations.get_mut(destination)
        {
            there.replies = Replies::Across(Through::One(now));
        }
        Ok(verdict)
    }

    /// Whether several replies from another account get through, as was verified.
    pub(in crate::connection) fn several_were_verified(&mut self, destination: DestinationId) -> bool {
        let there = self.destinations.get_mut(destination);
        there.is_some_and(|there| there.replies == Replies::Across(Through::Several))
    }

    /// Whether it is known if several replies get through.
    pub(in crate::connection) fn is_verified(&mut self, destination: DestinationId, now: Instant) -> bool {
        let there = self.destinations.get_mut(destination);
        there.is_none_or(|there| there.replies.get_through(now).is_some())
    }

    /// Until when a call to a destination had better wait for the answers to a trial, which is sent
    /// if nothing is known; `None` if there is nothing to wait for.
    pub(in crate::connection) fn trial_until(
        &mut self,
        destination: DestinationId,
        random: &Random,
        now: Instant,
    ) -> Option<Instant> {
        let replies = self.destinations.get_mut(destination)?.replies;
        let is_unknown = matches!(replies, Replies::Unknown | Replies::Across(Through::Unknown));
        if !is_unknown || self.verdict(destination, random, now).is_ok() {
            return None;
        }
        let trial = self.trials.values().find(|trial| trial.destination == destination)?;
        match trial.answered {
            _ if trial.has_failed => None,
            Some(answered) => Some(answered + SOON),
            None => Some(trial.sent + LONGEST_WAIT),
        }
    }

    /// Forgets what was learned of replies: the connection has changed.
    pub(super) fn forget_replies(&mut self) {
        self.trials.clear();
        self.destinations.forget_replies();
    }
}
