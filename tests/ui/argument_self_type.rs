#[nats_rpc::service]
trait Greeter {
    async fn hello(&self, other: &Self) -> String;
}

fn main() {}
