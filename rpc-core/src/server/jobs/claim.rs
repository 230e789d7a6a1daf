//! Whether a job that is delivered is to be executed, and that it is being so.

use std::time::Duration;

use tokio::time::sleep;

use super::delivery::Delivery;
use crate::codec::Codec;
use crate::error::{Error, ErrorKind};
use crate::jobs::record::{Failure, Record, Run, State};
use crate::jobs::store::{Known, Store};

/// How long to wait before a record is read again that was not the last one.
const BEHIND: Duration = Duration::from_millis(20);

/// What is to be done with a delivery.
pub(super) enum Claim {
    /// It is to be executed, which its record says now.
    Run(Known),
    /// It was begun as often as it may be. The last time, its worker has died.
    Exhausted(Known, Failure),
    /// Nothing: it is done, or was cancelled, or is a duplicate of another.
    Drop,
    /// It names a job that was submitted elsewhere, which stays as it is.
    Misnamed(Record, Failure),
    /// Nothing, and nothing is to be said about it: somebody has it who will say what came of it. If they do not, it is delivered once more.
    Leave,
}

/// Who claims it, and when.
pub(super) struct Claimant<'a> {
    pub(super) method: &'a str,
    pub(super) codec: Codec,
    pub(super) instance: &'a str,
    pub(super) attempts: u32,
    pub(super) unix_ms: u64,
    /// Whether the connection was lost a moment ago: then whoever has the job may have lost it too, and not have been able to say so yet.
    pub(super) after_loss: bool,
}

/// Claims a job. Nobody else begins it as long as its message is delivered to nobody else. `tried` is whether a claim for this very delivery may
/// have been stored: an answer can be lost.
pub(super) async fn claim(
    store: &Store,
    delivery: &Delivery,
    by: &Claimant<'_>,
    tried: &mut bool,
) -> Result<Claim, Error> {
    loop {
        let known = store.load(&delivery.job).await?;
        let revision = known.as_ref().map(|known| known.revision);
        let before = known.map_or_else(
            || Record::new(by.method, &delivery.message.subject, by.codec, by.unix_ms),
            |known| known.record,
        );
        if before.subject != delivery.message.subject.as_str() {
            let own = Record::new(by.method, &delivery.message.subject, by.codec, by.unix_ms);
            return Ok(Claim::Misnamed(own, misnamed(&delivery.job, &before.subject)));
        }
        let own = revision.unwrap_or_default();
        let mut record = match decide(before.clone(), delivery.sequence, delivery.times, by, *tried) {
            Decision::Drop if is_current(store, &delivery.job, &before, own).await? => {
                return Ok(Claim::Drop);
            }
            Decision::Drop => continue,
            Decision::Leave => return Ok(Claim::Leave),
            Decision::Exhausted(record, failure) => {
                return Ok(Claim::Exhausted(Known { record, revision: own }, failure));
            }
            Decision::Claimed(record) => return Ok(Claim::Run(Known { record, revision: own })),
            Decision::Cancel(record) | Decision::Claim(record) => record,
        };
        record.sequence = Some(delivery.sequence);
        *tried = true;
        let written = match revision {
            Some(revision) => store.replace(&delivery.job, &record, revision).await?,
            None => store.create(&delivery.job, &record).await?,
        };
        // Somebody else was quicker, or an answer was lost: the record tells.
        let Some(revision) = written else { continue };
        return Ok(if record.is_final() { Claim::Drop } else { Claim::Run(Known { record, revision }) });
    }
}

/// Whether a record is what there is. One that is read may be older: any NATS server of a cluster may answer that, and only who writes hears of
/// the last revision. What is dropped for an old one would be lost.
async fn is_current(store: &Store, job: &str, record: &Record, revision: u64) -> Result<bool, Error> {
    if store.replace(job, record, revision).await?.is_some() {
        return Ok(true);
    }
    sleep(BEHIND).await;
    Ok(false)
}

fn misnamed(job: &str, subject: &str) -> Failure {
    let message = format!("its id {job} is that of a job which was submitted to {subject}");
    Failure::of(&Error::not_executed(ErrorKind::InvalidArgument, message))
}

/// What follows from a record.
#[derive(Debug, PartialEq)]
enum Decision {
    Drop,
    Leave,
    Exhausted(Record, Failure),
    /// It is ours already.
    Claimed(Record),
    Cancel(Record),
    Claim(Record),
}

fn decide(mut record: Record, sequence: u64, times: i64, by: &Claimant<'_>, tried: bool) -> Decision {
    let is_duplicate = record.sequence.is_some_and(|own| own != sequence);
    if record.is_final() || is_duplicate {
        return Decision::Drop;
    }
    let crashed = match &record.state {
        State::Running(run) if tried && run.instance == by.instance && run.delivery == times => {
            return Decision::Claimed(record);
        }
        // This delivery is an earlier one, which was late. Or JetStream has lost count in a crash: that says nothing about who has the job.
        State::Running(run) if times <= run.delivery => return Decision::Leave,
        // JetStream has waited in vain while it was away itself.
        State::Running(run) if by.after_loss && run.instance != by.instance => return Decision::Leave,
        State::Running(run) => {
            let message =
                format!("nothing was heard of the instance {} any more, which executed it", run.instance);
            Some(Failure::of(&Error::new(ErrorKind::Unavailable, message)))
        }
        _ => None,
    };
    if record.cancel {
        record.state = State::Cancelled;
        return Decision::Cancel(record);
    }
    if record.attempts >= by.attempts {
        let unknown = || Failure::of(&Error::new(ErrorKind::Internal, "it was begun as often as it may be"));
        let failure = crashed.or(record.last_failure.clone()).unwrap_or_else(unknown);
        return Decision::Exhausted(record, failure);
    }
    record.may_have_run |= crashed.is_some();
    record.last_failure = crashed.or(record.last_failure);
    record.attempts += 1;
    let (instance, since_unix_ms) = (by.instance.to_owned(), by.unix_ms);
    record.state = State::Running(Run { instance, delivery: times, since_unix_ms, progress: None });
    Decision::Claim(record)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::jobs::record::Encoded;

    const ME: Claimant<'_> = Claimant {
        method: "cut",
        codec: Codec::Json,
        instance: "me",
        attempts: 3,
        unix_ms: 9,
        after_loss: false,
    };

    fn record(state: State) -> Record {
        Record { state, ..Record::new("cut", "video._job.cut", Codec::Json, 1) }
    }

    fn running(instance: &str, delivery: i64) -> State {
        State::Running(Run { instance: instance.into(), delivery, since_unix_ms: 2, progress: None })
    }

    #[test]
    fn a_job_that_waits_is_claimed_and_its_attempts_are_counted() {
        for state in [State::Submitting, State::Queued, running("other", 1)] {
            let may_have_run = matches!(state, State::Running(_));
            let Decision::Claim(claimed) = decide(record(state), 7, 2, &ME, false) else { panic!() };
            assert_eq!(claimed.may_have_run, may_have_run);
            assert_eq!(
                (claimed.attempts, claimed.state),
                (1, {
                    State::Running(Run {
                        instance: "me".into(),
                        delivery: 2,
                        since_unix_ms: 9,
                        progress: None,
                    })
                })
            );
        }
    }

    #[test]
    fn what_has_ended_or_is_a_duplicate_is_dropped() {
        let body = Encoded(Bytes::from_static(b"1"));
        for state in [State::Done { body }, State::Cancelled] {
            assert_eq!(decide(record(state), 7, 1, &ME, false), Decision::Drop);
        }
        let other = Record { sequence: Some(6), ..record(running("other", 1)) };
        assert_eq!(decide(other.clone(), 7, 1, &ME, false), Decision::Drop);
        assert!(matches!(decide(other, 6, 2, &ME, false), Decision::Claim(_)));
    }

    #[test]
    fn a_claim_whose_answer_was_lost_is_not_made_twice() {
        let mine = Record { attempts: 1, sequence: Some(7), ..record(running("me", 2)) };
        assert_eq!(decide(mine.clone(), 7, 2, &ME, true), Decision::Claimed(mine.clone()));
        assert!(matches!(decide(mine, 7, 3, &ME, true), Decision::Claim(_)), "that was an earlier one");
    }

    #[test]
    fn a_delivery_that_is_late_takes_the_job_from_nobody() {
        for who in ["other", "me"] {
            for tried in [false, true] {
                let later = Record { attempts: 1, sequence: Some(7), ..record(running(who, 3)) };
                assert_eq!(decide(later.clone(), 7, 2, &ME, tried), Decision::Leave, "{who}, {tried}");
                assert!(matches!(decide(later, 7, 4, &ME, tried), Decision::Claim(_)), "{who}, {tried}");
            }
            // JetStream may count from the beginning after a crash.
            let as_often = Record { attempts: 1, sequence: Some(7), ..record(running(who, 3)) };
            assert_eq!(decide(as_often, 7, 3, &ME, false), Decision::Leave, "{who}");
        }
    }

    #[test]
    fn nobody_is_taken_for_dead_because_nats_was_away() {
        let after = Claimant { after_loss: true, ..ME };
        let theirs = Record { attempts: 3, sequence: Some(7), ..record(running("other", 1)) };
        assert_eq!(decide(theirs, 7, 2, &after, false), Decision::Leave);
        let ours = Record { attempts: 1, sequence: Some(7), ..record(running("me", 1)) };
        assert!(
            matches!(decide(ours, 7, 2, &after, false), Decision::Claim(_)),
            "it does not run here any more"
        );
        assert!(matches!(decide(record(State::Queued), 7, 2, &after, false), Decision::Claim(_)));
    }

    #[test]
    fn a_job_whose_worker_died_too_often_is_given_up_and_says_why() {
        let often = Record { attempts: 3, sequence: Some(7), ..record(running("other", 3)) };
        let Decision::Exhausted(_, failure) = decide(often, 7, 4, &ME, false) else { panic!() };
        assert!(failure.message.contains("other"), "{failure:?}");
    }

    #[test]
    fn a_job_that_is_to_be_cancelled_is_not_begun() {
        let cancelled = Record { cancel: true, ..record(running("other", 1)) };
        let Decision::Cancel(record) = decide(cancelled, 7, 2, &ME, false) else { panic!() };
        assert_eq!(record.state, State::Cancelled);
    }
}
