use futures::Stream;

pub struct Closed(String);

#[nats_rpc::service]
pub trait Feed {
    async fn watch(&self) -> Result<impl Stream<Item = u8>, Closed>;
}

fn main() {}
