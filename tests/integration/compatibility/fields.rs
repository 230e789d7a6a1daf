//! Fields of structs come, go, and change their names, in what is taken and in what is answered.

use super::rule;

rule! {
    added_field_with_default {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: &Person) -> Person { Person::default() } }
            |client| client.call(&Person::default())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: String, #[serde(default)] age: u8 }
            }
            { async fn call(&self, person: &Person) -> Person { Person::default() } }
            |client| client.call(&Person::default())
        }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    added_optional_field {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, people: &[Person]) -> Vec<Person> { vec![Person::default()] } }
            |client| client.call(&[Person::default()])
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: String, age: Option<u8> }
            }
            { async fn call(&self, people: &[Person]) -> Vec<Person> { vec![Person::default()] } }
            |client| client.call(&[Person::default()])
        }
        old to new: Works,
        new to old: Works,
    }
}

rule! {
    added_required_field_in_a_parameter {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: String, age: u8 }
            }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        old to new: Breaks,
        new to old: Works,
    }
}

rule! {
    added_required_field_in_a_result {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self) -> Person { Person::default() } }
            |client| client.call()
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: String, age: u8 }
            }
            { async fn call(&self) -> Person { Person::default() } }
            |client| client.call()
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    removed_field {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: String, age: u8 }
            }
            { async fn call(&self, person: &Person) -> u8 { 1 } }
            |client| client.call(&Person::default())
        }
        new {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: &Person) -> u8 { 1 } }
            |client| client.call(&Person::default())
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    added_field_of_a_type_that_denies_unknown_ones {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                #[serde(deny_unknown_fields)]
                pub(crate) struct Person { name: String }
            }
            { async fn call(&self, person: &Person) -> u8 { 1 } }
            |client| client.call(&Person::default())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                #[serde(deny_unknown_fields)]
                pub(crate) struct Person { name: String, #[serde(default)] age: u8 }
            }
            { async fn call(&self, person: &Person) -> u8 { 1 } }
            |client| client.call(&Person::default())
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    renamed_field {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { #[serde(rename = "called")] name: String }
            }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        old to new: Breaks,
        new to old: Breaks,
    }
}

rule! {
    renamed_field_with_alias {
        old {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        new {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person {
                    #[serde(alias = "name")]
                    #[schemars(extend("x-nats-rpc-aliases" = ["name"]))]
                    called: String,
                }
            }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        old to new: Works,
        new to old: Breaks,
    }
}

rule! {
    optional_field_becomes_required {
        old {
            {
                #[derive(Serialize, Deserialize, JsonSchema, Default)]
                pub(crate) struct Person { name: Option<String> }
            }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        new {
            { #[derive(Serialize, Deserialize, JsonSchema, Default)] pub(crate) struct Person { name: String } }
            { async fn call(&self, person: Person) -> u8 { 1 } }
            |client| client.call(Person::default())
        }
        old to new: Breaks,
        new to old: Works,
    }
}
