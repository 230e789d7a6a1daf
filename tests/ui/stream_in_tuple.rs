#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> Result<(u8, impl Stream<Item = u8>), String>;
}

fn main() {}
