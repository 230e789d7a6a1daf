#[nats_rpc::service]
trait Feed {
    #[rpc(oneway)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
