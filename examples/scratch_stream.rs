use bytes::Bytes;
use futures::{StreamExt, stream};
use nats_rpc::__private::{Items, NoArgs, Returns, Stub};
use nats_rpc::*;
use std::time::{Duration, Instant};

static D: ServiceDescriptor = ServiceDescriptor::new(
    "nums",
    &[
        Method::server_streaming("up"),
        Method::client_streaming("sum"),
        Method::bidi_streaming("double"),
        Method::server_streaming("blob"),
    ],
);
struct Nums;
impl Service for Nums {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &D
    }
    fn register(&self, r: &mut MethodRegistry) {
        r.method("up", |call: RawCall| async move {
            let n: u64 = call.context().headers().get("n").unwrap().parse().unwrap();
            call.stream(stream::iter(0..n)).await
        });
        r.method("blob", |call: RawCall| async move {
            let n: usize = call.context().headers().get("n").unwrap().parse().unwrap();
            let size: usize = call.context().headers().get("size").unwrap().parse().unwrap();
            let b = Bytes::from(vec![7u8; size]);
            call.stream_bytes(stream::iter(0..n).map(|_| b.clone())).await
        });
        r.method("sum", |call: RawCall| async move {
            let mut items = call.incoming::<u64>()?;
            let mut sum = 0u64;
            while let Some(i) = items.next().await {
                sum += i?;
            }
            call.reply(sum)
        });
        r.method("double", |call: RawCall| async move {
            let items = call.incoming::<u64>()?;
            call.stream(items.map(|i| i.unwrap() * 2)).await
        });
    }
}
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("NATS_URL").ok();
    let (a, b) = match &url {
        Some(url) => (connect(url.as_str()).await?, connect(url.as_str()).await?),
        None => {
            let x = memory::Broker::new();
            (x.connect(), x.connect())
        }
    };
    let server = Server::builder(&a).add(Nums).start().await?;
    let stub = Stub::new(Client::from(&b), &D);
    let t = Instant::now();
    let mut s = stub
        .open(0, &NoArgs {}, Returns::<u64, std::convert::Infallible>::infallible())
        .header("n", "3")
        .await?;
    println!("opened in {:?} {:?}", t.elapsed(), s);
    while let Some(i) = s.next().await {
        println!("{}", i?);
    }
    let t = Instant::now();
    for _ in 0..1000 {
        let s = stub
            .open(0, &NoArgs {}, Returns::<u64, std::convert::Infallible>::infallible())
            .header("n", "3")
            .await?;
        drop(s);
    }
    println!("open+drop {:?} each", t.elapsed() / 1000);
    let r = stub
        .upload(
            1,
            &NoArgs {},
            Returns::<u64, std::convert::Infallible>::infallible(),
            Items::new(stream::iter(1..=100u64)),
        )
        .await?;
    println!("sum {r}");
    let t = Instant::now();
    let r = stub
        .upload(
            1,
            &NoArgs {},
            Returns::<u64, std::convert::Infallible>::infallible(),
            Items::new(stream::iter(1..=1_000_000u64)),
        )
        .await?;
    println!("sum {r} {:?}", 1e6 / t.elapsed().as_secs_f64());
    let mut s = stub
        .open(2, &NoArgs {}, Returns::<u64, std::convert::Infallible>::infallible())
        .with_items(Items::new(stream::iter(1..=5u64)))
        .await?;
    while let Some(i) = s.next().await {
        print!("{} ", i?);
    }
    println!();
    for _ in 0..3 {
        let t = Instant::now();
        let mut s = stub
            .open(0, &NoArgs {}, Returns::<u64, std::convert::Infallible>::infallible())
            .header("n", "3000000")
            .await?;
        let mut n = 0u64;
        while let Some(i) = s.next().await {
            assert_eq!(i?, n);
            n += 1;
        }
        println!("{n} items, {:.0}/s", n as f64 / t.elapsed().as_secs_f64());
    }
    for size in [64 * 1024usize, 512 * 1024] {
        let total = 1024usize * 1024 * 1024;
        let t = Instant::now();
        let mut s = stub
            .open(3, &NoArgs {}, Returns::<Bytes, std::convert::Infallible>::infallible_bytes())
            .header("n", (total / size).to_string())
            .header("size", size.to_string())
            .await?;
        let mut n = 0;
        while let Some(i) = s.next().await {
            n += i?.len();
        }
        println!("{size}: {:.0} MiB/s", n as f64 / 1048576.0 / t.elapsed().as_secs_f64());
    }
    println!("{:?}", server.counters());
    let t = Instant::now();
    let mut s = stub
        .open(0, &NoArgs {}, Returns::<u64, std::convert::Infallible>::infallible())
        .header("n", "3000000")
        .await?;
    s.next().await;
    tokio::time::timeout(Duration::from_secs(5), server.shutdown()).await?;
    println!("shutdown {:?}", t.elapsed());
    let mut last = None;
    let mut n = 0;
    while let Some(i) = s.next().await {
        n += 1;
        last = Some(i);
    }
    println!("{n} {last:?}");
    Ok(())
}
