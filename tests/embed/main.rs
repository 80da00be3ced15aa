//! The example `embed` from outside, over HTTP: what it answers, and how it ends.
//!
//! `cargo test` builds the examples too; before `cargo test --test embed`, run
//! `cargo build --example embed`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)] // the helpers are tests too

mod server;

use std::net::TcpListener;

use serde_json::{Value, json};

use self::server::{Answer, Gate, Server, embed, run, text};

#[test]
fn who_waits_gets_the_counts() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    let answer = client.post("/run", &text("to be\nor not  to be\n"));
    assert_eq!((answer.status, answer.body), (200, counts(2, 6, 20)));

    client.start(&gate.source());
    gate.reader().read("that is\tthe question");
    let answer = client.answer();
    assert_eq!((answer.status, answer.body), (200, counts(0, 4, 20)));
}

#[test]
fn a_job_that_was_left_is_found_where_the_answer_says() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    let answer = client.post("/jobs", &gate.source());
    assert_eq!(answer.status, 202);
    let path = &answer.headers["location"];
    assert_eq!(path, &format!("/jobs/{}", answer.body["id"]));

    let reader = gate.reader();
    let answer = client.get(path);
    assert_eq!((answer.status, answer.body), (200, json!({ "state": "running" })));
    reader.read("a text");
    let answer = client.wait_for_state(path, "done");
    assert_eq!(answer.body, json!({ "state": "done", "result": counts(0, 2, 6) }));
}

#[test]
fn a_job_that_fails_says_why() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = client.post("/run", &json!({ "address": nobody }));
    assert_eq!(answer.status, 502);
    assert!(error(&answer).contains("cannot read the text: Connection refused"), "{answer:?}");

    let path = client.leave(&gate.source());
    gate.reader().read(&" ".repeat(1024 * 1024 + 1));
    let answer = client.wait_for_state(&path, "failed");
    assert!(error(&answer).contains("more than 1048576 bytes"), "{answer:?}");
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_takes_no_job() {
    let server = Server::start([]);
    for path in ["/jobs", "/run"] {
        for body in ["", "to be", "{}", r#"{"text":7}"#, r#"{"address":"here"}"#, r#"{"file":"/"}"#]
        {
            let answer = server.client().ask("POST", path, body);
            assert_eq!(answer.status, 400, "{body}");
            assert!(error(&answer).starts_with("cannot read the request"), "{answer:?}");
        }
        let long = text(&" ".repeat(1024 * 1024));
        assert_eq!(server.client().post(path, &long).status, 413);
    }
    server.signal("TERM");
    assert_eq!(server.report(), "0 succeeded");
}

#[test]
fn a_job_that_nobody_left_is_not_found() {
    let server = Server::start([]);
    for path in ["/jobs/0", "/jobs/18446744073709551615", "/jobs/-1", "/jobs/first", "/jobs/"] {
        assert_eq!(server.client().get(path).status, 404, "{path}");
        assert_eq!(server.client().delete(path).status, 404, "{path}");
    }
}

#[test]
fn a_full_queue_says_when_to_come_again_and_loses_no_job() {
    let (server, gate) = (Server::start(["--workers", "1", "--queue", "2"]), Gate::new());
    let mut client = server.client();
    let mut accepted = vec![client.leave(&gate.source())];
    let reader = gate.reader();
    // How many wait at the worker besides those in the queue is the pool's own business.
    let refused = loop {
        let answer = client.post("/jobs", &text("some words"));
        if answer.status != 202 {
            break answer;
        }
        accepted.push(answer.headers["location"].clone());
        assert!(accepted.len() < 100);
    };
    assert!(accepted.len() >= 3);
    // Ids rise, so this is the one that the refused job had.
    let last: u64 = accepted.last().unwrap()["/jobs/".len()..].parse().unwrap();
    assert_eq!(client.get(&format!("/jobs/{}", last + 1)).status, 404);
    for refused in [refused, client.post("/run", &text("some words"))] {
        assert_eq!(refused.status, 503);
        assert_eq!(refused.headers["retry-after"], "1");
        assert!(error(&refused).contains("the queue is full"), "{refused:?}");
    }

    reader.read("two words");
    for path in accepted {
        let answer = client.wait_for_state(&path, "done");
        assert_eq!(answer.body["result"]["words"], 2);
    }
    assert_eq!(client.post("/run", &text("again")).status, 200);
}

#[test]
fn a_job_that_is_cancelled_while_it_waits_never_starts() {
    let server = Server::start(["--workers", "1"]);
    let [gate, other] = [Gate::new(), Gate::new()];
    let mut client = server.client();
    let first = client.leave(&gate.source());
    let reader = gate.reader();
    let second = client.leave(&other.source());
    let answer = client.delete(&second);
    assert_eq!((answer.status, answer.body), (200, json!({ "was": "waiting" })));
    client.wait_for_state(&second, "cancelled");

    reader.read("");
    client.wait_for_state(&first, "done");
    assert_eq!(client.post("/run", &text("the worker goes on")).status, 200);
    assert!(!other.has_reader());
}

#[test]
fn a_job_that_is_cancelled_while_it_runs_is_dropped() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    let path = client.leave(&gate.source());
    let reader = gate.reader();
    let answer = client.delete(&path);
    assert_eq!((answer.status, answer.body), (202, json!({ "was": "running" })));
    reader.wait_until_gone();
    client.wait_for_state(&path, "cancelled");
}

#[test]
fn a_job_that_has_ended_is_not_cancelled_and_keeps_its_result() {
    let server = Server::start([]);
    let mut client = server.client();
    let path = client.leave(&text("it is done"));
    client.wait_for_state(&path, "done");
    let answer = client.delete(&path);
    assert_eq!((answer.status, error(&answer)), (409, "the job has ended"));
    assert_eq!(client.get(&path).body["state"], "done");
}

#[test]
fn a_client_that_hangs_up_cancels_its_job() {
    let server = Server::start(["--workers", "1"]);
    let [gate, other] = [Gate::new(), Gate::new()];
    let [mut first, mut second, mut third] = [(); 3].map(|()| server.client());
    first.start(&gate.source());
    let reader = gate.reader();
    second.start(&other.source());
    third.wait_for("/healthz", |answer| answer.body == json!({ "waiting": 1, "running": 1 }));

    drop(second);
    drop(first);
    reader.wait_until_gone();
    server.signal("TERM");
    assert_eq!(server.report(), "0 succeeded, 2 cancelled");
}

#[test]
fn results_are_kept_up_to_a_number() {
    let server = Server::start(["--keep", "2"]);
    let mut client = server.client();
    let paths = ["one", "two", "three"].map(|word| {
        let path = client.leave(&text(word));
        client.wait_for_state(&path, "done");
        path
    });
    assert_eq!(paths.map(|path| client.get(&path).status), [404, 200, 200]);
}

#[test]
fn results_are_kept_up_to_an_age_and_jobs_under_way_are_known_however_old() {
    for args in [["--keep-for", "0"], ["--keep", "0"]] {
        let (server, gate) = (Server::start(args), Gate::new());
        let mut client = server.client();
        let path = client.leave(&gate.source());
        let reader = gate.reader();
        let other = client.leave(&text("another"));
        client.wait_for(&other, |answer| answer.status == 404);
        assert_eq!(client.get(&path).body, json!({ "state": "running" }));
        reader.read("");
        client.wait_for(&path, |answer| answer.status == 404);
    }
}

#[test]
fn at_sigterm_accepted_jobs_finish_and_who_waits_is_answered() {
    let (server, gate) = (Server::start(["--workers", "2"]), Gate::new());
    let [mut waiting, mut client] = [server.client(), server.client()];
    waiting.start(&gate.source());
    let asked = gate.reader();
    let path = client.leave(&gate.source());
    let left = gate.reader();
    client.leave(&text("it waits until one of the others has ended"));

    server.close("TERM", &mut client);
    for path in ["/jobs", "/run"] {
        let refused = client.post(path, &text("too late"));
        assert_eq!(refused.status, 503);
        assert_eq!(refused.headers.get("retry-after"), None);
        assert_eq!(error(&refused), "the pool is closed");
    }
    left.read("it was left");
    client.wait_for_state(&path, "done");
    asked.read("it was asked for");
    let answer = waiting.answer();
    assert_eq!((answer.status, answer.body), (200, counts(0, 4, 16)));
    assert_eq!(server.report(), "3 succeeded");
}

#[test]
fn jobs_that_overrun_the_deadline_are_cancelled_and_who_waits_is_told() {
    let server = Server::start(["--deadline", "0", "--workers", "1"]);
    let gate = Gate::new();
    let [mut waiting, mut client] = [server.client(), server.client()];
    waiting.start(&gate.source());
    let reader = gate.reader();
    client.leave(&text("it waits"));

    server.signal("TERM");
    reader.wait_until_gone();
    let answer = waiting.answer();
    assert_eq!((answer.status, error(&answer)), (503, "the job was cancelled"));
    assert_eq!(server.report(), "0 succeeded, 2 cancelled");
}

#[test]
fn a_job_can_be_cancelled_while_the_server_ends() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    let path = client.leave(&gate.source());
    let reader = gate.reader();
    server.close("TERM", &mut client);
    assert_eq!(client.delete(&path).status, 202);
    reader.wait_until_gone();
    assert_eq!(server.report(), "0 succeeded, 1 cancelled");
}

#[test]
fn a_second_signal_waits_no_longer() {
    let (server, gate) = (Server::start([]), Gate::new());
    let mut client = server.client();
    client.leave(&gate.source());
    let reader = gate.reader();
    server.close("INT", &mut client);
    server.signal("INT");
    reader.wait_until_gone();
    assert_eq!(server.report(), "0 succeeded, 1 cancelled");
}

#[test]
fn an_address_that_is_taken_ends_it_with_a_reason() {
    let server = Server::start([]);
    let output = run(embed().args(["--listen", &server.address().to_string()]));
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.starts_with("embed: Address already in use"), "{complaint}");
}

fn counts(lines: u64, words: u64, bytes: u64) -> Value {
    json!({ "lines": lines, "words": words, "bytes": bytes })
}

fn error(answer: &Answer) -> &str {
    answer.body["error"].as_str().unwrap()
}
