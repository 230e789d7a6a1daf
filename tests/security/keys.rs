//! An operator of NATS with one account, which signs JWTs for its users as `nsc` would.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

pub(crate) struct Operator {
    key: KeyPair,
    account: KeyPair,
}

/// Whom an account lets in, and for how long.
pub(crate) struct User {
    permissions: Value,
    expires_in: Option<Duration>,
}

impl User {
    /// One with the permissions of the document's `web`.
    pub(crate) fn web() -> Self {
        let publish = ["greeter.hello", "greeter._ctl.any", "greeter._ctl.*.*"];
        User::with(&publish, &["_INBOX_web.>"])
    }

    /// One that may do everything.
    pub(crate) fn trusted() -> Self {
        User::with(&[">"], &[">"])
    }

    fn with(publish: &[&str], subscribe: &[&str]) -> Self {
        let permissions = json!({ "pub": { "allow": publish }, "sub": { "allow": subscribe } });
        User { permissions, expires_in: None }
    }

    /// Lets it in for so long only, in whole seconds.
    pub(crate) fn for_only(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }
}

impl Operator {
    pub(crate) fn new() -> Self {
        Operator { key: KeyPair::new_operator(), account: KeyPair::new_account() }
    }

    /// What a server has to know.
    pub(crate) fn config(&self) -> String {
        let operator = token(&self.key, &self.key.public_key(), None, json!({ "type": "operator" }));
        let account = self.account.public_key();
        let unlimited =
            json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1 });
        let limits = json!({ "type": "account", "limits": unlimited });
        let jwt = token(&self.key, &account, None, limits);
        format!("operator: {operator}\nresolver: MEMORY\nresolver_preload: {{ {account}: {jwt} }}")
    }

    /// The file that a user connects with.
    pub(crate) fn creds(&self, user: &User) -> String {
        let (jwt, key) = self.admit(user);
        let seed = key.seed().unwrap();
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    /// What lets a user in, and the key that proves who it is.
    pub(crate) fn admit(&self, user: &User) -> (String, KeyPair) {
        let key = KeyPair::new_user();
        let mut claims = json!({ "type": "user", "subs": -1, "data": -1, "payload": -1 });
        claims.as_object_mut().unwrap().extend(user.permissions.as_object().unwrap().clone());
        (token(&self.account, &key.public_key(), user.expires_in, claims), key)
    }
}

/// A signed statement about somebody.
fn token(issuer: &KeyPair, subject: &str, expires_in: Option<Duration>, mut nats: Value) -> String {
    nats["version"] = json!(2);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let expires = expires_in.map_or(0, |time| (now + time).as_secs());
    let claims = json!({
        "iat": now.as_secs(), "exp": expires, "iss": issuer.public_key(), "sub": subject, "name": subject, "nats": nats,
    });
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let signed = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(&signature))
}
