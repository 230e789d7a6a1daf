use nats_rpc::Client;

#[nats_rpc::service]
pub trait Greeter {
    async fn hello(&self, name: &str) -> String;
    async fn wrong(&self, name: Option<&str>) -> String;
}

// None of what follows is an error: the trait has both methods, the client and the server have the right one.
struct English;

impl Greeter for English {
    async fn hello(&self, name: &str) -> String {
        name.to_owned()
    }

    async fn wrong(&self, name: Option<&str>) -> String {
        name.unwrap_or_default().to_owned()
    }
}

async fn greet(client: Client) {
    let _server = GreeterServer::new(English);
    let _ = GreeterClient::new(client).hello("Ann").await;
}

fn main() {}
