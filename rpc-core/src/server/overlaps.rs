//! That no message to a server is for two of its methods.

use super::deploy::{Deployed, DeployedMethod};
use crate::error::{Error, ErrorKind};
use crate::wire::subject::{ServiceSubject, overlap};

/// No call may be one of two methods.
pub(super) fn check_overlaps(methods: &[DeployedMethod]) -> Result<(), Error> {
    for (at, method) in methods.iter().enumerate() {
        if let Some(other) = methods.iter().take(at).find(|other| overlap(&other.tail, &method.tail)) {
            let (one, other) = (other.method.subject(), method.method.subject());
            let message = format!(
                "two methods have the same subject, or one of the same subjects: {one:?} and {other:?}"
            );
            return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
        }
    }
    Ok(())
}

/// No message for one service may come to another, be it a call or what is reserved: one of a queue group would take it from the
/// other.
pub(super) fn check_apart(
    others: &[Deployed],
    name: &str,
    subject: &ServiceSubject,
    methods: &[DeployedMethod],
) -> Result<(), Error> {
    let own = listened(subject, methods);
    for other in others {
        let theirs = listened(&other.subject, &other.methods);
        let shared =
            own.iter().find_map(|own| Some((own, theirs.iter().find(|theirs| overlap(own, theirs))?)));
        if let Some((own, theirs)) = shared {
            let message = format!(
                "the services {:?} and {name:?} have the same subject, or one of the same subjects: {theirs:?} and {own:?}",
                other.descriptor.name()
            );
            return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
        }
    }
    Ok(())
}

/// All that instances of a service listen to.
fn listened(subject: &ServiceSubject, methods: &[DeployedMethod]) -> Vec<String> {
    let service = subject.as_str();
    let of_methods = methods.iter().flat_map(|method| {
        let tail = &method.tail;
        [method.subject.clone(), format!("{service}._at.*.{tail}"), format!("{service}._all.{tail}")]
    });
    let reserved =
        [subject.probe(), subject.control("*") + ".*", subject.contract(), subject.contract_of("*")];
    of_methods.chain(reserved).collect()
}
