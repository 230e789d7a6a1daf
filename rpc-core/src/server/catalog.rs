//! What a server serves, for all who ask: probes, operators, and the counters of the server as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counters::MethodCounters;
use super::deploy::Deployed;
use super::stats::Stats;
use crate::contract::{Basis, Contract, kind_name};
use crate::discovery::{EndpointInfo, EndpointStats, Ping, ServiceInfo, ServiceStats, metadata};
use crate::service::{Method, Parameter, ServiceDescriptor};
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
    pub(super) subject: ServiceSubject,
    pub(super) contract: Contract,
    methods: Vec<MethodEntry>,
}

/// One of the service's methods.
#[derive(Debug)]
struct MethodEntry {
    method: Method,
    subject: String,
    stats: Arc<Stats>,
}

impl MethodEntry {
    /// The queue group of its calls in a server with this one: none if every instance gets each of them.
    fn queue_group(&self, of_server: &str) -> String {
        if self.method.is_broadcast() { String::new() } else { of_server.to_owned() }
    }
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
            metadata: self.service_metadata(entry),
        }
    }

    /// What the instance says about itself, and where the contract of this service is told.
    fn service_metadata(&self, entry: &Entry) -> BTreeMap<String, String> {
        let mut metadata = self.metadata.clone();
        if entry.is_published() {
            metadata.insert(metadata::CONTRACT.to_owned(), entry.subject.contract());
        }
        metadata
    }

    /// What a service is.
    pub(super) fn info(&self, entry: &Entry) -> ServiceInfo {
        let Ping { name, id, version, metadata } = self.ping(entry);
        let description = entry.descriptor.description().to_owned();
        let endpoints = entry.methods.iter().map(|method| EndpointInfo {
            name: method.method.name().to_owned(),
            subject: method.subject.clone(),
            queue_group: method.queue_group(&self.queue_group),
            metadata: method_metadata(&method.method, &entry.contract),
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
        let queue_group = entry.queue_group(&self.queue_group);
        let num_requests = stats.counters.received.get();
        let processing_time = stats.processing_time();
        EndpointStats {
            name: method.name().to_owned(),
            subject: subject.clone(),
            queue_group,
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
        Entry { descriptor, subject, contract: deployed.contract.clone(), methods: methods.collect() }
    }

    /// Whether all that travels is described, and told to whoever asks.
    pub(super) fn is_published(&self) -> bool {
        self.contract.basis == Basis::Schema
    }
}

/// What other programs have to know to call a method.
fn method_metadata(method: &Method, contract: &Contract) -> BTreeMap<String, String> {
    let parameter = |parameter: &Parameter| {
        format!("{}{}", parameter.name(), if parameter.is_optional() { "?" } else { "" })
    };
    let parameters: Vec<_> = method.parameters().iter().map(parameter).collect();
    let described = contract.method(method.name());
    let fingerprint = described.map(|described| (metadata::FINGERPRINT, described.fingerprint.clone()));
    let bare = method.is_bare().then(|| (metadata::BARE, "true".to_owned()));
    let all = [
        (metadata::CODECS, contract.codecs.join(",")),
        (metadata::KIND, kind_name(method.kind()).to_owned()),
        (metadata::PARAMETERS, parameters.join(",")),
        (metadata::PROTOCOL, contract.protocol.to_string()),
    ];
    all.into_iter().chain(fingerprint).chain(bare).map(|(name, value)| (name.to_owned(), value)).collect()
}
