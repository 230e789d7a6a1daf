#[nats_rpc::service]
trait Greeter {
    #[rpc(coalesce = "7")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
