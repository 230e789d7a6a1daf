#[nats_rpc::service]
trait Greeter {
    #[rpc(coalesce = 0)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
