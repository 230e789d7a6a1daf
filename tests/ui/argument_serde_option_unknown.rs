#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, #[serde(flatten)] name: &str) -> String;
}

fn main() {}
