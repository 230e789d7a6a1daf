#[nats_rpc::service]
trait Greeter<const N: usize> {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
