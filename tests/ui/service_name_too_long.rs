#[nats_rpc::service(name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
