#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: str, list: [u8]) -> String;
}

fn main() {}
