//! Reads a frame as docs/protocol.md describes it, on a decoder of its own: what the real reader has to agree with.

use rmpv::Value;

use crate::codec::scan::{ScanError, ScanLimits, measure};
use crate::wire::frame::{Credit, Frame, Id};
use crate::wire::headers::{Headers, MAX_HEADER_COUNT};

/// What a frame says, in plain types.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    Call {
        id: Vec<u8>,
        flags: u32,
        budget_ms: Option<u64>,
        expires: Option<u64>,
        attempt: u32,
        headers: Vec<(String, String)>,
        credit: Option<(u32, u32)>,
        args: Vec<u8>,
    },
    Success {
        id: Vec<u8>,
        micros: u64,
        body: Vec<u8>,
        headers: Vec<(String, String)>,
        instance: Option<String>,
        across: bool,
    },
    Error {
        id: Vec<u8>,
        code: u16,
        execution: u8,
        flags: u32,
        message: String,
        micros: u64,
        retry_after_ms: Option<u64>,
        body: Option<Vec<u8>>,
        instance: Option<String>,
        across: bool,
    },
    Cancel(Vec<u8>),
    Accepted {
        id: Vec<u8>,
        instance: String,
        credit: Option<(u32, u32)>,
        headers: Vec<(String, String)>,
        flags: u32,
        control: Option<String>,
    },
    Item {
        id: Vec<u8>,
        seq: u64,
        body: Vec<u8>,
    },
    End {
        id: Vec<u8>,
        seq: u64,
        code: u16,
        execution: u8,
        message: String,
        body: Option<Vec<u8>>,
    },
    Credit {
        id: Vec<u8>,
        credit: (u32, u32),
    },
    Heartbeat {
        number: Option<u64>,
        control: Option<String>,
    },
    Unknown,
}

/// What the reader has to make of bytes.
#[derive(Debug)]
pub(super) enum Expected {
    Frame(Seen, usize),
    Malformed,
    /// Near a limit whose place the protocol leaves open.
    Unsure,
}

/// What the frame at the beginning of these bytes says.
pub(super) fn expect(bytes: &[u8]) -> Expected {
    let length = match measure(bytes, ScanLimits { depth: 60, values: 10_000 }) {
        Ok(length) => length,
        Err(ScanError::TooDeep(_) | ScanError::TooMany(_)) => return Expected::Unsure,
        Err(_) => return Expected::Malformed,
    };
    let value = rmpv::decode::read_value(&mut bytes.get(..length).unwrap()).unwrap();
    match interpret(&value) {
        Some(seen) => Expected::Frame(seen, length),
        None => Expected::Malformed,
    }
}

fn interpret(frame: &Value) -> Option<Seen> {
    let frame = frame.as_array()?;
    let at = |place: usize| frame.get(place);
    let uint = |place: usize| at(place)?.as_u64();
    // `None` is malformed, `Some(None)` is nil.
    let optional_uint = |place: usize| match at(place)? {
        Value::Nil => Some(None),
        value => value.as_u64().map(Some),
    };
    let flags = |place: usize| Some(u32::try_from(uint(place)? & 0xFFFF_FFFF).unwrap());
    Some(match uint(0)? {
        1 => Seen::Call {
            id: id(at(1)?)?,
            flags: flags(2)?,
            budget_ms: optional_uint(3)?,
            expires: optional_uint(4)?,
            attempt: u32::try_from(uint(5)?).unwrap_or(u32::MAX),
            headers: headers(at(6)?)?,
            credit: optional(at(7)?, credit)?,
            args: binary(at(8)?)?,
        },
        2 => Seen::Success {
            id: id(at(1)?)?,
            micros: uint(2)?,
            body: binary(at(3)?)?,
            headers: headers(at(4)?)?,
            instance: optional(at(5)?, text)?,
            across: mark(at(6)),
        },
        3 => Seen::Error {
            id: id(at(1)?)?,
            code: u16::try_from(uint(2)?).ok()?,
            execution: execution(uint(3)?),
            flags: flags(4)?,
            message: text(at(5)?)?,
            micros: uint(6)?,
            retry_after_ms: optional_uint(7)?,
            // The headers are passed over.
            body: at(9).and(optional(at(8)?, binary))?,
            instance: optional(at(10)?, text)?,
            across: mark(at(11)),
        },
        4 => Seen::Cancel(id(at(1)?)?),
        5 => Seen::Item { id: id(at(1)?)?, seq: uint(2)?, body: binary(at(3)?)? },
        6 => Seen::End {
            id: id(at(1)?)?,
            seq: uint(2)?,
            code: u16::try_from(uint(3)?).ok()?,
            execution: execution(uint(4)?),
            message: optional(at(5)?, text)?.unwrap_or_default(),
            // The headers are passed over.
            body: at(7).and(optional(at(6)?, binary))?,
        },
        7 => Seen::Credit { id: id(at(1)?)?, credit: (counted(uint(2)?), counted(uint(3)?)) },
        8 => Seen::Accepted {
            id: id(at(1)?)?,
            instance: text(at(2)?)?,
            credit: optional(at(3)?, credit)?,
            headers: headers(at(4)?)?,
            flags: if frame.len() >= 6 { flags(5)? } else { 0 },
            control: at(6).and_then(text),
        },
        9 => Seen::Heartbeat { number: at(1).and_then(Value::as_u64), control: at(2).and_then(text) },
        _ => Seen::Unknown,
    })
}

/// The mark of a reply across accounts, which came later than the other elements.
fn mark(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or_default()
}

fn execution(number: u64) -> u8 {
    u8::try_from(number).ok().filter(|execution| *execution <= 2).unwrap_or(1)
}

/// More than 32 bits is as good as the most that they hold.
fn counted(number: u64) -> u32 {
    u32::try_from(number.min(0xFFFF_FFFF)).unwrap()
}

/// An array of at least two numbers.
fn credit(value: &Value) -> Option<(u32, u32)> {
    let pair = value.as_array()?;
    Some((counted(pair.first()?.as_u64()?), counted(pair.get(1)?.as_u64()?)))
}

fn id(value: &Value) -> Option<Vec<u8>> {
    binary(value).filter(|id| (1..=16).contains(&id.len()))
}

fn binary(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Binary(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.as_str().map(str::to_owned),
        _ => None,
    }
}

fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_nil() { Some(None) } else { read(value).map(Some) }
}

/// Of a name that comes twice, the later value counts.
fn headers(value: &Value) -> Option<Vec<(String, String)>> {
    if value.is_nil() {
        return Some(Vec::new());
    }
    let map = value.as_map().filter(|map| map.len() <= MAX_HEADER_COUNT)?;
    let mut headers = Headers::new();
    for (name, value) in map {
        let name = text(name)?;
        if value.is_str() || matches!(value, Value::String(_)) {
            headers.insert(name, text(value)?);
        }
    }
    Some(pairs(&headers))
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Seen {
    pub(super) fn id(&self) -> Option<&[u8]> {
        match self {
            Seen::Call { id, .. }
            | Seen::Success { id, .. }
            | Seen::Error { id, .. }
            | Seen::Cancel(id)
            | Seen::Accepted { id, .. }
            | Seen::Item { id, .. }
            | Seen::End { id, .. }
            | Seen::Credit { id, .. } => Some(id),
            Seen::Heartbeat { .. } | Seen::Unknown => None,
        }
    }
}

impl From<&Frame> for Seen {
    fn from(frame: &Frame) -> Self {
        let own = |id: &Id| id.as_slice().to_vec();
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap();
        let micros = |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap();
        let pair = |credit: Credit| (credit.messages, credit.bytes);
        match frame {
            Frame::Call(call) => Seen::Call {
                id: own(&call.id),
                flags: call.flags.0,
                budget_ms: call.budget.map(ms),
                expires: call.expires_unix_ms,
                attempt: call.attempt,
                headers: pairs(&call.headers),
                credit: call.credit.map(pair),
                args: call.args.to_vec(),
            },
            Frame::Success(id, success) => Seen::Success {
                id: own(id),
                micros: micros(success.handler_time),
                body: success.body.to_vec(),
                headers: pairs(&success.headers),
                instance: success.instance.as_deref().map(str::to_owned),
                across: success.is_across_accounts,
            },
            Frame::Error(id, error) => Seen::Error {
                id: own(id),
                code: error.code,
                execution: error.execution.as_u8(),
                flags: error.flags.0,
                message: error.message.to_string(),
                micros: micros(error.handler_time),
                retry_after_ms: error.retry_after.map(ms),
                body: error.body.as_ref().map(|body| body.to_vec()),
                instance: error.instance.as_deref().map(str::to_owned),
                across: error.is_across_accounts,
            },
            Frame::Cancel(id) => Seen::Cancel(own(id)),
            Frame::Accepted(id, accepted) => Seen::Accepted {
                id: own(id),
                instance: accepted.instance.to_string(),
                credit: accepted.credit.map(pair),
                headers: pairs(&accepted.headers),
                flags: accepted.flags.0,
                control: accepted.control.as_deref().map(str::to_owned),
            },
            Frame::Item(id, item) => Seen::Item { id: own(id), seq: item.seq, body: item.body.to_vec() },
            Frame::End(id, end) => Seen::End {
                id: own(id),
                seq: end.seq,
                code: end.code,
                execution: end.execution.as_u8(),
                message: end.message.to_string(),
                body: end.body.as_ref().map(|body| body.to_vec()),
            },
            Frame::Credit(id, credit) => Seen::Credit { id: own(id), credit: pair(*credit) },
            Frame::Heartbeat(heartbeat) => Seen::Heartbeat {
                number: heartbeat.number,
                control: heartbeat.control.as_deref().map(str::to_owned),
            },
            Frame::Unknown => Seen::Unknown,
        }
    }
}
