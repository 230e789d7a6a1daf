//! Two services, one of which calls the other, and brokers that they meet on.

use std::time::Duration;

use nats_rpc::{Connection, Context, Server, memory::Broker};
use serde::{Deserialize, Serialize};
use tests::NatsServer;

#[nats_rpc::service]
pub(crate) trait Desk {
    /// Asks the stock.
    async fn order(&self, item: &str) -> Result<u64, SoldOut>;
    /// Asks the stock in a task of its own.
    async fn order_later(&self, cx: &Context, item: &str) -> Option<u64>;
    async fn sleep(&self, ms: u64);
    #[rpc(oneway)]
    async fn note(&self, line: &str);
}

#[nats_rpc::service]
pub(crate) trait Stock {
    async fn take(&self, cx: &Context, item: &str) -> Result<u64, SoldOut>;
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("sold out")]
pub(crate) struct SoldOut;

pub(crate) struct Clerk(pub(crate) StockClient);

impl Desk for Clerk {
    async fn order(&self, item: &str) -> Result<u64, SoldOut> {
        tracing::info!(item, "a clerk looks");
        self.0.take(item).await.map_err(|_| SoldOut)
    }

    async fn order_later(&self, cx: &Context, item: &str) -> Option<u64> {
        let (stock, item) = (self.0.clone(), item.to_owned());
        let task = cx.detached().scope(async move { stock.take(&item).await.ok() });
        tokio::spawn(task).await.unwrap()
    }

    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    async fn note(&self, _line: &str) {}
}

pub(crate) struct Shelves;

impl Stock for Shelves {
    async fn take(&self, cx: &Context, item: &str) -> Result<u64, SoldOut> {
        if let Some(traceparent) = cx.headers().get("traceparent") {
            cx.set_header("seen", traceparent);
        }
        if item == "lamp" { Ok(7) } else { Err(SoldOut) }
    }
}

/// A broker of some kind.
pub(crate) enum Site {
    Memory(Broker),
    Nats(NatsServer),
}

impl Site {
    pub(crate) fn memory() -> Self {
        Site::Memory(Broker::new())
    }

    pub(crate) fn nats() -> Self {
        Site::Nats(NatsServer::start())
    }

    pub(crate) async fn connect(&self) -> Connection {
        match self {
            Site::Memory(broker) => broker.connect(),
            Site::Nats(server) => nats_rpc::connect(server.url()).await.unwrap(),
        }
    }

    /// The desk as instance `d`, and the stock as instance `s`, each on a connection of its own.
    pub(crate) async fn serve(&self) -> [Server; 2] {
        let clerk = Clerk(StockClient::new(self.connect().await));
        let desk = Server::builder(self.connect().await).id("d").max_in_flight(2).max_queued(0);
        let stock = Server::builder(self.connect().await).id("s").add(StockServer::new(Shelves));
        [desk.add(DeskServer::new(clerk)).start().await.unwrap(), stock.start().await.unwrap()]
    }
}
