#[nats_rpc::service]
trait Greeter {
    #[rpc(oneway, coalesce = 7)]
    async fn hello(&self, name: &str);
}

fn main() {}
