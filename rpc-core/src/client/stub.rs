//! What a generated client holds: the subjects of one service, and the way to them.

use std::fmt;
use std::sync::Arc;

use serde::ser::Serialize;

use super::Client;
use super::call::Call;
use super::cast::Cast;
use super::returns::Returns;
use super::streaming::{ClientStreamingCall, Items, StreamingCall};
use crate::connection::inbox::SlotPool;
use crate::connection::{DestinationId, History, Subject};
use crate::error::{Error, ErrorKind};
use crate::service::{Method, MethodKind, ServiceDescriptor};
use crate::telemetry::CallMetrics;
use crate::wire::frame::Times;
use crate::wire::subject::ServiceSubject;
use crate::wire::template::Template;

/// A service as its clients see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stub(pub(crate) Arc<Target>);

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) descriptor: &'static ServiceDescriptor,
    /// Keeps the routes' destinations.
    slots: SlotPool,
    /// By method; none unless they are recorded.
    metrics: Box<[Arc<CallMetrics>]>,
    routes: Result<Routes, Error>,
}

#[derive(Debug)]
struct Routes {
    service: ServiceSubject,
    methods: Box<[MethodRoute]>,
    probe: Route,
}

/// Where calls of one method go.
#[derive(Debug)]
struct MethodRoute {
    /// Its subject behind that of the service.
    template: Template,
    /// How many calls a message may carry.
    most: usize,
    /// Where its calls go if they choose nothing; `None` if each has to.
    fixed: Option<Route>,
}

/// Where a call goes.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) subject: Subject,
    pub(crate) destination: DestinationId,
}

/// Who is to get a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// Whoever serves the method: one instance, or all of them where it is broadcast.
    #[default]
    Anybody,
    /// This instance.
    Instance(Box<str>),
    /// Every instance.
    Everybody,
}

impl Stub {
    /// A stub of the service with this description, whose subject has no parameters.
    pub fn new(client: Client, descriptor: &'static ServiceDescriptor) -> Self {
        Stub::made(client, descriptor, &[])
    }

    /// A stub of the service with this description, and with the values of the parameters in its subject, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if there are not as many values as parameters, or if one cannot be a token.
    pub fn with_values(
        client: Client,
        descriptor: &'static ServiceDescriptor,
        values: &[&str],
    ) -> Result<Self, Error> {
        let stub = Stub::made(client, descriptor, values);
        stub.0.routes.as_ref().map_err(Clone::clone)?;
        Ok(stub)
    }

    fn made(client: Client, descriptor: &'static ServiceDescriptor, values: &[&str]) -> Self {
        let template = Template::parse("the service's subject", descriptor.subject());
        let subject = template.and_then(|template| template.filled(values));
        let service = subject.and_then(|subject| ServiceSubject::new(client.prefix(), subject));
        let inbox = client.connection().inbox();
        let name = service.as_ref().map_or("", |service| service.as_str());
        let slots = inbox.pool(name, client.also_served_below());
        let routes = service.and_then(|service| Routes::new(service, &client, descriptor, &slots));
        let recorded = descriptor.methods().iter().filter(|_| CallMetrics::ON);
        let metrics =
            recorded.map(|method| Arc::new(CallMetrics::new(descriptor.name(), method.name()))).collect();
        Stub(Arc::new(Target { client, descriptor, slots, metrics, routes }))
    }

    /// The client that calls go through.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Makes a call of the method with this index in the description.
    pub fn call<T, E, A: Serialize>(&self, method: usize, args: &A, returns: Returns<T, E>) -> Call<T, E> {
        Call::new(Arc::clone(&self.0), method, args, returns, Times::Later)
    }

    /// Makes a call of a method whose subject has parameters, with their values in order.
    pub fn call_to<T, E, A: Serialize>(
        &self,
        method: usize,
        values: &[&dyn fmt::Display],
        args: &A,
        returns: Returns<T, E>,
    ) -> Call<T, E> {
        self.call(method, args, returns).to(values)
    }

    /// Makes a call that opens a stream of results.
    pub fn open<T, E, A: Serialize>(
        &self,
        method: usize,
        args: &A,
        returns: Returns<T, E>,
    ) -> StreamingCall<T, E> {
        StreamingCall::new(self.call(method, args, returns))
    }

    /// The same of a method whose subject has parameters, with their values in order.
    pub fn open_to<T, E, A: Serialize>(
        &self,
        method: usize,
        values: &[&dyn fmt::Display],
        args: &A,
        returns: Returns<T, E>,
    ) -> StreamingCall<T, E> {
        StreamingCall::new(self.call_to(method, values, args, returns))
    }

    /// Makes a call that sends a stream of items, and gets one result.
    pub fn upload<T, E, A: Serialize>(
        &self,
        method: usize,
        args: &A,
        returns: Returns<T, E>,
        items: Items,
    ) -> ClientStreamingCall<T, E> {
        ClientStreamingCall::new(self.call(method, args, returns), items)
    }

    /// The same of a method whose subject has parameters, with their values in order.
    pub fn upload_to<T, E, A: Serialize>(
        &self,
        method: usize,
        values: &[&dyn fmt::Display],
        args: &A,
        returns: Returns<T, E>,
        items: Items,
    ) -> ClientStreamingCall<T, E> {
        ClientStreamingCall::new(self.call_to(method, values, args, returns), items)
    }

    /// Makes a oneway call.
    pub fn cast<A: Serialize>(&self, method: usize, args: &A) -> Cast {
        Cast::new(Arc::clone(&self.0), method, args)
    }

    /// Makes a oneway call of a method whose subject has parameters, with their values in order.
    pub fn cast_to<A: Serialize>(&self, method: usize, values: &[&dyn fmt::Display], args: &A) -> Cast {
        self.cast(method, args).to(values)
    }
}

impl Routes {
    fn new(
        service: ServiceSubject,
        client: &Client,
        descriptor: &'static ServiceDescriptor,
        slots: &SlotPool,
    ) -> Result<Self, Error> {
        let kept = |subject: String, most| {
            let subject = Subject::from(subject);
            Route { destination: slots.keep(subject.clone(), most), subject }
        };
        let methods = descriptor.methods().iter().map(|method| {
            let template = Template::parse("the method's subject", method.subject())?;
            let most = match method.kind() {
                // A receipt comes before the handler runs, and so does an open stream: they say nothing about the work.
                kind if kind == MethodKind::Oneway || kind.is_streaming() => 1,
                _ => client.coalesce().min(method.max_coalesced()),
            };
            let fixed = match template.parameters().next() {
                None => Some(kept(service.method(&template.filled(&[])?)?, most)),
                Some(_) => None,
            };
            Ok(MethodRoute { template, most, fixed })
        });
        let methods = methods.collect::<Result<_, Error>>()?;
        let probe = kept(service.probe(), 1);
        Ok(Routes { service, methods, probe })
    }
}

impl Target {
    /// The method with this index.
    pub(crate) fn method(&self, index: usize) -> Option<&'static Method> {
        self.descriptor.methods().get(index)
    }

    /// Its metrics, if they are recorded.
    pub(crate) fn metrics(&self, method: usize) -> Option<&Arc<CallMetrics>> {
        self.metrics.get(method)
    }

    /// Where its calls go that choose nothing.
    #[inline(always)] // on the way of every call
    pub(crate) fn route(&self, method: usize) -> Result<&Route, Error> {
        self.method_route(method)?.fixed.as_ref().ok_or_else(|| {
            let message = "the subject of the method has parameters, and the call no values for them";
            Error::not_executed(ErrorKind::InvalidArgument, message)
        })
    }

    fn method_route(&self, method: usize) -> Result<&MethodRoute, Error> {
        let routes = self.routes.as_ref().map_err(Clone::clone)?;
        routes.methods.get(method).ok_or_else(|| {
            Error::not_executed(ErrorKind::Unimplemented, "the stub's description does not have the method")
        })
    }

    /// Where a call goes that chooses who gets it, or has values of the parameters in its method's subject; and how many of those
    /// a message may carry.
    pub(crate) fn chosen_subject(
        &self,
        method: usize,
        values: &[String],
        recipient: &Recipient,
    ) -> Result<(Subject, usize), Error> {
        let service = self.service()?;
        let MethodRoute { template, most, .. } = self.method_route(method)?;
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let method = template.filled(&values)?;
        let subject = match recipient {
            Recipient::Anybody => service.method(&method)?,
            Recipient::Instance(instance) => service.at(instance, &method)?,
            Recipient::Everybody => service.all(&method)?,
        };
        Ok((subject.into(), *most))
    }

    /// What keeps the destinations of the service.
    pub(crate) fn slots(&self) -> &SlotPool {
        &self.slots
    }

    /// Where a call of a method is submitted.
    #[cfg(feature = "jetstream")]
    pub(crate) fn job_subject(&self, method: usize, values: &[String]) -> Result<String, Error> {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.service()?.job(&self.method_route(method)?.template.filled(&values)?)
    }

    /// The subjects of the service.
    fn service(&self) -> Result<&ServiceSubject, Error> {
        self.routes.as_ref().map(|routes| &routes.service).map_err(Clone::clone)
    }

    /// What the connection remembers of the service.
    pub(crate) fn history(&self) -> &History {
        self.slots.history()
    }

    /// Where one asks whether the service is there at all.
    pub(crate) fn probe(&self) -> Result<&Route, Error> {
        self.routes.as_ref().map(|routes| &routes.probe).map_err(Clone::clone)
    }
}
