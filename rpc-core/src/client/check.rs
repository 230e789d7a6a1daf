//! A comparison of a client's trait with the instances that run.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::Client;
use crate::codec::Codec;
use crate::contract::{Basis, CheckReport, Contract, InstanceReport, Role, Verdict};
use crate::discovery::{Answers, Discovery, Next, ServiceInfo, discover, metadata};
use crate::error::{Error, ErrorKind};
use crate::service::ServiceClient;
use crate::wire::dialect::header;
use crate::wire::subject::{ServiceSubject, check_token, matches};

impl Client {
    /// Compares the trait of a generated client with all instances that run; see [`Check`].
    pub fn check<C: ServiceClient>(&self) -> Check<C> {
        let discovery = discover(self.connection()).service(C::descriptor().name());
        Check { client: self.clone(), discovery, service: PhantomData }
    }
}

/// A comparison of a trait with the instances that run: awaited, it finds them by discovery, and reports for each of them whether
/// calls may break, by the rules of `docs/compatibility.md`.
///
/// An instance whose [fingerprints](crate::contract::MethodContract::fingerprint) are those of the trait has nothing else to tell. Another one is asked
/// for its contract, if it publishes one, and is else compared by names. Contracts are waited for as long as a call of the client may take, all of them together. Instances below another prefix than the client's are
/// left out.
///
/// ```
/// use nats_rpc::{Client, Server, memory::Broker};
/// # #[nats_rpc::service]
/// # trait Greeter { async fn hello(&self, name: &str) -> String; }
/// # struct English;
/// # impl Greeter for English { async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") } }
/// # #[tokio::main] async fn main() -> Result<(), nats_rpc::Error> {
/// # let nats = Broker::new().connect();
/// # let server = Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
///
/// let report = Client::from(nats).check::<GreeterClient>().await?;
/// println!("{report}");
/// assert!(report.is_compatible());
/// # server.shutdown().await;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`NoResponders`](ErrorKind::NoResponders) when there is no instance; and those of [`Discovery`].
///
/// # Cancel safety
/// Dropped before it is ready, the answers are lost, and nothing else is.
#[must_use = "nobody is asked until it is awaited"]
pub struct Check<C> {
    client: Client,
    discovery: Discovery,
    service: PhantomData<fn() -> C>,
}

impl<C: ServiceClient> Check<C> {
    /// The prefix of discovery, in place of `$SRV`.
    pub fn discovery_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.discovery = self.discovery.prefix(prefix);
        self
    }

    /// How long instances are waited for, 500 ms by default.
    pub fn within(mut self, wait: Duration) -> Self {
        self.discovery = self.discovery.within(wait);
        self
    }

    /// Waits for so many instances, and for no more; those of other deployments count as well.
    pub fn at_most(mut self, instances: usize) -> Self {
        self.discovery = self.discovery.at_most(instances);
        self
    }

    async fn run(self) -> Result<CheckReport, Error> {
        let descriptor = C::descriptor();
        let subject = ServiceSubject::new(self.client.prefix(), descriptor.subject())?;
        let found = self.discovery.await?;
        let comparison = Comparison {
            until: Instant::now() + self.client.timeout(),
            client: self.client,
            subject,
            own: C::contract(Role::Client),
            own_as_served: C::contract(Role::Server),
        };
        let mut instances = Vec::new();
        let mut known = Vec::new();
        for info in found {
            if let Some(verdict) = comparison.verdict(&info, &mut known).await? {
                instances.push(InstanceReport { id: info.id, version: info.version, verdict });
            }
        }
        if instances.is_empty() {
            let message = format!("no instance of the service {:?} was found", descriptor.name());
            return Err(Error::not_executed(ErrorKind::NoResponders, message));
        }
        Ok(CheckReport::new(instances))
    }
}

impl<C: ServiceClient + 'static> IntoFuture for Check<C> {
    type Output = Result<CheckReport, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<C> fmt::Debug for Check<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("discovery", &self.discovery).finish_non_exhaustive()
    }
}

/// What instances are compared with.
struct Comparison {
    client: Client,
    /// Until when contracts are waited for: whoever takes part in discovery can name any number of instances.
    until: Instant,
    subject: ServiceSubject,
    own: Contract,
    /// What an instance with the same trait would publish.
    own_as_served: Contract,
}

impl Comparison {
    /// What is to be said of an instance; nothing if it is none of those that the client calls. Contracts that were fetched are
    /// `known` to those that follow: instances of one version have the same.
    async fn verdict(&self, info: &ServiceInfo, known: &mut Vec<Contract>) -> Result<Option<Verdict>, Error> {
        let Some(named) = Contract::from_info(info) else {
            return Ok(Some(if self.takes_calls(info) { Verdict::Unknown } else { Verdict::Elsewhere }));
        };
        if !self.is_of_this_deployment(info) {
            return Ok(None);
        }
        let compare = |served: &Contract| Ok(Some(Verdict::Compared(Contract::check(&self.own, served))));
        if have_same_fingerprints(&named, &self.own_as_served) {
            return compare(&self.own_as_served);
        }
        if let Some(served) = known.iter().find(|known| have_same_fingerprints(&named, known)) {
            return compare(served);
        }
        if self.own.basis == Basis::Schema && info.metadata.contains_key(metadata::CONTRACT) {
            match self.fetch(&info.id).await? {
                Ok(served) => {
                    let verdict = compare(&served);
                    known.push(served);
                    return verdict;
                }
                Err(why) => {
                    tracing::warn!(instance = %info.id, why, "the contract of an instance cannot be read: names are compared");
                }
            }
        }
        compare(&named)
    }

    /// Whether an instance has an endpoint where the client makes calls.
    fn takes_calls(&self, info: &ServiceInfo) -> bool {
        let methods = self.own.methods.iter();
        let mut subjects = methods.filter_map(|method| self.subject.method(&method.name).ok());
        subjects.any(|subject| info.endpoints.iter().any(|endpoint| matches(&endpoint.subject, &subject)))
    }

    /// Whether an instance of this framework has the client's prefix. One without methods tells by its contract only.
    fn is_of_this_deployment(&self, info: &ServiceInfo) -> bool {
        let contract = info.metadata.get(metadata::CONTRACT);
        let is_here = |subject: &str, name: &str| {
            subject.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')) == Some(self.subject.as_str())
        };
        match info.endpoints.as_slice() {
            [] => contract.is_none_or(|subject| *subject == self.subject.contract()),
            endpoints => endpoints.iter().any(|endpoint| is_here(&endpoint.subject, &endpoint.name)),
        }
    }

    /// Asks an instance for its contract. The inner error is about what it answers.
    async fn fetch(&self, instance: &str) -> Result<Result<Contract, String>, Error> {
        // It comes from the network, and becomes part of a subject.
        if let Err(error) = check_token("the instance id", instance) {
            return Ok(Err(error.to_string()));
        }
        let subject = self.subject.contract_of(instance);
        let mut answers = Answers::ask(self.client.connection(), subject).await?;
        let answer = match answers.next(self.until).await? {
            Next::Answer(answer) => answer,
            Next::Nobody => return Ok(Err("nobody is there to answer".to_owned())),
            Next::TooLate => return Ok(Err("there is no answer".to_owned())),
        };
        if let Some(error) = answer.headers.as_ref().and_then(|headers| headers.get(header::ERROR)) {
            return Ok(Err(error.to_string()));
        }
        let scanned = Codec::Json.scan(&answer.payload, self.client.limits());
        let read = scanned.and_then(|()| Codec::Json.decode(&answer.payload));
        Ok(read.map_err(|error| error.to_string()))
    }
}

/// Whether two contracts have the same methods with the same fingerprints.
fn have_same_fingerprints(one: &Contract, other: &Contract) -> bool {
    one.methods.len() == other.methods.len()
        && one.methods.iter().all(|method| {
            let twin = other.method(&method.name);
            !method.fingerprint.is_empty() && twin.is_some_and(|twin| twin.fingerprint == method.fingerprint)
        })
}
