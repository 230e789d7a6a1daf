//! How a server answers those who ask what there is, after NATS ADR-32.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Shared;
use super::catalog::Entry;
use super::questions::{Asker, Questions};
use super::replies::{Dispatch, send};
use crate::codec::Codec;
use crate::connection::Joining;
use crate::discovery::{Described, Verb};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, ContentType, Format};
use crate::wire::dialect::header;

/// In which form answers are written: NATS tools read JSON.
const FORMAT: Format = Format::Plain { codec: Codec::Json, content_type: ContentType::Implied };

/// What a message asks, by the subject that it came on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    verb: Verb,
    /// The place of the service that is asked; all services if it is `None`.
    service: Option<usize>,
}

/// Subscribes for the questions to all services, and to each of those of this server and to this instance of it: without
/// a queue group, since everybody answers.
pub(super) async fn subscribe(shared: &Shared, prefix: &str) -> Result<Questions<Question>, Error> {
    let mut questions = Questions::new();
    for verb in Verb::ALL {
        let all = verb.subject(prefix);
        for (at, entry) in shared.catalog.services().iter().enumerate() {
            let of_service = format!("{all}.{}", entry.descriptor.name());
            let of_instance = format!("{of_service}.{}", shared.replier.instance);
            for subject in [of_service, of_instance] {
                questions.add(shared, subject, None, Question { verb, service: Some(at) }).await?;
            }
        }
        questions.add(shared, all, None, Question { verb, service: None }).await?;
    }
    Ok(questions)
}

/// Answers until the server ends.
pub(super) async fn answer(mut questions: Questions<Question>, shared: Arc<Shared>) {
    while let Some((question, asker)) = questions.next(&shared).await {
        take(&shared, question, &asker);
    }
}

fn take(shared: &Arc<Shared>, Question { verb, service }: Question, asker: &Asker) {
    let catalog = &shared.catalog;
    let services: Vec<&Entry> = match service {
        Some(at) => catalog.services().get(at).into_iter().collect(),
        None => catalog.services().iter().collect(),
    };
    for entry in services {
        match verb {
            Verb::Ping => respond(shared, asker, &Described::from(catalog.ping(entry))),
            Verb::Info => respond(shared, asker, &Described::from(catalog.info(entry))),
            Verb::Stats => respond(shared, asker, &Described::from(catalog.stats(entry))),
        }
    }
    if asker.is_on_trial {
        answer_with(shared, asker, "2", Ok(Vec::new()));
    }
}

/// Answers with a value, or with the error of what the broker would not take.
pub(super) fn respond(shared: &Arc<Shared>, asker: &Asker, value: &impl Serialize) {
    let json = serde_json::to_vec(value).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()));
    answer_with(shared, asker, "1", json);
}

/// Answers with JSON that has been written, or with an error. One who wants to know whether several replies get
/// through is told that the answer comes from another account, and at last that nothing else comes.
fn answer_with(shared: &Arc<Shared>, asker: &Asker, trial: &str, json: Result<Vec<u8>, Error>) {
    let path = shared.reply_path(Some(asker.reply.clone()), Joining::Lone, FORMAT, Audience::One);
    let headers = asker.is_on_trial.then_some((header::TRIAL, trial)).into_iter().collect();
    let written = json.and_then(|json| {
        path.success(&headers, Duration::ZERO, |_, bytes| {
            bytes.extend_from_slice(&json);
            Ok(())
        })
    });
    let reply = written.unwrap_or_else(|error| path.error(&error, Duration::ZERO));
    send(shared, &path, reply, Dispatch::Soon);
}
