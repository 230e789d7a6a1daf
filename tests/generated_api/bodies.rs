//! Methods with a default body, which an implementation may leave out.

use nats_rpc::Context;

use crate::support::serve;

#[nats_rpc::service]
pub(crate) trait Shop {
    async fn price(&self, item: &str) -> Result<u32, String>;

    async fn total(&self, cx: &Context, items: &[String]) -> Result<u32, String> {
        let mut total = 0;
        for item in items {
            total += self.price(item).await?;
        }
        if total == 0 {
            return Err(format!("nothing to pay for at {}", !cx.method().is_empty()));
        }
        Ok(total)
    }

    async fn greeting(&self) -> String {
        "Welcome".to_owned()
    }

    #[rpc(oneway)]
    async fn visited(&self) {}

    async fn closed(&self) -> u8 {
        unreachable!("{} is always open", self.greeting().await)
    }
}

struct Bakery;

impl Shop for Bakery {
    async fn price(&self, item: &str) -> Result<u32, String> {
        match item {
            "roll" => Ok(1),
            "air" => Ok(0),
            other => Err(format!("no {other}")),
        }
    }
}

struct Palace;

impl Shop for Palace {
    async fn price(&self, _item: &str) -> Result<u32, String> {
        Ok(1_000)
    }

    async fn greeting(&self) -> String {
        "Your Highness".to_owned()
    }
}

#[tokio::test]
async fn a_default_body_serves_calls() {
    let served = serve(ShopServer::new(Bakery)).await;
    let shop: ShopClient = served.client();

    let rolls = ["roll".to_owned(), "roll".to_owned()];
    assert_eq!(shop.total(&rolls).await.unwrap(), 2);
    assert!(shop.total(&["cake".to_owned()]).await.is_err());
    assert!(shop.total(&["air".to_owned()]).await.is_err());
    assert_eq!(shop.greeting().await.unwrap(), "Welcome");
    shop.visited().await.unwrap();
}

#[tokio::test]
async fn an_implementation_overrides_it() {
    let served = serve(ShopServer::new(Palace)).await;
    assert_eq!(served.client::<ShopClient>().greeting().await.unwrap(), "Your Highness");
}
