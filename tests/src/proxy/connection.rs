//! The connections of a proxy, from their arrival to their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::pump::pump;
use super::{Control, Counts, Direction, Link, Ways};

/// Accepts connections until it is dropped.
pub(super) async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    control: watch::Receiver<Control>,
    counts: Arc<Counts>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = connections.join_next(), if !connections.is_empty() => continue,
        };
        // A client that has gone away between its arrival and here.
        let Ok((client, _)) = accepted else { continue };
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(Arc::clone(&counts));
        connections.spawn(connect(client, server, control.clone(), open));
    }
}

/// A connection that is counted as open until this is dropped.
struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Passes one connection on until it ends, at either side or because the test says so.
async fn connect(
    mut client: TcpStream,
    server: SocketAddr,
    mut control: watch::Receiver<Control>,
    _open: Open,
) {
    let Control { resets, half_closes, .. } = *control.borrow_and_update();
    let connected = TcpStream::connect(server).await;
    let Ok(mut server) = connected else {
        let _ = client.set_zero_linger();
        return;
    };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let way = |direction| Way { control: control.clone(), direction, half_closes };
    let (there, back) = (way(Direction::ToServer), way(Direction::ToClient));
    let ended = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let both = async {
            tokio::try_join!(pump(from_client, to_server, there), pump(from_server, to_client, back))
        };
        tokio::select! {
            ended = both => ended.is_ok(),
            _ = control.wait_for(|now| now.resets != resets) => false,
        }
    };
    if !ended {
        // What one end does to a connection, the other one sees.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// One direction of one connection, and what the test says about it.
pub(super) struct Way {
    control: watch::Receiver<Control>,
    direction: Direction,
    /// The numbers at the connection's start.
    half_closes: Ways<u64>,
}

impl Way {
    pub(super) fn link(&mut self) -> Link {
        self.control.borrow_and_update().links.get(self.direction)
    }

    /// Returns at the next change.
    pub(super) async fn changed(&mut self) {
        if self.control.changed().await.is_err() {
            // The guard is gone, and this is about to be dropped.
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the direction is to be closed.
    pub(super) async fn closed(&mut self) {
        let (direction, half_closes) = (self.direction, self.half_closes.get(self.direction));
        let is_closed = |now: &Control| now.half_closes.get(direction) != half_closes;
        let gone = self.control.wait_for(is_closed).await.is_err();
        if gone {
            std::future::pending::<()>().await;
        }
    }
}

impl Clone for Way {
    fn clone(&self) -> Self {
        Way { control: self.control.clone(), direction: self.direction, half_closes: self.half_closes }
    }
}
