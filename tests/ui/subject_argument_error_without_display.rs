pub struct Id;

pub struct NotAnId;

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("id")
    }
}

impl std::str::FromStr for Id {
    type Err = NotAnId;

    fn from_str(_: &str) -> Result<Self, NotAnId> {
        Err(NotAnId)
    }
}

#[nats_rpc::service]
pub trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, id: Id);
}

fn main() {}
