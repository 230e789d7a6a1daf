use futures::Stream;

pub struct Event(String);

#[nats_rpc::service]
pub trait Feed {
    fn watch(&self) -> impl Stream<Item = Event>;
}

fn main() {}
