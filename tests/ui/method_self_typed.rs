#[nats_rpc::service]
trait Greeter {
    async fn hello(self: std::sync::Arc<Self>, name: &str) -> String;
}

fn main() {}
