pub struct Id;

impl std::str::FromStr for Id {
    type Err = String;

    fn from_str(_: &str) -> Result<Self, String> {
        Ok(Id)
    }
}

#[nats_rpc::service]
pub trait Orders {
    #[rpc(subject = "get.{id}")]
    async fn get(&self, id: Id);
}

fn main() {}
