//! One call to all instances, and their answers as they come.

mod collect;
mod expectation;
mod instance;
mod quorum;
mod read;
mod send;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::time::Sleep;

use self::expectation::Expectation;
pub use self::instance::InstanceId;
pub use self::quorum::NoQuorum;
pub(super) use self::send::send_to_all;
use super::InFlight;
use super::call::Parent;
use super::outgoing::Outgoing;
use super::returns::Returns;
use super::watch::Watch;
use crate::error::{CallError, Error};
use crate::wire::frame::CallBuffer;

/// A call to every instance that serves its method, and a [`Stream`] of what each of them answers, as it comes. See
/// [`Call::gather`](crate::Call::gather).
///
/// It begins with its first poll, and ends when
///
/// - its time is over: that of the call, unless it is [`within`](Self::within) another,
/// - there are [as many answers](Self::at_most) as are asked for,
/// - there was none [for so long](Self::quiet_for) after the last one,
/// - all have answered that are [expected](Self::expecting), or [known](Self::expecting_all) by discovery, or
/// - it fails as a whole: at once if nobody serves the method, or if the connection is lost.
///
/// [`end`](Self::end) says which of those it was. Core NATS does not tell how many instances get a message, so that without one of the
/// first four, a gather always takes all its time.
///
/// An answer says of its own instance what an answer to a call says: an error that is
/// [`NotExecuted`](crate::Execution::NotExecuted) was not executed there. Nothing is sent a second time. An instance is heard once.
///
/// ```
/// use futures_util::StreamExt;
///
/// # #[nats_rpc::service]
/// # trait Cache {
/// #     async fn size(&self) -> u64;
/// # }
/// # struct Empty;
/// # impl Cache for Empty {
/// #     async fn size(&self) -> u64 { 0 }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let one = nats_rpc::Server::builder(&nats).add(CacheServer::new(Empty)).start().await?;
/// # let two = nats_rpc::Server::builder(&nats).add(CacheServer::new(Empty)).start().await?;
/// let cache = CacheClient::new(&nats);
/// let mut sizes = cache.size().gather().at_most(2);
/// while let Some((instance, size)) = sizes.next().await {
///     println!("{instance}: {}", size?);
/// }
/// # one.shutdown().await;
/// # two.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Panics
/// Polled outside of a tokio runtime.
///
/// # Cancel safety
/// `next()` loses nothing when it is dropped. Dropped itself, it stops listening, and the call is cancelled at the instances that have it
/// for longer than a quarter of a second, also at those that say so later.
#[must_use = "nobody is asked until it is polled"]
pub struct Gather<T, E> {
    outgoing: Outgoing,
    returns: Returns<T, E>,
    state: State,
    /// From the first poll to the end.
    in_flight: Option<InFlight>,
    parent: Option<Parent>,
    watch: Option<Box<Watch>>,
    most: usize,
    quiet: Option<Duration>,
    /// Ready when there was no answer for that long.
    timer: Option<Pin<Box<Sleep>>>,
    expectation: Expectation,
    /// Who has answered.
    heard: HashSet<InstanceId>,
    unnamed: usize,
    /// What was read and not taken yet.
    ready: VecDeque<Answered<T, E>>,
}

/// How many answers are heard, if nobody says: so many instances are not on one network.
const MOST: usize = 100_000;

/// What one instance has answered.
type Answered<T, E> = (InstanceId, Result<T, CallError<E>>);

/// Where a gather is.
enum State {
    /// With its message, until that is taken.
    Made(Option<Result<CallBuffer, Error>>),
    Sending(Sending),
    Collecting,
    Ended(GatherEnd),
}

type Sending = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Why a [`Gather`] has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GatherEnd {
    /// There are as many answers as were asked for, or all that were expected.
    Complete,
    /// There was no answer for as long as was said, after the last one.
    Quiet,
    /// Its time was over.
    TimedOut,
    /// Nobody was asked, or it is not known whether there are further answers.
    Failed(Error),
}

impl<T, E> Gather<T, E> {
    pub(super) fn new(
        mut outgoing: Outgoing,
        built: Result<CallBuffer, Error>,
        returns: Returns<T, E>,
        parent: Option<Parent>,
        watch: Option<Box<Watch>>,
    ) -> Self {
        outgoing.address_to_all();
        Gather {
            outgoing,
            returns,
            state: State::Made(Some(built)),
            in_flight: None,
            parent,
            watch,
            most: MOST,
            quiet: None,
            timer: None,
            expectation: Expectation::None,
            heard: HashSet::new(),
            unnamed: 0,
            ready: VecDeque::new(),
        }
    }

    /// Ends after so many answers, errors among them.
    pub fn at_most(mut self, answers: usize) -> Self {
        self.most = answers;
        self
    }

    /// How long answers are waited for, the first one too, in place of the call's own time; an hour at most. Handlers have the same time.
    pub fn within(mut self, time: Duration) -> Self {
        self.outgoing.set_timeout(time);
        self
    }

    /// Ends when there was no answer for so long after the last one. The first one is waited for [as long as there is
    /// time](Self::within).
    pub fn quiet_for(mut self, time: Duration) -> Self {
        self.quiet = Some(time);
        self
    }

    /// Ends as soon as all instances have answered that discovery finds ([`discover`](crate::discovery::discover)), and names those
    /// that have not: their errors are [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded), or what the gather has failed with, and come
    /// last.
    ///
    /// Discovery runs beside the call, for a quarter of a second or three quarters of the gather's time, whichever is less: so long the gather takes
    /// at least. Who knows the instances says so with [`expecting`](Self::expecting), and waits for nothing else. Servers
    /// [without discovery](crate::ServerBuilder::without_discovery) or with another
    /// [prefix of it](crate::ServerBuilder::discovery_prefix) are heard, but not expected. If none is found, it is as if nothing had been said.
    pub fn expecting_all(mut self) -> Self {
        self.expectation = Expectation::All;
        self
    }

    /// Ends as soon as these instances have answered, and names those that have not, as [`expecting_all`](Self::expecting_all) does. Others
    /// are heard as well until then.
    pub fn expecting<I: Into<InstanceId>>(mut self, instances: impl IntoIterator<Item = I>) -> Self {
        self.expectation = Expectation::Known(instances.into_iter().map(Into::into).collect());
        self
    }

    /// Why it has ended, once it has.
    pub fn end(&self) -> Option<&GatherEnd> {
        match &self.state {
            State::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Collects all answers, by instance.
    ///
    /// # Errors
    /// What the gather as a whole has failed with: [`NoResponders`](crate::ErrorKind::NoResponders) if nobody serves the method,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the connection was lost. Answers that had come until then are lost; a loop over
    /// the stream has them.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the gather is dropped.
    pub async fn collect_map(mut self) -> Result<BTreeMap<InstanceId, Result<T, CallError<E>>>, Error> {
        let mut answers = BTreeMap::new();
        while let Some((instance, answer)) = self.next().await {
            answers.insert(instance, answer);
        }
        match self.end() {
            Some(GatherEnd::Failed(error)) => Err(error.clone()),
            _ => Ok(answers),
        }
    }
}

impl<T, E> Stream for Gather<T, E> {
    type Item = Answered<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let mut watch = self.watch.take();
        let entered = watch.as_mut().map(|watch| watch.enter());
        self.end_with_parent(cx);
        let polled = self.poll_answer(cx);
        drop(entered);
        match (&self.state, &mut watch) {
            (State::Ended(GatherEnd::Failed(error)), Some(watch)) => {
                watch.conclude::<(), E>(&Err(error.clone().into()));
            }
            (State::Ended(_), Some(watch)) => watch.conclude::<(), E>(&Ok(())),
            _ => self.watch = watch,
        }
        polled
    }
}

/// It never moves what it has pinned.
impl<T, E> Unpin for Gather<T, E> {}

impl<T, E> Drop for Gather<T, E> {
    fn drop(&mut self) {
        if matches!(self.state, State::Sending(_) | State::Collecting) {
            self.outgoing.connection().inbox().forget(self.outgoing.id);
        }
    }
}

impl<T, E> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, method) = self.outgoing.names();
        f.debug_struct("Gather")
            .field("service", &service)
            .field("method", &method)
            .field("heard", &self.heard.len())
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}
