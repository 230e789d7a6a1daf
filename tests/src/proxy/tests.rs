//! What a client and a server see of each other through a proxy.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

/// The two ends of a connection through a proxy.
struct Ends {
    proxy: Proxy,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

fn ends() -> Ends {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port());
    let (client, server) = connect(&proxy, &listener);
    Ends { proxy, listener, client, server }
}

fn connect(proxy: &Proxy, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
    }
    (client, server)
}

/// Sends a line, and waits for it at the other end.
fn pass(from: &mut TcpStream, to: &mut TcpStream) -> Duration {
    let started = Instant::now();
    from.write_all(b"line\n").unwrap();
    let mut line = [0; 5];
    to.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"line\n");
    started.elapsed()
}

/// Whether an end hears nothing for a while.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let silent = stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    silent
}

fn is_reset(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[test]
fn what_one_end_says_the_other_hears_and_connections_are_counted() {
    let Ends { proxy, listener, mut client, mut server } = ends();
    pass(&mut client, &mut server);
    pass(&mut server, &mut client);
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    let second = connect(&proxy, &listener);
    assert_eq!((proxy.accepted(), proxy.open()), (2, 2));
    drop(second);
    let started = Instant::now();
    while proxy.open() > 1 {
        assert!(started.elapsed() < LIMIT, "a connection that both ends have closed is closed");
        thread::yield_now();
    }
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn the_end_of_one_direction_is_passed_on_and_the_other_goes_on() {
    let Ends { mut client, mut server, proxy, .. } = ends();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    pass(&mut server, &mut client);
    drop(proxy);
}

#[test]
fn a_black_hole_holds_everything_and_loses_nothing() {
    let Ends { proxy, listener, mut client, mut server } = ends();
    proxy.black_hole();
    client.write_all(b"there").unwrap();
    server.write_all(b"back").unwrap();
    assert!(is_silent(&mut server) && is_silent(&mut client));
    let (mut second, mut its_server) = connect(&proxy, &listener);
    second.write_all(b"anyone?").unwrap();
    assert!(is_silent(&mut its_server), "new connections are swallowed too");
    proxy.pass();
    let mut heard = [0; 5];
    server.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"there");
    client.read_exact(&mut heard[..4]).unwrap();
    assert_eq!(&heard[..4], b"back");
    its_server.read_exact(&mut heard).unwrap();
}

#[test]
fn a_direction_can_be_held_alone() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.fate(Direction::ToClient, Fate::Hold);
    pass(&mut client, &mut server);
    server.write_all(b"x").unwrap();
    assert!(is_silent(&mut client));
}

#[test]
fn what_is_lost_is_lost_and_no_byte_follows_it() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.fate(Direction::ToClient, Fate::Lose);
    server.write_all(b"lost").unwrap();
    assert!(is_silent(&mut client));
    pass(&mut client, &mut server);
    proxy.pass();
    server.write_all(b"more").unwrap();
    assert!(is_reset(&mut client), "a stream does not go on behind a hole");
}

#[test]
fn latency_is_added_to_each_direction_alone() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.delay(Direction::ToServer, Duration::from_millis(150));
    assert!(pass(&mut client, &mut server) >= Duration::from_millis(150));
    proxy.delay(Direction::ToServer, Duration::ZERO);
    proxy.delay(Direction::ToClient, Duration::from_millis(80));
    assert!(pass(&mut server, &mut client) >= Duration::from_millis(80));
}

#[test]
fn latency_delays_and_does_not_hold_up() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.delay(Direction::ToServer, Duration::from_millis(200));
    let started = Instant::now();
    for _ in 0..20 {
        client.write_all(b"0123456789").unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    server.read_exact(&mut [0; 200]).unwrap();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "twenty times 200 ms would be 4 s: {took:?}");
}

#[test]
fn a_throttled_connection_takes_its_time() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.throttle(20_000);
    let started = Instant::now();
    client.write_all(&[7; 10_000]).unwrap();
    server.read_exact(&mut [0; 10_000]).unwrap();
    // The last piece is there before its time is over.
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}

#[test]
fn a_reset_is_seen_at_both_ends_and_new_connections_are_not_touched() {
    let Ends { proxy, listener, mut client, mut server } = ends();
    pass(&mut client, &mut server);
    proxy.reset();
    assert!(is_reset(&mut client) && is_reset(&mut server));
    let (mut client, mut server) = connect(&proxy, &listener);
    pass(&mut client, &mut server);
}

#[test]
fn a_half_close_ends_one_direction() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    proxy.half_close(Direction::ToClient);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    pass(&mut client, &mut server);
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0, "the other end is still passed on");
}

#[test]
fn without_a_server_a_connection_is_reset() {
    let Ends { proxy, listener, .. } = ends();
    drop(listener);
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    assert!(is_reset(&mut client));
}

#[test]
fn a_dropped_proxy_ends_its_connections() {
    let Ends { proxy, mut client, mut server, .. } = ends();
    pass(&mut client, &mut server);
    let port = proxy.port();
    drop(proxy);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}
