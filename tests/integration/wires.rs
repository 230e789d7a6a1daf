//! What may be between a caller and a service, and what a nats-server is told for it.

use nats_rpc::Connection;
use nats_rpc::memory::Broker;
use tests::NatsServer;

/// What is between the callers and the services of a [`Bed`](crate::bed::Bed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// One account, in which everybody sees the same subjects.
    Direct,
    /// An account for the services, and another one for the callers, which imports them.
    AcrossAccounts,
    /// Mappings: the services are below another subject than the one that callers know.
    BehindAMapping,
}

/// Who a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Service,
}

/// Where services are moved to by the mappings.
const MOVED: &str = "mapped";

/// The first tokens of all subjects that the cases serve.
const SERVED: [&str; 25] = [
    "bad0",
    "bad1",
    "bad2",
    "bad3",
    "beacon",
    "canal",
    "clock",
    "desk",
    "fleet",
    "front",
    "lab",
    "orders",
    "proxy",
    "relay",
    "river",
    "shelf",
    "shop",
    "short",
    "slow",
    "staging",
    "test_service",
    "worker",
    "a",
    "b",
    "unimplemented_service",
];

impl Wire {
    /// The configuration of the server.
    pub(crate) fn config(self) -> String {
        match self {
            Wire::Direct => String::new(),
            Wire::AcrossAccounts => accounts(),
            Wire::BehindAMapping => {
                let mappings = SERVED.map(|token| format!("\"{token}.>\": \"{MOVED}.{token}.>\"\n"));
                format!("mappings {{\n{}}}", mappings.concat())
            }
        }
    }

    /// A broker in memory with the same mappings.
    pub(crate) fn broker(self) -> Broker {
        let mut builder = Broker::builder();
        for token in SERVED.iter().filter(|_| self == Wire::BehindAMapping) {
            let moved = format!("{MOVED}.{token}.>");
            builder = builder.mapping(&format!("{token}.>"), [(moved, 100)]).unwrap();
        }
        builder.build()
    }

    /// What services have before their prefix.
    pub(crate) fn moved(self) -> Option<&'static str> {
        (self == Wire::BehindAMapping).then_some(MOVED)
    }

    /// A connection of its own to a server with this [`config`](Self::config).
    pub(crate) async fn connect(self, server: &NatsServer, side: Side) -> Connection {
        let options = match (self, side) {
            (Wire::AcrossAccounts, Side::Caller) => user("caller"),
            (Wire::AcrossAccounts, Side::Service) => user("service"),
            (Wire::Direct | Wire::BehindAMapping, _) => async_nats::ConnectOptions::new(),
        };
        options.connect(server.url()).await.unwrap().into()
    }
}

fn user(name: &str) -> async_nats::ConnectOptions {
    async_nats::ConnectOptions::with_user_and_password(name.to_owned(), "secret".to_owned())
}

fn accounts() -> String {
    let subjects = SERVED.map(|token| format!("{token}.>"));
    let subjects = || subjects.iter().map(String::as_str).chain(["$SRV.>", "acme.SRV.>"]);
    let exports = subjects().map(|subject| format!("{{ service: \"{subject}\", response: stream }}\n"));
    let imports =
        subjects().map(|subject| format!("{{ service: {{ account: SERVICES, subject: \"{subject}\" }} }}\n"));
    format!(
        "accounts {{
           SERVICES {{ users: [{{ user: service, password: secret }}], exports: [\n{}] }}
           CALLERS {{ users: [{{ user: caller, password: secret }}], imports: [\n{}] }}
         }}",
        exports.collect::<String>(),
        imports.collect::<String>(),
    )
}

/// Makes the three tests of `on_every_broker!` of each case, and five more: between two accounts
/// and behind a mapping, on both versions of nats-server, and behind a mapping in memory. Those
/// five run in each test run for the cases that are `tagged`, and for the others with `.ci/run
/// long`.
///
/// A few cases do not apply across accounts, and have only the variants `behind_a_mapping`:
///
/// - `discovery::a_question_without_a_place_for_the_answer_harms_nothing` asks with a reply subject
///   that services refuse. An import replaces it by one that they accept.
/// - `discovery::answers_to_another_account_are_not_all_there_…` has such answers by hand.
/// - `discovery::whatever_others_answer_is_read_or_passed_over` begins with an empty answer. With
///   an empty message the service ends its answers through an export with `response: stream`.
/// - `dropped_calls::an_instance_that_falls_silent_…` has an instance by hand, whose control
///   messages go beside the reply subject of the call. The reply subject that an import makes has
///   nothing beside it. `…_that_is_gone_…` and `…_that_is_heard_…` are not on any wire but the
///   direct one: by hand, it does not confirm where it hears, which it has to if its subjects are
///   mapped.
/// - `long_calls::a_call_that_takes_long_names_its_instance` and
///   `the_callers_of_long_calls_get_heartbeats` assert the subjects of these control messages, and
///   `…_names_it_too` and `…_one_control_subject` that the calls of one caller have the same:
///   across accounts, each call has one of its own.
/// - `cancelled_calls::the_calls_of_a_peer_that_is_gone_…` has a caller by hand that leaves without
///   having said anything. There, its silence alone could tell, and tells of those only who have
///   said something.
/// - `coalescing::clients_of_one_connection_…` counts all messages, trials among them.
/// - `streams::limits::a_connection_has_only_so_many_streams`: across accounts a service does not
///   see the connections of its callers, but the accounts.
macro_rules! on_every_wire {
    () => {};
    (tagged $case:ident, $($rest:tt)*) => {
        crate::wires::wires! { $case, direct, across_accounts, behind_a_mapping }
        crate::wires::on_every_wire! { $($rest)* }
    };
    (behind_a_mapping $case:ident, $($rest:tt)*) => {
        crate::wires::wires! { #[ignore = "it is for `.ci/run long`"] $case, direct, behind_a_mapping }
        crate::wires::on_every_wire! { $($rest)* }
    };
    ($case:ident, $($rest:tt)*) => {
        crate::wires::wires! {
            #[ignore = "it is for `.ci/run long`"] $case, direct, across_accounts, behind_a_mapping
        }
        crate::wires::on_every_wire! { $($rest)* }
    };
}
pub(crate) use on_every_wire;

/// Makes the tests of one case; the attribute is for those that `on_every_broker!` does not make.
macro_rules! wires {
    ($(#[$long:meta])? $case:ident, $($wire:ident),+) => {
        mod $case {
            crate::wires::wire! { $(#[$long])? $case, $($wire),+ }
        }
    };
}
pub(crate) use wires;

macro_rules! wire {
    ($(#[$long:meta])? $case:ident) => {};
    ($(#[$long:meta])? $case:ident, direct $(, $wires:ident)*) => {
        #[tokio::test]
        async fn on_memory() {
            super::$case(crate::bed::Bed::memory()).await;
        }

        #[tokio::test]
        async fn on_nats_server() {
            super::$case(crate::bed::Bed::nats()).await;
        }

        #[tokio::test]
        async fn on_the_oldest_nats_server() {
            super::$case(crate::bed::Bed::oldest_nats()).await;
        }

        crate::wires::wire! { $(#[$long])? $case $(, $wires)* }
    };
    ($(#[$long:meta])? $case:ident, across_accounts $(, $wires:ident)*) => {
        #[tokio::test]
        $(#[$long])?
        async fn across_accounts() {
            super::$case(crate::bed::Bed::imported(tests::Version::Current)).await;
        }

        #[tokio::test]
        $(#[$long])?
        async fn across_accounts_of_the_oldest() {
            super::$case(crate::bed::Bed::imported(tests::Version::Oldest)).await;
        }

        crate::wires::wire! { $(#[$long])? $case $(, $wires)* }
    };
    ($(#[$long:meta])? $case:ident, behind_a_mapping $(, $wires:ident)*) => {
        #[tokio::test]
        $(#[$long])?
        async fn behind_a_mapping() {
            super::$case(crate::bed::Bed::mapped(tests::Version::Current)).await;
        }

        #[tokio::test]
        $(#[$long])?
        async fn behind_a_mapping_of_the_oldest() {
            super::$case(crate::bed::Bed::mapped(tests::Version::Oldest)).await;
        }

        #[tokio::test]
        $(#[$long])?
        async fn behind_a_mapping_in_memory() {
            super::$case(crate::bed::Bed::mapped_in_memory()).await;
        }

        crate::wires::wire! { $(#[$long])? $case $(, $wires)* }
    };
}
pub(crate) use wire;
