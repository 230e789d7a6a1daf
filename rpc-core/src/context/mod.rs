//! What a handler knows about the call that it serves, and what its own calls inherit.

mod extensions;
mod job;
mod scoped;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::extensions::Extensions;
#[cfg(feature = "jetstream")]
pub(crate) use self::job::JobAttempt;
pub use self::job::Progress;
pub use self::scoped::Scoped;
use crate::connection::Subject;
use crate::deadline::Deadline;
use crate::reply::ReplyPath;
use crate::telemetry::CallSpan;
use crate::wire::headers::Headers;
use crate::wire::template::Places;

tokio::task_local! {
    /// The context of the handler that is being polled: the only global state of the project.
    static AMBIENT: Context;
}

/// The call that a handler serves.
///
/// A service method gets it as a first parameter `cx: &Context`, and any code below it from
/// [`Context::current`]. Calls that are made while a handler runs inherit the smaller deadline, the cancellation and the
/// trace context from it without ceremony; [`scope`](Self::scope) carries it into a spawned task, and
/// [`detached`](Self::detached) is for work that outlives the call.
///
/// ```
/// use nats_rpc::Context;
///
/// #[nats_rpc::service]
/// trait Greeter {
///     async fn hello(&self, cx: &Context, name: &str) -> String;
/// }
///
/// struct English;
///
/// impl Greeter for English {
///     async fn hello(&self, cx: &Context, name: &str) -> String {
///         cx.set_header("language", "en");
///         format!("Hello, {name} of {}!", cx.headers().get("tenant").unwrap_or("nowhere"))
///     }
/// }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
///
/// let response = GreeterClient::new(&nats).hello("Ann").header("tenant", "acme").detailed().await?;
/// assert_eq!(response.headers().get("language"), Some("en"));
/// assert_eq!(response.value(), "Hello, Ann of acme!");
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    bond: Bond,
}

/// Whether a context, or the calls made below it, end with its call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bond {
    Bound,
    Detached,
}

struct Inner {
    subject: Subject,
    places: Option<Arc<Places>>,
    service: &'static str,
    method: &'static str,
    deadline: Deadline,
    attempt: u32,
    headers: Headers,
    reply_headers: Mutex<Headers>,
    reply: ReplyPath,
    /// How the calls of the handler are bound: not at all, if it is to run to its end whatever happens.
    calls: Bond,
    /// Made for the first who asks: most calls are never asked for it.
    cancellation: OnceLock<CancellationToken>,
    extensions: Extensions,
    span: Option<CallSpan>,
}

/// What a server knows about a call when it arrives.
pub(crate) struct Arrival {
    pub(crate) subject: Subject,
    /// Where the values of its parameters are, if it has any.
    pub(crate) places: Option<Arc<Places>>,
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
    pub(crate) deadline: Deadline,
    pub(crate) attempt: u32,
    pub(crate) headers: Headers,
    pub(crate) reply: ReplyPath,
    pub(crate) calls: Bond,
    pub(crate) span: Option<CallSpan>,
}

impl Context {
    #[inline(always)] // on the way of every call
    pub(crate) fn new(arrival: Arrival) -> Self {
        let Arrival { subject, places, service, method, deadline, attempt, headers, reply, calls, span } =
            arrival;
        let inner = Inner {
            subject,
            places,
            service,
            method,
            deadline,
            attempt,
            headers,
            reply_headers: Mutex::default(),
            reply,
            calls,
            cancellation: OnceLock::new(),
            extensions: Extensions::default(),
            span,
        };
        Context { inner: Arc::new(inner), bond: Bond::Bound }
    }

    /// The context of the handler that is running in this task, if one is.
    pub fn current() -> Option<Self> {
        AMBIENT.try_with(Clone::clone).ok()
    }

    /// When the call must be answered. Calls made from here have no later one. That of a [detached](Self::detached)
    /// context never comes.
    pub fn deadline(&self) -> Deadline {
        if self.bond == Bond::Bound { self.inner.deadline } else { Deadline::never() }
    }

    /// The time left until the deadline.
    pub fn remaining(&self) -> Duration {
        self.deadline().remaining()
    }

    /// Ready as soon as nobody waits for the call's result any more: its caller has cancelled it or has gone away, its
    /// deadline has passed, or the server aborts it. At once, if that is so already; never, if the handler returns
    /// before, and in a [detached](Self::detached) context.
    ///
    /// A handler is dropped at its next `.await` when that happens, so it seldom has to ask. This is for one that is marked
    /// `#[rpc(no_cancel)]` and for tasks that a handler has spawned.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, nothing has happened.
    pub async fn cancelled(&self) {
        match self.cancellation() {
            Some(cancellation) => {
                let at_deadline = tokio::time::sleep_until(self.inner.deadline.instant());
                tokio::select! {
                    biased;
                    () = cancellation.cancelled() => {}
                    () = at_deadline => {}
                }
            }
            None => std::future::pending().await,
        }
    }

    /// The same context for work that outlives the call: calls made under it keep the trace, but have neither the call's
    /// deadline nor its cancellation.
    ///
    /// ```no_run
    /// # async fn handler(cx: &nats_rpc::Context) {
    /// tokio::spawn(cx.detached().scope(async { /* goes on when the handler has long returned */ }));
    /// # }
    /// ```
    #[must_use]
    pub fn detached(&self) -> Self {
        Context { inner: Arc::clone(&self.inner), bond: Bond::Detached }
    }

    /// The headers that came with the call.
    pub fn headers(&self) -> &Headers {
        &self.inner.headers
    }

    /// Sets a header of the reply, which a caller reads with [`Call::detailed`](crate::Call::detailed).
    pub fn set_header(&self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) {
        self.inner.reply_headers.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }

    /// Keeps a value beside the call, in place of an earlier one of the same type: what a layer found out about the caller,
    /// say, for the handler. It does not travel.
    ///
    /// ```
    /// # struct User(String);
    /// # async fn handler(cx: &nats_rpc::Context) {
    /// cx.set_extension(User("Ann".to_owned()));
    /// assert_eq!(cx.extension::<User>().map(|user| user.0.clone()), Some("Ann".to_owned()));
    /// # }
    /// ```
    pub fn set_extension<T: Send + Sync + 'static>(&self, value: T) {
        self.inner.extensions.insert(value);
    }

    /// The value of this type that is kept beside the call, if there is one.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.inner.extensions.get()
    }

    /// The subject that the call came on.
    pub fn subject(&self) -> &str {
        self.inner.subject.as_str()
    }

    /// The value of a parameter in the subject of the service or of the method: `eu`, for `region` where the service is
    /// `#[service(subject = "orders.{region}")]`. `None` if there is no parameter of that name.
    pub fn subject_value(&self, name: &str) -> Option<&str> {
        self.inner.places.as_ref()?.value(name, self.subject())
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        self.inner.service
    }

    /// The method's name on the wire.
    pub fn method(&self) -> &str {
        self.inner.method
    }

    /// Which attempt of its caller this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Runs a future with this context as the ambient one: for tasks that a handler spawns.
    ///
    /// ```no_run
    /// # async fn handler(cx: &nats_rpc::Context) {
    /// tokio::spawn(cx.scope(async { /* calls made here inherit the deadline */ }));
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped::new(Box::pin(AMBIENT.scope(self.clone(), future)), self.inner.span.clone())
    }

    /// Calls `read` with the ambient context, without cloning it.
    pub(crate) fn with_current<T>(read: impl FnOnce(&Context) -> T) -> Option<T> {
        AMBIENT.try_with(read).ok()
    }

    /// Polls a handler with this context as the ambient one, in the span of the call.
    pub(crate) fn enter<T>(&self, poll: impl FnOnce() -> T) -> T {
        let _entered = self.span().map(CallSpan::enter);
        AMBIENT.sync_scope(self.clone(), poll)
    }

    /// The span of the call, if it is observed.
    pub(crate) fn span(&self) -> Option<&CallSpan> {
        self.inner.span.as_ref()
    }

    pub(crate) fn reply_path(&self) -> &ReplyPath {
        &self.inner.reply
    }

    /// Whether calls made from here end with the call.
    fn binds_calls(&self) -> bool {
        self.bond == Bond::Bound && self.inner.calls == Bond::Bound
    }

    /// The deadline that calls made from here may not outlast, if there is one.
    pub(crate) fn inherited_deadline(&self) -> Option<Deadline> {
        self.binds_calls().then_some(self.inner.deadline)
    }

    /// What ends the calls that are made from here before their deadlines, if anything does.
    pub(crate) fn inherited_cancellation(&self) -> Option<CancellationToken> {
        if self.binds_calls() { self.cancellation() } else { None }
    }

    /// What tells that the call is cancelled, unless this is a detached context. It does not fire at the deadline by itself.
    pub(crate) fn cancellation(&self) -> Option<CancellationToken> {
        (self.bond == Bond::Bound)
            .then(|| self.inner.cancellation.get_or_init(CancellationToken::new).clone())
    }

    /// Tells all who ask that nobody waits for the call's result any more.
    pub(crate) fn cancel(&self) {
        self.inner.cancellation.get_or_init(CancellationToken::new).cancel();
    }

    /// A copy of the headers that the handler has set for the reply.
    pub(crate) fn reply_headers(&self) -> Headers {
        self.inner.reply_headers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("subject", &self.subject())
            .field("method", &self.method())
            .field("remaining", &self.remaining())
            .field("attempt", &self.attempt())
            .field("headers", self.headers())
            .finish_non_exhaustive()
    }
}
