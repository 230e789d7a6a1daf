//! How a server tells the contracts of its services to whoever asks.

use std::sync::Arc;

use super::Shared;
use super::discovery::respond;
use super::questions::Questions;
use crate::error::Error;
use crate::wire::subject::DEFAULT_QUEUE_GROUP;

/// Subscribes for the services whose contract has schemas: for the question to any instance, which one of them answers, and for
/// that to this one. What is asked is the place of the service.
pub(super) async fn subscribe(shared: &Shared, group: Option<&str>) -> Result<Questions<usize>, Error> {
    let group = group.unwrap_or(DEFAULT_QUEUE_GROUP);
    let mut questions = Questions::new();
    let services = shared.catalog.services().iter().enumerate();
    for (at, entry) in services.filter(|(_, entry)| entry.is_published()) {
        let of_any = (entry.subject.contract(), Some(group));
        let of_this = (entry.subject.contract_of(&shared.replier.instance), None);
        for (subject, group) in [of_any, of_this] {
            questions.add(shared, subject, group, at).await?;
        }
    }
    Ok(questions)
}

/// Answers until the server ends, whatever the body of the question is.
pub(super) async fn answer(mut questions: Questions<usize>, shared: Arc<Shared>) {
    while let Some((at, asker)) = questions.next(&shared).await {
        if let Some(entry) = shared.catalog.services().get(at) {
            respond(&shared, &asker, &entry.contract);
        }
    }
}
