#[nats_rpc::service]
trait Greeter {
    const NAME: &'static str;
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
