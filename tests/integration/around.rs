//! Layers that are functions, and clients with layers.

use std::sync::Arc;

use nats_rpc::middleware::{ClientRequest, ClientResponse, ClientService, Layer};
use nats_rpc::{Client, ClientBuilder, Error};
use tokio::sync::Notify;
use tower::layer::layer_fn;
use tower::{Service, ServiceExt, service_fn};

use crate::bed::{Bed, LabClient};

/// A layer of a function, which gets what is inside of the layer and a request.
pub(crate) fn around<F, R, E>(
    layer: F,
) -> impl Layer<ClientService, Service = impl Inner<E>> + Clone + Send + Sync + 'static
where
    F: Fn(ClientService, ClientRequest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<ClientResponse, E>> + Send + 'static,
{
    layer_fn(move |inner: ClientService| {
        let layer = layer.clone();
        service_fn(move |request| layer(inner.clone(), request))
    })
}

/// What a layer of ours is made of.
pub(crate) trait Inner<E>:
    Service<ClientRequest, Response = ClientResponse, Error = E, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S, E> Inner<E> for S where
    S: Service<ClientRequest, Response = ClientResponse, Error = E, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

pub(crate) async fn builder(bed: &Bed) -> ClientBuilder {
    Client::builder(bed.connect().await)
}

pub(crate) fn lab(builder: ClientBuilder) -> LabClient {
    LabClient::new(builder.build().unwrap())
}

/// Holds every call until it is told to let one go.
pub(crate) fn gate(
    open: &Arc<Notify>,
) -> impl Layer<ClientService, Service = impl Inner<Error>> + Clone + Send + Sync + 'static {
    let open = Arc::clone(open);
    around(move |inner: ClientService, request| {
        let open = Arc::clone(&open);
        async move {
            open.notified().await;
            inner.oneshot(request).await
        }
    })
}
