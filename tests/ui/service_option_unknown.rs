#[nats_rpc::service(nam = "greeter")]
trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
