#[nats_rpc::service]
trait Greeter {
    #[rpc(subject = "{region}")]
    async fn c(&self);
}

fn main() {}
