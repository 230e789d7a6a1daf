#[nats_rpc::service]
trait Greeter {
    async fn new(&self, name: &str) -> String;
    async fn clone(&self) -> String;
}

fn main() {}
