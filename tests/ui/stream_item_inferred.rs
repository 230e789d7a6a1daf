#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> Result<impl Stream<Item = _>, String>;
}

fn main() {}
