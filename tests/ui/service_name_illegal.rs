#[nats_rpc::service(name = "my greeter")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
