#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &'static str) -> String;
}

fn main() {}
