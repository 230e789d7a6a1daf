#[nats_rpc::service]
trait Greeter {
    async fn _hello(&self, name: &str) -> String;
}

fn main() {}
