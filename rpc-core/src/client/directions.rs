//! Calls that go elsewhere than to whoever serves their method: to one instance, to all of them, or to JetStream.

use std::fmt;

use super::call::Call;
use super::gather::Gather;
#[cfg(feature = "jetstream")]
use super::jobs::Submission;
use super::stub::Recipient;

impl<T, E> Call<T, E> {
    /// Sends the call to this very instance, whatever others there are. If it is not there any more, the call fails at once
    /// as [`NoResponders`](crate::ErrorKind::NoResponders).
    ///
    /// ```
    /// # #[nats_rpc::service]
    /// # trait Greeter {
    /// #     async fn hello(&self, name: &str) -> String;
    /// # }
    /// # struct English;
    /// # impl Greeter for English {
    /// #     async fn hello(&self, name: &str) -> String { format!("Hello, {name}!") }
    /// # }
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let nats = nats_rpc::memory::Broker::new().connect();
    /// # let server = nats_rpc::Server::builder(&nats).add(GreeterServer::new(English)).start().await?;
    /// let greeter = GreeterClient::new(&nats);
    /// let first = greeter.hello("Ann").detailed().await?;
    /// let same = greeter.hello("Ann").at(first.instance().unwrap()).detailed().await?;
    /// assert_eq!(first.instance(), same.instance());
    /// # server.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn at(mut self, instance: impl AsRef<str>) -> Self {
        self.outgoing.set_recipient(Recipient::Instance(instance.as_ref().into()));
        self
    }

    /// Sends the call to every instance, also where one of them would execute it else, and yields what each of them answers, as it
    /// comes; see [`Gather`].
    ///
    /// ```
    /// # #[nats_rpc::service]
    /// # trait Cache {
    /// #     async fn size(&self) -> u64;
    /// # }
    /// # struct Empty;
    /// # impl Cache for Empty {
    /// #     async fn size(&self) -> u64 { 0 }
    /// # }
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let nats = nats_rpc::memory::Broker::new().connect();
    /// # let server = nats_rpc::Server::builder(&nats).add(CacheServer::new(Empty)).start().await?;
    /// let sizes = CacheClient::new(&nats).size().gather().expecting_all().collect_map().await?;
    /// println!("{} instances have {sizes:?}", sizes.len());
    /// # server.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// What layers of the client do with the call, they do before it is sent; the answers do not come by them. A
    /// [plain](crate::ClientBuilder::plain) client sends the call to the subject of the method itself, and gathers what comes back: from
    /// services that have no queue group.
    pub fn gather(mut self) -> Gather<T, E> {
        Gather::new(self.outgoing, self.attempts.take_built(), self.returns, self.parent, self.watch)
    }

    /// Submits the call to be executed later, by a server that may not even run at the moment: JetStream keeps it until it was
    /// executed. The method has to be marked `#[rpc(durable)]`. See [`jobs`](crate::jobs).
    #[cfg(feature = "jetstream")]
    pub fn submit(mut self) -> Submission<T, E> {
        Submission::new(self.outgoing, self.attempts.take_built(), self.returns, self.watch)
    }

    /// Chooses the values of the parameters in the method's subject.
    pub(super) fn to(mut self, values: &[&dyn fmt::Display]) -> Self {
        self.outgoing.set_values(values.iter().map(ToString::to_string).collect());
        self
    }

    /// Sends a oneway call to every instance.
    pub(super) fn broadcast(mut self) -> Self {
        self.outgoing.set_recipient(Recipient::Everybody);
        self
    }
}
