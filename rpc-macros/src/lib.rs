//! The attribute `#[service]` of [nats-rpc](https://docs.rs/nats-rpc), which re-exports it: do not depend on this
//! package itself.

// In the order in which a trait passes through them.
mod pipeline;
mod errors;
mod args;
mod attributes;
mod types;
mod names;
mod semver;
mod subject;
mod model;
mod lower;
mod validate;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a trait an RPC service: the trait is what a server implements and what a client calls.
///
/// ```ignore
/// use nats_rpc::Context;
///
/// /// Says hello, and does sums.
/// #[nats_rpc::service]
/// pub trait Greeter {
///     /// Says hello.
///     async fn hello(&self, name: &str) -> String;
///     /// Divides, if it can.
///     async fn divide(&self, cx: &Context, a: f64, b: f64) -> Result<f64, MathError>;
///     /// Keeps a line, and lets nobody wait for that.
///     #[rpc(oneway)]
///     async fn log(&self, line: &str);
/// }
/// ```
///
/// Next to the trait this makes two types, with its visibility:
///
/// * **`GreeterClient`** has `new`, `clone` and the methods of the trait. A method takes the same arguments, except for
///   the context, and returns a `Call<T, E>`: a future that does nothing until it is polled, borrows nothing, and gives
///   `Result<T, CallError<E>>`. What else a client has is on the trait `ServiceClient`.
/// * **`GreeterServer<S>`** wraps an implementation with `new(S)` or `from_arc(Arc<S>)`, and is what a `Server` runs.
///
/// Values in the subject of a service make both of them choose, see [Subjects](#subjects).
///
/// # The trait
///
/// What is written is what is implemented: an `impl` has the same `async fn`s. The macro only asks that their futures
/// are `Send`, and the implementation `Send + Sync + 'static`, so that calls can run on all threads.
///
/// Methods may have a default body. Documentation, `#[cfg]`, `#[deprecated]`, `#[allow]` and attributes of other macros
/// work as they do on any trait; the first four apply to the client's method as well. The first paragraphs of the
/// documentation of the trait and of its methods become their descriptions.
///
/// A trait may be generic over types, such as `trait Cache<K: Key, V: Value>`, and then has to be given a `name`, since
/// instances for different types are different services. What travels needs bounds:
/// `trait Key: Serialize + DeserializeOwned + Send + Sync + 'static {}`.
///
/// # Arguments
///
/// Arguments travel under the names of their parameters, and can be read by any client that sends a map, in MessagePack
/// or JSON.
///
/// | parameter | travels as | the server lends or gives |
/// |---|---|---|
/// | `T` | `T` | the decoded value |
/// | `&str` | text | what the message holds, without a copy where it can |
/// | `&[T]` | `Vec<T>` | a slice of the decoded list |
/// | `&T` | `T` | a reference to the decoded value |
/// | `&[u8]`, `Vec<u8>`, `Bytes`, also `&` and `Option` of the last two | bytes: `bin` in MessagePack, base64 in JSON | likewise |
///
/// The client only borrows a reference while it encodes it, and never clones. A type named `Bytes` is taken for
/// `bytes::Bytes`. References inside a type, as in `Option<&str>`, are not possible: write `Option<String>`.
///
/// A first parameter of type `&Context` is not an argument: it tells the server about the call.
///
/// A parameter may have the options `default`, `rename`, `alias`, `with`, `serialize_with` and `deserialize_with` of
/// serde, as in `#[serde(default)] limit: u32`, with which a service can change while its clients do not. A function
/// that deserializes, or a default, makes what the parameter travels as: a `String` for `&str`, a `Vec<T>` for `&[T]`.
///
/// # Subjects
///
/// The subjects of a service and of its methods may have values in them, by which NATS routes calls, and by which
/// permissions and other programs tell them apart:
///
/// ```ignore
/// #[nats_rpc::service(subject = "orders.{region}")]
/// pub trait Orders {
///     /// Has the subject `orders.eu.get.17`, and an empty body.
///     #[rpc(subject = "get.{id}")]
///     async fn get(&self, cx: &Context, id: u64) -> Option<Order>;
/// }
///
/// let server = Server::builder(&nats).add(OrdersServer::new(shop).with_region("eu")).start().await?;
/// let order = OrdersClient::new(&nats, "eu")?.get(17).await?;
/// ```
///
/// * **A value in the subject of the service**, `{region}`, belongs to the client: `new` takes a `&str` for each, in order,
///   and returns `Result<Self, Error>`, which is `InvalidArgument` if one of them cannot be in a subject. A server serves
///   all values, or the one that is chosen with `with_region`. A handler reads it with `cx.subject_value("region")`.
/// * **A value in the subject of a method**, `{id}`, is the argument of that name. It travels there and not in the body. It
///   is `&str`, or an owned or lent type that implements `Display`, for the client, and `FromStr` with an `Err` that
///   implements `Display`, for the server. A value that cannot be read is answered with `InvalidArgument`, and no handler
///   runs.
///
/// A value is one token, as every name is, see below: text that is empty or has dots, spaces or wildcards in it is refused
/// before anything is sent, and so is `1.5`.
///
/// # Results
///
/// A return type whose last segment is `Result` is fallible. It may be an alias, such as
/// `type Result<T> = std::result::Result<T, MathError>`. Its error is the service's own, implements `Serialize`,
/// `DeserializeOwned` and `Display`, and reaches the caller as `CallError::Service(error)`. A method with any other
/// return type cannot fail in the handler, and the error of its calls is `Infallible`.
///
/// # Streams
///
/// A method may stream its results, take a stream of its caller's, or do both:
///
/// ```ignore
/// use futures_util::Stream;
/// use nats_rpc::Incoming;
///
/// #[nats_rpc::service]
/// pub trait Files {
///     /// Cannot fail while it is opened, which takes no time.
///     fn watch(&self, prefix: &str) -> impl Stream<Item = Result<Event, FileError>>;
///     /// Can fail while it is opened, and not later.
///     async fn list(&self, prefix: &str) -> Result<impl Stream<Item = String>, FileError>;
///     /// Takes what its caller streams, and answers once.
///     async fn upload(&self, name: &str, chunks: Incoming<Bytes>) -> Result<u64, FileError>;
///     /// Streams in both directions.
///     fn convert(&self, to: Format, chunks: Incoming<Bytes>) -> impl Stream<Item = Result<Bytes, FileError>>;
/// }
///
/// let mut events = files.watch("logs/").await?;
/// while let Some(event) = events.next().await {
///     println!("{:?}", event?);
/// }
/// let bytes = files.upload("today", chunks).await?;
/// ```
///
/// * **What a method streams** is `impl Stream<Item = T>`, or the same of `Result<T, E>` if it can fail while it goes
///   on. It is returned by a `fn`, or, if opening it takes time or can fail, by an `async fn` in a `Result`. Then one
///   `E` is the error of both. The client's method returns a `StreamingCall<T, E>`, a future of the stream of
///   `Result<T, CallError<E>>`.
/// * **What a caller streams** is the last parameter, of type `Incoming<T>`: for the server a stream of
///   `Result<T, Error>`. The client's method takes `impl Stream<Item = T> + Send + 'static` in its place. If the method
///   answers once, it returns a `ClientStreamingCall<T, E>`, a future of `Result<T, CallError<E>>`.
///
/// Items travel like results: `Bytes` and `Vec<u8>`, also in `Option`, as bytes. A stream may borrow from `self`, from
/// the context and from the arguments; like futures, it has to be `Send`. Implementations may write
/// `impl Stream<Item = T>` without saying so.
///
/// # Options of a service
///
/// | `#[service(…)]` | means | if absent |
/// |---|---|---|
/// | `name = "greeter"` | the service's name | the trait's name in snake case |
/// | `subject = "demo.{town}"` | the subject that the methods' subjects start with, of one or more tokens, each of which is a literal or a place for a value | the name |
/// | `version = "1.2.3"` | the version that discovery shows, after semver.org | that of the crate |
/// | `schema` | the contract describes all that travels with JSON Schema, and is published: each type has to implement `JsonSchema` of `schemars`; needs the feature `schema` | it holds names only |
/// | `crate = ::path` | where the runtime is, for those who rename or re-export it | `::nats_rpc` |
///
/// Names, and each token of a subject, whether it is a literal or a value, are 1 to 64 of the characters `A-Z`, `a-z`,
/// `0-9`, `_` and `-`, and do not start with `_`.
///
/// # Options of a method
///
/// | `#[rpc(…)]` | means |
/// |---|---|
/// | `name = "say-hello"` | the name on the wire, instead of the method's |
/// | `subject = "hello.{name}"` | what the subject has behind that of the service, instead of the name: tokens, of which all but the first may be places for arguments |
/// | `idempotent` | it may be executed twice without harm, and so be sent again when an attempt has failed |
/// | `oneway` | nobody waits for it: the client's method returns a `Cast`. It returns nothing; its `timeout` bounds the handler |
/// | `broadcast` | every instance gets each call, whatever the queue group of its server. Unless it is `oneway`, its caller takes the first answer. Not for streams, which one instance has |
/// | `durable` | its calls can be submitted as jobs, which JetStream keeps until an instance has executed them. Not for `oneway`, since a job has a result, nor `broadcast`, nor streams. Needs the feature `jetstream` |
/// | `spawn` | its handler always gets a task of its own, however cheap it seems |
/// | `no_cancel` | its handler runs to its end once it has begun, though its caller cancels the call or the deadline passes; `Context::cancelled` tells it. The calls that it makes have their own deadlines. Else it is dropped at its next `.await`. Of a `oneway` method, which has no caller to cancel it, this is about the deadline only. Not for methods that stream their results, since nobody would read them |
/// | `bare` | its only argument that is not in its subject is the whole message, instead of a field of a map; what a caller streams comes behind it |
/// | `coalesce = 1` | how many of its calls may share a message, whatever the client allows; with 1 each is a message of its own. Not for `oneway` and for streams, whose calls are that anyway |
/// | `timeout = "2s"` | how long a call waits unless it says otherwise: a whole number of `ms`, `s`, `m` or `h`, at most one hour. Of a method that streams, how long its opening may take |
///
/// # What is not accepted
///
/// Every mistake is reported in one run, at the token that it is about, with what to write instead. The trait itself,
/// and client and server with all other methods, are there nevertheless.
///
/// * **The trait**: is not `unsafe`, `auto` or generic over lifetimes or constants, and has no associated types,
///   constants or macros.
/// * **A method**: is an `async fn` with `&self`, or a `fn` if it returns `impl Stream`, without generics, lifetimes,
///   bounds, `unsafe` or an ABI; is not called `new` or `clone`, which the client has already; has a name of its own on
///   the wire, and a subject that no call to another method can have.
/// * **An argument**: has a plain name, which no other has; is not under `#[cfg]`; is not `&mut`, and has no lifetimes,
///   `impl Trait`, `dyn Trait`, `Self` or `_` in its type. A `bare` method has exactly one that is not in its subject. One
///   that is in the subject is no `Option`, list or bytes, and has no options of serde; none is called like a value in the
///   subject of the service.
/// * **A subject**: consists of tokens with dots between them, each a literal or a name in braces, which no other has. In
///   the subject of a service, names are identifiers and no keywords; in that of a method, they are those of arguments,
///   and the first token is a literal.
/// * **A result**: is owned, and has no `impl Trait`, `dyn Trait`, `Self` or `_` in its type, save for one stream.
/// * **A stream of results**: is all that a `fn` returns, or the value of the `Result` of an `async fn`, and nothing
///   else; it says its `Item`, for which the rules for results hold, and has no lifetime but `'static` among its
///   bounds. If opening it and its items can fail, they fail with one error. Its method is not `oneway`, `broadcast`,
///   `durable` or `no_cancel`, and has no `coalesce`.
/// * **A stream of the caller's**: is one `Incoming<T>`, by value, behind all arguments; the rules for results hold for
///   `T`. It is not in the subject, has no options of serde and is not under `#[cfg]`. Its method is not `oneway`,
///   `broadcast` or `durable`, and has no `coalesce`.
/// * **An attribute**: has known options only, each once, and `#[rpc]` is not under `cfg_attr`.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::run(options.into(), item.into()).into()
}
