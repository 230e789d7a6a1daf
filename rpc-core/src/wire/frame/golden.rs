//! Frames are what `tests/golden` says, read and written. Other languages read the same files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::*;
use crate::error::{Error, Execution};
use crate::wire::headers::Headers;

/// A message, and what it means.
#[derive(Deserialize)]
struct Entry {
    name: String,
    /// In which codec the values in the frames are.
    codec: Named,
    /// Where the message is to be written, as it is written here.
    hex: String,
    /// The same as others write it, each value in its shortest form.
    shortest: Option<String>,
    frames: Vec<Value>,
}

#[derive(Deserialize)]
struct Malformed {
    name: String,
    hex: String,
    /// What is wrong with it.
    error: Value,
    /// What can be read before that.
    frames: Vec<Value>,
    first_id: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    MsgPack,
    Json,
}

impl From<Named> for Codec {
    fn from(named: Named) -> Self {
        match named {
            Named::MsgPack => Codec::MessagePack,
            Named::Json => Codec::Json,
        }
    }
}

fn golden<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn bytes(hex: &str) -> Bytes {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a message means, up to what is wrong with it.
fn read(message: &Bytes, codec: Codec) -> (Vec<Value>, Option<Value>) {
    let frames = match Frames::new(message) {
        Ok(frames) => frames,
        Err(BadMessage::Version(version)) => return (Vec::new(), Some(json!({ "version": version }))),
        Err(BadMessage::Malformed) => return (Vec::new(), Some(json!("malformed"))),
    };
    let (mut read, mut error) = (Vec::new(), None);
    for frame in frames {
        match frame {
            Ok(frame) => read.push(meaning(&frame, codec)),
            Err(_) => error = Some(json!("malformed")),
        }
    }
    (read, error)
}

fn meaning(frame: &Frame, codec: Codec) -> Value {
    let value = |bytes: &Bytes| codec.decode::<Value>(bytes).unwrap();
    let headers = |headers: &Headers| {
        headers.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>()
    };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    let id = |id: &Id| hex(id.as_slice());
    let pair = |credit: Credit| [credit.messages, credit.bytes];
    match frame {
        Frame::Call(call) => json!({
            "kind": "call", "id": id(&call.id), "flags": call.flags.0, "budget_ms": call.budget.map(millis),
            "expires_unix_ms": call.expires_unix_ms, "attempt": call.attempt, "headers": headers(&call.headers),
            "credit": call.credit.map(pair), "args": value(&call.args),
        }),
        Frame::Success(of, success) => json!({
            "kind": "success", "id": id(of), "handler_us": micros(success.handler_time),
            "body": value(&success.body), "headers": headers(&success.headers), "instance": success.instance,
            "across_accounts": success.is_across_accounts,
        }),
        Frame::Error(of, error) => json!({
            "kind": "error", "id": id(of), "code": error.code, "execution": error.execution.as_u8(),
            "flags": error.flags.0, "message": error.message, "handler_us": micros(error.handler_time),
            "retry_after_ms": error.retry_after.map(millis), "body": error.body.as_ref().map(value),
            "instance": error.instance, "across_accounts": error.is_across_accounts,
        }),
        Frame::Cancel(of) => json!({"kind": "cancel", "id": id(of)}),
        Frame::Accepted(of, accepted) => json!({
            "kind": "accepted", "id": id(of), "instance": accepted.instance,
            "credit": accepted.credit.map(pair), "headers": headers(&accepted.headers), "flags": accepted.flags.0,
            "control": accepted.control,
        }),
        Frame::Item(of, item) => {
            json!({"kind": "item", "id": id(of), "seq": item.seq, "body": value(&item.body)})
        }
        Frame::End(of, end) => json!({
            "kind": "end", "id": id(of), "seq": end.seq, "code": end.code, "execution": end.execution.as_u8(),
            "message": (!end.message.is_empty()).then_some(&end.message), "body": end.body.as_ref().map(value),
        }),
        Frame::Credit(of, credit) => {
            json!({"kind": "credit", "id": id(of), "messages": credit.messages, "bytes": credit.bytes})
        }
        Frame::Heartbeat(heartbeat) => json!({
            "kind": "heartbeat", "number": heartbeat.number, "control": heartbeat.control,
        }),
        Frame::Unknown => json!({"kind": "unknown"}),
    }
}

/// What is written of a frame, without the head of its message.
fn write(frame: &Value, codec: Codec) -> Bytes {
    let number = |name: &str| frame[name].as_u64();
    let small = |name: &str| u32::try_from(number(name).unwrap()).unwrap();
    let encode = |name: &'static str| move |bytes: &mut BytesMut| codec.encode(&frame[name], bytes);
    let empty = Map::new();
    let entries = frame["headers"].as_object().unwrap_or(&empty).iter();
    let headers: Headers = entries.map(|(name, value)| (&**name, value.as_str().unwrap())).collect();
    let tail = ReplyTail {
        headers: &headers,
        instance: frame["instance"].as_str(),
        is_across_accounts: frame["across_accounts"] == json!(true),
    };
    let id = || Id::new(u64::from_str_radix(frame["id"].as_str().unwrap(), 16).unwrap());
    let mut bytes = BytesMut::new();
    match frame["kind"].as_str().unwrap() {
        "call" => return write_call(frame, &headers, encode("args")),
        "success" => write_success(&mut bytes, &id(), small("handler_us"), &tail, encode("body")).unwrap(),
        "error" => {
            let failure = Failure {
                code: u16::try_from(small("code")).unwrap(),
                execution: Execution::from_wire(number("execution").unwrap()),
                flags: Flags(small("flags")),
                message: frame["message"].as_str().unwrap(),
                handler_us: small("handler_us"),
                retry_after: number("retry_after_ms").map(Duration::from_millis),
            };
            let body = (!frame["body"].is_null()).then(|| encode("body"));
            write_error(&mut bytes, &id(), &failure, &tail, body).unwrap();
        }
        "cancel" => write_cancel(&mut bytes, &id()),
        "item" => {
            begin_message(&mut bytes);
            put_item(&mut bytes, &id(), number("seq").unwrap(), encode("body")).unwrap();
        }
        "end" => {
            let mut body = BytesMut::new();
            encode("body")(&mut body).unwrap();
            begin_message(&mut bytes);
            put_end(
                &mut bytes,
                &id(),
                &End {
                    seq: number("seq").unwrap(),
                    code: u16::try_from(small("code")).unwrap(),
                    execution: Execution::from_wire(number("execution").unwrap()),
                    message: frame["message"].as_str(),
                    body: (!frame["body"].is_null()).then_some(&*body),
                },
            );
        }
        "credit" => {
            let credit = Credit { messages: small("messages"), bytes: small("bytes") };
            write_credit(&mut bytes, &id(), credit);
        }
        "accepted" => {
            let (credit, flags) = (credit(frame), Flags(small("flags")));
            let control = frame["control"].as_str();
            let acceptance = Acceptance { credit, headers: &headers, flags, control };
            write_accepted(&mut bytes, &id(), frame["instance"].as_str().unwrap(), &acceptance);
        }
        "heartbeat" if frame["number"].is_null() && frame["control"].is_null() => bytes.put(heartbeat()),
        "heartbeat" => write_heartbeat(&mut bytes, number("number"), frame["control"].as_str()),
        other => panic!("a frame of kind {other} is not written"),
    }
    bytes.freeze().slice(HEAD..)
}

/// What a call or an accepted lets the other side send.
fn credit(frame: &Value) -> Option<Credit> {
    let [messages, bytes] = frame["credit"].as_array()?.as_slice() else { panic!("credit is a pair") };
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    Some(Credit { messages: number(messages), bytes: number(bytes) })
}

fn write_call(
    frame: &Value,
    headers: &Headers,
    args: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
) -> Bytes {
    let small = |name: &str| frame[name].as_u64().map(|number| u32::try_from(number).unwrap());
    if Flags(small("flags").unwrap()).is_trial() {
        let id = u64::from_str_radix(frame["id"].as_str().unwrap(), 16).unwrap();
        let mut bytes = BytesMut::new();
        write_trial(&mut bytes, &Id::new(id));
        return bytes.freeze().slice(HEAD..);
    }
    let (budget, expires) = (small("budget_ms"), frame["expires_unix_ms"].as_u64());
    let times = match (budget, expires) {
        (Some(_), Some(_)) => Times::Later,
        (Some(ms), None) => Times::Budget { ms },
        (None, _) => Times::Unlimited,
    };
    let head = CallHead {
        id: u64::from_str_radix(frame["id"].as_str().unwrap(), 16).unwrap(),
        flags: Flags(small("flags").unwrap()),
        times,
        attempt: u8::try_from(small("attempt").unwrap()).unwrap(),
        headers,
        credit: credit(frame),
    };
    let mut call = CallBuffer::new(BytesMut::new(), head, args).unwrap();
    if let (Some(budget), Some(expires)) = (budget, expires) {
        call.set_times(budget, expires);
    }
    call.into_parts().0.slice(HEAD..)
}

/// The headers of an error, and of an end, are not kept: nothing reads them. What came later to a
/// frame is left out of the files where it says nothing.
fn as_kept(frames: &[Value]) -> Vec<Value> {
    let mut frames = frames.to_vec();
    for frame in &mut frames {
        let later: &[(&str, Value)] = match frame["kind"].as_str().unwrap() {
            "success" | "error" => &[("across_accounts", json!(false))],
            "accepted" => &[("control", Value::Null)],
            "heartbeat" => &[("number", Value::Null), ("control", Value::Null)],
            _ => &[],
        };
        for (name, nothing) in later {
            let frame = frame.as_object_mut().unwrap();
            frame.entry(*name).or_insert_with(|| nothing.clone());
        }
    }
    for frame in frames.iter_mut().filter(|frame| frame["kind"] == "error" || frame["kind"] == "end") {
        frame.as_object_mut().unwrap().remove("headers");
    }
    frames
}

#[test]
fn messages_are_read_as_they_are_meant() {
    for entry in golden::<Entry>("frames.json").into_iter().chain(golden("later.json")) {
        for hex in [Some(&entry.hex), entry.shortest.as_ref()].into_iter().flatten() {
            let read = read(&bytes(hex), entry.codec.into());
            assert_eq!(read, (as_kept(&entry.frames), None), "{}", entry.name);
        }
    }
}

#[test]
fn messages_are_written_byte_for_byte() {
    for entry in golden::<Entry>("frames.json") {
        let frames: Vec<_> = entry.frames.iter().map(|frame| write(frame, entry.codec.into())).collect();
        assert_eq!(hex(&[&[MAGIC, VERSION], &*frames.concat()].concat()), entry.hex, "{}", entry.name);
    }
}

#[test]
fn malformed_messages_are_read_up_to_what_is_wrong() {
    for entry in golden::<Malformed>("malformed.json") {
        let message = bytes(&entry.hex);
        let (read, error) = read(&message, Codec::MessagePack);
        assert_eq!((read, error), (as_kept(&entry.frames), Some(entry.error)), "{}", entry.name);
        let first = first_id(&message).map(|id| hex(id.as_slice()));
        assert_eq!(first, entry.first_id, "{}", entry.name);
    }
}
