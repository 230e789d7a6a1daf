#[nats_rpc::service]
trait Greeter {
    #[rpc(timeout = "0ms")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
