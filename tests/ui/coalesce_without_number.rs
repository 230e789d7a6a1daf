#[nats_rpc::service]
trait Greeter {
    #[rpc(coalesce)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
