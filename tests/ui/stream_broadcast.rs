#[nats_rpc::service]
trait Feed {
    #[rpc(broadcast)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
