#[nats_rpc::service]
trait Greeter {
    async fn hello(self, name: &str) -> String;
}

fn main() {}
