//! A port that stays ours while nobody listens on it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A loopback port that was free, and that no other process gets as long as this lives.
///
/// Whoever is told the number may listen on it, since a server allows the address to be reused, and may stop and
/// listen again. In between, the system hands the port to nobody else: neither to another server, nor as the own port of a
/// client that tries to reconnect to it, which would then be connected to itself.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux lets another socket listen")
    )]
    _held: Option<TcpSocket>,
}

impl ReservedPort {
    /// Takes a free port.
    ///
    /// # Panics
    /// If there is none.
    #[expect(clippy::new_without_default, reason = "a port is taken from the system")]
    pub fn new() -> Self {
        let reserve = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            Ok::<_, std::io::Error>((socket.local_addr()?.port(), socket))
        };
        let (port, socket) = reserve().expect("a free port");
        // Elsewhere a bound socket keeps everyone from listening: there the port is only likely to stay free.
        ReservedPort { port, _held: cfg!(target_os = "linux").then_some(socket) }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_reserved_port_can_be_listened_on_again_and_again() {
        let port = ReservedPort::new();
        for _ in 0..3 {
            assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).is_err(), "nobody listens");
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
            let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).unwrap();
            drop((listener.accept().unwrap(), client));
        }
    }

    #[test]
    fn each_is_another_one() {
        let ports: Vec<_> = (0..100).map(|_| ReservedPort::new()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(ReservedPort::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
    }
}
