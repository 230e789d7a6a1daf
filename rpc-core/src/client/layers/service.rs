//! What a layer wraps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::Service;
use tower::util::{BoxCloneSyncService, MapErr, ServiceExt, service_fn};

use super::innermost::send;
use super::{ClientRequest, ClientResponse};
use crate::error::Error;

/// A call that is made through a service.
pub(super) type ClientFuture = Pin<Box<dyn Future<Output = Result<ClientResponse, Error>> + Send>>;

/// Everything inside of a layer of a client: other layers, and in the end the call itself, with all its attempts.
///
/// It is always ready itself; a layer in it may make one wait. Each call goes through a clone of its own.
///
/// # Errors
/// Those of calls: see [`ErrorKind`](crate::ErrorKind). The service's own error is none, but a
/// [`ClientResponse`] that says so.
///
/// # Cancel safety
/// A future that is dropped cancels the call, as dropping a [`Call`](crate::Call) does.
#[derive(Clone)]
pub struct ClientService(BoxCloneSyncService<ClientRequest, ClientResponse, Error>);

impl ClientService {
    /// A service that a layer has made. What it fails with is an error of ours from here on.
    pub(in crate::client) fn new<S>(service: S) -> Self
    where
        S: Service<ClientRequest, Response = ClientResponse> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send + 'static,
    {
        let service = MapErr::new(service, |error: S::Error| Error::from_boxed(error.into()));
        ClientService(BoxCloneSyncService::new(service))
    }

    /// Waits until what is inside is ready, and hands the call to it.
    ///
    /// # Errors
    /// Those of [`ClientService`].
    ///
    /// # Cancel safety
    /// That of [`ClientService`].
    pub async fn run(self, request: ClientRequest) -> Result<ClientResponse, Error> {
        self.oneshot(request).await
    }

    /// The service inside of all layers.
    pub(in crate::client) fn innermost() -> Self {
        ClientService(BoxCloneSyncService::new(service_fn(send)))
    }
}

impl Service<ClientRequest> for ClientService {
    type Response = ClientResponse;
    type Error = Error;
    type Future = ClientFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: ClientRequest) -> Self::Future {
        self.0.call(request)
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").finish_non_exhaustive()
    }
}
