#[nats_rpc::service]
trait Greeter {
    #[rpc(bare)]
    async fn hello(&self, #[serde(rename = "who")] name: &str) -> String;
}

fn main() {}
