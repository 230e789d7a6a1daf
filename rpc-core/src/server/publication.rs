//! How a server tells the contracts of its services to whoever asks.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};

use super::Shared;
use super::deploy::anew;
use super::discovery::respond;
use crate::connection::Message;
use crate::error::Error;
use crate::wire::subject::DEFAULT_QUEUE_GROUP;

/// The questions for the contracts that are published, each with the place of its service.
pub(super) struct Publication {
    incoming: SelectAll<BoxStream<'static, (usize, Message)>>,
    subjects: Vec<String>,
}

impl Publication {
    /// Subscribes for the services whose contract has schemas: for the question to any instance, which one of them answers, and for
    /// that to this one.
    pub(super) async fn subscribe(shared: &Shared, group: Option<&str>) -> Result<Self, Error> {
        let group = group.unwrap_or(DEFAULT_QUEUE_GROUP);
        let mut publication = Publication { incoming: SelectAll::new(), subjects: Vec::new() };
        for (at, entry) in
            shared.catalog.services().iter().enumerate().filter(|(_, entry)| entry.is_published())
        {
            let of_any = (entry.subject.contract(), Some(group));
            let of_this = (entry.subject.contract_of(&shared.replier.instance), None);
            for (subject, group) in [of_any, of_this] {
                let subscription = anew(shared.connection(), &subject, group).await?;
                publication.incoming.push(subscription.map(move |message| (at, message)).boxed());
                publication.subjects.push(subject);
            }
        }
        Ok(publication)
    }

    /// Says in the log if the broker does not let this user be asked. Its services can be called all the same.
    pub(super) fn warn_of_denials(&self, shared: &Shared) {
        let subjects = self.subjects.iter().map(String::as_str);
        if let Some(error) = shared.connection().inbox().denied_subscription(subjects) {
            tracing::warn!(%error, "the contracts of this server are not published");
        }
    }

    /// Answers until the server ends, whatever the body of the question is.
    pub(super) async fn answer(mut self, shared: Arc<Shared>) {
        while let Some((at, message)) = self.incoming.next().await {
            let Some(reply) = shared.allowed_reply(message) else { continue };
            if let Some(entry) = shared.catalog.services().get(at) {
                respond(&shared, reply, &entry.contract);
            }
        }
    }
}
