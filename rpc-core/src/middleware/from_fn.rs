//! Layers that are functions.

use std::fmt;
use std::task::{Context, Poll};

use futures_util::TryFuture;
use futures_util::future::{IntoFuture, TryFutureExt};
use tower::{Layer, Service};

/// A layer made of a function, for either side: it gets each call with what is inside of the layer.
///
/// ```
/// use nats_rpc::middleware::{ServerService, from_fn};
/// use nats_rpc::{Error, ErrorKind, RawCall, Server};
///
/// # #[nats_rpc::service]
/// # trait Greeter { async fn hello(&self, name: &str) -> String; }
/// # struct English;
/// # impl Greeter for English {
/// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// let authenticate = from_fn(|call: RawCall, next: ServerService| async move {
///     match call.context().headers().get("token") {
///         Some("sesame") => next.run(call).await,
///         _ => Err(Error::new(ErrorKind::Unauthenticated, "who is there?")),
///     }
/// });
/// let server = Server::builder(&nats).layer(authenticate).add(GreeterServer::new(English)).start().await?;
///
/// let greeter = GreeterClient::new(&nats);
/// assert_eq!(greeter.hello("Ann").header("token", "sesame").await?, "Hello, Ann!");
/// let refused: Error = greeter.hello("Ann").await.unwrap_err().into();
/// assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
pub fn from_fn<F: Clone>(function: F) -> FromFn<F> {
    FromFn(function)
}

/// A layer made of a function; see [`from_fn`].
#[derive(Clone)]
pub struct FromFn<F>(F);

impl<F: Clone, S> Layer<S> for FromFn<F> {
    type Service = FnService<F, S>;

    fn layer(&self, inner: S) -> Self::Service {
        FnService { function: self.0.clone(), inner }
    }
}

/// What such a layer makes of a service.
#[derive(Clone)]
pub struct FnService<F, S> {
    function: F,
    inner: S,
}

impl<F, S, Request, Answer> Service<Request> for FnService<F, S>
where
    F: FnMut(Request, S) -> Answer,
    S: Clone,
    Answer: TryFuture,
{
    type Response = Answer::Ok;
    type Error = Answer::Error;
    type Future = IntoFuture<Answer>;

    /// Always, since what is inside is waited for in the function.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        TryFutureExt::into_future((self.function)(request, self.inner.clone()))
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

impl<F, S: fmt::Debug> fmt::Debug for FnService<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
