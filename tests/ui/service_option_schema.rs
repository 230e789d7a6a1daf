#[nats_rpc::service(schema)]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
