//! Servers and clients of several peers, all ready to be measured.

use crate::Result;
use crate::broker::Broker;
use crate::cpu;
use crate::flags::Processes;
use crate::load::{Callable, Load, Sample, warm_up};
use crate::peers::{PeerName, Serving};
use crate::server_process::ServerProcess;

/// The clients, with servers that run as long as this lives.
pub(crate) struct Bed {
    clients: Vec<(PeerName, Box<dyn Callable>)>,
    servers: Servers,
    processes: cpu::Processes,
}

/// Where the servers are.
enum Servers {
    Here(#[expect(dead_code, reason = "kept for its end")] Vec<Serving>),
    There(ServerProcess),
}

impl Bed {
    pub(crate) async fn start(broker: &Broker, peers: &[PeerName], processes: Processes) -> Result<Self> {
        let mut clients = Vec::new();
        let servers = match processes {
            Processes::One => {
                let mut servers = Vec::new();
                for peer in peers {
                    let (server, client) = peer.start(broker.url()).await?;
                    servers.push(server);
                    clients.push((*peer, client));
                }
                Servers::Here(servers)
            }
            Processes::Two => {
                let (process, addresses) = ServerProcess::start(broker.url(), peers)?;
                for (peer, address) in peers.iter().zip(addresses) {
                    clients.push((*peer, peer.connect(&address).await?));
                }
                Servers::There(process)
            }
        };
        let server = match &servers {
            Servers::Here(_) => None,
            Servers::There(process) => Some(process.id()),
        };
        let processes = cpu::Processes { client: std::process::id(), server, broker: broker.process() };
        for (peer, client) in &clients {
            warm_up(&**client).await.map_err(|error| format!("{peer}: {error}"))?;
        }
        Ok(Bed { clients, servers, processes })
    }

    /// Puts a load on one of the peers.
    pub(crate) async fn run(&self, peer: PeerName, load: &Load) -> Result<Sample> {
        let Some((_, client)) = self.clients.iter().find(|(name, _)| *name == peer) else {
            return Err(format!("{peer} has not been started").into());
        };
        let in_flight = load.in_flight;
        client.run(load).await.map_err(|error| format!("{peer}, {in_flight} in flight: {error}").into())
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerName> + use<'_> {
        self.clients.iter().map(|(peer, _)| *peer)
    }

    /// Whose time a call costs.
    pub(crate) fn processes(&self) -> cpu::Processes {
        self.processes
    }

    /// The process of the servers.
    pub(crate) fn server_process(&mut self) -> Result<&mut ServerProcess> {
        match &mut self.servers {
            Servers::Here(_) => Err("the servers have no process of their own".into()),
            Servers::There(process) => Ok(process),
        }
    }
}
