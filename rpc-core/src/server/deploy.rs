//! How services get their subjects and subscriptions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Shared;
use super::dispatch::Endpoint;
use super::intake::{Intake, Work};
#[cfg(feature = "jetstream")]
use super::jobs::DurableService;
use super::layers::{ServerService, behind};
use super::limits::MethodLimits;
use super::overlaps::{check_apart, check_overlaps};
use super::peers::Peers;
use super::probe::Probe;
use super::stats::Stats;
use crate::connection::{Connection, Subscription};
use crate::contract::Contract;
use crate::error::{Error, ErrorKind};
use crate::reply::Audience;
use crate::service::{Handler, Method, MethodRegistry, Service, ServiceDescriptor};
use crate::wire::subject::{DEFAULT_QUEUE_GROUP, ServiceSubject, check_token};
use crate::wire::template::{Places, Template};

/// A service with the subject that it is served below.
pub(super) struct Deployed {
    pub(super) descriptor: &'static ServiceDescriptor,
    pub(super) subject: ServiceSubject,
    /// The same for all values of its parameters, and those that it is bound to.
    #[cfg(feature = "jetstream")]
    all: ServiceSubject,
    #[cfg(feature = "jetstream")]
    values: Vec<(&'static str, String)>,
    pub(super) contract: Contract,
    pub(super) methods: Vec<DeployedMethod>,
}

/// A method with its subject and its handler, and with limits of its own if it has any.
#[derive(Clone)]
pub(super) struct DeployedMethod {
    pub(super) method: Method,
    /// What the server subscribes to, behind the subject of the service.
    pub(super) tail: String,
    pub(super) subject: String,
    /// Where the values of parameters are in the subjects of its calls, if there are any.
    pub(super) places: Option<Arc<Places>>,
    pub(super) handler: Handler,
    pub(super) limits: Option<MethodLimits>,
    pub(super) stats: Arc<Stats>,
}

/// The limits of single methods, by the names of service and method.
pub(super) type LimitsByMethod = HashMap<(String, String), MethodLimits>;

/// Gives each service its subject, and each of its methods a handler and its limits.
pub(super) fn deploy(
    services: &[Box<dyn Service>],
    prefix: Option<&str>,
    limits: &LimitsByMethod,
    layers: Option<&ServerService>,
) -> Result<Vec<Deployed>, Error> {
    check_limits(services, limits)?;
    let mut deployed: Vec<Deployed> = Vec::with_capacity(services.len());
    for service in services {
        let descriptor = service.descriptor();
        check_token("the service's name", descriptor.name())?;
        check_version(descriptor)?;
        let template = Template::parse("the service's subject", descriptor.subject())?;
        let subject = ServiceSubject::new(prefix, template.pattern(&service.subject_values())?)?;
        let before = subject.tokens() - template.len();
        let mut registry = MethodRegistry::default();
        service.register(&mut registry);
        let methods = registry.resolve(descriptor)?.into_iter().map(|(method, handler)| {
            let name = (descriptor.name().to_owned(), method.name().to_owned());
            let (limits, stats) =
                (limits.get(&name).copied(), Arc::new(Stats::new(descriptor.name(), method.name())));
            let handler = match layers {
                Some(layers) => behind(layers.clone(), handler),
                None => handler,
            };
            let own = method_template(&method)?;
            let tail = own.pattern(&[])?;
            let places = Places::new(before, &template, &own);
            let places = (!places.is_empty()).then(|| Arc::new(places));
            Ok(DeployedMethod {
                subject: subject.method(&tail)?,
                tail,
                places,
                method,
                handler,
                limits,
                stats,
            })
        });
        let methods = methods.collect::<Result<Vec<_>, Error>>()?;
        check_overlaps(&methods)?;
        check_apart(&deployed, descriptor.name(), &subject, &methods)?;
        deployed.push(Deployed {
            descriptor,
            subject,
            #[cfg(feature = "jetstream")]
            all: ServiceSubject::new(prefix, template.pattern(&[])?)?,
            #[cfg(feature = "jetstream")]
            values: service.subject_values(),
            contract: service.contract(),
            methods,
        });
    }
    Ok(deployed)
}

/// What a method has behind the subject of its service. If it began with a parameter, that could stand for what is reserved.
fn method_template(method: &Method) -> Result<Template, Error> {
    check_token("the method's name", method.name())?;
    let template = Template::parse("the method's subject", method.subject())?;
    if template.begins_with_a_parameter() {
        let message = format!("the subject {:?} of a method begins with a parameter", method.subject());
        return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    }
    Ok(template)
}

/// NATS tools expect a version after semver.org (NATS ADR-32).
fn check_version(descriptor: &ServiceDescriptor) -> Result<(), Error> {
    let (name, version) = (descriptor.name(), descriptor.version());
    let parsed = semver::Version::parse(version);
    parsed.map(drop).map_err(|error| {
        let message =
            format!("the version {version:?} of the service {name:?} is not one after semver.org: {error}");
        Error::not_executed(ErrorKind::InvalidArgument, message)
    })
}

/// Limits must be those of a method that is there, and let it run.
fn check_limits(services: &[Box<dyn Service>], limits: &LimitsByMethod) -> Result<(), Error> {
    let invalid = |message| Err(Error::not_executed(ErrorKind::InvalidArgument, message));
    for ((service, method), limits) in limits {
        let mut descriptors = services.iter().map(|service| service.descriptor());
        let is_there = descriptors.any(|descriptor| {
            let mut methods = descriptor.methods().iter();
            descriptor.name() == service && methods.any(|described| described.name() == method)
        });
        if !is_there {
            return invalid(format!(
                "limits are set for the method {method:?} of the service {service:?}, which this server does not have"
            ));
        }
        if limits.in_flight == 0 {
            return invalid(format!(
                "the method {method:?} of the service {service:?} may run no handler at a time"
            ));
        }
    }
    Ok(())
}

/// How long the news of a refused subscription may take after the round trip that proves it: it comes by another way.
const EVENT_DELAY: Duration = Duration::from_millis(25);

/// Proves by a round trip that the broker has taken the subscriptions, and has not refused one.
pub(super) async fn prove(connection: &Connection, subjects: &[String]) -> Result<(), Error> {
    let inbox = connection.inbox();
    let proven = inbox.barrier(connection).await;
    if connection.hears_denials() {
        tokio::time::sleep(EVENT_DELAY).await;
    }
    match inbox.denied_subscription(subjects.iter().map(String::as_str)) {
        Some(denied) => Err(denied),
        None => proven,
    }
}

/// What a server has subscribed to.
pub(super) struct Subscribed {
    /// The methods, and the probes.
    pub(super) intake: Vec<(Subscription, Work)>,
    /// What the instance hears about the calls that it has, by service.
    pub(super) control: Vec<(Subscription, Arc<Peers>)>,
    pub(super) subjects: Vec<String>,
    /// The services that have durable methods.
    #[cfg(feature = "jetstream")]
    pub(super) durable: Vec<DurableService>,
}

/// Subscribes for all methods, and for the probes and the control messages of each service. `opened` is told when a peer
/// has a call open.
pub(super) async fn subscribe(
    shared: &Arc<Shared>,
    deployed: Vec<Deployed>,
    group: Option<&str>,
    opened: &Arc<Notify>,
) -> Result<Subscribed, Error> {
    let mut all = Subscribed {
        intake: Vec::new(),
        control: Vec::new(),
        subjects: Vec::new(),
        #[cfg(feature = "jetstream")]
        durable: Vec::new(),
    };
    let instance = &*shared.replier.instance;
    for service in deployed {
        let of_any_peer = format!("{}.*", service.subject.control(instance));
        shared.connection().inbox().forget_denial(&of_any_peer);
        let subscription = shared.connection().subscribe_by_id(of_any_peer.as_str()).await?;
        let peers =
            Arc::new(Peers::new(Arc::clone(&shared.replier), service.subject.tokens(), Arc::clone(opened)));
        all.subjects.push(of_any_peer);
        all.control.push((subscription, Arc::clone(&peers)));
        #[cfg(feature = "jetstream")]
        let mut durable = Vec::new();
        for method in service.methods {
            let group = group.filter(|_| !method.method.is_broadcast());
            // Who asks one instance, or each, learns from each what it has done itself.
            let ways = [
                (method.subject.clone(), group, if group.is_some() { Audience::One } else { Audience::Many }),
                (service.subject.at(instance, &method.tail)?, None, Audience::One),
                (service.subject.all(&method.tail)?, None, Audience::Each),
            ];
            #[cfg(feature = "jetstream")]
            let tail = method.tail.clone();
            let endpoint = Endpoint::new(Arc::clone(shared), service.descriptor, method, Arc::clone(&peers));
            let endpoint = Arc::new(endpoint);
            #[cfg(feature = "jetstream")]
            if endpoint.method.is_durable() {
                durable.push((Arc::clone(&endpoint), tail));
            }
            for (subject, group, audience) in ways {
                let subscription = anew(shared.connection(), &subject, group).await?;
                let intake = Intake { endpoint: Arc::clone(&endpoint), audience };
                all.subjects.push(subject);
                all.intake.push((subscription, Work::Calls(intake)));
            }
        }
        #[cfg(feature = "jetstream")]
        if !durable.is_empty() {
            all.durable.push(DurableService {
                subject: service.subject.clone(),
                all: service.all,
                values: service.values,
                methods: durable,
            });
        }
        // One instance answers a probe, also where all of them execute a call.
        let probe = service.subject.probe();
        let subscription = anew(shared.connection(), &probe, Some(DEFAULT_QUEUE_GROUP)).await?;
        all.subjects.push(probe);
        all.intake.push((subscription, Work::Probes(Probe::new(Arc::clone(shared), service.subject))));
    }
    Ok(all)
}

/// Subscribes, whatever the broker said about the subject before.
pub(super) async fn anew(
    connection: &Connection,
    subject: &str,
    group: Option<&str>,
) -> Result<Subscription, Error> {
    connection.inbox().forget_denial(subject);
    connection.subscribe(subject, group).await
}
