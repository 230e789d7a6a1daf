//! The schemas that NATS tools validate answers of discovery with.

use jsonschema::Validator;
use serde_json::Value;

/// What is wrong with an answer to this question of discovery (`PING`, `INFO` or `STATS`), by the schema that NATS tools validate it
/// with; nothing, if all is well.
pub fn schema_mistakes(verb: &str, answer: &Value) -> Vec<String> {
    schema(verb).iter_errors(answer).map(|error| error.to_string()).collect()
}

fn schema(verb: &str) -> Validator {
    let text = match verb {
        "PING" => include_str!("../schemas/ping_response.json"),
        "INFO" => include_str!("../schemas/info_response.json"),
        _ => include_str!("../schemas/stats_response.json"),
    };
    let schema = serde_json::from_str(text).expect("a schema is JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("it is a schema")
}
