#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, _: &str) -> String;
}

fn main() {}
