//! Calls that open a stream, from the time that they are taken on to the end of their streams.

use std::sync::Arc;
use std::task::Waker;

use super::admitted::Held;
use super::peers::StreamLimits;
use super::replies::{Dispatch, send_message};
use super::taken::{End, Taken};
use crate::connection::Joining;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::reply::{Format, Reply};
use crate::service::{Method, Port};
use crate::wire::frame::Credit;

/// Refuses a call whose caller takes the method for another kind: one of the two would wait for what never comes.
pub(super) fn check_streaming(method: &Method, credit: Option<Credit>) -> Result<(), Error> {
    let text = match (method.kind().is_streaming(), credit.is_some()) {
        (true, true) | (false, false) => return Ok(()),
        (true, false) => {
            "the method streams, which needs a client of nats-rpc that knows it as one that does"
        }
        (false, true) => "the method does not stream, as its caller takes it to do",
    };
    Err(Error::not_executed(ErrorKind::Unimplemented, text))
}

/// Whether the budget of a call is that of its whole stream.
pub(super) fn bounds_whole_stream(format: Format) -> bool {
    matches!(format, Format::Framed { flags, .. } if flags.bounds_whole_stream())
}

impl Taken {
    /// Ends both directions of the stream of the call, while its handler goes on.
    pub(super) fn fail_stream(&self, error: &Error) {
        let mut wake = Vec::new();
        self.port().iter().for_each(|port| port.flows.fail(error, &mut wake));
        wake.into_iter().for_each(Waker::wake);
    }

    /// Gives the call its stream, if its caller may have one more.
    pub(super) fn open_stream(&mut self, credit: Credit, opening: Deadline) -> Result<(), Error> {
        let Some(cancellation) = self.context.cancellation() else { return Ok(()) };
        let (endpoint, context) = (&self.endpoint, &self.context);
        let limits = &endpoint.shared.limits;
        let caller = self.counted.as_ref().and_then(Held::caller);
        let limits = StreamLimits {
            allowed: &endpoint.shared.reply_prefixes,
            takes_items: endpoint.method.kind().takes_items(),
            window: limits.window,
            credit,
            of_peer: limits.streams_of_peer,
            pool: caller.map(|caller| &caller.credit),
            opening,
            idle: limits.stream_idle,
        };
        let (subject, path) = (context.subject(), context.reply_path());
        let opened = endpoint.peers.open_stream(subject, path, &limits, cancellation, &endpoint.stats);
        let opened = opened.inspect_err(|error| {
            if error.kind() == ErrorKind::Overloaded {
                endpoint.stats.counters.overloaded.add();
            }
        })?;
        let Some(opened) = opened else {
            // It has come twice. The first one is answered, and an answer to this would be taken for that.
            self.end(End::Cancelled);
            let text = "a call with this id has a stream already";
            return Err(Error::not_executed(ErrorKind::InvalidArgument, text));
        };
        self.open = Some(Box::new(opened));
        Ok(())
    }

    /// The stream of the call, if it has one.
    pub(super) fn port(&self) -> Option<&Arc<Port>> {
        self.open.as_ref()?.port.as_ref()
    }

    /// Ends a call whose stream of results is open: that has ended by itself, or does now.
    #[cold]
    pub(super) fn end_stream(&self, port: &Port, result: Result<Reply, Error>, dispatch: Dispatch) {
        let time = match result {
            Ok(reply) => {
                self.note(&reply);
                reply.handler_time
            }
            Err(error) => {
                let (error, time) = self.failed(error);
                if let Some(message) = port.failure(&error) {
                    send_message(self.shared(), message, Joining::Several, dispatch);
                }
                time
            }
        };
        self.endpoint.stats.end(time);
    }
}
