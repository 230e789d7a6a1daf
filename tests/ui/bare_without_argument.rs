#[nats_rpc::service]
trait Greeter {
    #[rpc(bare)]
    async fn hello(&self) -> String;
}

fn main() {}
