//! Frames are what the protocol says, byte for byte.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::*;
use crate::codec::Codec;
use crate::error::{Error, Execution};
use crate::wire::headers::Headers;

const ID: u64 = 0x0102_0304_0506_0708;

fn put(body: &'static [u8]) -> impl Fn(&mut BytesMut) -> Result<(), Error> {
    move |bytes| {
        bytes.put_slice(body);
        Ok(())
    }
}

fn call(headers: &Headers, times: Times) -> CallBuffer {
    let head =
        CallHead { id: ID, flags: Flags::codec(Codec::Json).with_instance(), times, attempt: 1, headers };
    let mut buffer = CallBuffer::new(BytesMut::new(), head, put(b"{}")).unwrap();
    if times == Times::Later {
        buffer.set_times(5000, 0x1122_3344_5566);
    }
    buffer
}

fn read(message: &Bytes) -> Vec<Frame> {
    Frames::new(message).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_call_is_written_byte_for_byte() {
    let (message, args) = call(&Headers::new(), Times::Later).into_parts();
    let expected = [
        &b"\xC1\x01\x99\x01\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08"[..],
        b"\xCC\x21\xCE\x00\x00\x13\x88\xCF\x00\x00\x11\x22\x33\x44\x55\x66",
        b"\x01\xC0\xC0\xC6\x00\x00\x00\x02{}",
    ];
    assert_eq!(message, expected.concat());
    assert_eq!(args, "{}");
    let (message, _) = call(&Headers::from_iter([("a", "b")]), Times::Unlimited).into_parts();
    let expected = [
        &b"\xC1\x01\x99\x01\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08"[..],
        b"\xCC\x21\xC0\xC0\x01\x81\xA1a\xA1b\xC0\xC6\x00\x00\x00\x02{}",
    ];
    assert_eq!(message, expected.concat());
}

#[test]
fn a_success_is_written_byte_for_byte() {
    let mut bytes = BytesMut::new();
    let tail = ReplyTail { headers: &Headers::new(), instance: Some("i") };
    write_success(&mut bytes, &Id::new(ID), 300, &tail, put(b"\x01")).unwrap();
    let expected = b"\xC1\x01\x96\x02\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCD\x01\x2C\xC6\x00\x00\x00\x01\x01\xC0\xA1i";
    assert_eq!(bytes[..], expected[..]);
}

#[test]
fn an_error_is_written_byte_for_byte() {
    let mut bytes = BytesMut::new();
    let failure = Failure {
        code: 429,
        execution: Execution::NotExecuted,
        flags: Flags::default().with_one_of_many(),
        message: "full",
        handler_us: 0,
        retry_after: Some(Duration::from_millis(100)),
    };
    let tail = ReplyTail { headers: &Headers::new(), instance: None };
    let nothing = None::<fn(&mut BytesMut) -> Result<(), Error>>;
    write_error(&mut bytes, &Id::new(ID), &failure, &tail, nothing).unwrap();
    let expected = b"\xC1\x01\x9B\x03\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCD\x01\xAD\x00\x40\xA4full\x00\x64\xC0\xC0\xC0";
    assert_eq!(bytes[..], expected[..]);
}

#[test]
fn control_frames_are_written_byte_for_byte() {
    let (mut cancel, mut accepted) = (BytesMut::new(), BytesMut::new());
    write_cancel(&mut cancel, &Id::new(ID));
    assert_eq!(cancel[..], b"\xC1\x01\x92\x04\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08"[..]);
    write_accepted(&mut accepted, &Id::new(ID), "i7", Flags::default().with_one_of_many());
    let expected = b"\xC1\x01\x96\x08\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xA2i7\xC0\xC0\x40";
    assert_eq!(accepted[..], expected[..]);
    assert_eq!(heartbeat()[..], b"\xC1\x01\x91\x09"[..]);
}

#[test]
fn control_frames_are_read_between_others() {
    let mut bytes = BytesMut::new();
    write_cancel(&mut bytes, &Id::new(ID));
    let mut more = BytesMut::new();
    write_accepted(&mut more, &Id::new(ID), "i7", Flags::default().with_one_of_many());
    bytes.extend_from_slice(&more[HEAD..]);
    // A heartbeat with two elements that are not known here, an accepted without flags, another with more than flags.
    bytes.extend_from_slice(b"\x93\x09\x81\xA1a\x01\xC0");
    bytes.extend_from_slice(b"\x95\x08\xC4\x01\x07\xA2i8\x92\x01\x02\x80");
    bytes.extend_from_slice(b"\x97\x08\xC4\x01\x07\xA2i9\xC0\xC0\xCE\xFF\x01\x00\x40\xC0");
    let frames = read(&bytes.freeze());
    let [
        Frame::Cancel(cancelled),
        Frame::Accepted(id, first),
        Frame::Heartbeat,
        Frame::Accepted(_, second),
        Frame::Accepted(_, third),
    ] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!((cancelled.own(), id.own()), (Some(ID), Some(ID)));
    assert_eq!([&*first.instance, &*second.instance, &*third.instance], ["i7", "i8", "i9"]);
    assert!(first.flags.is_one_of_many() && !second.flags.is_one_of_many() && third.flags.is_one_of_many());
}

#[test]
fn a_control_frame_with_too_little_in_it_is_malformed() {
    for bad in [
        &b"\xC1\x01\x91\x04"[..],
        b"\xC1\x01\x92\x04\xC4\x00",
        b"\xC1\x01\x92\x04\xA1a",
        b"\xC1\x01\x94\x08\xC4\x01\x07\xA1i\xC0",
        b"\xC1\x01\x95\x08\xC4\x01\x07\xC0\xC0\xC0",
        b"\xC1\x01\x96\x08\xC4\x01\x07\xA1i\xC0\xC0\xC0",
        b"\xC1\x01\x90\x09",
    ] {
        let message = Bytes::from_static(bad);
        let frames: Vec<_> = Frames::new(&message).unwrap().collect();
        assert!(matches!(frames[..], [Err(_)]), "{bad:x?}: {frames:?}");
    }
}

#[test]
fn what_is_written_is_read() {
    let headers = Headers::from_iter([("tenant", "acme")]);
    let (message, _) = call(&headers, Times::Later).into_parts();
    let frames = read(&message);
    let [Frame::Call(call)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((call.id.own(), call.attempt, &call.headers), (Some(ID), 1, &headers));
    assert_eq!((call.budget, call.expires_unix_ms), (Some(Duration::from_secs(5)), Some(0x1122_3344_5566)));
    assert!(call.flags.wants_instance() && call.flags.read_codec() == Some(Codec::Json));
    assert_eq!(call.args, "{}");
}

#[test]
fn later_versions_may_add_kinds_and_elements() {
    // An unknown kind with an id and more, and a success with two elements that are not known here.
    let later = b"\xC1\x01\x93\x2A\xC4\x01\x07\x80\x98\x02\xC4\x01\x07\x00\xC4\x00\xC0\xC0\x81\xA1a\x01\xA1z";
    let frames = read(&Bytes::from_static(later));
    assert!(
        matches!(&frames[..], [Frame::Unknown, Frame::Success(id, _)] if id.own().is_none()),
        "{frames:?}"
    );
}

#[test]
fn another_version_still_shows_its_id() {
    let later = Bytes::from_static(b"\xC1\x09\x93\x01\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xC0");
    assert!(matches!(Frames::new(&later), Err(BadMessage::Version(9))));
    assert_eq!(first_id(&later).and_then(|id| id.own()), Some(ID));
}

#[test]
fn ids_have_one_to_sixteen_bytes() {
    for (length, good) in [(0, false), (1, true), (16, true), (17, false)] {
        let mut message = vec![0xC1, 1, 0x96, 2, 0xC4, length];
        message.resize(message.len() + usize::from(length), 7);
        message.extend_from_slice(&[0, 0xC4, 0, 0xC0, 0xC0]);
        let message = Bytes::from(message);
        assert_eq!(Frames::new(&message).unwrap().all(|frame| frame.is_ok()), good, "{length}");
    }
}
