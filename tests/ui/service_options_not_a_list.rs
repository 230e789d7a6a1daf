#[nats_rpc::service("greeter")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
