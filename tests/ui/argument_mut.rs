#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, mut name: String) -> String;
}

fn main() {}
