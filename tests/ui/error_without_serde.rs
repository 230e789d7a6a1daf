pub struct MathError;

impl std::fmt::Display for MathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("division by zero")
    }
}

#[nats_rpc::service]
pub trait Math {
    async fn divide(&self, a: f64, b: f64) -> Result<f64, MathError>;
}

fn main() {}
