//! The layers of a client: what its calls pass through before they are sent.

mod innermost;
mod passage;
mod progress;
mod request;
mod response;
mod service;

use std::fmt;
use std::sync::Arc;

use tower::{Layer, Service};

pub(super) use self::passage::Passage;
pub(super) use self::progress::Progress;
pub use self::request::ClientRequest;
pub use self::response::ClientResponse;
pub use self::service::ClientService;

/// Layers in the order in which they were added: the first one sees a request first.
#[derive(Clone, Default)]
pub(super) struct Layers(Vec<Arc<Wrap>>);

/// Puts a layer around a service.
type Wrap = dyn Fn(ClientService) -> ClientService + Send + Sync;

impl Layers {
    /// Adds a layer inside of all that are there.
    pub(super) fn add<L>(&mut self, layer: L)
    where
        L: Layer<ClientService> + Send + Sync + 'static,
        L::Service: Service<ClientRequest, Response = ClientResponse> + Clone + Send + Sync + 'static,
        <L::Service as Service<ClientRequest>>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        <L::Service as Service<ClientRequest>>::Future: Send + 'static,
    {
        self.0.push(Arc::new(move |inner| ClientService::new(layer.layer(inner))));
    }

    /// The service that all calls go through; `None` if there is no layer.
    pub(super) fn service(&self) -> Option<ClientService> {
        let (innermost, others) = self.0.split_last()?;
        let service = innermost(ClientService::innermost());
        Some(others.iter().rev().fold(service, |inner, wrap| wrap(inner)))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("count", &self.0.len()).finish()
    }
}
