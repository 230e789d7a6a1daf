#[nats_rpc::service]
trait Greeter {
    #[cfg_attr(all(), rpc(idempotent))]
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
