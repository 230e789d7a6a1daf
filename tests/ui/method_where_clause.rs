#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, name: &str) -> String
    where
    Self: Sized;
}

fn main() {}
