#[nats_rpc::service]
trait Greeter {
    async fn watch(&self) -> Result<impl Stream<Item = u8>, String>;
}

fn main() {}
