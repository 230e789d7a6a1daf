//! The probe: tells a caller whose call reached nobody whether the method is missing, or the service.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::intake::refusal_format;
use super::replies::{Dispatch, send};
use crate::connection::Message;
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Format, ReplyPath};
use crate::wire::frame::{CallFrame, Frame, Frames};
use crate::wire::headers::Headers;
use crate::wire::subject::ServiceSubject;

/// Answers whether a method is known here: for a caller whose call reached nobody.
pub(super) struct Probe {
    shared: Arc<Shared>,
    service: ServiceSubject,
}

impl Probe {
    pub(super) fn new(shared: Arc<Shared>, service: ServiceSubject) -> Self {
        Probe { shared, service }
    }

    /// The method that a caller asks for.
    fn asked(&self, format: Format, call: &CallFrame) -> Option<String> {
        let codec = format.codec();
        codec.scan(&call.args, self.shared.limits.scan).ok()?;
        codec.decode::<Option<String>>(&call.args).ok()?
    }

    pub(super) fn answer(&self, message: &Message) {
        let Some(reply) = message.reply.clone().filter(|reply| self.shared.reply_prefixes.accept(reply))
        else {
            self.shared.counters.reply_missing.add();
            return;
        };
        let call = Frames::new(&message.payload).ok().and_then(|mut frames| frames.next());
        let (format, asked) = match &call {
            Some(Ok(Frame::Call(call))) => {
                let format = Format::Framed { id: call.id, flags: call.flags };
                (format, self.asked(format, call))
            }
            _ => (refusal_format(message), None),
        };
        let path = ReplyPath {
            connection: self.shared.connection.clone(),
            to: Some(reply),
            format,
            instance: Arc::clone(&self.shared.instance),
            audience: Audience::One,
        };
        let known = self.shared.methods.get(self.service.as_str()).zip(asked.as_deref());
        let answer = match known {
            Some((methods, asked)) if methods.contains(&asked) => {
                path.success(&Headers::new(), Duration::ZERO, |codec, bytes| codec.encode(&(), bytes))
            }
            _ => {
                let asked = asked.unwrap_or_default();
                Err(Error::not_executed(
                    ErrorKind::Unimplemented,
                    format!("the service has no method {asked:?}"),
                ))
            }
        };
        send(
            &self.shared,
            &path,
            answer.unwrap_or_else(|error| path.error(&error, Duration::ZERO)),
            Dispatch::AtFlush,
        );
    }
}
