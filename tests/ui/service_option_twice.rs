#[nats_rpc::service(name = "a", version = "1.0.0", name = "b")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
