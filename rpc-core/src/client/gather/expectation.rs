//! Who is expected to answer.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::InstanceId;
use crate::client::outgoing::Outgoing;
use crate::deadline::Deadline;
use crate::discovery::discover;
use crate::wire::subject::overlap;

/// How long instances are looked for.
const DISCOVERY: Duration = Duration::from_millis(250);

/// Those who are expected to answer, as far as that is known. In a fixed order, so that a simulation replays.
pub(super) enum Expectation {
    None,
    /// All that discovery will find.
    All,
    Searching(Pin<Box<dyn Future<Output = BTreeSet<InstanceId>> + Send>>),
    Known(BTreeSet<InstanceId>),
}

impl Expectation {
    /// Begins to look for all instances, if it is them who are expected.
    pub(super) fn begin(&mut self, outgoing: &Outgoing, deadline: Deadline) {
        if !matches!(self, Expectation::All) {
            return;
        }
        let (service, method) = outgoing.names();
        let called = outgoing.method_subject();
        let wait = DISCOVERY.min(deadline.remaining() / 4 * 3);
        let discovery = discover(outgoing.connection()).service(service).within(wait);
        *self = Expectation::Searching(Box::pin(async move {
            let found = discovery.await.unwrap_or_else(|error| {
                tracing::warn!(%error, service, method, "the instances that are to answer cannot be discovered");
                Vec::new()
            });
            // Other deployments have instances of the same name.
            let serves = |subject: &str| called.as_deref().is_some_and(|called| overlap(subject, called));
            let here = found
                .into_iter()
                .filter(|info| info.endpoints.iter().any(|endpoint| serves(&endpoint.subject)));
            here.map(|info| InstanceId::from(info.id)).collect()
        }));
    }

    /// Whether all who are expected have answered.
    pub(super) fn poll_met(&mut self, heard: &HashSet<InstanceId>, cx: &mut Context<'_>) -> bool {
        if let Expectation::Searching(search) = self {
            let Poll::Ready(found) = search.as_mut().poll(cx) else { return false };
            *self = if found.is_empty() { Expectation::None } else { Expectation::Known(found) };
        }
        matches!(self, Expectation::Known(known) if known.iter().all(|instance| heard.contains(instance)))
    }

    /// Those who are expected and have not answered.
    pub(super) fn missing(&self, heard: &HashSet<InstanceId>) -> Vec<InstanceId> {
        match self {
            Expectation::Known(known) => {
                known.iter().filter(|instance| !heard.contains(*instance)).cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}
