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
use crate::error::{Error, ErrorKind};
use crate::wire::subject::overlap;

/// How long instances are looked for.
const DISCOVERY: Duration = Duration::from_millis(250);

/// Those who are expected to answer, as far as that is known. In a fixed order, so that a simulation replays.
pub(super) enum Expectation {
    None,
    /// All that discovery will find.
    All,
    Searching(Search),
    Known(BTreeSet<InstanceId>),
}

/// Looks for all instances. An error if that cannot find all of them.
type Search = Pin<Box<dyn Future<Output = Result<BTreeSet<InstanceId>, Error>> + Send>>;

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
            let found = match discovery.await {
                Err(error) if error.kind() == ErrorKind::Unimplemented => return Err(error),
                found => found.unwrap_or_else(|error| {
                    tracing::warn!(%error, service, method, "the instances that are to answer cannot be discovered");
                    Vec::new()
                }),
            };
            // Other deployments have instances of the same name.
            let serves = |subject: &str| called.as_deref().is_some_and(|called| overlap(subject, called));
            let here = found
                .into_iter()
                .filter(|info| info.endpoints.iter().any(|endpoint| serves(&endpoint.subject)));
            Ok(here.map(|info| InstanceId::from(info.id)).collect())
        }));
    }

    /// Whether all who are expected have answered. An error if it cannot be known who that is.
    pub(super) fn poll_met(
        &mut self,
        heard: &HashSet<InstanceId>,
        cx: &mut Context<'_>,
    ) -> Result<bool, Error> {
        if let Expectation::Searching(search) = self {
            let Poll::Ready(found) = search.as_mut().poll(cx) else { return Ok(false) };
            let found = found.inspect_err(|_| *self = Expectation::None)?;
            *self = if found.is_empty() { Expectation::None } else { Expectation::Known(found) };
        }
        let is_met = |known: &BTreeSet<_>| known.iter().all(|instance| heard.contains(instance));
        Ok(matches!(self, Expectation::Known(known) if is_met(known)))
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
