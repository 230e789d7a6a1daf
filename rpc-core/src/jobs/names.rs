//! What the streams, buckets and consumers of a service are called.

use crate::error::Error;
use crate::wire::subject::{check_token, check_tokens};

/// Names of the headers of jobs and of dead letters.
pub(crate) mod header {
    /// The job of a message, whatever its message id is.
    pub(crate) const JOB_ID: &str = "Nats-Rpc-Job";
    /// Of a dead letter: where the job was submitted.
    pub(crate) const SUBJECT: &str = "Nats-Rpc-Subject";
    /// Of a dead letter: which message of the stream of jobs it was.
    pub(crate) const SEQUENCE: &str = "Nats-Rpc-Sequence";
    /// Of a dead letter: how often the job was begun.
    pub(crate) const ATTEMPTS: &str = "Nats-Rpc-Attempts";
}

/// The names of what JetStream keeps for the jobs of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The stream of calls that are to be executed.
    pub(crate) jobs: String,
    /// The stream of calls that will not be.
    pub(crate) dead: String,
    /// The bucket of status records.
    pub(crate) bucket: String,
}

impl Names {
    /// Those of a service by its name, in a deployment that may have a prefix. Two services that come to the same names have
    /// different subjects, which is noticed when a server starts.
    pub(crate) fn new(prefix: Option<&str>, service: &str) -> Result<Self, Error> {
        check_token("the service's name", service)?;
        let name = match prefix {
            // Names of streams have no dots.
            Some(prefix) => {
                check_tokens("the prefix", prefix)?;
                format!("{}_{service}", prefix.replace('.', "-"))
            }
            None => service.to_owned(),
        };
        Ok(Names {
            jobs: format!("RPC_JOBS_{name}"),
            dead: format!("RPC_DEAD_{name}"),
            bucket: format!("rpc_jobs_{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_service_and_of_its_deployment() {
        let names = Names::new(None, "video").unwrap();
        assert_eq!(
            [&*names.jobs, &*names.dead, &*names.bucket],
            ["RPC_JOBS_video", "RPC_DEAD_video", "rpc_jobs_video"]
        );
        assert_eq!(Names::new(Some("staging.eu"), "video").unwrap().bucket, "rpc_jobs_staging-eu_video");
        assert!(Names::new(None, "a.b").is_err() && Names::new(Some("a b"), "video").is_err());
    }
}
