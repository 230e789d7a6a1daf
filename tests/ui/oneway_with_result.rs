#[nats_rpc::service]
trait Greeter {
    #[rpc(oneway)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
