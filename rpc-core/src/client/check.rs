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
use crate::service::{Method, ServiceClient};
use crate::wire::dialect::header;
use crate::wire::subject::{ServiceSubject, check_token, first_tokens, matches, overlap};
use crate::wire::template::Template;

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
        // With all values of its parameters: which of them a stub calls, the trait does not say.
        let subject = Template::parse("the service's subject", descriptor.subject())?.pattern(&[])?;
        let subject = ServiceSubject::new(self.client.prefix(), subject)?;
        let found = self.discovery.await?;
        let comparison = Comparison {
            until: Instant::now() + self.client.timeout(),
            client: self.client,
            subject,
            methods: descriptor.methods(),
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
    methods: &'static [Method],
    own: Contract,
    /// What an instance with the same trait would publish.
    own_as_served: Contract,
}

impl Comparison {
    /// What is to be said of an instance; nothing if it is none of those that the client calls. Contracts that were fetched are
    /// `known` to those that follow: instances of one version have the same.
    async fn verdict(&self, info: &ServiceInfo, known: &mut Vec<Contract>) -> Result<Option<Verdict>, Error> {
        let Some(named) = Contract::from_info(info, self.subject.tokens()) else {
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
            match self.fetch(info).await? {
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
        let mut subjects = self.methods.iter().filter_map(|method| self.endpoint(method));
        subjects
            .any(|subject| info.endpoints.iter().any(|endpoint| overlap_with(&endpoint.subject, &subject)))
    }

    /// Where calls of a method go, whatever their parameters.
    fn endpoint(&self, method: &Method) -> Option<String> {
        let template = Template::parse("the method's subject", method.subject()).ok()?;
        self.subject.method(&template.pattern(&[]).ok()?).ok()
    }

    /// Whether an instance of this framework has the client's prefix. One without methods tells by its contract only.
    fn is_of_this_deployment(&self, info: &ServiceInfo) -> bool {
        let is_here =
            |subject: &str| overlap(first_tokens(subject, self.subject.tokens()), self.subject.as_str());
        match info.endpoints.as_slice() {
            [] => info
                .metadata
                .get(metadata::CONTRACT)
                .is_none_or(|subject| is_contract(subject, &self.subject)),
            endpoints => endpoints.iter().any(|endpoint| is_here(&endpoint.subject)),
        }
    }

    /// Asks an instance for its contract. The inner error is about what it answers.
    async fn fetch(&self, info: &ServiceInfo) -> Result<Result<Contract, String>, Error> {
        // They come from the network, and become parts of a subject.
        if let Err(error) = check_token("the instance id", &info.id) {
            return Ok(Err(error.to_string()));
        }
        let told = info.metadata.get(metadata::CONTRACT).map_or("", String::as_str);
        if !is_contract(told, &self.subject) {
            return Ok(Err(format!("{told:?} is no subject of its contract")));
        }
        // One that takes all values of a parameter is asked under any.
        let subject = format!("{}.{}", told.replace('*', "any"), info.id);
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

/// Whether an endpoint gets calls of these subjects; those of other frameworks may have wildcards of any kind.
fn overlap_with(endpoint: &str, calls: &str) -> bool {
    overlap(endpoint, calls) || matches(endpoint, calls)
}

/// Whether a subject is one where an instance of this service tells its contract.
fn is_contract(subject: &str, service: &ServiceSubject) -> bool {
    subject.split('.').all(|token| token == "*" || !token.contains(['*', '>']))
        && overlap(subject, &service.contract())
}

/// Whether two contracts have the same methods with the same fingerprints.
fn have_same_fingerprints(one: &Contract, other: &Contract) -> bool {
    one.methods.len() == other.methods.len()
        && one.methods.iter().all(|method| {
            let twin = other.method(&method.name);
            !method.fingerprint.is_empty() && twin.is_some_and(|twin| twin.fingerprint == method.fingerprint)
        })
}
