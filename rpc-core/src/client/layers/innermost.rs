//! The service inside of all layers: it sends a call, as often as that is right, and waits for what becomes of it.

use super::request::Delivery;
use super::{ClientRequest, ClientResponse};
use crate::client::gather::send_to_all;
use crate::client::outcome::reply;
use crate::client::outgoing::Outgoing;
use crate::client::pursuit::Pursuit;
use crate::error::{Error, Execution};

/// Sends a request. Whatever becomes of the future is noted.
pub(super) async fn send(request: ClientRequest) -> Result<ClientResponse, Error> {
    let attempt = request.progress.begin()?;
    // A receipt comes before the handler runs, and a plain value may be from anybody.
    let is_answered = request.delivery == Delivery::Answered;
    let is_proof = is_answered && !request.outgoing.is_oneway() && !request.outgoing.is_plain();
    let result = deliver(request).await;
    attempt.show(match &result {
        Ok(response) if is_proof || response.service_error.is_some() => Execution::Executed,
        Ok(_) => Execution::MaybeExecuted,
        Err(error) => error.execution(),
    });
    result
}

async fn deliver(request: ClientRequest) -> Result<ClientResponse, Error> {
    let ClientRequest { outgoing, args, deadline, delivery, progress: _ } = request;
    match delivery {
        Delivery::Answered => {
            let concluded = Pursuit::new(&outgoing, args, deadline, None).start().await;
            reply(&outgoing, concluded)
        }
        Delivery::HandedOver => {
            let written = outgoing.write_cast(args)?;
            if let Some(handover) = outgoing.hand_over_written(written, || deadline)? {
                handover.await?;
            }
            Ok(nothing(&outgoing))
        }
        Delivery::Gathered => send_to_all(&outgoing, args, deadline).await.map(|()| nothing(&outgoing)),
        #[cfg(feature = "jetstream")]
        Delivery::Submitted => {
            crate::client::jobs::submit(&outgoing, args, deadline).await.map(|()| nothing(&outgoing))
        }
    }
}

/// The response to a call whose answer does not come by here.
fn nothing(outgoing: &Outgoing) -> ClientResponse {
    ClientResponse::new(outgoing.codec(), outgoing.codec().nothing())
}
