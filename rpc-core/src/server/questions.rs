//! Questions about a server, from whoever may ask: what it is, and what it promises.

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};

use super::Shared;
use super::deploy::anew;
use crate::connection::{Message, Subject, header_of};
use crate::error::Error;
use crate::reply::is_across_accounts;
use crate::wire::dialect::header;

/// The questions that come, from all their subscriptions. What is asked shows in the subject.
pub(super) struct Questions<Q> {
    incoming: SelectAll<BoxStream<'static, (Q, Message)>>,
    subjects: Vec<String>,
}

impl<Q: Copy + Send + 'static> Questions<Q> {
    pub(super) fn new() -> Self {
        Questions { incoming: SelectAll::new(), subjects: Vec::new() }
    }

    /// Subscribes for a question.
    pub(super) async fn add(
        &mut self,
        shared: &Shared,
        subject: String,
        group: Option<&str>,
        question: Q,
    ) -> Result<(), Error> {
        let subscription = anew(shared.connection(), &subject, group).await?;
        self.incoming.push(subscription.map(move |message| (question, message)).boxed());
        self.subjects.push(subject);
        Ok(())
    }

    /// Says in the log if the broker does not let this user be asked, and what follows. Its services can be called all the same.
    pub(super) fn warn_of_denials(&self, shared: &Shared, what_follows: &str) {
        let subjects = self.subjects.iter().map(String::as_str);
        if let Some(error) = shared.connection().inbox().denied_subscription(subjects) {
            tracing::warn!(%error, "{what_follows}");
        }
    }

    /// The next question that can be answered, and who asks. Nothing after the connection has
    /// closed.
    pub(super) async fn next(&mut self, shared: &Shared) -> Option<(Q, Asker)> {
        loop {
            let (question, message) = self.incoming.next().await?;
            let knows_trials = header_of(&message, header::TRIAL).is_some();
            if let Some(reply) = shared.allowed_reply(message) {
                let is_on_trial = knows_trials && is_across_accounts(&reply);
                return Some((question, Asker { reply, is_on_trial }));
            }
        }
    }
}

/// Who asks.
pub(super) struct Asker {
    /// Where the answer goes.
    pub(super) reply: Subject,
    /// Whether it wants to know if several replies get through to its account.
    pub(super) is_on_trial: bool,
}
