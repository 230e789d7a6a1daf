#[nats_rpc::service]
trait Greeter {
    #[rpc(timeout = "61m")]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
