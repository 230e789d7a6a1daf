#[nats_rpc::service]
trait Greeter {
    #[rpc(spawn, idempotent)]
    #[rpc(spawn)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
