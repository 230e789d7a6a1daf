//! The way to JetStream, and what its failures mean.

use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::context::{Context, ContextBuilder, PublishError, RequestErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{ErrorCode, context};

use crate::connection::Connection;
use crate::error::{Error, ErrorKind};

/// How long an answer of JetStream is waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// JetStream as a connection reaches it.
#[derive(Clone)]
pub(crate) struct JetStream {
    pub(crate) context: Context,
    connection: Connection,
}

impl JetStream {
    /// An error on a broker that has none.
    pub(crate) fn of(connection: &Connection) -> Result<Self, Error> {
        let Some(client) = connection.nats() else {
            let message = "jobs are kept by JetStream, which the broker in this process does not have";
            return Err(Error::not_executed(ErrorKind::Unimplemented, message));
        };
        let context = ContextBuilder::new().timeout(TIMEOUT).build(client);
        Ok(JetStream { context, connection: connection.clone() })
    }

    /// Waits for what JetStream answers. It answers nothing where the user may not ask, and nothing more once the connection is lost. The
    /// subjects are those that the question is sent to, to the letter: what is refused to others on this connection does not concern it.
    pub(crate) fn ask<T, E>(
        &self,
        subjects: &[&str],
        question: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<Result<T, E>, Error>> {
        // Boxed: questions are large, and this is in all that asks.
        let question = Box::pin(question);
        self.connection.inbox().unless_refused(|subject| subjects.contains(&subject), question)
    }

    /// Publishes a message, and waits until a stream has stored it.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        message: PublishMessage,
    ) -> Result<Result<PublishAck, PublishError>, Error> {
        let publish = async { self.context.send_publish(subject.to_owned(), message).await?.await };
        self.ask(&[subject], publish).await
    }
}

/// The subject of a question to JetStream itself.
pub(crate) fn api(question: &str, about: &str) -> String {
    format!("$JS.API.{question}.{about}")
}

/// The error of a question that JetStream has not answered as it was to, where nothing more is known.
pub(crate) fn failed<E: StdError + Send + Sync + 'static>(what: &str, error: E) -> Error {
    let message = format!("{what}: {}", whole(&error));
    if is_missing(&error) {
        let message = format!("{message}; is JetStream enabled on the NATS server, and for this account?");
        return Error::new(ErrorKind::Unavailable, message).with_source(error);
    }
    Error::new(ErrorKind::Unavailable, message).with_source(error)
}

/// That JetStream is not there.
pub(crate) fn not_enabled() -> Error {
    let message = "jobs are kept by JetStream, which is not enabled on the NATS server, or not for this account: turn it on \
                   (`nats-server --jetstream`), or serve without jobs (`ServerBuilder::without_jobs`)";
    Error::not_executed(ErrorKind::Unimplemented, message)
}

/// Whether an error code says that JetStream is not there.
pub(crate) fn says_not_enabled(code: ErrorCode) -> bool {
    code == ErrorCode::JETSTREAM_NOT_ENABLED || code == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
}

/// Whether nobody listens to questions: a server without JetStream does not.
pub(crate) fn is_missing(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<context::RequestError>()
            .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with all that caused it.
fn whole(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
