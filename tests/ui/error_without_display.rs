#[derive(serde::Serialize, serde::Deserialize)]
pub struct MathError;

#[nats_rpc::service]
pub trait Math {
    async fn divide(&self, a: f64, b: f64) -> Result<f64, MathError>;
}

fn main() {}
