//! What instances answer, as types: the same on both sides.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

/// Names and values that describe a service or an endpoint.
type Metadata = BTreeMap<String, String>;

/// A response with the name of its type, by which NATS tools know it.
#[derive(Debug, Serialize)]
pub(crate) struct Described<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

macro_rules! described {
    ($($response:ty => $kind:literal),+ $(,)?) => {
        $(
            impl From<$response> for Described<$response> {
                fn from(body: $response) -> Self {
                    Described { kind: $kind, body }
                }
            }

            impl Response for $response {
                const KIND: &'static str = $kind;
            }
        )+
    };
}

/// A response that is known by the name of its type.
pub(super) trait Response {
    const KIND: &'static str;
}

described! {
    Ping => "io.nats.micro.v1.ping_response",
    ServiceInfo => "io.nats.micro.v1.info_response",
    ServiceStats => "io.nats.micro.v1.stats_response",
}

/// An instance that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ping {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) version: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) metadata: Metadata,
}

/// An instance that has answered a ping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pong {
    /// The name of the service.
    pub name: String,
    /// The id of the instance.
    pub id: String,
    /// The version of the service, after semver.org.
    pub version: String,
    /// What the service says about itself.
    pub metadata: BTreeMap<String, String>,
    /// From the question to this answer.
    pub round_trip: Duration,
}

impl Pong {
    pub(super) fn new(ping: Ping, round_trip: Duration) -> Self {
        let Ping { name, id, version, metadata } = ping;
        Pong { name, id, version, metadata, round_trip }
    }
}

/// What an instance of a service says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The name of the service.
    pub name: String,
    /// The id of the instance.
    pub id: String,
    /// The version of the service, after semver.org.
    pub version: String,
    /// What the service says about itself.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: BTreeMap<String, String>,
    /// The description for humans; may be empty.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// The methods.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<EndpointInfo>,
}

/// One endpoint of a service: a method, in the words of this framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// The name of the method.
    pub name: String,
    /// The subject of its calls.
    pub subject: String,
    /// The queue group; empty if every instance gets every call.
    #[serde(default, deserialize_with = "or_default")]
    pub queue_group: String,
    /// What the service says about it.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: BTreeMap<String, String>,
}

/// What an instance of a service has done since it was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceStats {
    /// The name of the service.
    pub name: String,
    /// The id of the instance.
    pub id: String,
    /// The version of the service, after semver.org.
    pub version: String,
    /// What the service says about itself.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: BTreeMap<String, String>,
    /// When the instance was started: date and time after RFC 3339, in UTC.
    pub started: String,
    /// What each method has done.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<EndpointStats>,
}

/// What one endpoint of a service has done since its instance was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The name of the method.
    pub name: String,
    /// The subject of its calls.
    pub subject: String,
    /// The queue group; empty if every instance gets every call.
    #[serde(default, deserialize_with = "or_default")]
    pub queue_group: String,
    /// How many calls have come, those that were refused included.
    #[serde(default)]
    pub num_requests: u64,
    /// How many of them were answered with an error.
    #[serde(default)]
    pub num_errors: u64,
    /// The last error: its code, a colon, its message. Empty if there was none.
    #[serde(default, deserialize_with = "or_default")]
    pub last_error: String,
    /// How long handlers ran, all together, in nanoseconds.
    #[serde(default)]
    pub processing_time: u64,
    /// That, divided by the number of calls.
    #[serde(default)]
    pub average_processing_time: u64,
    /// What the service says beyond that, in a form of its own; see [`calls`](Self::calls).
    #[serde(default)]
    pub data: serde_json::Value,
}

impl EndpointStats {
    /// The statistics that a service of this framework has beyond those of every NATS service; `None` for others.
    pub fn calls(&self) -> Option<CallStats> {
        CallStats::deserialize(&self.data).ok()
    }
}

/// What a service of this framework says about the calls of one of its methods since its instance was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallStats {
    /// Calls whose handler runs and that are not answered yet.
    pub in_flight: u64,
    /// Calls whose handler has run: to its end, or until it was aborted.
    pub handled: u64,
    /// Calls that were refused with `Overloaded`.
    pub shed: u64,
    /// Calls that had expired before their handler could start.
    pub expired: u64,
    /// Calls whose deadline passed while their handler ran.
    pub timed_out: u64,
    /// Calls that their caller has cancelled, or whose caller has gone away.
    pub cancelled: u64,
    /// Calls that waited for a place when the server was shut down, and were sent elsewhere.
    pub turned_away: u64,
    /// Messages and arguments that were refused because they could not be read.
    pub malformed: u64,
    /// Calls that a layer did not let pass to their handlers.
    pub refused: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Half of the handlers took no longer than this, in nanoseconds; an eighth too much at most, as are the next three.
    pub p50_ns: u64,
    /// 99 of 100 handlers took no longer than this, in nanoseconds.
    pub p99_ns: u64,
    /// Half of the calls waited no longer than this for their handler to start, in nanoseconds.
    pub queue_wait_p50_ns: u64,
    /// 99 of 100 calls waited no longer than this for their handler to start, in nanoseconds.
    pub queue_wait_p99_ns: u64,
}

/// What is `null` is as if it were not there: other services write it for what they do not have.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
