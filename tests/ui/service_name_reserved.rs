#[nats_rpc::service(name = "_greeter")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
