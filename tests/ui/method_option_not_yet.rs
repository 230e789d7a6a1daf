#[nats_rpc::service]
trait Greeter {
    #[rpc(broadcast)]
    async fn a(&self);
    #[rpc(durable)]
    async fn b(&self);
    #[rpc(subject = "{region}")]
    async fn c(&self);
}

fn main() {}
