use futures::Stream;

pub struct Event(String);

#[nats_rpc::service]
pub trait Feed {
    fn watch(&self) -> impl Stream<Item = Result<Event, String>>;
}

fn main() {}
