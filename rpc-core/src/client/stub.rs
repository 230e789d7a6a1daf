//! What a generated client holds: the subjects of one service, and the way to them.

use std::sync::Arc;

use serde::ser::Serialize;

use super::Client;
use super::call::Call;
use super::cast::Cast;
use super::returns::Returns;
use crate::connection::Subject;
use crate::connection::inbox::SlotPool;
use crate::error::{Error, ErrorKind};
use crate::service::{Method, ServiceDescriptor};
use crate::wire::frame::Times;
use crate::wire::subject::ServiceSubject;

/// A service as its clients see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stub(pub(crate) Arc<Target>);

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) descriptor: &'static ServiceDescriptor,
    pub(crate) slots: Arc<SlotPool>,
    subjects: Result<Subjects, Error>,
}

#[derive(Debug)]
struct Subjects {
    methods: Box<[Subject]>,
    probe: Subject,
}

impl Stub {
    /// A stub of the service with this description.
    pub fn new(client: Client, descriptor: &'static ServiceDescriptor) -> Self {
        let subject = ServiceSubject::new(client.prefix(), descriptor.subject());
        let slots = client.connection().inbox().pool(subject.as_ref().map_or("", |subject| subject.as_str()));
        let subjects = subject.and_then(|subject| {
            let methods =
                descriptor.methods().iter().map(|method| subject.method(method.name()).map(Subject::from));
            Ok(Subjects { methods: methods.collect::<Result<_, Error>>()?, probe: subject.probe().into() })
        });
        Stub(Arc::new(Target { client, descriptor, slots, subjects }))
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

    /// Where its calls go.
    pub(crate) fn subject(&self, method: usize) -> Result<&Subject, Error> {
        let subjects = self.subjects.as_ref().map_err(Clone::clone)?;
        subjects.methods.get(method).ok_or_else(|| {
            Error::not_executed(ErrorKind::Unimplemented, "the stub's description does not have the method")
        })
    }

    /// Where one asks whether the service is there at all.
    pub(crate) fn probe(&self) -> Result<&Subject, Error> {
        self.subjects.as_ref().map(|subjects| &subjects.probe).map_err(Clone::clone)
    }
}
