//! The layers of a server: what calls pass through before their handlers.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;
use tower::util::{BoxCloneSyncService, MapErr, ServiceExt, service_fn};

use crate::error::{Error, ErrorKind};
use crate::reply::Reply;
use crate::service::{Destination, Handler, HandlerFuture, Passage, RawCall};

/// Everything inside of a layer of a server: other layers, and in the end the handler of the call's method.
///
/// It is always ready itself; a layer in it may make one wait. Each call goes through a clone of its own.
///
/// # Errors
/// What the handler, or a layer, failed with. The service's own error is none, but a [`Reply`] that says so.
///
/// # Cancel safety
/// A future that is dropped drops the handler.
#[derive(Clone)]
pub struct ServerService(BoxCloneSyncService<RawCall, Reply, Error>);

impl ServerService {
    /// A service that a layer has made. What it fails with is an error of ours from here on.
    pub(super) fn new<S>(service: S) -> Self
    where
        S: Service<RawCall, Response = Reply> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send + 'static,
    {
        let service = MapErr::new(service, |error: S::Error| Error::from_boxed(error.into()));
        ServerService(BoxCloneSyncService::new(service))
    }

    /// Waits until what is inside is ready, and hands the call to it.
    ///
    /// # Errors
    /// Those of [`ServerService`].
    ///
    /// # Cancel safety
    /// That of [`ServerService`].
    pub async fn run(self, call: RawCall) -> Result<Reply, Error> {
        self.oneshot(call).await
    }

    /// The service inside of all layers.
    pub(super) fn innermost() -> Self {
        ServerService(BoxCloneSyncService::new(service_fn(handle)))
    }
}

impl Service<RawCall> for ServerService {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: RawCall) -> Self::Future {
        self.0.call(call)
    }
}

impl fmt::Debug for ServerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").finish_non_exhaustive()
    }
}

/// A handler behind layers. What its caller is told of it does not depend on what the layers say.
pub(super) fn behind(layers: ServerService, handler: Handler) -> Handler {
    Arc::new(move |call| {
        let (layers, passage) = (layers.clone(), Arc::<Passage>::default());
        let destination = Destination { handler: Arc::clone(&handler), passage: Arc::clone(&passage) };
        let begun = call.begun();
        Box::pin(async move {
            match layers.oneshot(call.to(destination)).await {
                // What layers do after the handler takes of the call's time as well.
                Ok(reply) => Ok(Reply { handler_time: begun.elapsed(), ..reply }),
                Err(error) => Err(passage.conclude(error)),
            }
        })
    })
}

/// Hands a call that has come through all layers to its handler.
fn handle(mut call: RawCall) -> HandlerFuture {
    let Some(Destination { handler, passage }) = call.take_destination() else {
        return Box::pin(ready(Err(Error::new(ErrorKind::Internal, "a layer made up a call"))));
    };
    if !passage.arrive() {
        let message = "a layer has refused the call: its caller takes it for not executed";
        return Box::pin(ready(Err(Error::not_executed(ErrorKind::Cancelled, message))));
    }
    Box::pin(async move {
        let result = handler(call).await;
        passage.note(&result);
        result
    })
}
