use futures::Stream;
use nats_rpc::Incoming;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Person;

#[derive(Serialize, Deserialize)]
struct Place;

#[nats_rpc::service(schema)]
trait Feed {
    fn watch(&self) -> impl Stream<Item = Person>;
    async fn upload(&self, places: Incoming<Place>) -> u64;
}

fn main() {}
