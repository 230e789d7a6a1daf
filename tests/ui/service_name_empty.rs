#[nats_rpc::service(name = "")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
