#[nats_rpc::service]
trait Greeter {
    async fn hello(&self) -> str;
    async fn list(&self) -> [u8];
}

fn main() {}
