//! How many replies to a message get through: between accounts, a NATS server may let one through.

use std::time::Duration;

use tokio::time::Instant;

/// For how long it counts that a trial was answered once.
const ONE_COUNTS_FOR: Duration = Duration::from_secs(10);

/// What is known of the replies to what is sent to one destination. It is known until the
/// connection changes: imports are per subject, and may be others then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::connection) enum Replies {
    /// Nothing has been answered yet.
    #[default]
    Unknown,
    /// They come from the caller's own account, where all of them get through.
    Own,
    /// They come from another account.
    Across(Through),
}

/// How many replies from another account get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connection) enum Through {
    Unknown,
    /// A trial was answered twice.
    Several,
    /// A trial was answered once, at this time.
    One(Instant),
}

impl Replies {
    /// Notes where an answer came from: the latest counts. Says whether it has to be learned how
    /// many replies get through.
    pub(in crate::connection) fn note(&mut self, is_across_accounts: bool) -> bool {
        match (*self, is_across_accounts) {
            (Replies::Across(_), true) | (Replies::Own, false) => false,
            (_, false) => {
                *self = Replies::Own;
                false
            }
            (_, true) => {
                *self = Replies::Across(Through::Unknown);
                true
            }
        }
    }

    /// Whether the answers to the calls of one message might not all get through.
    pub(in crate::connection) fn may_be_lost(self) -> bool {
        matches!(self, Replies::Across(Through::Unknown | Through::One(_)))
    }

    /// Whether several get through; `None` if that is not known, or not any more.
    pub(in crate::connection) fn get_through(self, now: Instant) -> Option<bool> {
        match self {
            Replies::Own | Replies::Across(Through::Several) => Some(true),
            Replies::Across(Through::One(at)) if now.duration_since(at) < ONE_COUNTS_FOR => Some(false),
            Replies::Across(_) | Replies::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_mark_of_the_latest_answer_counts() {
        let mut replies = Replies::default();
        assert_eq!(replies.get_through(Instant::now()), None);
        assert!(!replies.note(false));
        assert_eq!(replies.get_through(Instant::now()), Some(true));
        assert!(replies.note(true), "it has to be learned how many get through");
        assert!(!replies.note(true), "once");
        assert!(replies.may_be_lost());
        assert_eq!(replies.get_through(Instant::now()), None);
        replies = Replies::Across(Through::Several);
        assert!(!replies.note(true));
        assert_eq!(replies.get_through(Instant::now()), Some(true));
        assert!(!replies.note(false) && !replies.may_be_lost());
    }

    #[tokio::test(start_paused = true)]
    async fn that_one_gets_through_counts_for_a_while() {
        let replies = Replies::Across(Through::One(Instant::now()));
        assert_eq!(replies.get_through(Instant::now()), Some(false));
        tokio::time::advance(ONE_COUNTS_FOR).await;
        assert_eq!(replies.get_through(Instant::now()), None, "an export may be changed meanwhile");
    }
}
