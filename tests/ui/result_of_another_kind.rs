#[derive(serde::Serialize, serde::Deserialize)]
pub struct Result(u8);

#[nats_rpc::service]
pub trait Greeter {
    async fn hello(&self, name: &str) -> Result;
}

fn main() {}
