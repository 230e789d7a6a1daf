#[nats_rpc::service]
trait Greeter {
    async fn hello(&self) -> impl ToString;
}

fn main() {}
