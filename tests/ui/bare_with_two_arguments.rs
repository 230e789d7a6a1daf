#[nats_rpc::service]
trait Greeter {
    #[rpc(bare)]
    async fn hello(&self, name: &str, times: u8) -> String;
}

fn main() {}
