pub struct Id;

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("id")
    }
}

#[nats_rpc::service]
pub trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, count: u8, id: &Id);
}

fn main() {}
