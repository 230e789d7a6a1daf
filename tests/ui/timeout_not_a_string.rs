#[nats_rpc::service]
trait Greeter {
    #[rpc(timeout = 2s)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
