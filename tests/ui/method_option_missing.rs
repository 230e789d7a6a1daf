#[nats_rpc::service]
trait Greeter {
    #[rpc]
    async fn hello(&self);
    #[rpc()]
    async fn bye(&self);
}

fn main() {}
