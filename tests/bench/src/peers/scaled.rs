//! Ours with more around a call: methods, instances, stubs.

use std::sync::Arc;

use bytes::Bytes;
use nats_rpc::{Connection, MethodRegistry, Server, Service, ServiceDescriptor};

use super::ours::{BenchClient, BenchServer, Handler};
use super::{Peer, Serving};
use crate::Result;
use crate::load::Callable;

/// What there is in a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// How many services the server has, of two methods each.
    pub(crate) services: usize,
    /// How many instances of the server there are, each on a connection of its own.
    pub(crate) instances: usize,
    /// How many stubs share the client's connection.
    pub(crate) stubs: usize,
}

impl Scale {
    /// One of everything.
    pub(crate) const ONE: Scale = Scale { services: 1, instances: 1, stubs: 1 };

    /// Starts servers and a client in this process.
    pub(crate) async fn start(self, nats: &str) -> Result<(Vec<Serving>, Box<dyn Callable>)> {
        let mut servers = Vec::new();
        for _ in 0..self.instances {
            let mut server = Server::builder(async_nats::connect(nats).await?).add(BenchServer::new(Handler));
            for number in 1..self.services {
                server = server.add(Renamed::new(BenchServer::new(Handler), number));
            }
            servers.push(Serving::at(nats).keeping(server.start().await?));
        }
        let connection = Connection::from(async_nats::connect(nats).await?);
        let stubs = (0..self.stubs).map(|_| BenchClient::new(&connection));
        Ok((servers, Box::new(Stubs(stubs.collect()))))
    }
}

/// A service under another name.
struct Renamed {
    service: BenchServer<Handler>,
    descriptor: &'static ServiceDescriptor,
}

impl Renamed {
    fn new(service: BenchServer<Handler>, number: usize) -> Self {
        // Names live as long as the program, which macros know to be so; here, the program ends with the measurement.
        let name = Box::leak(format!("bench-{number}").into_boxed_str());
        let descriptor = ServiceDescriptor::new(name, service.descriptor().methods());
        Renamed { service, descriptor: Box::leak(Box::new(descriptor)) }
    }
}

impl Service for Renamed {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        self.descriptor
    }

    fn register(&self, registry: &mut MethodRegistry) {
        self.service.register(registry);
    }
}

/// Stubs that take turns.
#[derive(Clone)]
struct Stubs(Arc<[BenchClient]>);

impl Stubs {
    fn at(&self, turn: u64) -> Result<&BenchClient> {
        let index = usize::try_from(turn)? % self.0.len().max(1);
        Ok(self.0.get(index).ok_or("there are no stubs")?)
    }
}

impl Peer for Stubs {
    async fn hello(&self, id: u64) -> Result<()> {
        Peer::hello(self.at(id)?, id).await
    }

    async fn echo(&self, data: Bytes) -> Result<()> {
        Peer::echo(self.at(0)?, data).await
    }
}
