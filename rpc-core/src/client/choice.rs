//! What the caller has chosen of where a call goes.

use std::sync::Arc;

use super::outgoing::Outgoing;
use super::stub::{Recipient, Route, Target};
use crate::connection::Subject;
use crate::error::Error;
use crate::wire::frame::Flags;

/// What the caller has chosen, and where the call goes for that.
#[derive(Clone)]
pub(super) struct Choice {
    /// The values of the parameters in its method's subject.
    values: Vec<String>,
    recipient: Recipient,
    route: Result<Arc<Pinned>, Error>,
}

/// A destination that is there as long as this is.
struct Pinned {
    /// Keeps the destinations of its service.
    target: Arc<Target>,
    route: Route,
}

impl Choice {
    pub(super) fn route(&self) -> Result<&Route, Error> {
        self.route.as_ref().map(|pinned| &pinned.route).map_err(Clone::clone)
    }
}

impl Pinned {
    fn new(target: &Arc<Target>, subject: Subject, most: usize) -> Arc<Self> {
        let destination = target.slots().pin(subject.clone(), most);
        Arc::new(Pinned { target: Arc::clone(target), route: Route { subject, destination } })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.target.slots().unpin(self.route.destination);
    }
}

impl Outgoing {
    /// Chooses the values of the parameters in the method's subject.
    pub(super) fn set_values(&mut self, values: Vec<String>) {
        let recipient = self.choice.take().map(|choice| choice.recipient).unwrap_or_default();
        self.choose(values, recipient);
    }

    /// Chooses who gets the call.
    pub(super) fn set_recipient(&mut self, recipient: Recipient) {
        let values = self.choice.take().map(|choice| choice.values).unwrap_or_default();
        self.choose(values, recipient);
    }

    fn choose(&mut self, values: Vec<String>, recipient: Recipient) {
        let subject = self.target.chosen_subject(self.method, &values, &recipient);
        let route = subject.map(|(subject, most)| Pinned::new(&self.target, subject, most));
        self.choice = Some(Box::new(Choice { values, recipient, route }));
    }

    /// Sends the call to every instance, which names itself in its answer. Those that are not of this library have no subject for that:
    /// theirs gets to all of them, or it does not.
    pub(super) fn address_to_all(&mut self) {
        if !self.is_plain() {
            self.set_recipient(Recipient::Everybody);
            self.set_flags(Flags::with_instance, None);
        }
    }

    /// The same call to one instance.
    pub(super) fn at_instance(&self, instance: &str) -> Self {
        let mut outgoing = self.clone();
        outgoing.set_recipient(Recipient::Instance(instance.into()));
        outgoing
    }

    /// Where the call would go that is for whoever serves the method.
    pub(super) fn method_subject(&self) -> Option<Subject> {
        let subject = self.target.chosen_subject(self.method, self.values(), &Recipient::Anybody);
        subject.ok().map(|(subject, _)| subject)
    }

    /// The values of the parameters in the method's subject.
    pub(super) fn values(&self) -> &[String] {
        self.choice.as_ref().map_or(&[], |choice| &choice.values)
    }

    /// Who is to get the call.
    pub(super) fn recipient(&self) -> &Recipient {
        self.choice.as_ref().map_or(&Recipient::Anybody, |choice| &choice.recipient)
    }
}
