#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> impl Stream<Item = u8>;
}

fn main() {}
