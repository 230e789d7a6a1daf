//! Return types: values, results, and aliases of `Result`.

use std::fmt;

use nats_rpc::CallError;
use serde::{Deserialize, Serialize};

use crate::support::serve;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum MathError {
    DivisionByZero,
}

impl fmt::Display for MathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("division by zero")
    }
}

pub(crate) type Result<T, E = MathError> = std::result::Result<T, E>;

mod other {
    pub(crate) type Result = std::result::Result<u8, super::MathError>;
}

#[nats_rpc::service]
pub(crate) trait Math {
    async fn nothing(&self);
    async fn unit(&self) -> ();
    async fn value(&self) -> (u8, Option<String>);
    async fn aliased(&self, a: f64, b: f64) -> Result<f64>;
    async fn aliased_further(&self) -> other::Result;
    async fn overridden(&self) -> Result<u8, String>;
    async fn full(&self) -> std::result::Result<(), MathError>;
    async fn nested(&self) -> Option<Result<u8>>;
    async fn borrowed_static(&self) -> std::borrow::Cow<'static, str>;
}

struct Here;

impl Math for Here {
    async fn nothing(&self) {}

    async fn unit(&self) {}

    async fn value(&self) -> (u8, Option<String>) {
        (1, None)
    }

    async fn aliased(&self, a: f64, b: f64) -> Result<f64> {
        if b == 0.0 { Err(MathError::DivisionByZero) } else { Ok(a / b) }
    }

    async fn aliased_further(&self) -> other::Result {
        Err(MathError::DivisionByZero)
    }

    async fn overridden(&self) -> Result<u8, String> {
        Err("wrong".to_owned())
    }

    async fn full(&self) -> Result<()> {
        Ok(())
    }

    async fn nested(&self) -> Option<Result<u8>> {
        Some(Err(MathError::DivisionByZero))
    }

    async fn borrowed_static(&self) -> std::borrow::Cow<'static, str> {
        "static".into()
    }
}

#[tokio::test]
async fn a_result_under_any_alias_has_a_typed_error() {
    let served = serve(MathServer::new(Here)).await;
    let math: MathClient = served.client();

    assert_eq!(math.aliased(1.0, 2.0).await.unwrap(), 0.5);
    assert!(matches!(math.aliased(1.0, 0.0).await, Err(CallError::Service(MathError::DivisionByZero))));
    assert!(matches!(math.aliased_further().await, Err(CallError::Service(MathError::DivisionByZero))));
    assert!(matches!(math.overridden().await, Err(CallError::Service(error)) if error == "wrong"));
    math.full().await.unwrap();
}

#[tokio::test]
async fn everything_else_is_a_value() {
    let served = serve(MathServer::new(Here)).await;
    let math: MathClient = served.client();

    math.nothing().await.unwrap();
    math.unit().await.unwrap();
    assert_eq!(math.value().await.unwrap(), (1, None));
    assert_eq!(math.nested().await.unwrap(), Some(Err(MathError::DivisionByZero)));
    assert_eq!(math.borrowed_static().await.unwrap(), "static");
}
