#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &str, #[serde(rename = "name")] other: &str) -> String;
}

fn main() {}
