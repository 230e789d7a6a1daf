#[nats_rpc::service]
trait Greeter {
    type Name;
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
