//! The name of a job.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::wire::subject::check_token;

/// The id of a job: the name of its service and a token, with a dot between them. It is all that another process needs to come back to
/// the job.
///
/// ```
/// let id: nats_rpc::jobs::JobId = "video.5gJk3Pq".parse()?;
/// assert_eq!((id.service(), id.to_string().as_str()), ("video", "video.5gJk3Pq"));
/// # Ok::<(), nats_rpc::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    service: Box<str>,
    token: Box<str>,
}

/// How much of a hash names a job: half of it is more than a random token has.
const HASHED: usize = 16;

impl JobId {
    pub(crate) fn new(service: &str, token: &str) -> Self {
        JobId { service: service.into(), token: token.into() }
    }

    /// That of all calls with this key to this subject.
    pub(crate) fn of_key(service: &str, subject: &str, key: &str) -> Self {
        // A subject has no zero byte.
        let hash = Sha256::new().chain_update(subject).chain_update([0]).chain_update(key).finalize();
        let token: String = hash.iter().take(HASHED).map(|byte| format!("{byte:02x}")).collect();
        JobId::new(service, &token)
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The key of its status record.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl FromStr for JobId {
    type Err = Error;

    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is no id of a job.
    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((service, token)) = text.split_once('.') else {
            let message = format!("{text:?} is no id of a job, which is <service>.<token>");
            return Err(Error::not_executed(ErrorKind::InvalidArgument, message));
        };
        check_token("the service in the id of a job", service)?;
        check_token("the token in the id of a job", token)?;
        Ok(JobId::new(service, token))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service, self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_job_of_one_subject() {
        let id = JobId::of_key("video", "video._job.cut", "order-17");
        assert_eq!(id, JobId::of_key("video", "video._job.cut", "order-17"));
        assert_ne!(id, JobId::of_key("video", "video._job.cut", "order-18"));
        assert_ne!(id, JobId::of_key("video", "video._job.join", "order-17"));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_cannot_be_one_is_refused() {
        for bad in ["", "video", ".x", "video.", "video.a.b", "video.*", "_v.x", "video._x"] {
            assert!(bad.parse::<JobId>().is_err(), "{bad:?}");
        }
    }
}
