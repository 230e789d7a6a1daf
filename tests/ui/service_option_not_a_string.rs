#[nats_rpc::service(name = greeter, version = 1)]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
