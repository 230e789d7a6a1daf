#[nats_rpc::service]
trait Feed {
    #[rpc(durable)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
