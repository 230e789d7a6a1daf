//! The examples that are one program.

use std::collections::BTreeMap;

use tests::{NatsServer, ReservedPort};

use crate::program;

/// What an example prints in place of connecting.
const NOTICE: &str = "NATS_URL is not set: using the broker in this process";

/// Runs an example on the broker in its process and on a server; returns what it prints on either.
fn run_on_both(name: &str) -> [Vec<String>; 2] {
    run_on_both_with(name, &[])
}

fn run_on_both_with(name: &str, arguments: &[&str]) -> [Vec<String>; 2] {
    let server = NatsServer::start();
    [None, Some(server.url())].map(|url| {
        let ended = program::run(name, url, arguments);
        assert!(ended.status.success(), "{name} on {url:?}: {ended:?}");
        let mut lines = ended.lines;
        lines.retain(|line| !line.is_empty());
        if url.is_none() {
            assert_eq!(lines.remove(0), NOTICE);
        }
        lines
    })
}

#[test]
fn quickstart_greets() {
    for lines in run_on_both("quickstart") {
        assert_eq!(lines, ["Hello, Ann!"]);
    }
}

#[test]
fn typed_errors_says_what_a_caller_can_do() {
    for lines in run_on_both("typed_errors") {
        let [withdrawn, short, unknown, late, closed] = indented_below_headings(&lines);
        assert_eq!(withdrawn, ["70 are left"]);
        assert_eq!(short, ["lend her 430"]);
        assert_eq!(unknown, ["the bank says: there is no account \"bob\""]);
        assert!(late[0].starts_with("deadline exceeded: "), "{late:?}");
        assert_eq!(late[1], "may have been executed: look before you try again");
        assert!(closed[0].starts_with("no responders: "), "{closed:?}");
        assert_eq!(closed[1], "not executed, and that may change: try again");
    }
}

/// The indented lines below each of the lines that are not.
fn indented_below_headings<const N: usize>(lines: &[String]) -> [Vec<&str>; N] {
    let mut groups = Vec::new();
    for line in lines {
        match (line.strip_prefix("    "), groups.last_mut()) {
            (None, _) => groups.push(Vec::new()),
            (Some(line), Some(group)) => group.push(line),
            (Some(line), None) => panic!("{line:?} has no heading"),
        }
    }
    groups.try_into().unwrap_or_else(|groups| panic!("{groups:?} are not {N}"))
}

#[test]
fn deadlines_go_with_a_call_through_every_service() {
    for lines in run_on_both("deadlines") {
        for (group, budget) in indented_below_headings::<2>(&lines).iter().zip([2000, 500]) {
            let left: Vec<u64> = group.iter().filter_map(|line| milliseconds_left(line)).collect();
            let [gateway, orders, stock] = left[..] else { panic!("{group:?}") };
            assert!(budget >= gateway && gateway >= orders && orders >= stock, "{group:?}");
        }
        let [enough, too_little] = indented_below_headings(&lines);
        assert_eq!(enough[3], "stock:   found it");
        assert!(enough[4].starts_with("caller:  has a lamp from shelf 7, after "), "{enough:?}");
        assert_eq!(too_little[3], "stock:   aborted, nobody waits any more");
        assert!(too_little[4].starts_with("caller:  deadline exceeded: "), "{too_little:?}");
    }
}

/// The number in `orders:  197 ms left`.
fn milliseconds_left(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" ms left")?;
    before.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn restarts_are_outlived_and_handlers_are_not_left_alone() {
    for lines in run_on_both("restarts") {
        let [never_there, restarted, given_up, once] = indented_below_headings(&lines);
        assert!(never_there[0].starts_with("caller:  no responders: "), "{never_there:?}");
        assert_eq!(restarted, ["caller:  Some(7)", "caller:  waits", "caller:  Some(7)"]);
        let stopped = "handler: stops, since nobody waits any more";
        assert_eq!(given_up, ["handler: copies Emma", "caller:  goes away", stopped]);
        assert!(once[0].starts_with("caller:  no responders: "), "{once:?}");
    }
}

#[test]
fn callers_are_authenticated_by_a_layer() {
    for lines in run_on_both("authentication") {
        let [ann, bob, refused] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&**ann, &**bob), ("dear diary, yours Ann", "dear diary, yours Bob"));
        assert!(refused.starts_with("unauthenticated: no token"), "{refused}");
        assert!(refused.ends_with("(not executed)"), "{refused}");
    }
}

#[test]
fn callers_share_by_a_rate_limit() {
    for lines in run_on_both("rate_limit") {
        let [refused, count, other, later] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(refused, "acme: overloaded: acme calls too often (not executed)");
        // Five are let through at once; on a machine that is slow enough, some more.
        let refused: u32 = count.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((1..=5).contains(&refused), "{count}");
        assert_eq!((&**other, &**later), ("umbrella: sunny", "acme: sunny, after a while"));
    }
}

#[test]
fn calls_are_logged_by_layers_on_both_sides() {
    for lines in run_on_both("logging") {
        let server: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("server: ")).collect();
        let own = "library.lend of 18 bytes: its own error: somebody else has it";
        assert_eq!(server, ["library.lend of 12 bytes: ok", own]);
        let client: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("client: ")).collect();
        assert!(client.iter().all(|line| line.starts_with("library.lend after ")), "{client:?}");
        assert!(client[0].ends_with(" ms: ok"), "{client:?}");
        assert!(client[1].ends_with(" ms: its own error: somebody else has it"), "{client:?}");
        assert!(client[2].ends_with(" ms: no responders: nobody serves library.lend"), "{client:?}");
        assert_eq!(client.len(), 3);
    }
}

#[test]
fn metrics_are_on_a_page_for_prometheus() {
    let port = ReservedPort::new();
    let address = format!("127.0.0.1:{}", port.number());
    let ended = program::run("prometheus", None, &["--listen", &address]);
    assert!(ended.status.success(), "{ended:?}");
    for line in [
        r#"nats_rpc_client_calls_total{service="adder",method="add",outcome="ok"} 100"#,
        r#"nats_rpc_server_calls_total{service="adder",method="add",outcome="ok"} 100"#,
        r#"nats_rpc_server_in_flight{service="adder",method="add"} 0"#,
        r#"nats_rpc_server_handler_seconds_count{service="adder",method="add"} 100"#,
    ] {
        assert!(ended.lines.iter().any(|found| found == line), "{line} is not in {:?}", ended.lines);
    }
}

#[test]
fn json_is_understood_from_any_client() {
    let ended = program::run("json_from_any_client", None, &[]);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.lines[0], NOTICE);
    check_json(&ended.lines);
}

#[test]
fn json_is_served_until_the_program_is_ended() {
    let server = NatsServer::start();
    let mut program = program::start("json_from_any_client", Some(server.url()), &[]);
    program.wait_for("Serving until Ctrl-C");
    program.terminate();
    let ended = program.end();
    assert!(ended.status.success(), "{ended:?}");
    check_json(&ended.lines);
}

/// What is shown of each request: the lines below it, by its body.
fn check_json(lines: &[String]) {
    let shown: BTreeMap<&str, Vec<&str>> = lines
        .split(String::is_empty)
        .filter_map(|shown| {
            let body = shown.first()?.strip_prefix("-> greeter.hello  ")?;
            Some((body, shown[1..].iter().map(|line| line.trim()).collect()))
        })
        .collect();
    assert_eq!(shown[r#"{"name":"Ann"}"#], [r#"<- "Hello, Ann!""#]);
    assert_eq!(shown[r#"["Ann"]"#], [r#"<- "Hello, Ann!""#]);
    assert_eq!(
        shown[r#"{"name":"Godot"}"#],
        [
            "Nats-Service-Error-Code: 422",
            "Nats-Service-Error: Godot is not in",
            "Nats-Rpc-Execution: 2",
            r#"<- {"NotIn":{"name":"Godot"}}"#,
        ]
    );
    let refused = &shown[r#"{"nom":"Ann"}"#];
    assert_eq!(refused[0], "Nats-Service-Error-Code: 400");
    assert!(refused[1].contains("missing field `name`"), "{refused:?}");
    assert_eq!(refused[2..], ["Nats-Rpc-Execution: 0", "<-"]);
    assert!(lines.iter().any(|line| line.trim() == r#"nats req greeter.hello '{"name":"Ann"}'"#));
}

#[test]
fn scatter_gather_hears_all_of_them() {
    for lines in run_on_both("scatter_gather") {
        let [one, all, two, named, receipts] = indented_below_headings(&lines);
        assert_eq!(one, ["20"]);
        assert_eq!(all, ["anna: 30", "bert: 20", "cleo: lamp is sold out"]);
        assert_eq!(two, ["[(InstanceId(\"anna\"), 30), (InstanceId(\"bert\"), 20)]"]);
        assert_eq!(named[..3], all[..]);
        assert!(named[3].starts_with("slow: deadline exceeded: "), "{named:?}");
        assert_eq!(receipts, ["4 have it"]);
    }
}

#[test]
fn regions_are_served_one_by_one_or_all() {
    for lines in run_on_both("regions") {
        let [europe, nobody, world, refused] = indented_below_headings(&lines);
        assert_eq!(europe, ["Some(\"order 17 of eu, by the desk in Rome\")", "None", "100 orders"]);
        assert_eq!(nobody, ["no responders: nobody serves orders.us.get.17"]);
        assert_eq!(world, ["Some(\"order 17 of us, by the desk of the world\")"]);
        assert_eq!(refused, ["invalid argument"]);
    }
}

#[test]
fn chat_lets_all_hear_the_same() {
    for lines in run_on_both("chat") {
        assert_eq!(lines[0], "another ann: ann has a seat already");
        let said = ["ann: Is anybody here?", "bob: Hello, Ann!", "cleo: Hello, you two!"];
        let heard = ["ann", "bob", "cleo"].map(|name| said.map(|line| format!("{name} hears {line}")));
        assert_eq!(lines[1..], *heard.as_flattened());
    }
}

#[test]
fn live_prices_holds_its_producer_back_or_passes_over() {
    for lines in run_on_both("live_prices") {
        let [held_back, complete, newest] = indented_below_headings(&lines);
        assert_eq!(held_back, ["8 made"]);
        let ahead = complete[0].strip_prefix("all taken, ").and_then(|rest| rest.split(' ').next());
        assert!((1..=8).contains(&ahead.unwrap().parse::<u64>().unwrap()), "{complete:?}");
        let (seen, last) = newest[0].split_once(" of 500 seen, the last one is ").unwrap();
        assert!((2..100).contains(&seen.parse::<u64>().unwrap()), "{newest:?}");
        assert_eq!(last, "500");
    }
}

#[test]
fn file_transfer_keeps_every_byte_and_no_file_in_memory() {
    for lines in run_on_both_with("file_transfer", &["--size", "48MiB"]) {
        let [up, down, peak] = &lines[..] else { panic!("{lines:?}") };
        assert!(up.starts_with("up: 48 MiB, ") && up.ends_with("…, as the store has it"), "{lines:?}");
        assert!(down.starts_with("down: 48 MiB, ") && down.ends_with("…, as the store has it"), "{lines:?}");
        let peak =
            peak.strip_prefix("peak memory of both sides: ").and_then(|rest| rest.strip_suffix(" MiB"));
        assert!(peak.unwrap().parse::<u64>().unwrap() < 48, "{lines:?}");
    }
}

#[test]
fn file_transfer_takes_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; 300_000]).unwrap();
    let ended = program::run("file_transfer", None, &[file.path().to_str().unwrap()]);
    // `sha256sum` of the same.
    let sha256 = "SHA-256 08f166476de183f7…, as the store has it";
    let said = ended.lines.iter().filter(|line| line.contains(": 1 MiB, ") && line.ends_with(sha256));
    assert_eq!(said.count(), 2, "{ended:?}");
}
