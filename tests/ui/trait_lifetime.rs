#[nats_rpc::service]
trait Greeter<'a> {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
