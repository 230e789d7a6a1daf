#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &mut String) -> String;
}

fn main() {}
