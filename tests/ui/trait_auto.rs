#[nats_rpc::service]
auto trait Greeter {}

fn main() {}
