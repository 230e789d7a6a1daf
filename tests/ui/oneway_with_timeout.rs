#[nats_rpc::service]
trait Greeter {
    #[rpc(oneway, timeout = "1s")]
    async fn log(&self, line: &str);
}

fn main() {}
