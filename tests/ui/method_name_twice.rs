#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
    #[rpc(name = "hello")]
    async fn greet(&self, name: &str) -> String;
}

fn main() {}
