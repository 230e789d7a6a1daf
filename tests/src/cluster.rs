//! Three NATS servers that are one cluster.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::port::ReservedPort;
use crate::process::POLL_INTERVAL;
use crate::server::{NatsServer, NatsServerBuilder};

/// How long the servers may take to find each other; only a machine in trouble comes near it.
const FORM_LIMIT: Duration = Duration::from_secs(60);

const NODES: usize = 3;

/// Three running `nats-server`s with routes between them, each stopped when the guard is dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<NatsServer>,
    /// Where their routes come in.
    _routes: Vec<ReservedPort>,
}

impl Cluster {
    /// Starts three servers, and returns when each knows the other two. They notice within seconds when one is frozen, and
    /// a lame duck begins to send its clients away after a second.
    ///
    /// # Panics
    /// If one of them does not start, or they do not find each other; then with their logs.
    pub fn start() -> Self {
        Cluster::of(&NatsServer::builder())
    }

    /// The same with JetStream, whose leader is known when this returns.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn with_jetstream() -> Self {
        let cluster = Cluster::of(&NatsServer::builder().jetstream());
        cluster.wait_for("a leader of JetStream", || {
            cluster.nodes.iter().any(|node| node.log().contains("JetStream cluster new metadata leader"))
        });
        cluster
    }

    fn of(builder: &NatsServerBuilder) -> Self {
        let routes: Vec<_> = (0..NODES).map(|_| ReservedPort::new()).collect();
        let others: Vec<_> =
            routes.iter().map(|port| format!("nats-route://127.0.0.1:{}", port.number())).collect();
        let nodes = routes.iter().enumerate().map(|(number, port)| {
            let config = format!(
                "server_name: node-{number}\n\
                 lame_duck_duration: 30s\n\
                 lame_duck_grace_period: 1s\n\
                 cluster {{ name: faults, listen: \"127.0.0.1:{}\", ping_interval: 2s, routes: [{}] }}",
                port.number(),
                others.join(", "),
            );
            builder.clone().config(&config).start()
        });
        let cluster = Cluster { nodes: nodes.collect(), _routes: routes };
        cluster.wait_until_whole();
        cluster
    }

    /// One of the three.
    ///
    /// # Panics
    /// If the number is not below 3.
    pub fn node(&self, number: usize) -> &NatsServer {
        self.nodes.get(number).expect("a cluster has three nodes")
    }

    /// One of the three, to kill and restart it.
    ///
    /// # Panics
    /// If the number is not below 3.
    pub fn node_mut(&mut self, number: usize) -> &mut NatsServer {
        self.nodes.get_mut(number).expect("a cluster has three nodes")
    }

    /// Where clients connect to, the node with this number first.
    pub fn urls(&self, first: usize) -> Vec<String> {
        let order = self.nodes.iter().cycle().skip(first).take(NODES);
        order.map(|node| node.url().to_owned()).collect()
    }

    /// Waits until each node tells its clients of all three.
    ///
    /// # Panics
    /// If that does not happen, with the logs.
    pub fn wait_until_whole(&self) {
        self.wait_for("a whole cluster", || self.nodes.iter().all(|node| known_servers(node) == Some(NODES)));
    }

    fn wait_for(&self, what: &str, is_there: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_there() {
            if started.elapsed() > FORM_LIMIT {
                let logs: Vec<_> = self.nodes.iter().map(NatsServer::log).collect();
                panic!("there is not {what} after {FORM_LIMIT:?}, the logs:\n{}", logs.join("\n\n"));
            }
            thread::sleep(POLL_INTERVAL * 10);
        }
    }
}

/// How many servers a node tells its clients of.
fn known_servers(node: &NatsServer) -> Option<usize> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, node.client_port())).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    let info: serde_json::Value = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
    Some(info.get("connect_urls")?.as_array()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_whole_again_after_a_node_was_killed() {
        let mut cluster = Cluster::start();
        assert_eq!(cluster.urls(1), [1, 2, 0].map(|number| cluster.node(number).url()));
        cluster.node_mut(1).kill();
        cluster.wait_for("the loss of a node", || known_servers(cluster.node(0)) == Some(NODES - 1));
        cluster.node_mut(1).restart();
        cluster.wait_until_whole();
    }

    #[test]
    fn a_frozen_node_is_missed() {
        let cluster = Cluster::start();
        cluster.node(2).pause();
        cluster.wait_for("the loss of a node", || known_servers(cluster.node(0)) == Some(NODES - 1));
        cluster.node(2).resume();
        cluster.wait_until_whole();
    }

    #[test]
    fn a_cluster_can_have_jetstream() {
        let cluster = Cluster::with_jetstream();
        assert!((0..NODES).all(|number| cluster.node(number).log().contains("Starting JetStream")));
    }
}
