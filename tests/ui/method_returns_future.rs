#[nats_rpc::service]
trait Greeter {
    fn hello(&self, name: &str) -> impl Future<Output = String> + Send;
}

fn main() {}
