use std::rc::Rc;

#[nats_rpc::service]
pub trait Greeter {
    async fn hello(&self, name: &str) -> String;
}

struct English;

impl Greeter for English {
    async fn hello(&self, name: &str) -> String {
        let name = Rc::new(name.to_owned());
        std::future::ready(()).await;
        name.to_string()
    }
}

fn main() {}
