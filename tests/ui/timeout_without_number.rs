#[nats_rpc::service]
trait Greeter {
    #[rpc(timeout = "s")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
