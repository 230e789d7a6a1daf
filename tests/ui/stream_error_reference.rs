#[nats_rpc::service]
trait Feed {
    async fn watch(&self) -> Result<impl Stream<Item = u8>, &str>;
}

fn main() {}
