#[nats_rpc::service]
trait Greeter {
    async fn hello(&mut self, name: &str) -> String;
}

fn main() {}
