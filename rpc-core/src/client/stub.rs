//! What a generated client holds: the subjects of one service, and the way to them.

use std::sync::Arc;

use serde::ser::Serialize;

use super::Client;
use super::call::Call;
use super::cast::Cast;
use super::returns::Returns;
use crate::connection::inbox::SlotPool;
use crate::connection::{DestinationId, History, Subject};
use crate::error::{Error, ErrorKind};
use crate::service::{Method, MethodKind, ServiceDescriptor};
use crate::telemetry::CallMetrics;
use crate::wire::frame::Times;
use crate::wire::subject::ServiceSubject;

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
    methods: Box<[Route]>,
    probe: Route,
}

/// Where calls of one method go.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) subject: Subject,
    pub(crate) destination: DestinationId,
}

impl Stub {
    /// A stub of the service with this description.
    pub fn new(client: Client, descriptor: &'static ServiceDescriptor) -> Self {
        let service = ServiceSubject::new(client.prefix(), descriptor.subject());
        let slots = client.connection().inbox().pool(service.as_ref().map_or("", |service| service.as_str()));
        let route = |subject: String, most| {
            let subject = Subject::from(subject);
            Route { destination: slots.destination(&subject, most), subject }
        };
        let routes = service.and_then(|service| {
            let methods = descriptor.methods().iter().map(|method| {
                let most = match method.kind() {
                    // A receipt comes before the handler runs: it says nothing about the work.
                    MethodKind::Oneway => 1,
                    MethodKind::Unary => client.coalesce().min(method.max_coalesced()),
                };
                Ok(route(service.method(method.name())?, most))
            });
            Ok(Routes { methods: methods.collect::<Result<_, Error>>()?, probe: route(service.probe(), 1) })
        });
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

    /// Makes a oneway call.
    pub fn cast<A: Serialize>(&self, method: usize, args: &A) -> Cast {
        Cast::new(Arc::clone(&self.0), method, args)
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

    /// Where its calls go.
    pub(crate) fn route(&self, method: usize) -> Result<&Route, Error> {
        let routes = self.routes.as_ref().map_err(Clone::clone)?;
        routes.methods.get(method).ok_or_else(|| {
            Error::not_executed(ErrorKind::Unimplemented, "the stub's description does not have the method")
        })
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
