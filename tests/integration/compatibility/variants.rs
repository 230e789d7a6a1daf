//! Enums get more variants, and variants get more fields.

use super::rule;

rule! {
    added_choice_in_a_parameter {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Color { Red, Green } }
            { async fn call(&self, color: Color) -> u8 { 1 } }
            |client| client.call(Color::Red)
        }
        new {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Color { Red, Green, Blue } }
            { async fn call(&self, color: Color) -> u8 { 1 } }
            |client| client.call(Color::Blue)
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    added_choice_in_a_result {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Color { Red, Green } }
            { async fn call(&self) -> Color { Color::Red } }
            |client| client.call()
        }
        new {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Color { Red, Green, Blue } }
            { async fn call(&self) -> Color { Color::Blue } }
            |client| client.call()
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    added_variant_of_an_error {
        old {
            {
                #[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
                pub(crate) enum Refusal { #[error("full")] Full }
            }
            { async fn call(&self) -> Result<u8, Refusal> { Ok(1) } }
            |client| client.call()
        }
        new {
            {
                #[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
                pub(crate) enum Refusal { #[error("full")] Full, #[error("{retry_in} s")] Busy { retry_in: u8 } }
            }
            { async fn call(&self) -> Result<u8, Refusal> { Err(Refusal::Busy { retry_in: 1 }) } }
            |client| client.call()
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    choice_becomes_text {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Color { Red, Green } }
            { async fn call(&self, colors: Vec<Color>) -> u8 { 1 } }
            |client| client.call(vec![Color::Red, Color::Green])
        }
        new {
            { async fn call(&self, colors: &[Option<String>]) -> u8 { 1 } }
            |client| client.call(&[Some("Mauve".to_owned())])
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    added_variant {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Shape { Circle(f64), Square { side: f64 } } }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5 })
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) enum Shape { Circle(f64), Square { side: f64 }, Line(f64, f64) }
            }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Line(1.0, 2.0))
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    added_field_of_a_variant {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Shape { Dot, Square { side: f64 } } }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5 })
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) enum Shape { Dot, Square { side: f64, color: String } }
            }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5, color: String::new() })
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    added_variant_with_a_tag_inside {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(tag = "type")]
                pub(crate) enum Shape { Dot, Square { side: f64 } }
            }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5 })
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Circle { radius: f64 }

                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(tag = "type")]
                pub(crate) enum Shape { Dot, Square { side: f64 }, Circle(Circle) }
            }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Circle(Circle { radius: 1.5 }))
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    added_variant_without_tags {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(untagged)]
                pub(crate) enum Id { Number(u32) }
            }
            { async fn call(&self, id: Id) -> u8 { 1 } }
            |client| client.call(Id::Number(1))
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(untagged)]
                pub(crate) enum Id { Number(u32), Name(String) }
            }
            { async fn call(&self, id: Id) -> u8 { 1 } }
            |client| client.call(Id::Name("Ann".to_owned()))
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    tags_move_inside {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema)] pub(crate) enum Shape { Square { side: f64 } } }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5 })
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(tag = "type")]
                pub(crate) enum Shape { Square { side: f64 } }
            }
            { async fn call(&self, shape: Shape) -> u8 { 1 } }
            |client| client.call(Shape::Square { side: 1.5 })
        }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    recursive_type {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Tree { value: u16, children: Vec<Tree> }
            }
            { async fn call(&self, tree: &Tree) -> u8 { 1 } }
            |client| client.call(&Tree { value: 1, children: vec![Tree { value: 2, children: vec![] }] })
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Tree { value: u32, children: Vec<Tree> }
            }
            { async fn call(&self, tree: &Tree) -> u8 { 1 } }
            |client| client.call(&Tree { value: 1, children: vec![Tree { value: u32::MAX, children: vec![] }] })
        }
        old to new: Works,
        new to old: Breaks,
    }
}
