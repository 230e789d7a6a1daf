use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Person;

#[derive(Serialize, Deserialize)]
struct Place;

#[nats_rpc::service(schema)]
trait Greeter {
    async fn hello(&self, person: &Person) -> String;
    async fn find(&self, name: &str) -> Place;
}

fn main() {}
