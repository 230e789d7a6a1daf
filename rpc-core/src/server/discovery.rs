//! How a server answers those who ask what there is, after NATS ADR-32.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use serde::Serialize;

use super::Shared;
use super::catalog::Entry;
use super::deploy::anew;
use super::replies::{Dispatch, send};
use crate::codec::Codec;
use crate::connection::{Joining, Message, Subject};
use crate::discovery::{Described, Verb};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, ContentType, Format};
use crate::wire::headers::Headers;

/// In which form answers are written: NATS tools read JSON.
const FORMAT: Format = Format::Plain { codec: Codec::Json, content_type: ContentType::Implied };

/// What a message asks, by the subject that it came on.
#[derive(Debug, Clone, Copy)]
struct Question {
    verb: Verb,
    /// The place of the service that is asked; all services if it is `None`.
    service: Option<usize>,
}

/// The questions that come, from all their subscriptions.
pub(super) struct Questions {
    incoming: SelectAll<BoxStream<'static, (Question, Message)>>,
    pub(super) subjects: Vec<String>,
}

impl Questions {
    /// Subscribes for the questions to all services, and to each of those of this server and to this instance of it: without
    /// a queue group, since everybody answers.
    pub(super) async fn subscribe(shared: &Shared, prefix: &str) -> Result<Self, Error> {
        let mut questions = Questions { incoming: SelectAll::new(), subjects: Vec::new() };
        for verb in Verb::ALL {
            let all = verb.subject(prefix);
            for (at, entry) in shared.catalog.services().iter().enumerate() {
                let of_service = format!("{all}.{}", entry.descriptor.name());
                let of_instance = format!("{of_service}.{}", shared.replier.instance);
                for subject in [of_service, of_instance] {
                    questions.add(shared, subject, Question { verb, service: Some(at) }).await?;
                }
            }
            questions.add(shared, all, Question { verb, service: None }).await?;
        }
        Ok(questions)
    }

    async fn add(&mut self, shared: &Shared, subject: String, question: Question) -> Result<(), Error> {
        let subscription = anew(shared.connection(), &subject, None).await?;
        self.incoming.push(subscription.map(move |message| (question, message)).boxed());
        self.subjects.push(subject);
        Ok(())
    }

    /// Says in the log if the broker does not let this user be asked. Its services can be called all the same.
    pub(super) fn warn_of_denials(&self, shared: &Shared) {
        let subjects = self.subjects.iter().map(String::as_str);
        if let Some(error) = shared.connection().inbox().denied_subscription(subjects) {
            tracing::warn!(%error, "discovery does not find this server");
        }
    }

    /// Answers until the server ends.
    pub(super) async fn answer(mut self, shared: Arc<Shared>) {
        while let Some((question, message)) = self.incoming.next().await {
            take(&shared, question, message);
        }
    }
}

fn take(shared: &Arc<Shared>, Question { verb, service }: Question, message: Message) {
    let Some(reply) = shared.allowed_reply(message) else { return };
    let catalog = &shared.catalog;
    let services: Vec<&Entry> = match service {
        Some(at) => catalog.services().get(at).into_iter().collect(),
        None => catalog.services().iter().collect(),
    };
    for entry in services {
        let reply = reply.clone();
        match verb {
            Verb::Ping => respond(shared, reply, &Described::from(catalog.ping(entry))),
            Verb::Info => respond(shared, reply, &Described::from(catalog.info(entry))),
            Verb::Stats => respond(shared, reply, &Described::from(catalog.stats(entry))),
        }
    }
}

/// Answers with a value, or with the error of what the broker would not take.
pub(super) fn respond(shared: &Arc<Shared>, reply: Subject, value: &impl Serialize) {
    let path = shared.reply_path(Some(reply), Joining::Lone, FORMAT, Audience::One);
    let written =
        serde_json::to_vec(value).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()));
    let written = written.and_then(|json| {
        path.success(&Headers::new(), Duration::ZERO, |_, bytes| {
            bytes.extend_from_slice(&json);
            Ok(())
        })
    });
    let reply = written.unwrap_or_else(|error| path.error(&error, Duration::ZERO));
    send(shared, &path, reply, Dispatch::Soon);
}
