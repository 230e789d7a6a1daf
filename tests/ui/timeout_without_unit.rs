#[nats_rpc::service]
trait Greeter {
    #[rpc(timeout = "2")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
