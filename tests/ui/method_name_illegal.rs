#[nats_rpc::service]
trait Greeter {
    #[rpc(name = "say.hello")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
