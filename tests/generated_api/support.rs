//! A service on the in-process broker, and a client of it.

use nats_rpc::memory::Broker;
use nats_rpc::{Client, Connection, Server, Service, ServiceClient};

/// A running service. It ends when this is dropped.
pub(crate) struct Served {
    broker: Broker,
    _server: Server,
}

pub(crate) async fn serve(service: impl Service) -> Served {
    let broker = Broker::new();
    let server = Server::builder(broker.connect()).add(service).start().await.expect("the server starts");
    Served { broker, _server: server }
}

impl Served {
    /// A client of a service whose subject has no parameters.
    pub(crate) fn client<C: ServiceClient>(&self) -> C {
        C::from_client(Client::from(self.broker.connect()), &[]).expect("no value is needed")
    }

    pub(crate) fn connect(&self) -> Connection {
        self.broker.connect()
    }
}
