#[nats_rpc::service(schema = "greeter.json")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
