//! Types get wider, narrower, or others.

use super::rule;

rule! {
    widened_integer_in_a_parameter {
        old { { async fn call(&self, n: u32) -> u8 { 1 } } |client| client.call(u32::MAX) }
        new { { async fn call(&self, n: u64) -> u8 { 1 } } |client| client.call(u64::MAX) }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    widened_integer_in_a_result {
        old { { async fn call(&self) -> i16 { i16::MIN } } |client| client.call() }
        new { { async fn call(&self) -> i64 { i64::MIN } } |client| client.call() }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    integer_with_a_sign {
        old { { async fn call(&self, n: u32) -> u8 { 1 } } |client| client.call(u32::MAX) }
        new { { async fn call(&self, n: i64) -> u8 { 1 } } |client| client.call(-1) }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    integer_of_128_bits {
        old { { async fn call(&self, n: u64) -> u8 { 1 } } |client| client.call(1) }
        new { { async fn call(&self, n: u128) -> u8 { 1 } } |client| client.call(1) }
        old to new: Works,
        new to old: BreaksInMessagePack,
    }
}

rule! {
    integer_becomes_a_float {
        old { { async fn call(&self, n: u32) -> u8 { 1 } } |client| client.call(u32::MAX) }
        new { { async fn call(&self, n: f64) -> u8 { 1 } } |client| client.call(0.5) }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    float_with_fewer_digits {
        old { { async fn call(&self, n: f64) -> u8 { 1 } } |client| client.call(0.1) }
        new { { async fn call(&self, n: f32) -> u8 { 1 } } |client| client.call(0.1) }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    number_becomes_text {
        old { { async fn call(&self, id: u64) -> u8 { 1 } } |client| client.call(1) }
        new { { async fn call(&self, id: &str) -> u8 { 1 } } |client| client.call("1") }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    bytes_become_text {
        old { { async fn call(&self, body: &[u8]) -> u8 { 1 } } |client| client.call(b"\xff") }
        new { { async fn call(&self, body: &str) -> u8 { 1 } } |client| client.call("!") }
        old to new: BreaksInMessagePack,
        new to old: Breaks,
    }
}

rule! {
    character_becomes_text {
        old { { async fn call(&self, letter: char) -> u8 { 1 } } |client| client.call('a') }
        new { { async fn call(&self, letter: &str) -> u8 { 1 } } |client| client.call("abc") }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    list_becomes_a_set {
        old { { async fn call(&self, ids: Vec<u8>) -> Vec<u16> { vec![1, 1] } } |client| client.call(vec![]) }
        new { { async fn call(&self, ids: Vec<u8>) -> BTreeSet<u16> { [1].into() } } |client| client.call(vec![]) }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    value_becomes_a_list {
        old { { async fn call(&self, id: u16) -> u8 { 1 } } |client| client.call(1) }
        new { { async fn call(&self, id: &[u16]) -> u8 { 1 } } |client| client.call(&[1]) }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    longer_tuple {
        old { { async fn call(&self, point: (u8, u8)) -> u8 { 1 } } |client| client.call((1, 2)) }
        new { { async fn call(&self, point: (u8, u8, u8)) -> u8 { 1 } } |client| client.call((1, 2, 3)) }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    tuple_becomes_a_list {
        old { { async fn call(&self, point: (u16, u16)) -> u8 { 1 } } |client| client.call((1, 2)) }
        new { { async fn call(&self, point: &[u16]) -> u8 { 1 } } |client| client.call(&[1, 2, 3]) }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    struct_becomes_a_map {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Limits { reads: u32 } }
            { async fn call(&self, limits: &Limits) -> u8 { 1 } }
            |client| client.call(&Limits::default())
        }
        new {
            { async fn call(&self, limits: HashMap<String, u32>) -> u8 { 1 } }
            |client| client.call([("writes".to_owned(), 1)].into())
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    values_of_a_map {
        old {
            { async fn call(&self, limits: HashMap<String, u16>) -> u8 { 1 } }
            |client| client.call([("writes".to_owned(), 1)].into())
        }
        new {
            { async fn call(&self, limits: HashMap<String, u32>) -> u8 { 1 } }
            |client| client.call([("writes".to_owned(), u32::MAX)].into())
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    map_from_numbers_becomes_one_from_text {
        old {
            { async fn call(&self, names: HashMap<u32, bool>) -> u8 { 1 } }
            |client| client.call([(1, true)].into())
        }
        new {
            { async fn call(&self, names: HashMap<String, bool>) -> u8 { 1 } }
            |client| client.call([("a".to_owned(), true)].into())
        }
        old to new: BreaksInMessagePack,
        new to old: Breaks,
    }
}

rule! {
    result_that_may_be_missing {
        old { { async fn call(&self) -> String { "Ann".to_owned() } } |client| client.call() }
        new { { async fn call(&self) -> Option<String> { None } } |client| client.call() }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    nothing_becomes_something {
        old { { async fn call(&self) {} } |client| client.call() }
        new { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    integer_of_128_bits_becomes_any_value {
        old { { async fn call(&self, n: u128) -> u8 { 1 } } |client| client.call(1) }
        new { { async fn call(&self, n: serde_json::Value) -> u8 { 1 } } |client| client.call("a".into()) }
        old to new: BreaksInMessagePack,
        new to old: Breaks,
    }
}

rule! {
    map_from_numbers_becomes_any_value {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Names { names: HashMap<u32, bool> }
            }
            { async fn call(&self, names: Vec<Names>) -> u8 { 1 } }
            |client| client.call(vec![Names { names: [(1, true)].into() }])
        }
        new { { async fn call(&self, names: serde_json::Value) -> u8 { 1 } } |client| client.call(1.into()) }
        old to new: BreaksInMessagePack,
        new to old: Breaks,
    }
}

rule! {
    list_of_text_becomes_any_value {
        old { { async fn call(&self, texts: Vec<String>) -> u8 { 1 } } |client| client.call(vec!["a".to_owned()]) }
        new { { async fn call(&self, texts: serde_json::Value) -> u8 { 1 } } |client| client.call(1.into()) }
        old to new: Works,
        new to old: Breaks,
    }
}
