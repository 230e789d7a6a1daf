//! Frames are what the protocol says, byte for byte.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::*;
use crate::codec::Codec;
use crate::error::{Error, ErrorKind, Execution};
use crate::wire::headers::Headers;

const ID: u64 = 0x0102_0304_0506_0708;

fn put(body: &'static [u8]) -> impl Fn(&mut BytesMut) -> Result<(), Error> {
    move |bytes| {
        bytes.put_slice(body);
        Ok(())
    }
}

fn call(headers: &Headers, times: Times) -> CallBuffer {
    call_with(headers, times, None)
}

fn call_with(headers: &Headers, times: Times, credit: Option<Credit>) -> CallBuffer {
    let flags = Flags::codec(Codec::Json).with_instance();
    let head = CallHead { id: ID, flags, times, attempt: 1, headers, credit };
    let mut buffer = CallBuffer::new(BytesMut::new(), head, put(b"{}")).unwrap();
    if times == Times::Later {
        buffer.set_times(5000, 0x1122_3344_5566);
    }
    buffer
}

/// That an instance has the call, without anything about a stream.
fn accepted(bytes: &mut BytesMut, flags: Flags) {
    let acceptance = Acceptance { credit: None, headers: &Headers::new(), flags, control: None };
    write_accepted(bytes, &Id::new(ID), "i7", &acceptance);
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
    let tail = ReplyTail { headers: &Headers::new(), instance: Some("i"), is_across_accounts: false };
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
    let tail = ReplyTail { headers: &Headers::new(), instance: None, is_across_accounts: false };
    let nothing = None::<fn(&mut BytesMut) -> Result<(), Error>>;
    write_error(&mut bytes, &Id::new(ID), &failure, &tail, nothing).unwrap();
    let expected = b"\xC1\x01\x9B\x03\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCD\x01\xAD\x00\x40\xA4full\x00\x64\xC0\xC0\xC0";
    assert_eq!(bytes[..], expected[..]);
}

#[test]
fn control_frames_are_written_byte_for_byte() {
    let (mut cancel, mut there) = (BytesMut::new(), BytesMut::new());
    write_cancel(&mut cancel, &Id::new(ID));
    assert_eq!(cancel[..], b"\xC1\x01\x92\x04\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08"[..]);
    accepted(&mut there, Flags::default().with_one_of_many());
    let expected = b"\xC1\x01\x96\x08\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xA2i7\xC0\xC0\x40";
    assert_eq!(there[..], expected[..]);
    assert_eq!(heartbeat()[..], b"\xC1\x01\x91\x09"[..]);
}

#[test]
fn a_call_that_opens_a_stream_says_what_its_server_may_send() {
    let credit = Some(Credit { messages: 256, bytes: 1024 * 1024 });
    let mut buffer = call_with(&Headers::new(), Times::Later, credit);
    buffer.set_flags(Flags::codec(Codec::Json).with_whole_stream());
    assert_eq!(buffer.args(), b"{}");
    let (message, args) = buffer.into_parts();
    let expected = [
        &b"\xC1\x01\x99\x01\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08"[..],
        b"\xCC\x41\xCE\x00\x00\x13\x88\xCF\x00\x00\x11\x22\x33\x44\x55\x66",
        b"\x01\xC0\x92\xCD\x01\x00\xCE\x00\x10\x00\x00\xC6\x00\x00\x00\x02{}",
    ];
    assert_eq!(message, expected.concat());
    assert_eq!(args, "{}");
    let frames = read(&message);
    let [Frame::Call(call)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((call.credit, &call.args[..]), (credit, &b"{}"[..]));
    assert!(call.flags.bounds_whole_stream() && !call.flags.demands_the_unknown());

    // Nothing to send is not the same as no stream.
    let (message, _) = call_with(&Headers::new(), Times::Unlimited, Some(Credit::default())).into_parts();
    assert!(message.ends_with(b"\xCC\x21\xC0\xC0\x01\xC0\x92\x00\x00\xC6\x00\x00\x00\x02{}"));
    let frames = read(&message);
    assert!(matches!(&frames[..], [Frame::Call(call)] if call.credit == Some(Credit::default())));
}

#[test]
fn an_accepted_that_opens_a_stream_is_written_byte_for_byte() {
    let credit = Some(Credit { messages: 8, bytes: 300 });
    let headers = Headers::from_iter([("a", "b")]);
    let flags = Flags::default().with_open();
    let mut bytes = BytesMut::new();
    let acceptance = Acceptance { credit, headers: &headers, flags, control: None };
    write_accepted(&mut bytes, &Id::new(ID), "i7", &acceptance);
    let expected = [
        &b"\xC1\x01\x96\x08\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xA2i7"[..],
        b"\x92\x08\xCD\x01\x2C\x81\xA1a\xA1b\x10",
    ];
    assert_eq!(bytes, expected.concat());
    let frames = read(&bytes.freeze());
    let [Frame::Accepted(_, accepted)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((accepted.credit, &accepted.headers), (credit, &headers));
    assert!(accepted.flags.is_open() && !accepted.flags.is_one_of_many());
}

#[test]
fn items_are_written_byte_for_byte_one_after_the_other() {
    let mut bytes = BytesMut::new();
    begin_message(&mut bytes);
    put_item(&mut bytes, &Id::new(ID), 0, put(b"\x01")).unwrap();
    put_item(&mut bytes, &Id::new(ID), 300, put(b"")).unwrap();
    let expected = [
        &b"\xC1\x01\x94\x05\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\xC6\x00\x00\x00\x01\x01"[..],
        b"\x94\x05\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCD\x01\x2C\xC6\x00\x00\x00\x00",
    ];
    assert_eq!(bytes, expected.concat());
    let frames = read(&bytes.freeze());
    let [Frame::Item(id, first), Frame::Item(_, second)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(id.own(), Some(ID));
    assert_eq!((first.seq, &first.body[..], second.seq, &second.body[..]), (0, &b"\x01"[..], 300, &b""[..]));
}

#[test]
fn ends_are_written_byte_for_byte() {
    let head = b"\x98\x06\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08";
    let complete = End { seq: 200, code: 0, execution: Execution::Executed, message: None, body: None };
    let failed =
        End { seq: 7, code: 503, execution: Execution::MaybeExecuted, message: Some("gone"), body: None };
    let own = End { seq: 7, code: SERVICE_ERROR, message: Some("no"), body: Some(b"\xA1x"), ..complete };
    let own_without_message = End { message: None, body: Some(b""), ..own };
    for (end, tail) in [
        (complete, &b"\xCC\xC8\x00\x02\xC0\xC0\xC0"[..]),
        (failed, b"\x07\xCD\x01\xF7\x01\xA4gone\xC0\xC0"),
        (own, b"\x07\xCD\x01\xA6\x02\xA2no\xC6\x00\x00\x00\x02\xA1x\xC0"),
        (own_without_message, b"\x07\xCD\x01\xA6\x02\xC0\xC6\x00\x00\x00\x00\xC0"),
    ] {
        let mut bytes = BytesMut::new();
        begin_message(&mut bytes);
        put_end(&mut bytes, &Id::new(ID), &end);
        assert_eq!(bytes, [b"\xC1\x01", &head[..], tail].concat(), "{end:?}");
        let frames = read(&bytes.freeze());
        let [Frame::End(id, seen)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(
            (id.own(), seen.seq, seen.code, seen.execution),
            (Some(ID), end.seq, end.code, end.execution)
        );
        assert_eq!((&*seen.message, seen.body.as_deref()), (end.message.unwrap_or_default(), end.body));
    }
    let frames = read(&Bytes::from_static(
        b"\xC1\x01\x98\x06\xC4\x01\x07\x00\xCD\x01\xF7\x01\xA4gone\xC0\x81\xA1a\x01",
    ));
    let [Frame::End(_, seen)] = &frames[..] else { panic!("{frames:?}") };
    let error = seen.to_error();
    assert_eq!((error.kind(), error.code(), error.message()), (ErrorKind::Unavailable, 503, "gone"));
    assert_eq!(error.execution(), Execution::MaybeExecuted);
}

#[test]
fn credit_is_written_byte_for_byte() {
    let mut bytes = BytesMut::new();
    write_credit(&mut bytes, &Id::new(ID), Credit { messages: 128, bytes: u32::MAX });
    let expected = b"\xC1\x01\x94\x07\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCC\x80\xCE\xFF\xFF\xFF\xFF";
    assert_eq!(bytes[..], expected[..]);
    let frames = read(&bytes.freeze());
    assert!(
        matches!(&frames[..], [Frame::Credit(id, Credit { messages: 128, bytes: u32::MAX })] if id.own() == Some(ID)),
        "{frames:?}"
    );
}

/// Else one who grants without end would be refused for it.
#[test]
fn more_credit_than_can_be_counted_is_as_good_as_the_most() {
    let most = Credit { messages: u32::MAX, bytes: u32::MAX };
    let frames = read(&Bytes::from_static(
        b"\xC1\x01\x94\x07\xC4\x01\x07\xCF\x00\x00\x00\x01\x00\x00\x00\x00\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\
          \x96\x08\xC4\x01\x07\xA1i\x93\xCF\x00\x00\x00\x01\x00\x00\x00\x00\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xC0\xC0\x10\
          \x99\x01\xC4\x01\x07\x00\xC0\xC0\x01\xC0\x93\xCF\x00\x00\x00\x01\x00\x00\x00\x00\xCE\xFF\xFF\xFF\xFF\xA1x\xC4\x00",
    ));
    let [Frame::Credit(_, granted), Frame::Accepted(_, accepted), Frame::Call(call)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((*granted, accepted.credit, call.credit), (most, Some(most), Some(most)));
}

#[test]
fn a_frame_of_a_stream_with_too_little_or_something_else_in_it_is_malformed() {
    let head = |bytes: &[u8]| [&b"\xC1\x01"[..], bytes].concat();
    for bad in [
        // Items: without a body, with one that is a text, that is longer than the message, a number that is none, no id.
        &b"\x93\x05\xC4\x01\x07\x00"[..],
        b"\x94\x05\xC4\x01\x07\x00\xA1a",
        b"\x94\x05\xC4\x01\x07\x00\xC0",
        b"\x94\x05\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\xC6\x00\x00\x00\x02a",
        b"\x94\x05\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\xC6\xFF\xFF\xFF\xFFa",
        b"\x94\x05\xC4\x08\x01\x02\x03\x04\x05\x06\x07\x08\xCE\x00\x00",
        b"\x94\x05\xC4\x01\x07\xFF\xC4\x00",
        b"\x94\x05\xC4\x01\x07\xC0\xC4\x00",
        b"\x94\x05\xC4\x00\x00\xC4\x00",
        b"\x94\x05\x00\x00\xC4\x00",
        // Ends: without headers, code too large, a message that is bytes or no UTF-8, a body that is a text.
        b"\x97\x06\xC4\x01\x07\x00\x00\x02\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\x00\x02\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\xCE\x00\x01\x00\x00\x02\xC0\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\xC0\x02\xC0\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\x00\x02\xC4\x01a\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\x00\x02\xA1\xFF\xC0\xC0",
        b"\x98\x06\xC4\x01\x07\x00\x00\x02\xC0\xA1a\xC0",
        // Credit: one number, a negative one, an array of its own.
        b"\x93\x07\xC4\x01\x07\x01",
        b"\x94\x07\xC4\x01\x07\x01\xFF",
        b"\x94\x07\xC4\x01\x07\x01\xC0",
        b"\x93\x07\xC4\x01\x07\x92\x01\x02",
        // That of an accepted and of a call: no array, one number, none, a text, a negative one.
        b"\x96\x08\xC4\x01\x07\xA1i\x40\xC0\x00",
        b"\x96\x08\xC4\x01\x07\xA1i\x91\x01\xC0\x00",
        b"\x96\x08\xC4\x01\x07\xA1i\x90\xC0\x00",
        b"\x96\x08\xC4\x01\x07\xA1i\x92\x01\xA1b\xC0\x00",
        b"\x96\x08\xC4\x01\x07\xA1i\x92\x01\x02\x91\xA1a\x00",
        b"\x99\x01\xC4\x01\x07\x00\xC0\xC0\x01\xC0\x40\xC4\x00",
        b"\x99\x01\xC4\x01\x07\x00\xC0\xC0\x01\xC0\x91\x01\xC4\x00",
        b"\x99\x01\xC4\x01\x07\x00\xC0\xC0\x01\xC0\x92\x01\xFF\xC4\x00",
    ] {
        let message = Bytes::from(head(bad));
        let frames: Vec<_> = Frames::new(&message).unwrap().collect();
        assert!(matches!(frames[..], [Err(_)]), "{bad:x?}: {frames:?}");
    }
}

/// Numbers of items have no end: the short cut takes those that fit into 32 bits, and the others are read all the same.
#[test]
fn the_number_of_an_item_may_have_any_length() {
    for seq in [0, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, u64::MAX] {
        let mut bytes = BytesMut::new();
        begin_message(&mut bytes);
        put_item(&mut bytes, &Id::new(ID), seq, put(b"ab")).unwrap();
        put_item(&mut bytes, &Id::new(ID), seq, put(b"c")).unwrap();
        let message = bytes.freeze();
        let is_short = simple::read(&message, HEAD).is_some();
        assert_eq!(is_short, seq <= 0xFFFF_FFFF, "{seq}");
        let frames = read(&message);
        let [Frame::Item(_, first), Frame::Item(_, second)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(
            (first.seq, second.seq, &first.body[..], &second.body[..]),
            (seq, seq, &b"ab"[..], &b"c"[..])
        );
    }
}

#[test]
fn control_frames_are_read_between_others() {
    let mut bytes = BytesMut::new();
    write_cancel(&mut bytes, &Id::new(ID));
    let mut more = BytesMut::new();
    accepted(&mut more, Flags::default().with_one_of_many());
    bytes.extend_from_slice(&more[HEAD..]);
    // A heartbeat with two elements that are not known here, an accepted without flags, another with more than flags.
    bytes.extend_from_slice(b"\x93\x09\x81\xA1a\x01\xC0");
    bytes.extend_from_slice(b"\x95\x08\xC4\x01\x07\xA2i8\x92\x01\x02\x80");
    bytes.extend_from_slice(b"\x97\x08\xC4\x01\x07\xA2i9\xC0\xC0\xCE\xFF\x01\x00\x40\xC0");
    let frames = read(&bytes.freeze());
    let [
        Frame::Cancel(cancelled),
        Frame::Accepted(id, first),
        Frame::Heartbeat(HeartbeatFrame { number: None, control: None }),
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
