//! What a server serves, for all who ask: probes, operators, and the counters of the server as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counters::MethodCounters;
use super::deploy::Deployed;
use super::stats::Stats;
use crate::discovery::{EndpointInfo, EndpointStats, Ping, ServiceInfo, ServiceStats};
use crate::service::{Method, MethodKind, Parameter, ServiceDescriptor};
use crate::wire::frame::VERSION;
use crate::wire::subject::ServiceSubject;

/// The services of one server.
#[derive(Debug)]
pub(super) struct Catalog {
    /// The id of the instance.
    id: String,
    /// When it was started, after RFC 3339.
    started: String,
    /// What the instance says about itself.
    metadata: BTreeMap<String, String>,
    /// Empty if every instance gets every call.
    queue_group: String,
    services: Vec<Entry>,
}

/// One of its services.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) descriptor: &'static ServiceDescriptor,
    subject: ServiceSubject,
    methods: Vec<MethodEntry>,
}

/// One of the service's methods.
#[derive(Debug)]
struct MethodEntry {
    method: Method,
    subject: String,
    stats: Arc<Stats>,
}

impl Catalog {
    pub(super) fn new(
        id: String,
        started: String,
        metadata: BTreeMap<String, String>,
        queue_group: Option<&str>,
        deployed: &[Deployed],
    ) -> Self {
        let queue_group = queue_group.unwrap_or_default().to_owned();
        Catalog { id, started, metadata, queue_group, services: deployed.iter().map(Entry::of).collect() }
    }

    pub(super) fn services(&self) -> &[Entry] {
        &self.services
    }

    /// Whether the service below this subject has a method of this name.
    pub(super) fn has_method(&self, service: &ServiceSubject, name: &str) -> bool {
        let mut services = self.services.iter().filter(|entry| entry.subject == *service);
        services.any(|entry| entry.methods.iter().any(|entry| entry.method.name() == name))
    }

    /// The counters of all methods.
    pub(super) fn counters(&self) -> impl Iterator<Item = &MethodCounters> {
        self.services.iter().flat_map(|entry| &entry.methods).map(|entry| &entry.stats.counters)
    }

    /// That a service is there.
    pub(super) fn ping(&self, entry: &Entry) -> Ping {
        Ping {
            name: entry.descriptor.name().to_owned(),
            id: self.id.clone(),
            version: entry.descriptor.version().to_owned(),
            metadata: self.metadata.clone(),
        }
    }

    /// What a service is.
    pub(super) fn info(&self, entry: &Entry) -> ServiceInfo {
        let Ping { name, id, version, metadata } = self.ping(entry);
        let description = entry.descriptor.description().to_owned();
        let endpoints = entry.methods.iter().map(|method| EndpointInfo {
            name: method.method.name().to_owned(),
            subject: method.subject.clone(),
            queue_group: self.queue_group.clone(),
            metadata: method_metadata(&method.method),
        });
        ServiceInfo { name, id, version, metadata, description, endpoints: endpoints.collect() }
    }

    /// What a service has done.
    pub(super) fn stats(&self, entry: &Entry) -> ServiceStats {
        let Ping { name, id, version, metadata } = self.ping(entry);
        let endpoints = entry.methods.iter().map(|method| self.method_stats(method)).collect();
        ServiceStats { name, id, version, metadata, started: self.started.clone(), endpoints }
    }

    fn method_stats(&self, entry: &MethodEntry) -> EndpointStats {
        let MethodEntry { method, subject, stats } = entry;
        let num_requests = stats.counters.received.get();
        let processing_time = stats.processing_time();
        EndpointStats {
            name: method.name().to_owned(),
            subject: subject.clone(),
            queue_group: self.queue_group.clone(),
            num_requests,
            num_errors: stats.counters.failed.get(),
            last_error: stats.last_error(),
            processing_time,
            average_processing_time: processing_time.checked_div(num_requests).unwrap_or_default(),
            // Numbers by name are always values of JSON.
            data: serde_json::to_value(stats.calls()).unwrap_or_default(),
        }
    }
}

impl Entry {
    fn of(deployed: &Deployed) -> Self {
        let methods = deployed.methods.iter().map(|deployed| MethodEntry {
            method: deployed.method,
            subject: deployed.subject.clone(),
            stats: Arc::clone(&deployed.stats),
        });
        let (descriptor, subject) = (deployed.descriptor, deployed.subject.clone());
        Entry { descriptor, subject, methods: methods.collect() }
    }
}

/// What other programs have to know to call a method.
fn method_metadata(method: &Method) -> BTreeMap<String, String> {
    let kind = match method.kind() {
        MethodKind::Unary => "unary",
        MethodKind::Oneway => "oneway",
    };
    let parameter = |parameter: &Parameter| {
        format!("{}{}", parameter.name(), if parameter.is_optional() { "?" } else { "" })
    };
    let parameters: Vec<_> = method.parameters().iter().map(parameter).collect();
    let all = [
        ("codecs", "msgpack,json".to_owned()),
        ("kind", kind.to_owned()),
        ("parameters", parameters.join(",")),
        ("protocol", VERSION.to_string()),
    ];
    all.into_iter().map(|(name, value)| (format!("nats-rpc.{name}"), value)).collect()
}
