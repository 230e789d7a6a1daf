//! One call on its way through all layers and back.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};
use tower::util::ServiceExt;

use super::request::Delivery;
use super::service::ClientFuture;
use super::{ClientRequest, ClientResponse, ClientService, Progress};
use crate::client::InFlight;
use crate::client::outgoing::Outgoing;
use crate::client::sending::Begun;
use crate::connection::ClientStream;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind, Execution};

/// How much longer a call that is out is waited for: it ends at its deadline too, and knows better why.
const GRACE: Duration = Duration::from_millis(10);

/// A call that is somewhere in the layers, or below them.
pub(in crate::client) struct Passage {
    progress: Arc<Progress>,
    /// `None` once it has come to its end.
    way: Option<ClientFuture>,
}

/// What came back through the layers.
pub(in crate::client) struct Passed {
    pub(in crate::client) response: ClientResponse,
    /// What is known of the handler, should the response not decode.
    pub(in crate::client) progress: Arc<Progress>,
}

impl Passage {
    /// Sends a call through the layers that waits for its answer. It counts as in flight as long as it is there.
    pub(in crate::client) fn answered(outgoing: &Outgoing, args: Bytes, begun: Begun) -> Self {
        Passage::new(outgoing, args, begun.deadline, Delivery::Answered, Some(begun.in_flight))
    }

    /// Sends a oneway call through the layers.
    pub(in crate::client) fn handed_over(outgoing: &Outgoing, args: Bytes) -> Self {
        Passage::new(outgoing, args, outgoing.deadline(Instant::now()), Delivery::HandedOver, None)
    }

    /// Sends a call to all instances through the layers.
    pub(in crate::client) fn gathered(outgoing: &Outgoing, args: Bytes, deadline: Deadline) -> Self {
        Passage::new(outgoing, args, deadline, Delivery::Gathered, None)
    }

    /// Submits a call through the layers.
    #[cfg(feature = "jetstream")]
    pub(in crate::client) fn submitted(outgoing: &Outgoing, args: Bytes, deadline: Deadline) -> Self {
        Passage::new(outgoing, args, deadline, Delivery::Submitted, None)
    }

    fn new(
        outgoing: &Outgoing,
        args: Bytes,
        deadline: Deadline,
        delivery: Delivery,
        in_flight: Option<InFlight>,
    ) -> Self {
        let service = outgoing.layers().cloned().unwrap_or_else(ClientService::innermost);
        let progress = Arc::<Progress>::default();
        let (outgoing, watched, stream) = (outgoing.clone(), Arc::clone(&progress), outgoing.stream.clone());
        let request = ClientRequest { outgoing, args, deadline, delivery, progress: Arc::clone(&progress) };
        let through_layers = service.oneshot(request);
        let way = Box::pin(async move {
            let _in_flight = in_flight;
            tokio::select! {
                biased;
                result = through_layers => result,
                () = overdue(deadline, &watched, stream.as_deref()) => Err(late()),
            }
        });
        Passage { progress, way: Some(way) }
    }

    /// Goes on. An error says of the handler what is known, whatever a layer claims.
    pub(in crate::client) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Passed, Error>> {
        let Some(way) = &mut self.way else {
            return Poll::Ready(Err(Error::new(ErrorKind::Cancelled, "polled after it had been answered")));
        };
        let result = ready!(way.as_mut().poll(cx));
        // What it still holds is given up before that is judged.
        self.way = None;
        Poll::Ready(match result {
            Ok(response) => Ok(Passed { response, progress: Arc::clone(&self.progress) }),
            Err(error) => Err(error.with_execution(self.progress.conclude())),
        })
    }

    /// What may be concluded about the handler when the call is given up.
    pub(in crate::client) fn give_up(&self) -> Execution {
        self.progress.conclude()
    }
}

/// Waits until a call is late, and a moment longer if it is out.
async fn overdue(deadline: Deadline, progress: &Progress, stream: Option<&ClientStream>) {
    sleep_until(deadline.instant()).await;
    if let Some(stream) = stream.filter(|stream| stream.has_begun()) {
        // Only its opening has that deadline.
        match stream.until {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }
    if progress.is_out() {
        sleep(GRACE).await;
    }
}

fn late() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the deadline passed in the layers of the client")
}
