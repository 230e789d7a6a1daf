#[nats_rpc::service(version = "1.0")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
