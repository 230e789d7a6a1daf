#[nats_rpc::service]
trait Greeter {
    #[rpc(coalesce = -1)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
