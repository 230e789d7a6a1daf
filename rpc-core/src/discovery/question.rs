//! A question to all instances, and their answers.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::answers::{Answers, Next};
use super::responses::{Ping, Pong, Response, ServiceInfo, ServiceStats};
use crate::connection::{Connection, header_of, one_reply_only};
use crate::error::{Error, ErrorKind};
use crate::wire::dialect::header;
use crate::wire::subject::{check_pattern, check_token};

/// The prefix of all questions, after NATS ADR-32.
pub(crate) const DEFAULT_PREFIX: &str = "$SRV";

/// How long answers are waited for.
const DEFAULT_WAIT: Duration = Duration::from_millis(500);

/// How many answers are taken, if nobody says: so many instances are not on one network.
const MOST: usize = 100_000;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Ping,
    Info,
    Stats,
}

impl Verb {
    pub(crate) const ALL: [Verb; 3] = [Verb::Ping, Verb::Info, Verb::Stats];

    /// Where it is asked, of all instances.
    pub(crate) fn subject(self, prefix: &str) -> String {
        let verb = match self {
            Verb::Ping => "PING",
            Verb::Info => "INFO",
            Verb::Stats => "STATS",
        };
        format!("{prefix}.{verb}")
    }
}

/// Checks a prefix of one's own: tokens without wildcards.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    check_pattern(prefix)?;
    if prefix.contains(['*', '>']) {
        let message = format!("the prefix of discovery {prefix:?} has wildcards");
        return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Asks all instances of all services on a connection what they are; see [`Discovery`].
///
/// ```
/// use nats_rpc::discovery::discover;
///
/// # #[nats_rpc::service(version = "1.2.0")]
/// # trait Greeter {
/// #     async fn hello(&self, name: &str) -> String;
/// # }
/// # struct English;
/// # impl Greeter for English {
/// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
/// # }
/// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
/// # let nats = nats_rpc::memory::Broker::new().connect();
/// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
/// for service in discover(&nats).await? {
///     println!("{} {} as {}", service.name, service.version, service.id);
///     for endpoint in service.endpoints {
///         println!("  {} on {}", endpoint.name, endpoint.subject);
///     }
/// }
/// for service in discover(&nats).service("greeter").stats().await? {
///     println!("{} has served {} calls", service.id, service.endpoints[0].num_requests);
/// }
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
pub fn discover(nats: impl Into<Connection>) -> Discovery {
    Discovery {
        connection: nats.into(),
        prefix: DEFAULT_PREFIX.to_owned(),
        service: None,
        instance: None,
        wait: DEFAULT_WAIT,
        most: None,
    }
}

/// A question to instances of services (NATS ADR-32): awaited, it lists what they are; [`ping`](Self::ping) and
/// [`stats`](Self::stats) ask for something else.
///
/// Nobody knows how many there are, so an answer takes the whole time that is given to it, half a second by default,
/// unless there are [as many](Self::at_most) as are asked for, or nobody listens at all. What cannot be read is passed over and
/// logged.
///
/// # Errors
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a name that cannot be part of a subject;
/// [`Unimplemented`](ErrorKind::Unimplemented) where the services are in another account from which
/// one answer gets through, so that others may be missing; [`Unavailable`](ErrorKind::Unavailable)
/// when the connection is closed; [`PermissionDenied`](ErrorKind::PermissionDenied) when the broker
/// does not let this user subscribe to its inbox, on a connection made by
/// [`connect`](crate::connect). That this user may not publish the question looks like a network
/// without services.
///
/// # Cancel safety
/// Dropped before it is ready, the answers are lost, and nothing else is.
#[derive(Clone)]
#[must_use = "nobody is asked until it is awaited"]
pub struct Discovery {
    connection: Connection,
    prefix: String,
    service: Option<String>,
    instance: Option<String>,
    wait: Duration,
    most: Option<usize>,
}

impl Discovery {
    /// Asks instances of the service with this name only.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Asks one instance of a service only, and waits for no other.
    pub fn instance(mut self, service: impl Into<String>, id: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self.instance = Some(id.into());
        self
    }

    /// The prefix of questions, in place of `$SRV`: that of another account, say.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long answers are waited for, 500 ms by default.
    pub fn within(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Waits for so many answers, and for no more.
    pub fn at_most(mut self, answers: usize) -> Self {
        self.most = Some(answers);
        self
    }

    /// Lists the instances that are there, with the time that each took to answer.
    ///
    /// # Errors
    /// Those of [`Discovery`].
    pub async fn ping(self) -> Result<Vec<Pong>, Error> {
        let pongs = self.ask::<Ping>(Verb::Ping).await?;
        Ok(pongs.into_iter().map(|(ping, round_trip)| Pong::new(ping, round_trip)).collect())
    }

    /// Lists what the instances have done.
    ///
    /// # Errors
    /// Those of [`Discovery`].
    pub async fn stats(self) -> Result<Vec<ServiceStats>, Error> {
        Ok(self.ask(Verb::Stats).await?.into_iter().map(|(stats, _)| stats).collect())
    }

    async fn info(self) -> Result<Vec<ServiceInfo>, Error> {
        Ok(self.ask(Verb::Info).await?.into_iter().map(|(info, _)| info).collect())
    }

    fn subject(&self, verb: Verb) -> Result<String, Error> {
        check_prefix(&self.prefix)?;
        let mut subject = verb.subject(&self.prefix);
        let tokens = [("the service's name", &self.service), ("the instance id", &self.instance)];
        for (what, token) in tokens {
            if let Some(token) = token {
                check_token(what, token)?;
                subject.push('.');
                subject.push_str(token);
            }
        }
        Ok(subject)
    }

    /// Asks, and collects what can be read of the answers.
    async fn ask<T: Response + DeserializeOwned>(self, verb: Verb) -> Result<Vec<(T, Duration)>, Error> {
        let subject = self.subject(verb)?;
        let most = self.most.unwrap_or(if self.instance.is_some() { 1 } else { MOST });
        let asked = Instant::now();
        let mut answers = Answers::ask(&self.connection, subject).await?;
        let (mut read, mut is_across_accounts, mut several_arrive) = (Vec::new(), false, false);
        while read.len() < most {
            let Next::Answer(answer) = answers.next(asked + self.wait).await? else {
                // An instance has more to say in any case. Where none of that has come, one message
                // gets through; of two instances that answer at the same time, perhaps one of each.
                return if is_across_accounts && !several_arrive {
                    Err(one_reply_only("discovery", &self.prefix))
                } else {
                    Ok(read)
                };
            };
            let trial = header_of(&answer, header::TRIAL);
            is_across_accounts |= trial.is_some();
            if trial == Some("2") {
                several_arrive = true;
                continue;
            }
            match read_response(&answer.payload) {
                Ok(response) => read.push((response, asked.elapsed())),
                Err(error) => tracing::warn!(%error, kind = T::KIND, "a service's answer cannot be read"),
            }
        }
        Ok(read)
    }
}

/// Reads a response of this type.
fn read_response<T: Response + DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }

    let typed: Typed = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    if typed.kind != T::KIND {
        return Err(format!("its type is {:?}", typed.kind));
    }
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

impl IntoFuture for Discovery {
    type Output = Result<Vec<ServiceInfo>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.info())
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("prefix", &self.prefix)
            .field("service", &self.service)
            .field("instance", &self.instance)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
