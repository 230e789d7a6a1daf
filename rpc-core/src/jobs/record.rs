//! The status record of a job, as it is kept in the bucket.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::Codec;
use crate::context::Progress;
use crate::error::{Error, ErrorKind, Execution};

/// The version of the record that is written here, and the only one that is read.
const VERSION: u8 = 1;

/// All that is known of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u8,
    pub(crate) method: String,
    /// Where the call was submitted.
    pub(crate) subject: String,
    /// How arguments and result are encoded.
    #[serde(with = "codec_name")]
    pub(crate) codec: Codec,
    /// A hash of the arguments: a key stands for one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<String>,
    /// When it was submitted, in milliseconds since the Unix epoch.
    pub(crate) submitted_unix_ms: u64,
    /// How often it was begun.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// Whether its handler may have begun in an attempt that has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) may_have_run: bool,
    /// Which of the stream's messages is executed: another one with the same id is a duplicate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
    /// Whether somebody wants it not to be executed, or not to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cancel: bool,
    /// What the last attempt failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_failure: Option<Failure>,
    #[serde(flatten)]
    pub(crate) state: State,
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// Its submitter has begun; whether the stream has it is not known here.
    Submitting,
    /// The stream has it.
    Queued,
    Running(Run),
    Done {
        body: Encoded,
    },
    Failed {
        failure: Failure,
    },
    Cancelled,
}

/// An attempt that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) instance: String,
    /// Which delivery of its message it was begun with.
    pub(crate) delivery: i64,
    pub(crate) since_unix_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<Progress>,
}

/// Why a job, or an attempt of it, has failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) execution: u8,
    pub(crate) message: String,
    /// The service's own error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Encoded>,
}

/// What a handler has returned, encoded: base64 in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded(pub(crate) Bytes);

impl Record {
    /// That of a job that is being submitted, or of one that is found without a record.
    pub(crate) fn new(method: &str, subject: &str, codec: Codec, submitted_unix_ms: u64) -> Self {
        Record {
            version: VERSION,
            method: method.to_owned(),
            subject: subject.to_owned(),
            codec,
            arguments: None,
            submitted_unix_ms,
            attempts: 0,
            may_have_run: false,
            sequence: None,
            cancel: false,
            last_failure: None,
            state: State::Submitting,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = |why: String| Error::new(ErrorKind::Protocol, format!("the status of a job {why}"));
        let record: Record =
            serde_json::from_slice(bytes).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        if record.version != VERSION {
            return Err(unreadable(format!(
                "has the version {}, only {VERSION} is read here",
                record.version
            )));
        }
        Ok(record)
    }

    pub(crate) fn write(&self) -> Result<Bytes, Error> {
        let written = serde_json::to_vec(self);
        written.map(Bytes::from).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
    }

    /// Whether nothing changes it any more.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.state, State::Done { .. } | State::Failed { .. } | State::Cancelled)
    }
}

impl Failure {
    /// Whether the handler may have begun.
    pub(crate) fn may_have_run(&self) -> bool {
        self.execution != Execution::NotExecuted.as_u8()
    }

    pub(crate) fn of(error: &Error) -> Self {
        Failure {
            code: error.code(),
            execution: error.execution().as_u8(),
            message: error.message().to_owned(),
            body: None,
        }
    }

    /// The error as a caller gets it.
    pub(crate) fn to_error(&self) -> Error {
        Error::new(ErrorKind::from_code(self.code), self.message.clone())
            .with_code(self.code)
            .with_execution(Execution::from_wire(self.execution.into()))
    }
}

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(|bytes| Encoded(bytes.into())).map_err(serde::de::Error::custom)
    }
}

/// A codec by its name.
mod codec_name {
    use super::{Codec, Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(super) fn serialize<S: Serializer>(codec: &Codec, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match codec {
            Codec::MessagePack => "msgpack",
            Codec::Json => "json",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Codec, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "msgpack" => Ok(Codec::MessagePack),
            "json" => Ok(Codec::Json),
            other => Err(serde::de::Error::custom(format!("the codec {other:?} is not known"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: State) -> Record {
        Record { state, ..Record::new("cut", "video._job.cut", Codec::MessagePack, 7) }
    }

    #[test]
    fn what_is_written_is_read() {
        let run =
            Run { instance: "a".into(), delivery: 2, since_unix_ms: 9, progress: Some(Progress::of(1, 2)) };
        let failure = Failure {
            code: 422,
            execution: 2,
            message: "no".into(),
            body: Some(Encoded(Bytes::from_static(b"\xa1x"))),
        };
        for state in [
            State::Submitting,
            State::Queued,
            State::Running(run),
            State::Done { body: Encoded(Bytes::from_static(&[0xC0])) },
            State::Failed { failure },
            State::Cancelled,
        ] {
            let written = record(state);
            assert_eq!(Record::read(&written.write().unwrap()).unwrap(), written);
        }
    }

    #[test]
    fn a_record_is_json_that_people_can_read() {
        let done = record(State::Done { body: Encoded(Bytes::from_static(&[0xC0])) }).write().unwrap();
        let expected = r#"{"version":1,"method":"cut","subject":"video._job.cut","codec":"msgpack","submitted_unix_ms":7,"attempts":0,"state":"done","body":"wA=="}"#;
        assert_eq!(done, expected);
    }

    #[test]
    fn other_versions_and_other_things_are_refused() {
        let later = String::from_utf8(record(State::Queued).write().unwrap().to_vec()).unwrap();
        for bad in [&*later.replace("\"version\":1", "\"version\":2"), "", "{}", "null"] {
            assert_eq!(Record::read(bad.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol, "{bad}");
        }
        let more = later.replace("\"version\":1", "\"version\":1,\"later\":true");
        assert!(Record::read(more.as_bytes()).is_ok());
    }
}
