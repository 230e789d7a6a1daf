//! Who the callers of a server are.
//!
//! A message says nothing about its sender but what a NATS server adds to it and where its sender
//! can be answered. NATS permissions bind both, so that a caller cannot name what is not its own
//! without spending its own share or that of somebody whose inbox it knows.

mod share;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

pub(super) use self::share::{Caller, CallerPlace};
use super::limits::Limits;
use crate::connection::{Message, header_of};
use crate::reply::is_across_accounts;
use crate::wire::dialect::header;
use crate::wire::reply_prefixes::ReplyPrefixes;

/// How many accounts are told apart. Those beyond share what one may have.
const MOST_ACCOUNTS: usize = 1024;

/// What a NATS server says about a caller is not longer than this, unless somebody else has made
/// it.
const LONGEST_INFO: usize = 4096;

/// The callers of a server. Those that are known by their inboxes are fixed when it starts.
#[derive(Debug)]
pub(super) struct Callers {
    /// By reply prefix, the longest first.
    listed: Vec<(Box<str>, Arc<Caller>)>,
    /// Everybody else, and those who want no answer.
    unlisted: Arc<Caller>,
    accounts: Mutex<HashMap<Box<str>, Arc<Caller>>>,
    /// Those for which there is no room among the accounts.
    other_accounts: Arc<Caller>,
    limits: Limits,
    /// How many limits of callers are reached.
    crowd: Arc<AtomicUsize>,
}

impl Callers {
    /// Those with these prefixes, where somebody has listed some. Otherwise the usual inboxes are
    /// those of everybody in the account: what the server has is for them, unless a limit was set.
    pub(super) fn new(prefixes: Option<&ReplyPrefixes>, limits: &Limits) -> Self {
        let crowd = Arc::default();
        let caller = |limits: &Limits| Arc::new(Caller::new(limits, &crowd));
        let (usual, of_listed) = (ReplyPrefixes::default(), limits.of_everybody());
        let (prefixes, of_listed) = prefixes.map_or((&usual, &of_listed), |listed| (listed, limits));
        let listed = prefixes.iter().map(|prefix| (Box::from(prefix), caller(of_listed)));
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by_key(|(prefix, _): &(Box<str>, _)| std::cmp::Reverse(prefix.len()));
        let (unlisted, other_accounts) = (caller(limits), caller(limits));
        Callers { listed, unlisted, accounts: Mutex::default(), other_accounts, limits: *limits, crowd }
    }

    /// The caller of a message from another account, where the NATS server says from which one.
    pub(super) fn of_account(&self, message: &Message) -> Option<Arc<Caller>> {
        if !is_across_accounts(message.reply.as_deref()?) {
            return None;
        }
        let info = header_of(message, header::REQUEST_INFO).filter(|info| info.len() <= LONGEST_INFO)?;
        let RequestInfo { account } = serde_json::from_str(info).ok()?;
        if account.is_empty() { None } else { Some(self.account(&account)) }
    }

    /// The caller with an account. One of which nothing is open may be forgotten: it has nothing to
    /// be counted for.
    fn account(&self, name: &str) -> Arc<Caller> {
        let mut accounts = self.lock();
        if let Some(caller) = accounts.get(name) {
            return Arc::clone(caller);
        }
        if accounts.len() >= MOST_ACCOUNTS {
            accounts.retain(|_, caller| Arc::strong_count(caller) > 1);
        }
        if accounts.len() >= MOST_ACCOUNTS {
            return Arc::clone(&self.other_accounts);
        }
        let caller = Arc::new(Caller::new(&self.limits, &self.crowd));
        accounts.insert(name.into(), Arc::clone(&caller));
        caller
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Caller>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caller that is answered on a subject.
    pub(super) fn of_reply(&self, reply: Option<&str>) -> &Arc<Caller> {
        let listed = reply.and_then(|reply| self.listed.iter().find(|(prefix, _)| is_below(reply, prefix)));
        listed.map_or(&self.unlisted, |(_, caller)| caller)
    }

    /// Whether a caller is at one of its limits.
    pub(super) fn are_crowded(&self) -> bool {
        self.crowd.load(Ordering::Relaxed) > 0
    }
}

/// Whether a subject is below a prefix as it is listed: `_INBOX` is not that of `_INBOX_web.x`.
fn is_below(subject: &str, prefix: &str) -> bool {
    subject.strip_prefix(prefix).is_some_and(|rest| prefix.ends_with('.') || rest.starts_with('.'))
}

/// What a NATS server says about a caller of another account.
#[derive(Deserialize)]
struct RequestInfo<'a> {
    #[serde(borrow, rename = "acc", default)]
    account: Cow<'a, str>,
}
