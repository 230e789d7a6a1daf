#[nats_rpc::service]
trait Greeter {
    #[rpc(idempotent = true)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
