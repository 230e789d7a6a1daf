#[nats_rpc::service]
trait Greeter {
    async fn hello(name: &str) -> String;
}

fn main() {}
