//! What fuzz targets have in common: how often they run, and bytes that are nearly right.
//!
//! They are property tests, and run for a moment with all others. `PROPTEST_CASES=10000000 cargo test --release -p nats-rpc
//! --lib fuzz` runs them for as long as one likes, and `PROPTEST_RNG_SEED` makes a run the same as another. What fails is
//! made small, and its seed is written to `proptest-regressions/`, from where it is run first from then on.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// So many cases, unless the environment asks for another number.
pub(crate) fn runs(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if asked { config.cases } else { cases }, ..config }
}

/// Bytes as they are, or with what could happen to them on their way, by chance or on purpose.
pub(crate) fn damaged(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let damage = prop_oneof![Just(Vec::new()), vec(damage(), 1..4)];
    (bytes, damage).prop_map(|(mut bytes, damage)| {
        damage.into_iter().for_each(|damage| damage.befall(&mut bytes));
        bytes
    })
}

#[derive(Debug, Clone)]
enum Damage {
    Change(Index, u8),
    /// One more or less: a length that is a lie.
    Nudge(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Repeat(Index, Index),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        (at(), prop_oneof![Just(1), Just(u8::MAX)]).prop_map(|(at, by)| Damage::Nudge(at, by)),
        (at(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        at().prop_map(Damage::Remove),
        (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        at().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn befall(self, bytes: &mut Vec<u8>) {
        let end = bytes.len() + 1;
        match self {
            Damage::Insert(at, more) => drop(bytes.splice(at.index(end)..at.index(end), more)),
            Damage::Cut(at) => bytes.truncate(at.index(end)),
            _ if bytes.is_empty() => {}
            Damage::Change(at, byte) => *at.get_mut(bytes) = byte,
            Damage::Nudge(at, by) => {
                let byte: &mut u8 = at.get_mut(bytes);
                *byte = byte.wrapping_add(by);
            }
            Damage::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(end), to.index(end));
                let part = bytes.get(from.min(to)..from.max(to)).unwrap_or_default().to_vec();
                bytes.extend(part);
            }
        }
    }
}
