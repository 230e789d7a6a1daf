//! What a comparison with all running instances found.

use std::fmt;

use super::Report;

/// What [`Client::check`](crate::Client::check) found: a verdict on each instance.
///
/// Shown with `{}`, it has the report of each instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The instances, by version and id.
    pub instances: Vec<InstanceReport>,
}

/// What was found about one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceReport {
    /// The id of the instance.
    pub id: String,
    /// The version of its service.
    pub version: String,
    /// What was found.
    pub verdict: Verdict,
}

/// What can be told about an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Its contract was compared with that of the client.
    Compared(Report),
    /// It is not one of this framework, and takes calls where the client makes them: what it understands cannot be told.
    Unknown,
    /// It is not one of this framework, and has the name only: the client's calls do not reach it.
    Elsewhere,
}

impl CheckReport {
    /// Whether there is an instance that was compared, and none for which calls may break.
    pub fn is_compatible(&self) -> bool {
        let mut compared = 0;
        let fine = self.instances.iter().all(|instance| match &instance.verdict {
            Verdict::Compared(report) => {
                compared += 1;
                report.is_compatible()
            }
            Verdict::Unknown => false,
            Verdict::Elsewhere => true,
        });
        fine && compared > 0
    }

    pub(crate) fn new(mut instances: Vec<InstanceReport>) -> Self {
        instances.sort_by(|one, other| (&one.version, &one.id).cmp(&(&other.version, &other.id)));
        CheckReport { instances }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, InstanceReport { id, version, verdict }) in self.instances.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            write!(f, "{id} (version {version}): ")?;
            match verdict {
                Verdict::Compared(report) => report.fmt(f)?,
                Verdict::Unknown => f.write_str("unknown, it is no service of nats-rpc")?,
                Verdict::Elsewhere => f.write_str("of the same name only, and no service of nats-rpc")?,
            }
        }
        Ok(())
    }
}
