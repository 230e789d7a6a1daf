#[nats_rpc::service]
trait Greeter {
    #[rpc(broadcast)]
    async fn a(&self);
    #[rpc(no_cancel)]
    async fn b(&self);
    #[rpc(durable)]
    async fn c(&self);
    #[rpc(subject = "{region}")]
    async fn d(&self);
}

fn main() {}
