use futures::Stream;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Result(u8);

#[nats_rpc::service]
pub trait Feed {
    fn watch(&self) -> impl Stream<Item = Result>;
}

fn main() {}
