//! What a service is to the runtime: its description, and a handler for each method.

mod descriptor;
mod item_result;
mod method;
mod method_result;
mod passage;
mod raw_call;
mod registry;
mod streaming;

pub use self::descriptor::ServiceDescriptor;
pub use self::item_result::ItemResult;
pub use self::method::{Method, MethodKind, Parameter};
pub use self::method_result::MethodResult;
pub(crate) use self::passage::Passage;
pub(crate) use self::raw_call::Destination;
pub use self::raw_call::RawCall;
pub use self::registry::MethodRegistry;
pub(crate) use self::registry::{Handler, HandlerFuture};
pub use self::streaming::Incoming;
pub(crate) use self::streaming::{Port, PortSettings};

use crate::contract::{Contract, Role};

/// A service that a [`Server`](crate::Server) can run.
///
/// `#[nats_rpc::service]` implements it on the server type that it generates; by hand it is written for services whose
/// methods are not known as a trait.
///
/// ```
/// use nats_rpc::{Method, MethodRegistry, RawCall, Service, ServiceDescriptor};
///
/// struct Echo;
///
/// const METHODS: &[Method] = &[Method::unary("say")];
/// static ECHO: ServiceDescriptor = ServiceDescriptor::new("echo", METHODS);
///
/// impl Service for Echo {
///     fn descriptor(&self) -> &'static ServiceDescriptor {
///         &ECHO
///     }
///
///     fn register(&self, registry: &mut MethodRegistry) {
///         registry.method("say", |call: RawCall| async move {
///             let words: Vec<String> = call.decode()?;
///             call.reply(words.join(" "))
///         });
///     }
/// }
/// ```
pub trait Service: Send + Sync + 'static {
    /// What the service is called and which methods it has.
    fn descriptor(&self) -> &'static ServiceDescriptor;

    /// Registers a handler for each method of the descriptor.
    fn register(&self, registry: &mut MethodRegistry);

    /// The values that it serves of the parameters in its subject, by their names. Of a parameter that is not named, it serves
    /// all values.
    fn subject_values(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What the service promises on the wire, as a server sees it: what is published. Unless it is overridden, as
    /// `#[service(schema)]` does, it holds names only.
    fn contract(&self) -> Contract {
        Contract::from_descriptor(self.descriptor(), Role::Server)
    }
}

/// A generated client of a service: what every stub has beside its methods, out of their way.
///
/// ```
/// use nats_rpc::{Client, ServiceClient, memory::Broker};
///
/// #[nats_rpc::service(version = "1.2.0")]
/// trait Greeter {
///     async fn hello(&self, name: &str) -> String;
/// }
///
/// fn stub<C: ServiceClient>(client: &Client) -> Result<C, nats_rpc::Error> {
///     println!("{} {}", C::descriptor().name(), C::descriptor().version());
///     C::from_client(client.clone(), &[])
/// }
///
/// # fn main() -> Result<(), nats_rpc::Error> {
/// let greeter: GreeterClient = stub(&Broker::new().connect().into())?;
/// assert_eq!(greeter.client().in_flight(), 0);
/// # Ok(()) }
/// ```
pub trait ServiceClient: Sized {
    /// The service's stub on this client, with the values of the parameters in the service's subject, in their order.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if there are not as many values as parameters, or if one cannot be
    /// a token of a subject.
    fn from_client(client: crate::Client, subject_values: &[&str]) -> Result<Self, crate::Error>;

    /// The client that the stub calls through.
    fn client(&self) -> &crate::Client;

    /// What the service is called and which methods it has.
    fn descriptor() -> &'static ServiceDescriptor;

    /// What the service promises on the wire by its trait, as this side sees it. Unless it is overridden, as
    /// `#[service(schema)]` does, it holds names only.
    fn contract(role: Role) -> Contract {
        Contract::from_descriptor(Self::descriptor(), role)
    }
}
