//! A client that does what no client library would: it says what it likes, and need not read what
//! it is told.

use rmpv::Value;
use tests::NatsServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::bed::soon;

/// An hour, in milliseconds.
pub(super) const HOUR: u64 = 3_600_000;

pub(super) struct Raw(BufReader<TcpStream>);

/// What came for a subscription.
pub(super) struct Came {
    pub(super) subject: String,
    pub(super) reply: Option<String>,
    pub(super) payload: Vec<u8>,
}

impl Raw {
    /// Connects as a user, whose password is its name. The system keeps little of what it does not
    /// read.
    pub(super) async fn connect(server: &NatsServer, user: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let address = format!("127.0.0.1:{}", server.client_port()).parse().unwrap();
        let mut raw = Raw(BufReader::new(socket.connect(address).await.unwrap()));
        let connect = format!(
            r#"CONNECT {{"user":"{user}","pass":"{user}","headers":true,"no_responders":true,"verbose":false}}"#
        );
        raw.write(format!("{connect}\r\n").as_bytes()).await;
        raw
    }

    async fn write(&mut self, bytes: &[u8]) {
        soon(self.0.get_mut().write_all(bytes)).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, subject: &str) {
        self.write(format!("SUB {subject} 1\r\n").as_bytes()).await;
    }

    /// Waits until the NATS server has taken what was sent before. Nothing must have come until
    /// then.
    pub(super) async fn settle(&mut self) {
        self.write(b"PING\r\n").await;
        let mut line = String::new();
        while line != "PONG\r\n" {
            line.clear();
            assert_ne!(soon(self.0.read_line(&mut line)).await.unwrap(), 0, "the connection was closed");
        }
    }

    pub(super) async fn publish(&mut self, subject: &str, reply: &str, payload: &[u8]) {
        let head = format!("PUB {subject} {reply} {}\r\n", payload.len());
        self.write(&[head.as_bytes(), payload, b"\r\n"].concat()).await;
    }

    /// The same with headers, which end with an empty line.
    pub(super) async fn publish_with(&mut self, subject: &str, reply: &str, headers: &str, payload: &[u8]) {
        let size = headers.len();
        let head = format!("HPUB {subject} {reply} {size} {}\r\n", size + payload.len());
        self.write(&[head.as_bytes(), headers.as_bytes(), payload, b"\r\n"].concat()).await;
    }

    /// Reads the next message.
    pub(super) async fn next(&mut self) -> Came {
        loop {
            let mut line = String::new();
            assert_ne!(soon(self.0.read_line(&mut line)).await.unwrap(), 0, "the connection was closed");
            let words: Vec<&str> = line.split_whitespace().collect();
            let size = |word: &str| word.parse::<usize>().unwrap();
            match *words.as_slice() {
                ["MSG" | "HMSG", subject, _, .., length] => {
                    let is_headed = words[0] == "HMSG";
                    let head = if is_headed { size(words[words.len() - 2]) } else { 0 };
                    let count = words.len() - if is_headed { 2 } else { 1 };
                    let reply = (count > 3).then(|| words[3].to_owned());
                    let mut payload = vec![0; size(length) + 2];
                    soon(self.0.read_exact(&mut payload)).await.unwrap();
                    payload.truncate(size(length));
                    return Came { subject: subject.to_owned(), reply, payload: payload.split_off(head) };
                }
                ["PING"] => self.write(b"PONG\r\n").await,
                ["-ERR", ..] => panic!("{line}"),
                _ => {}
            }
        }
    }
}

/// The frame of a call without arguments that may take an hour. One with credit opens a stream.
pub(super) fn call(number: u64, credit: Option<u32>) -> Value {
    let credit = credit.map_or(Value::Nil, |most| Value::Array(vec![most.into(), most.into()]));
    let (nil, args) = (Value::Nil, Value::Binary(vec![0x80]));
    Value::Array(vec![1.into(), id(number), 0.into(), HOUR.into(), nil.clone(), 1.into(), nil, credit, args])
}

pub(super) fn id(number: u64) -> Value {
    Value::Binary(number.to_be_bytes().into())
}

pub(super) fn heartbeat() -> Value {
    Value::Array(vec![9.into()])
}

pub(super) fn message(frames: impl IntoIterator<Item = Value>) -> Vec<u8> {
    let mut bytes = vec![0xC1, 0x01];
    frames.into_iter().for_each(|frame| rmpv::encode::write_value(&mut bytes, &frame).unwrap());
    bytes
}

pub(super) fn frames(payload: &[u8]) -> Vec<Value> {
    let mut rest = payload.get(2..).unwrap_or_default();
    std::iter::from_fn(|| if rest.is_empty() { None } else { rmpv::decode::read_value(&mut rest).ok() })
        .collect()
}
