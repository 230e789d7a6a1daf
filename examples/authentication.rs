//! A server that wants to know who calls, and clients that say so, without a word of it in the service.
//!
//! One layer at the server turns a header into a user, which handlers find beside the call; one layer at the client adds the
//! header. A token by itself is no security: who reads the subject reads the token. NATS' own users and TLS come first, see
//! `docs/security.md`.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example authentication`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use nats_rpc::middleware::{ClientRequest, ClientService, ServerService, from_fn};
use nats_rpc::{Client, Context, Error as RpcError, ErrorKind, RawCall, Server};

/// The header that carries the token.
const TOKEN: &str = "authorization";

#[nats_rpc::service]
trait Diary {
    /// What the caller has written.
    async fn read(&self, cx: &Context) -> String;
}

/// Who calls, as the layer found out.
struct User(&'static str);

struct Diaries;

impl Diary for Diaries {
    async fn read(&self, cx: &Context) -> String {
        match cx.extension::<User>() {
            Some(user) => format!("dear diary, yours {}", user.0),
            None => "nobody's diary is empty".to_owned(),
        }
    }
}

/// Whose token this is.
fn user_of(token: &str) -> Option<User> {
    match token {
        "Bearer 1234" => Some(User("Ann")),
        "Bearer 5678" => Some(User("Bob")),
        _ => None,
    }
}

/// Lets calls of known users pass.
async fn authenticate(call: RawCall, next: ServerService) -> Result<nats_rpc::Reply, RpcError> {
    let user = call.context().headers().get(TOKEN).and_then(user_of);
    let Some(user) = user else {
        return Err(RpcError::new(ErrorKind::Unauthenticated, "no token, or not one that is known"));
    };
    call.context().set_extension(user);
    next.run(call).await
}

/// A client whose calls carry a token.
fn client_of(nats: &nats_rpc::Connection, token: &'static str) -> Result<Client, RpcError> {
    let with_token = from_fn(move |mut request: ClientRequest, next: ClientService| {
        request.headers_mut().insert(TOKEN, token);
        next.run(request)
    });
    Client::builder(nats).layer(with_token).build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let server =
        Server::builder(&nats).layer(from_fn(authenticate)).add(DiaryServer::new(Diaries)).start().await?;

    for token in ["Bearer 1234", "Bearer 5678"] {
        println!("{}", DiaryClient::new(client_of(&nats, token)?).read().await?);
    }
    match DiaryClient::new(&nats).read().await.map_err(RpcError::from) {
        Ok(text) => println!("{text}"),
        Err(error) => println!("{error} ({})", error.execution()),
    }

    server.shutdown().await;
    Ok(())
}
