//! The schemas that NATS tools validate answers of discovery with.

use jsonschema::Validator;
use serde_json::Value;

/// What is wrong with an answer to this question; nothing, if all is well.
pub(crate) fn mistakes(verb: &str, answer: &Value) -> Vec<String> {
    schema(verb).iter_errors(answer).map(|error| error.to_string()).collect()
}

fn schema(verb: &str) -> Validator {
    let text = match verb {
        "PING" => include_str!("../schemas/ping_response.json"),
        "INFO" => include_str!("../schemas/info_response.json"),
        _ => include_str!("../schemas/stats_response.json"),
    };
    let schema = serde_json::from_str(text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}
