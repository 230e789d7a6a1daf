#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, #[serde(rename(serialize = "a"))] name: &str) -> String;
}

fn main() {}
