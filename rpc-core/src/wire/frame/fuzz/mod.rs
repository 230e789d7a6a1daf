//! Fuzz targets of the frames: what is written is read, and of what was not written so, nothing is read that is not there.

mod oracle;
mod samples;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;

use self::oracle::{Expected, Seen, expect};
use self::samples::{Sample, nearly_frames, nearly_simple, samples};
use super::reader::Malformed;
use super::{BadMessage, Frame, Frames, HEAD, MAGIC, VERSION, first_id, simple};
use crate::fuzzing::{damaged, runs};

/// The frames of a message with the places where they end.
fn read(message: &Bytes) -> Vec<Result<(Seen, usize), Malformed>> {
    let mut frames = Frames::new(message).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = frames.next() {
        all.push(frame.map(|frame| (Seen::from(&frame), frames.position())));
    }
    all
}

/// The bytes that a frame hands out are those of the message, not copies.
fn body(frame: &Frame) -> Option<&Bytes> {
    match frame {
        Frame::Call(call) => Some(&call.args),
        Frame::Success(_, success) => Some(&success.body),
        Frame::Error(_, error) => error.body.as_ref(),
        Frame::Item(_, item) => Some(&item.body),
        Frame::End(_, end) => end.body.as_ref(),
        _ => None,
    }
}

fn message(frames: &[u8]) -> Bytes {
    [&[MAGIC, VERSION], frames].concat().into()
}

proptest! {
    #![proptest_config(runs(500))]

    #[test]
    fn a_frame_is_read_as_the_protocol_says_or_refused(bytes in damaged(nearly_frames())) {
        let message = message(&bytes);
        let mut at = HEAD;
        for frame in read(&message) {
            match (expect(message.get(at..).unwrap()), frame) {
                (Expected::Frame(expected, length), Ok((seen, end))) => {
                    prop_assert_eq!(&seen, &expected);
                    prop_assert_eq!(end, at + length);
                    at = end;
                }
                (Expected::Unsure, Ok((_, end))) => at = end,
                (Expected::Malformed | Expected::Unsure, Err(Malformed)) => {}
                (expected, seen) => prop_assert!(false, "{:?} where there is {:?}", seen, expected),
            }
        }
    }

    #[test]
    fn bodies_are_parts_of_their_message(bytes in damaged(nearly_frames())) {
        let message = message(&bytes);
        let range = message.as_ptr_range();
        for frame in Frames::new(&message).unwrap().flatten() {
            if let Some(body) = body(&frame).filter(|body| !body.is_empty()) {
                let part = body.as_ptr_range();
                prop_assert!(range.contains(&part.start) && part.end <= range.end);
            }
        }
    }

    #[test]
    fn the_first_id_is_that_of_the_first_frame_whatever_the_version(bytes in damaged(nearly_frames()), version in any::<u8>()) {
        let own = message(&bytes);
        let other: Bytes = [&[MAGIC, version], &bytes[..]].concat().into();
        prop_assert_eq!(first_id(&own), first_id(&other));
        if let Some(Ok((seen, _))) = read(&own).first() && let Some(id) = seen.id() {
            prop_assert_eq!(first_id(&other).map(|id| id.as_slice().to_vec()), Some(id.to_vec()));
        }
        if version != VERSION {
            prop_assert_eq!(Frames::new(&other).err(), Some(BadMessage::Version(version)));
        }
    }

    #[test]
    fn what_is_written_is_read(samples in samples()) {
        let frames: Vec<u8> = samples.iter().flat_map(Sample::write).collect();
        let read: Vec<Seen> = read(&message(&frames)).into_iter().map(|frame| frame.unwrap().0).collect();
        prop_assert_eq!(read, samples.iter().map(Sample::seen).collect::<Vec<_>>());
    }

    #[test]
    fn of_a_part_of_a_message_the_whole_frames_are_read(samples in samples(), cut in any::<Index>()) {
        let frames: Vec<u8> = samples.iter().flat_map(Sample::write).collect();
        let whole = read(&message(&frames));
        let part = message(frames.get(..cut.index(frames.len() + 1)).unwrap());
        let arrived = whole.iter().take_while(|frame| frame.as_ref().is_ok_and(|(_, end)| *end <= part.len())).count();
        let last = whole.get(..arrived).and_then(|frames| frames.last()).map_or(HEAD, |frame| frame.as_ref().unwrap().1);
        let mut expected = whole.get(..arrived).unwrap().to_vec();
        if last < part.len() {
            expected.push(Err(Malformed));
        }
        prop_assert_eq!(read(&part), expected);
    }

    #[test]
    fn damage_does_not_reach_back(samples in samples(), at in any::<Index>(), byte in any::<u8>()) {
        let mut frames: Vec<u8> = samples.iter().flat_map(Sample::write).collect();
        let whole = read(&message(&frames));
        let at = at.index(frames.len());
        frames[at] = byte;
        let before = whole.iter().take_while(|frame| frame.as_ref().is_ok_and(|(_, end)| *end <= HEAD + at)).count();
        let now = read(&message(&frames));
        prop_assert_eq!(now.get(..before), whole.get(..before));
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in vec(any::<u8>(), 0..80)) {
        let message = Bytes::from(bytes);
        let _ = first_id(&message);
        if let Ok(frames) = Frames::new(&message) {
            prop_assert!(frames.count() <= message.len());
        }
    }
}

proptest! {
    #![proptest_config(runs(5000))]

    #[test]
    fn the_short_cut_reads_what_the_reader_of_all_frames_reads(bytes in prop_oneof![nearly_simple(), damaged(nearly_frames())], at in any::<Index>()) {
        // Everywhere: what it is led to may be the inside of another frame.
        for at in [0, at.index(bytes.len() + 1)] {
            let message = message(bytes.get(at..).unwrap());
            if let Some((frame, end)) = simple::read(&message, HEAD) {
                let mut frames = Frames::new(&message).unwrap();
                let any = frames.read_any();
                prop_assert_eq!(any.map(|any| Seen::from(&any)), Ok(Seen::from(&frame)));
                prop_assert_eq!(frames.position(), end);
            }
        }
    }
}

/// That the targets see both, frames of all kinds and what is none, with the short cut and without.
#[test]
fn the_frames_are_neither_all_right_nor_all_wrong() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (strategy, mut found) = (damaged(nearly_frames()), [0_usize; 14]);
    for _ in 0..3000 {
        let message = message(&strategy.new_tree(&mut runner).unwrap().current());
        let place = match read(&message).first() {
            None => continue,
            Some(Err(Malformed)) => 0,
            Some(Ok((Seen::Call { .. }, _))) => 1,
            Some(Ok((Seen::Success { .. }, _))) => 2,
            Some(Ok((Seen::Error { .. }, _))) => 3,
            Some(Ok((Seen::Cancel(_), _))) => 4,
            Some(Ok((Seen::Accepted { .. }, _))) => 5,
            Some(Ok((Seen::Heartbeat { .. }, _))) => 6,
            Some(Ok((Seen::Unknown, _))) => 7,
            Some(Ok((Seen::Item { .. }, _))) => 8,
            Some(Ok((Seen::End { .. }, _))) => 9,
            Some(Ok((Seen::Credit { .. }, _))) => 10,
        };
        found[place] += 1;
        let short = simple::read(&message, HEAD);
        found[11] += usize::from(short.is_some());
        found[12] += usize::from(matches!(short, Some((Frame::Item(..), _))));
        found[13] += usize::from(matches!(expect(&message[HEAD..]), Expected::Unsure));
    }
    assert!(found[..13].iter().all(|count| *count >= 20), "{found:?}");
    assert!(found[13] < 300, "mostly the protocol is clear: {found:?}");
}
