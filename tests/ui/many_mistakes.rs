use nats_rpc::Context;

// All mistakes are reported in one run.
#[nats_rpc::service(nam = "greeter", version = "one")]
unsafe trait Greeter {
    const NAME: u8;
    #[rpc(oneway, idempotnt)]
    async fn log<T>(self, line: T, cx: Context) -> u8;
    fn wait(&mut self, (a, b): (u8, Option<&str>), c: &'static mut u8) -> &str;
    async fn hello(&self, name: &str) -> String;
}

fn main() {}
