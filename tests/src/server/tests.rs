//! What clients see of a server that is started, frozen, killed and started again.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};

use super::*;

/// A raw connection that has read the server's greeting.
struct Client {
    stream: BufReader<TcpStream>,
    info: serde_json::Value,
}

impl Client {
    fn connect(server: &NatsServer) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", server.client_port())).unwrap();
        stream.set_read_timeout(Some(START_LIMIT)).unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let info = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
        Client { stream, info }
    }

    /// The next line, empty at the end of the connection.
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(String::new()),
            result => result.map(|_| line),
        }
    }
}

#[test]
fn each_server_has_its_own_port_and_directory() {
    let (one, other) = (NatsServer::start(), NatsServer::start());
    assert_ne!(one.client_port(), other.client_port());
    assert_ne!(one.directory(), other.directory());
    assert_eq!(one.url(), format!("nats://127.0.0.1:{}", one.client_port()));
}

#[test]
fn a_server_is_what_was_asked_for() {
    let plain = NatsServer::start();
    let info = Client::connect(&plain).info;
    assert_eq!(info["max_payload"], 1024 * 1024);
    assert_eq!(info["jetstream"], serde_json::Value::Null);

    let special = NatsServer::builder()
        .version(Version::Oldest)
        .jetstream()
        .max_payload(4096)
        .config("server_name: special")
        .start();
    let info = Client::connect(&special).info;
    assert_eq!(info["jetstream"], true);
    assert_eq!(info["max_payload"], 4096);
    assert_eq!(info["server_name"], "special");
    if std::env::var_os("NATS_SERVER_OLDEST").is_none() {
        assert_eq!(info["version"], Version::Oldest.number());
    }
}

#[test]
fn a_dropped_server_is_gone_with_its_directory() {
    let server = NatsServer::start();
    let mut client = Client::connect(&server);
    let directory = server.directory().to_owned();
    drop(server);
    assert_eq!(client.line().unwrap(), "");
    assert!(!directory.exists());
}

#[test]
fn a_killed_server_is_gone_and_its_log_is_still_there() {
    let mut server = NatsServer::start();
    let mut client = Client::connect(&server);
    server.kill();
    assert_eq!(client.line().unwrap(), "");
    assert!(server.log().contains("Server is ready"));
}

#[test]
fn a_restarted_server_is_on_its_port_and_what_it_was() {
    let mut server = NatsServer::builder().max_payload(4096).start();
    let (url, process) = (server.url().to_owned(), server.process_id());
    for _ in 0..3 {
        let mut client = Client::connect(&server);
        server.restart();
        assert_eq!(client.line().unwrap(), "", "who was connected is not any more");
        assert_eq!(Client::connect(&server).info["max_payload"], 4096);
    }
    server.kill();
    assert!(TcpStream::connect(("127.0.0.1", server.client_port())).is_err());
    server.restart();
    assert_eq!(server.url(), url);
    assert_ne!(server.process_id(), process);
    assert_eq!(server.log().matches("Server is ready").count(), 5, "the log goes on");
}

#[test]
fn a_lame_duck_says_so_and_ends() {
    let mut server =
        NatsServer::builder().config("lame_duck_duration: 30s, lame_duck_grace_period: 100ms").start();
    let mut client = Client::connect(&server);
    client.stream.get_mut().write_all(b"CONNECT {\"verbose\":false,\"protocol\":1}\r\nPING\r\n").unwrap();
    while client.line().unwrap() != "PONG\r\n" {}
    server.lame_duck();
    let news = std::iter::from_fn(|| client.line().ok());
    assert!(news.take(10).any(|line| line.contains("\"ldm\":true")));
    assert!(server.wait(START_LIMIT).unwrap().success());
}

#[test]
fn a_paused_server_answers_after_it_is_resumed() {
    let server = NatsServer::start();
    let mut client = Client::connect(&server);
    server.pause();
    client.stream.get_mut().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    client.stream.get_mut().write_all(b"PING\r\n").unwrap();
    let silence = client.line().unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut));

    server.resume();
    client.stream.get_mut().set_read_timeout(Some(START_LIMIT)).unwrap();
    assert_eq!(client.line().unwrap(), "PONG\r\n");
}

#[test]
#[should_panic(expected = "ended while starting, exit status: 1, its log:\nnats-server: Parse error")]
fn a_server_that_does_not_start_shows_its_log() {
    NatsServer::builder().config("nonsense: {").start();
}
