#[nats_rpc::service]
trait Greeter {
    async fn hello(&'static self, name: &str) -> String;
}

fn main() {}
