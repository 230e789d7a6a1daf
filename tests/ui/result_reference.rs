#[nats_rpc::service]
trait Greeter {
    async fn hello(&self) -> &str;
    async fn maybe(&self) -> Option<&str>;
    async fn fallible(&self) -> Result<&[u8], String>;
}

fn main() {}
