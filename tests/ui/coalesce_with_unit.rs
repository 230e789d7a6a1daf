#[nats_rpc::service]
trait Greeter {
    #[rpc(coalesce = 7ms)]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
