#[nats_rpc::service]
trait Greeter {
    #[rpc(idempotnt)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
