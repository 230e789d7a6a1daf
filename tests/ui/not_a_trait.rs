#[nats_rpc::service]
pub struct Greeter;

pub struct English;

#[nats_rpc::service]
impl English {}

#[nats_rpc::service]
pub async fn greet() {}

fn main() {}
