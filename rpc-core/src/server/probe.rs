//! The probe: tells a caller whose call reached nobody whether the method is missing, or the service.

use std::sync::Arc;

use super::Shared;
use super::intake::refusal_format;
use super::replies::{send_receipt, send_refusal};
use crate::connection::{Joining, Message};
use crate::error::{Error, ErrorKind};
use crate::reply::{Audience, Format};
use crate::wire::frame::{CallFrame, Frame, Frames};
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
        // One instance answers a probe, also where all of them execute a call.
        let path = self.shared.reply_path(Some(reply), Joining::Lone, format, Audience::One);
        let asked = asked.unwrap_or_default();
        if self.shared.catalog.has_method(&self.service, &asked) {
            return send_receipt(&self.shared, &path);
        }
        let message = format!("the service has no method {asked:?}");
        send_refusal(&self.shared, &path, &Error::not_executed(ErrorKind::Unimplemented, message));
    }
}
