//! A failed call tells two things: what went wrong, and whether the handler ran.
//!
//! On the broker in this process, or on NATS: `NATS_URL=nats://127.0.0.1:4222 cargo run --example typed_errors`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nats_rpc::{CallError, ErrorKind, Execution, Server};
use serde::{Deserialize, Serialize};

#[nats_rpc::service]
trait Bank {
    /// Takes money from an account and returns what is left.
    async fn withdraw(&self, account: &str, amount: u64) -> Result<u64, BankError>;
    /// Adds everything up, which takes its time.
    async fn audit(&self) -> Result<u64, BankError>;
}

/// The service's own error: it reaches the caller as the type that it is.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
enum BankError {
    #[error("there is no account {name:?}")]
    NoAccount { name: String },
    #[error("{missing} are missing")]
    Short { missing: u64 },
}

struct Vault(Mutex<HashMap<String, u64>>);

impl Bank for Vault {
    async fn withdraw(&self, account: &str, amount: u64) -> Result<u64, BankError> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(balance) = accounts.get_mut(account) else {
            return Err(BankError::NoAccount { name: account.to_owned() });
        };
        match balance.checked_sub(amount) {
            Some(left) => *balance = left,
            None => return Err(BankError::Short { missing: amount - *balance }),
        }
        Ok(*balance)
    }

    async fn audit(&self) -> Result<u64, BankError> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nats = examples::connect().await?;
    let vault = Vault(Mutex::new(HashMap::from([("ann".to_owned(), 100)])));
    let server = Server::builder(&nats).add(BankServer::new(vault)).start().await?;
    let bank = BankClient::new(&nats);

    tell("ann withdraws 30", bank.withdraw("ann", 30).await);
    tell("ann withdraws 500", bank.withdraw("ann", 500).await);
    tell("bob withdraws 1", bank.withdraw("bob", 1).await);
    tell("an audit in 300 ms", bank.audit().timeout(Duration::from_millis(300)).await);

    server.shutdown().await;
    tell("ann withdraws 10 after hours", bank.withdraw("ann", 10).await);
    Ok(())
}

/// What a caller can do about each outcome.
fn tell<T: Display>(what: &str, outcome: Result<T, CallError<BankError>>) {
    println!("{what}:");
    match outcome {
        Ok(value) => println!("    {value} are left"),

        // The handler ran and said no, in a type to match on.
        Err(CallError::Service(BankError::Short { missing })) => println!("    lend her {missing}"),
        Err(CallError::Service(error)) => println!("    the bank says: {error}"),

        // The call failed on its way. Did the handler run, and can a second attempt succeed?
        Err(CallError::Rpc(error)) => {
            println!("    {error}");
            match error.execution() {
                _ if error.kind() == ErrorKind::InvalidArgument => println!("    this program has a bug"),
                _ if error.is_retryable() => println!("    not executed, and that may change: try again"),
                Execution::NotExecuted => println!("    not executed: no harm is done"),
                Execution::MaybeExecuted => println!("    may have been executed: look before you try again"),
                Execution::Executed => println!("    executed: only the result is lost"),
            }
        }
    }
}
