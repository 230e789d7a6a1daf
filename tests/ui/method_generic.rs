#[nats_rpc::service]
trait Greeter {
    async fn hello<T: ToString>(&self, name: T) -> String;
}

fn main() {}
