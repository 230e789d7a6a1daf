#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: Option<_>) -> String;
}

fn main() {}
