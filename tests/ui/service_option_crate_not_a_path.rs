#[nats_rpc::service(crate = "nats_rpc")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
