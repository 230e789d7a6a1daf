//! A TCP proxy between a client and a server, for networks that are slow, silent or broken.

mod connection;
mod pump;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use self::connection::accept;

/// A proxy on a loopback port, through which a client reaches a server.
///
/// It runs in a thread and a runtime of its own, whatever becomes of the test's, and begins by passing everything on. All
/// that is switched applies to the connections that are open and to those to come. It ends with its guard, and its
/// connections with it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    control: watch::Sender<Control>,
    counts: Arc<Counts>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What becomes of the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are passed on.
    Pass,
    /// They wait, as on a network that is cut: TCP sends them again, so that nothing is missing once it is whole.
    Hold,
    /// They are lost. A connection that has lost some is reset when its bytes could pass again, since a stream does not go
    /// on behind a hole.
    Lose,
}

/// How one direction behaves.
#[derive(Debug, Clone, Copy)]
struct Link {
    fate: Fate,
    latency: Duration,
    bytes_per_second: Option<u64>,
}

/// Something of each direction.
#[derive(Debug, Clone, Copy, Default)]
struct Ways<T> {
    to_server: T,
    to_client: T,
}

impl<T: Copy> Ways<T> {
    fn get(self, direction: Direction) -> T {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }

    fn get_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn both(&mut self) -> [&mut T; 2] {
        [&mut self.to_server, &mut self.to_client]
    }
}

/// How all connections behave.
#[derive(Debug, Clone, Copy)]
struct Control {
    links: Ways<Link>,
    /// A connection that sees another number than at its start is reset.
    resets: u64,
    /// A direction that sees another number than at its start is closed.
    half_closes: Ways<u64>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl Proxy {
    /// A proxy to a server's port on this host.
    ///
    /// # Panics
    /// If the system has no port or no thread left.
    pub fn start(server_port: u16) -> Self {
        let link = Link { fate: Fate::Pass, latency: Duration::ZERO, bytes_per_second: None };
        let (control, controlled) = watch::channel(Control {
            links: Ways { to_server: link, to_client: link },
            resets: 0,
            half_closes: Ways::default(),
        });
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
        let counts = Arc::<Counts>::default();
        let (end, ended) = oneshot::channel();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let thread = thread::Builder::new().name("proxy".to_owned()).spawn({
            let counts = Arc::clone(&counts);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener).expect("a listener in a runtime");
                    tokio::select! {
                        () = accept(listener, server, controlled, counts) => {}
                        _ = ended => {}
                    }
                });
            }
        });
        Proxy { port, control, counts, end: Some(end), thread: Some(thread.expect("a thread")) }
    }

    /// Where clients connect to: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were accepted until now.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Passes everything on again, without delay and as fast as it can.
    pub fn pass(&self) {
        self.set(|control| {
            for link in control.links.both() {
                *link = Link { fate: Fate::Pass, latency: Duration::ZERO, bytes_per_second: None };
            }
        });
    }

    /// Decides what becomes of the bytes of one direction.
    pub fn fate(&self, direction: Direction, fate: Fate) {
        self.set(|control| control.links.get_mut(direction).fate = fate);
    }

    /// Accepts connections and passes on nothing in either direction, as behind a firewall that has forgotten them.
    pub fn black_hole(&self) {
        self.set(|control| control.links.both().into_iter().for_each(|link| link.fate = Fate::Hold));
    }

    /// Passes on each byte of a direction so much later.
    pub fn delay(&self, direction: Direction, latency: Duration) {
        self.set(|control| control.links.get_mut(direction).latency = latency);
    }

    /// Passes on so many bytes a second at most, in each direction of each connection.
    pub fn throttle(&self, bytes_per_second: u64) {
        self.set(|control| {
            for link in control.links.both() {
                link.bytes_per_second = Some(bytes_per_second.max(1));
            }
        });
    }

    /// Resets all connections that are open, at both of their ends.
    pub fn reset(&self) {
        self.set(|control| control.resets += 1);
    }

    /// Closes one direction of all connections that are open, as an end that has no more to say.
    pub fn half_close(&self, direction: Direction) {
        self.set(|control| *control.half_closes.get_mut(direction) += 1);
    }

    fn set(&self, change: impl FnOnce(&mut Control)) {
        self.control.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to fail with; a test that fails already must not fail twice.
            let _ = thread.join();
        }
    }
}
