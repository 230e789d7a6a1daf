//! What follows when the first attempt is not the end of a call: probes, pauses, further attempts.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::InFlight;
use super::exchange::Exchange;
use super::outgoing::{FIRST, Outgoing};
use super::retry::{Failure, Retry, may_have_run};
use super::sending::{Expiry, Sent};
use super::stub::Recipient;
use crate::connection::Answer;
use crate::deadline::Deadline;
use crate::error::{ErrorKind, Execution};
use crate::wire::frame::ErrorFrame;

/// How long the answer to a probe is waited for: it only makes an error more precise.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// What became of a call in the end.
pub(super) struct Concluded {
    pub(super) answer: Answer,
    /// Whether an attempt before the last one may have been executed.
    pub(super) may_have_run: bool,
}

impl Concluded {
    /// The answer to the only attempt.
    pub(super) fn at_first(answer: Answer) -> Self {
        Concluded { answer, may_have_run: false }
    }

    /// The instance that has answered, if it named itself.
    pub(super) fn instance(&self) -> Option<&str> {
        match &self.answer {
            Answer::Success(success) => success.instance.as_deref(),
            Answer::Error(error) => error.instance.as_deref(),
            Answer::Opened(opened) => Some(&opened.instance),
            _ => None,
        }
    }
}

/// Whether an answer is the end of a call, whatever the call is.
pub(super) fn is_conclusive(answer: &Answer) -> bool {
    is_executed(answer)
        || !matches!(answer, Answer::Error(_) | Answer::NoResponders | Answer::NotSent(_) | Answer::Lost(_))
}

/// Whether it is what a handler has returned.
fn is_executed(answer: &Answer) -> bool {
    match answer {
        Answer::Success(_) | Answer::Plain(_) => true,
        Answer::Error(error) => error.execution == Execution::Executed,
        _ => false,
    }
}

/// A call that goes on after its first attempt.
pub(super) struct Pursuit {
    outgoing: Outgoing,
    args: Bytes,
    deadline: Deadline,
    /// `None` if it is counted elsewhere.
    in_flight: Option<InFlight>,
    attempt: u8,
    may_have_run: bool,
    /// Whether it was looked whether several replies get through.
    has_verified: bool,
    /// Until when it is sent again as long as it reaches nobody, and how often it was.
    bridge: Option<Instant>,
    bridged: u32,
}

impl Pursuit {
    pub(super) fn new(
        outgoing: &Outgoing,
        args: Bytes,
        deadline: Deadline,
        in_flight: Option<InFlight>,
    ) -> Self {
        Pursuit {
            outgoing: outgoing.clone(),
            args,
            deadline,
            in_flight,
            attempt: FIRST,
            may_have_run: false,
            has_verified: false,
            bridge: None,
            bridged: 0,
        }
    }

    /// Makes the first attempt, and those that are right after it.
    pub(super) async fn start(mut self) -> Concluded {
        if self.outgoing.must_verify() {
            self.has_verified = true;
            if let Err(error) = self.outgoing.verify(self.deadline).await {
                return Concluded::at_first(Answer::NotSent(error));
            }
        }
        let (answer, expiry) = match self.outgoing.retry().hedge(self.outgoing.is_idempotent()) {
            Some(delay) => self.send_hedged(delay).await,
            None => self.send().await,
        };
        self.after(answer, expiry).await
    }

    /// Makes the attempts that are right after the first one, which was answered with this.
    pub(super) async fn after(mut self, mut answer: Answer, mut expiry: Expiry) -> Concluded {
        loop {
            if self.is_refused_across_accounts(&answer) {
                self.has_verified = true;
                match self.outgoing.verify(self.deadline).await {
                    Ok(()) => {
                        (answer, expiry) = self.send().await;
                        continue;
                    }
                    Err(error) => answer = Answer::NotSent(error),
                }
            }
            let differ = clocks_differ(&answer, expiry) && !self.deadline.is_expired();
            if differ {
                self.outgoing.distrust_clocks();
            }
            if !differ || self.outgoing.retry().is_off() {
                answer = self.probed(answer).await;
                let Some(pause) = self.pause(&answer) else { break };
                self.may_have_run |= may_have_run(&answer);
                self.wait(pause).await;
                if self.deadline.is_expired() {
                    // Nothing can be sent any more: what has happened says why there is no answer.
                    break;
                }
            }
            (answer, expiry) = self.send().await;
        }
        drop(self.in_flight);
        Concluded { answer, may_have_run: self.may_have_run }
    }

    /// Whether an instance of another account has refused a stream since it does not know whether
    /// several replies get through.
    fn is_refused_across_accounts(&self, answer: &Answer) -> bool {
        let is_refusal = |error: &ErrorFrame| {
            error.is_across_accounts
                && error.execution == Execution::NotExecuted
                && ErrorKind::from_code(error.code) == ErrorKind::Unimplemented
        };
        let is_refused = matches!(answer, Answer::Error(error) if is_refusal(error));
        is_refused && self.outgoing.stream.is_some() && !self.has_verified
    }

    /// Sends the call once and waits for the answer.
    async fn send(&mut self) -> (Answer, Expiry) {
        match self.outgoing.send_again(&self.args, self.attempt, self.deadline) {
            Ok(sent) => {
                let Sent { mut exchange, expiry, .. } = sent;
                (answer_of(&mut exchange).await, expiry)
            }
            Err(error) => (Answer::NotSent(error), Expiry::LeftOut),
        }
    }

    /// Sends the call, and once more if there is no answer after a while. The first answer that is not a failure counts.
    async fn send_hedged(&mut self, delay: Duration) -> (Answer, Expiry) {
        let first = match self.outgoing.send_again(&self.args, self.attempt, self.deadline) {
            Ok(sent) => sent,
            Err(error) => return (Answer::NotSent(error), Expiry::LeftOut),
        };
        let Sent { exchange: mut first, expiry, .. } = first;
        tokio::select! {
            biased;
            answer = answer_of(&mut first) => return (answer, expiry),
            () = sleep(delay) => {}
        }
        if !self.outgoing.history().withdraw() {
            return (answer_of(&mut first).await, expiry);
        }
        self.attempt += 1;
        let Ok(second) = self.outgoing.send_again(&self.args, self.attempt, self.deadline) else {
            return (answer_of(&mut first).await, expiry);
        };
        let Sent { exchange: mut second, expiry: second_expiry, .. } = second;
        let (answer, expiry, mut other, other_expiry) = tokio::select! {
            biased;
            answer = answer_of(&mut first) => (answer, expiry, second, second_expiry),
            answer = answer_of(&mut second) => (answer, second_expiry, first, expiry),
        };
        if is_executed(&answer) {
            // The other one is dropped, and so cancelled.
            return (answer, expiry);
        }
        // What is said of one attempt is not true of the other, which may be running.
        self.may_have_run |= may_have_run(&answer);
        (answer_of(&mut other).await, other_expiry)
    }

    /// If nobody serves the method, asks whether anybody serves the service at all: where it is one that can be asked.
    async fn probed(&mut self, answer: Answer) -> Answer {
        if !matches!(answer, Answer::NoResponders) || self.outgoing.is_plain() {
            return answer;
        }
        let Ok(mut exchange) = self.outgoing.probe(self.deadline) else { return answer };
        match timeout(PROBE_TIMEOUT, answer_of(&mut exchange)).await {
            Ok(Answer::Error(error)) if ErrorKind::from_code(error.code) == ErrorKind::Unimplemented => {
                Answer::NotSent(error.to_error().with_execution(Execution::NotExecuted))
            }
            // The service is there without the method, or with it since a moment ago; or it did not answer. In each
            // case the call itself reached nobody.
            _ => answer,
        }
    }

    /// How long to wait before the call is sent again; `None` if it is not.
    fn pause(&mut self, answer: &Answer) -> Option<Duration> {
        if self.outgoing.has_begun() {
            return None;
        }
        let failure = Failure::of(answer, self.outgoing.is_idempotent());
        let (retry, random) = (self.outgoing.retry(), self.outgoing.connection().random());
        let pause = if failure == Failure::ReachedNobody {
            // An instance that is gone does not come back, as a service does.
            let is_gone = matches!(answer, Answer::NoResponders)
                && matches!(self.outgoing.recipient(), Recipient::Instance(_));
            if is_gone || !self.outgoing.history().has_answered() {
                return None;
            }
            let now = Instant::now();
            let end = *self.bridge.get_or_insert(now + retry.bridge());
            let pause = Retry::bridge_pause(random, self.bridged);
            self.bridged += 1;
            (now + pause < end).then_some(pause)?
        } else {
            let pause = retry.pause(failure, self.attempt, random, self.outgoing.history())?;
            self.attempt += 1;
            // What came after it is another outage.
            self.bridge = None;
            pause
        };
        (pause < self.deadline.remaining()).then_some(pause)
    }

    /// Waits, but not longer than until the connection is there again.
    async fn wait(&self, pause: Duration) {
        let connection = self.outgoing.connection();
        if connection.is_connected() {
            sleep(pause).await;
        } else {
            let _ = timeout(pause, connection.inbox().regained()).await;
        }
    }
}

/// Whether a server found a call expired which by the clock here still has time.
fn clocks_differ(answer: &Answer, expiry: Expiry) -> bool {
    let is_expired = |error: &ErrorFrame| {
        ErrorKind::from_code(error.code) == ErrorKind::DeadlineExceeded
            && error.execution == Execution::NotExecuted
    };
    expiry == Expiry::Stated && matches!(answer, Answer::Error(error) if is_expired(error))
}

async fn answer_of(exchange: &mut Exchange) -> Answer {
    poll_fn(|cx| exchange.poll(cx)).await.unwrap_or_else(Answer::NotSent)
}
