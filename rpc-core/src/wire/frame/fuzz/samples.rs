//! Frames to read: such as nats-rpc writes, and such as others might.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use rmpv::Value;

use super::oracle::Seen;
use crate::error::{Error, Execution};
use crate::fuzzing::damaged;
use crate::wire::frame::{
    Acceptance, CallBuffer, CallHead, Credit, End, Failure, Flags, HEAD, Id, ReplyTail, Times, begin_message,
    heartbeat, put_end, put_item, write_accepted, write_cancel, write_credit, write_error, write_heartbeat,
    write_success,
};
use crate::wire::headers::Headers;

/// Something to write: what it says, with what a reader of it has to see.
#[derive(Debug, Clone)]
pub(super) struct Sample(Seen);

impl Sample {
    pub(super) fn seen(&self) -> Seen {
        self.0.clone()
    }

    /// The frame, without the head of a message.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        match &self.0 {
            Seen::Call { .. } => bytes = self.write_call(),
            Seen::Success { id, micros, body, headers, instance, across } => {
                let headers = Headers::from_iter(headers.clone());
                let tail = tail(&headers, instance.as_deref(), *across);
                let micros = u32::try_from(*micros).unwrap();
                write_success(&mut bytes, &of(id), micros, &tail, put(body)).unwrap();
            }
            Seen::Error {
                id,
                code,
                execution,
                flags,
                message,
                micros,
                retry_after_ms,
                body,
                instance,
                across,
            } => {
                let failure = Failure {
                    code: *code,
                    execution: Execution::from_wire(u64::from(*execution)),
                    flags: Flags(*flags),
                    message,
                    handler_us: u32::try_from(*micros).unwrap(),
                    retry_after: retry_after_ms.map(Duration::from_millis),
                };
                let headers = Headers::new();
                let tail = tail(&headers, instance.as_deref(), *across);
                write_error(&mut bytes, &of(id), &failure, &tail, body.as_deref().map(put)).unwrap();
            }
            Seen::Cancel(id) => write_cancel(&mut bytes, &of(id)),
            Seen::Accepted { id, instance, credit, headers, flags, control } => {
                let headers = Headers::from_iter(headers.clone());
                let (credit, flags) = (credit.map(granted), Flags(*flags));
                let control = control.as_deref();
                let acceptance = Acceptance { credit, headers: &headers, flags, control };
                write_accepted(&mut bytes, &of(id), instance, &acceptance);
            }
            Seen::Item { id, seq, body } => {
                begin_message(&mut bytes);
                put_item(&mut bytes, &of(id), *seq, put(body)).unwrap();
            }
            Seen::End { id, seq, code, execution, message, body } => {
                begin_message(&mut bytes);
                let end = End {
                    seq: *seq,
                    code: *code,
                    execution: Execution::from_wire(u64::from(*execution)),
                    message: (!message.is_empty()).then_some(message),
                    body: body.as_deref(),
                };
                put_end(&mut bytes, &of(id), &end);
            }
            Seen::Credit { id, credit } => write_credit(&mut bytes, &of(id), granted(*credit)),
            Seen::Heartbeat { number: None, control: None } | Seen::Unknown => {
                bytes.extend_from_slice(&heartbeat());
            }
            Seen::Heartbeat { number, control } => write_heartbeat(&mut bytes, *number, control.as_deref()),
        }
        bytes.split_off(HEAD).to_vec()
    }

    fn write_call(&self) -> BytesMut {
        let Seen::Call { id, flags, budget_ms, expires, attempt, headers, credit, args } = &self.0 else {
            panic!("a call")
        };
        let budget = budget_ms.map(|ms| u32::try_from(ms).unwrap());
        let times = match (budget, expires) {
            (Some(_), Some(_)) => Times::Later,
            (Some(ms), None) => Times::Budget { ms },
            (None, _) => Times::Unlimited,
        };
        let headers = Headers::from_iter(headers.clone());
        let id = of(id).own().unwrap();
        let attempt = u8::try_from(*attempt).unwrap();
        let credit = credit.map(granted);
        let head = CallHead { id, flags: Flags(*flags), times, attempt, headers: &headers, credit };
        let mut call = CallBuffer::new(BytesMut::new(), head, put(args)).unwrap();
        if let (Some(budget), Some(expires)) = (budget, expires) {
            call.set_times(budget, *expires);
        }
        BytesMut::from(&call.into_parts().0[..])
    }
}

fn put(body: &[u8]) -> impl FnOnce(&mut BytesMut) -> Result<(), Error> {
    move |bytes| {
        bytes.put_slice(body);
        Ok(())
    }
}

fn granted((messages, bytes): (u32, u32)) -> Credit {
    Credit { messages, bytes }
}

fn of(id: &[u8]) -> Id {
    let mut bytes = [0; 16];
    bytes[..id.len()].copy_from_slice(id);
    Id { length: u8::try_from(id.len()).unwrap(), bytes }
}

/// What is written one after the other into one message.
pub(super) fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let own_id = || vec(any::<u8>(), 8);
    let id = || vec(any::<u8>(), 1..=16);
    let body = || vec(any::<u8>(), 0..40);
    let headers = || prop_oneof![2 => Just(Vec::new()), 1 => vec(("[a-z]{1,4}", "\\PC{0,40}"), 1..4)];
    // A moment of expiry comes with a budget only.
    let times = prop_oneof![
        (number(), any::<u64>()).prop_map(|(budget, expires)| (Some(budget), Some(expires))),
        number().prop_map(|budget| (Some(budget), None)),
        Just((None, None)),
    ];
    let credit = || proptest::option::of((number(), number()));
    let call = (own_id(), any::<u8>(), times, any::<u8>(), headers(), credit(), body());
    let call = call.prop_map(|(id, flags, (budget, expires), attempt, headers, credit, args)| Seen::Call {
        id,
        flags: u32::from(flags),
        budget_ms: budget.map(u64::from),
        expires,
        attempt: u32::from(attempt),
        headers: once(headers),
        credit,
        args,
    });
    let text = || proptest::option::of("[a-z0-9]{0,40}");
    let success = (id(), number(), body(), headers(), text(), any::<bool>());
    let success = success.prop_map(|(id, micros, body, headers, instance, across)| Seen::Success {
        id,
        micros: u64::from(micros),
        body,
        headers: once(headers),
        instance,
        across,
    });
    let retry_after = proptest::option::of(number());
    let error = (
        id(),
        any::<u16>(),
        0..3_u8,
        number(),
        "\\PC{0,40}",
        number(),
        retry_after,
        proptest::option::of(body()),
        (text(), any::<bool>()),
    );
    let error = error.prop_map(
        |(id, code, execution, flags, message, micros, retry_after, body, (instance, across))| Seen::Error {
            id,
            code,
            execution,
            flags,
            message,
            micros: u64::from(micros),
            retry_after_ms: retry_after.map(u64::from),
            body,
            instance,
            across,
        },
    );
    let accepted = (id(), "[a-z0-9]{0,40}", credit(), headers(), number(), text());
    let accepted = accepted.prop_map(|(id, instance, credit, headers, flags, control)| Seen::Accepted {
        id,
        instance,
        credit,
        headers: once(headers),
        flags,
        control,
    });
    let heartbeat = (proptest::option::of(any::<u64>()), text());
    let heartbeat = heartbeat.prop_map(|(number, control)| Seen::Heartbeat { number, control });
    let control = prop_oneof![id().prop_map(Seen::Cancel), accepted, heartbeat];
    // Most ids are our own, which the short cut reads.
    let of_stream = || prop_oneof![2 => own_id(), 1 => id()];
    let item = (of_stream(), seq(), body()).prop_map(|(id, seq, body)| Seen::Item { id, seq, body });
    let message = prop_oneof![Just(String::new()), "\\PC{1,40}"];
    let end = (id(), seq(), any::<u16>(), 0..3_u8, message, proptest::option::of(body()));
    let end = end.prop_map(|(id, seq, code, execution, message, body)| Seen::End {
        id,
        seq,
        code,
        execution,
        message,
        body,
    });
    let credit = (id(), (number(), number())).prop_map(|(id, credit)| Seen::Credit { id, credit });
    let stream = prop_oneof![2 => item, 1 => end, 1 => credit];
    vec(prop_oneof![call, success, error, control, stream].prop_map(Sample), 1..5)
}

/// Numbers, and those among them at which they need more bytes.
fn number() -> impl Strategy<Value = u32> {
    let edges = [0, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000, u32::MAX];
    prop_oneof![any::<u32>(), proptest::sample::select(edges.to_vec())]
}

/// The same for numbers of items, which have 64 bits.
fn seq() -> impl Strategy<Value = u64> {
    let edges = [u64::from(u32::MAX) + 1, u64::MAX];
    prop_oneof![4 => number().prop_map(u64::from), 1 => any::<u64>(), 1 => proptest::sample::select(edges.to_vec())]
}

/// As headers are: a name comes once.
fn once(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let headers = Headers::from_iter(headers);
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Frames with all that may be in them, and with what may not: of each element, mostly what belongs there.
pub(super) fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let written = samples().prop_map(|samples| samples.iter().flat_map(Sample::write).collect());
    // An array may be declared with one element more or less than it has.
    let lie = prop_oneof![8 => Just(0), 1 => Just(1), 1 => Just(u8::MAX)];
    let strange = (strange(), lie).prop_map(|(frame, lie)| {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &frame).unwrap();
        bytes[0] = bytes[0].wrapping_add(lie);
        bytes
    });
    let strange = vec(strange, 1..4).prop_map(|frames| frames.concat());
    prop_oneof![written, strange]
}

fn strange() -> impl Strategy<Value = Value> {
    let template = prop_oneof![
        Just((1, "iuooucgb")),
        Just((2, "iubcs")),
        Just((3, "iuuutuoyxx")),
        Just((4, "i")),
        Just((5, "iub")),
        Just((6, "iuuusyx")),
        Just((7, "iuu")),
        Just((8, "itgcu")),
        Just((9, "")),
        (0..200_i64).prop_map(|kind| (kind, "ix")),
    ];
    template.prop_flat_map(|(kind, elements)| {
        let elements: Vec<_> = elements.chars().map(element).collect();
        (elements, vec(any_value(), 0..3), 0..12_usize).prop_map(move |(elements, more, length)| {
            let mut all: Vec<Value> = std::iter::once(kind.into()).chain(elements).chain(more).collect();
            // Now and then with less than belongs there.
            all.truncate(if length == 0 { 3 } else { usize::MAX });
            Value::Array(all)
        })
    })
}

fn element(kind: char) -> BoxedStrategy<Value> {
    let right = match kind {
        'i' => vec(any::<u8>(), 0..18).prop_map(Value::Binary).boxed(),
        'u' => prop_oneof![any::<u8>().prop_map(Value::from), any::<u64>().prop_map(Value::from)].boxed(),
        'o' => prop_oneof![Just(Value::Nil), any::<u64>().prop_map(Value::from)].boxed(),
        'b' => vec(any::<u8>(), 0..300).prop_map(Value::Binary).boxed(),
        'y' => prop_oneof![Just(Value::Nil), vec(any::<u8>(), 0..20).prop_map(Value::Binary)].boxed(),
        't' => "\\PC{0,40}".prop_map(Value::from).boxed(),
        's' => prop_oneof![Just(Value::Nil), "[a-z]{0,40}".prop_map(Value::from)].boxed(),
        // As credit is: two numbers, or nearly.
        'g' => {
            let pair = vec(element('u'), 1..4).prop_map(Value::Array);
            prop_oneof![2 => Just(Value::Nil), 3 => pair].boxed()
        }
        'c' => {
            let value = prop_oneof![3 => "\\PC{0,9}".prop_map(Value::from), 1 => any_value()];
            let entries = vec(("[a-c]{1,2}".prop_map(Value::from), value), 0..4);
            let many = (63..67_usize).prop_map(|count| vec![(Value::from("a"), Value::from("b")); count]);
            prop_oneof![2 => Just(Value::Nil), 2 => entries.prop_map(Value::Map), 1 => many.prop_map(Value::Map)]
                .boxed()
        }
        _ => any_value().boxed(),
    };
    prop_oneof![24 => right, 1 => any_value()].boxed()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<u8>(), 0..20).prop_map(Value::Binary),
        (any::<i8>(), vec(any::<u8>(), 0..17)).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec((inner.clone(), inner), 0..3).prop_map(Value::Map),
        ]
    })
}

/// A frame that the short cut may take, or nearly.
pub(super) fn nearly_simple() -> impl Strategy<Value = Vec<u8>> {
    let call = (any::<u64>(), any::<u8>(), any::<u32>(), any::<u64>(), any::<u8>(), 0..40_u32).prop_map(
        |(id, flags, budget, expires, attempt, length)| {
            let mut bytes = vec![0x99, 0x01, 0xC4, 0x08];
            bytes.extend(id.to_be_bytes());
            bytes.extend([0xCC, flags, 0xCE]);
            bytes.extend(budget.to_be_bytes());
            bytes.push(0xCF);
            bytes.extend(expires.to_be_bytes());
            bytes.extend([attempt, 0xC0, 0xC0, 0xC6]);
            bytes.extend(length.to_be_bytes());
            bytes
        },
    );
    let time = prop_oneof![
        (0..=0xFF_u8).prop_map(|time| vec![time]),
        any::<u8>().prop_map(|time| vec![0xCC, time]),
        any::<u16>().prop_map(|time| [&[0xCD][..], &time.to_be_bytes()].concat()),
        any::<u32>().prop_map(|time| [&[0xCE][..], &time.to_be_bytes()].concat()),
    ];
    let success = (any::<u64>(), time, 0..40_u32).prop_map(|(id, time, length)| {
        let mut bytes = vec![0x96, 0x02, 0xC4, 0x08];
        bytes.extend(id.to_be_bytes());
        bytes.extend(time);
        bytes.push(0xC6);
        bytes.extend(length.to_be_bytes());
        bytes
    });
    let seq = prop_oneof![
        (0..=0xFF_u8).prop_map(|seq| vec![seq]),
        any::<u8>().prop_map(|seq| vec![0xCC, seq]),
        any::<u16>().prop_map(|seq| [&[0xCD][..], &seq.to_be_bytes()].concat()),
        any::<u32>().prop_map(|seq| [&[0xCE][..], &seq.to_be_bytes()].concat()),
        any::<u64>().prop_map(|seq| [&[0xCF][..], &seq.to_be_bytes()].concat()),
        any::<i8>().prop_map(|seq| [&[0xD0][..], &seq.to_be_bytes()].concat()),
    ];
    let item = (any::<u64>(), seq, 0..40_u32).prop_map(|(id, seq, length)| {
        let mut bytes = vec![0x94, 0x05, 0xC4, 0x08];
        bytes.extend(id.to_be_bytes());
        bytes.extend(seq);
        bytes.push(0xC6);
        bytes.extend(length.to_be_bytes());
        bytes
    });
    let tail = vec(prop_oneof![any::<u8>(), Just(0xC0)], 0..60);
    damaged((prop_oneof![call, success, item], tail).prop_map(|(head, tail)| [head, tail].concat()))
}

fn tail<'a>(headers: &'a Headers, instance: Option<&'a str>, is_across_accounts: bool) -> ReplyTail<'a> {
    ReplyTail { headers, instance, is_across_accounts }
}
