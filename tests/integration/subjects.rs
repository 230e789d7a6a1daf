//! Names are checked before anything is sent or subscribed.

use nats_rpc::{Client, ErrorKind, Execution, Server};

use crate::bed::{Bed, LabClient, assert_failed};
use crate::on_every_broker;

on_every_broker! {
    bad_names_are_refused_at_the_start,
    a_bad_prefix_is_refused_by_the_client,
    two_services_on_one_subject_are_refused,
    a_server_that_may_run_nothing_does_not_start,
}

const BAD: [&str; 8] = ["", "a b", "a.*", ">", "a..b", "_a", "a\r\nPUB b 0\r\n", "x\u{7f}"];

async fn bad_names_are_refused_at_the_start(bed: Bed) {
    let connection = bed.connect().await;
    for bad in BAD {
        for server in [
            Server::builder(&connection).add(bed.service()).prefix(bad),
            Server::builder(&connection).add(bed.service()).queue_group(bad),
            Server::builder(&connection).add(bed.service()).id(bad),
        ] {
            let error = server.start().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}: {error}");
        }
    }
    let long = "x".repeat(65);
    let server = Server::builder(&connection).add(bed.service()).id(long);
    assert_eq!(server.start().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

async fn a_bad_prefix_is_refused_by_the_client(bed: Bed) {
    let connection = bed.connect().await;
    for bad in BAD {
        let error = Client::builder(&connection).prefix(bad).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
    // Each token is good, all of them together are longer than a subject may be.
    let long = vec!["x".repeat(60); 8].join(".");
    let client = Client::builder(&connection).prefix(format!("{long}.{}", "y".repeat(20))).build().unwrap();
    assert_failed(LabClient::new(client).echo("").await, ErrorKind::InvalidArgument, Execution::NotExecuted);
}

async fn two_services_on_one_subject_are_refused(bed: Bed) {
    let server = bed.server_builder().await.add(bed.service()).add(bed.service());
    assert_eq!(server.start().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

async fn a_server_that_may_run_nothing_does_not_start(bed: Bed) {
    let server = bed.server_builder().await.max_in_flight(0).add(bed.service());
    assert_eq!(server.start().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
