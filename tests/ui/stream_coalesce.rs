#[nats_rpc::service]
trait Feed {
    #[rpc(coalesce = 8)]
    fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
