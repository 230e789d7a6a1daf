//! Types that stand for what travels in another form than its type says.

/// Stands for a type that travels as bytes.
#[derive(Debug)]
pub struct AsBytes;

/// Stands for a type that functions of the user's write or read: nothing is known of its shape.
#[derive(Debug)]
pub struct ByOwnCodec;

#[cfg(feature = "schema")]
mod schemas {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{AsBytes, ByOwnCodec};
    use crate::contract::keywords::BYTES;

    impl JsonSchema for AsBytes {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "AsBytes".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "string", "contentEncoding": "base64", BYTES: true })
        }
    }

    impl JsonSchema for ByOwnCodec {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "ByOwnCodec".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "$comment": "functions of the service's own write or read it: its shape is not known" })
        }
    }
}
