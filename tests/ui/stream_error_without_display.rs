use futures::Stream;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Closed(String);

#[nats_rpc::service]
pub trait Feed {
    fn watch(&self) -> impl Stream<Item = Result<u8, Closed>>;
}

fn main() {}
