//! Parameters come, go, and change their names.

use super::rule;

rule! {
    added_parameter_with_default {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new {
            { async fn call(&self, name: &str, #[serde(default)] polite: bool) -> u8 { 1 } }
            |client| client.call("Ann", true)
        }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    added_optional_parameter {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new {
            { async fn call(&self, name: &str, title: Option<String>) -> u8 { 1 } }
            |client| client.call("Ann", None)
        }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    added_required_parameter {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new {
            { async fn call(&self, name: &str, title: &str) -> u8 { 1 } }
            |client| client.call("Ann", "Dr.")
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    removed_parameter {
        old {
            { async fn call(&self, name: &str, #[serde(default)] title: &str) -> u8 { 1 } }
            |client| client.call("Ann", "Dr.")
        }
        new { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    first_parameter {
        old { { async fn call(&self) -> u8 { 1 } } |client| client.call() }
        new { { async fn call(&self, limit: Option<u8>) -> u8 { 1 } } |client| client.call(Some(1)) }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    renamed_parameter {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new { { async fn call(&self, who: &str) -> u8 { 1 } } |client| client.call("Ann") }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    renamed_parameter_with_alias {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new {
            { async fn call(&self, #[serde(alias = "name")] who: &str) -> u8 { 1 } }
            |client| client.call("Ann")
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    optional_parameter_becomes_required {
        old { { async fn call(&self, name: Option<String>) -> u8 { 1 } } |client| client.call(None) }
        new { { async fn call(&self, name: String) -> u8 { 1 } } |client| client.call("Ann".to_owned()) }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    argument_becomes_the_whole_message {
        old { { async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        new { { #[rpc(bare)] async fn call(&self, name: &str) -> u8 { 1 } } |client| client.call("Ann") }
        old to new: Breaks,
        new to old: Breaks,
    }
}
