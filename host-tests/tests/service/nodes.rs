//! Strangers that speak to a server as nodes.

use std::process::Command;

use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};
use skein_types::codes;

/// Known to this test, which is a node itself.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn service(count: i64) -> Service {
    Service::start_as(count, |call, _| call.env("SKEIN_FLEET_SECRET", SECRET))
}

fn head(secret: &str) -> String {
    format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n")
}

fn register(protocol: u32) -> Value {
    json!({ "protocol": protocol, "name": "mine", "version": "0", "slots": 1, "memory": 0 })
}

fn exchange(node: &Value, sequence: u64) -> Value {
    json!({
        "node": node["node"], "incarnation": node["incarnation"], "sequence": sequence,
        "holding": [], "checkpoints": [], "results": [],
        "usage": { "slots": 0, "memory": 0, "memory_peak": 0, "cpu_ms": 0, "bytes_read": 0, "bytes_written": 0,
                   "disk_waits": 0 },
        "wants": { "small": 0, "large": 0 }, "draining": true,
    })
}

/// What a request to a node's path is answered.
fn asked(service: &Service, path: &str, head: &str, body: &Value) -> (u16, Value) {
    service.send(&format!("POST /node/v1/{path}"), head, body.to_string().as_bytes())
}

#[track_caller]
fn refused((status, body): (u16, Value), wanted: u16, code: &str) {
    assert_eq!((status, &body["code"]), (wanted, &json!(code)), "{body}");
}

#[test]
fn a_node_without_the_secret_or_of_another_version_is_refused_before_anything_else_is_looked_at() {
    let service = service(0);
    let wrong = "x".repeat(32);
    for head in ["", "Authorization: Bearer\r\n", &*head(&wrong), "Authorization: Basic eDp4\r\n"] {
        for path in ["register", "exchange"] {
            refused(asked(&service, path, head, &json!("nonsense")), 401, "SK0661");
        }
        let (status, _) = service.send("GET /node/v1/blobs/nonsense", head, b"");
        assert_eq!(status, 401);
    }
    let answer = asked(&service, "register", &head(SECRET), &register(2));
    assert!(answer.1["hint"].as_str().unwrap().contains("the same version"), "{answer:?}");
    refused(answer, 426, "SK0660");
    let (_, events) = service.send("GET /v1/events?limit=1000", "", b"");
    assert!(!events.to_string().contains("\"mine\""), "nothing of it is written down: {events}");
}

#[test]
fn a_node_process_that_is_not_let_in_ends_and_says_why() {
    let service = service(0);
    let line = |secret: &str| {
        json!({ "name": "mine", "secret": format!("Bearer {secret}"), "server": service.address }).to_string()
    };
    let mut running = service.site.skein("node").open_input().start();
    running.types(format!("{}\n", line(&"x".repeat(32))).as_bytes());
    running.finish().refused(codes::NODE_SECRET);
    let mut running = service.site.skein("node").open_input().start();
    running.types(b"no json\n");
    running.finish().refused(codes::USAGE);
    // With the secret it stays, until its input closes.
    let mut running = service.site.skein("node").open_input().start();
    running.types(format!("{}\n", line(SECRET)).as_bytes());
    crate::until("it is known", || {
        let (_, events) = service.send("GET /v1/events?limit=1000", "", b"");
        events.to_string().contains("\"mine\"")
    });
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.finish().status.success());
}

#[test]
fn a_node_process_that_is_drained_ends_and_so_does_its_next_life_until_it_is_uncordoned() {
    let service = service(0);
    let start = || {
        let mut running = service.site.skein("node").open_input().start();
        let secret = format!("Bearer {SECRET}");
        let line = json!({ "name": "mine", "secret": secret, "server": service.address }).to_string();
        running.types(format!("{line}\n").as_bytes());
        running
    };
    let joined = |incarnation: u64| {
        crate::until("it is here", || {
            let nodes = service.get("/v1/nodes");
            let mine = nodes["items"].as_array().unwrap().iter().find(|node| node["name"] == "mine").cloned();
            mine.is_some_and(|node| node["incarnation"] == incarnation && !node["seat"].is_null())
        });
    };
    let mark = |verb: &str| {
        let path = format!("/v1/nodes/mine/actions/{verb}");
        assert_eq!(service.post(&path, "", &json!({ "reason": "r" })).0, 200);
    };
    let running = start();
    joined(1);
    mark("drain");
    assert!(running.finish().succeeded().status.success());
    assert!(start().finish().succeeded().status.success());
    mark("uncordon");
    let running = start();
    joined(3);
    assert_eq!(service.get("/v1/nodes")["items"][0]["mark"], "none");
    running.kill();
}

#[test]
fn a_drained_node_gives_back_what_it_has_and_goes_and_is_started_again_when_it_is_uncordoned() {
    let fleet = Fleet { nodes: 2, slots: 1 };
    let service = Service::over(fleet, 12, |_, path| {
        host_tests::fixture::write(path, &host_tests::fixture::orders(0, 40), 30);
    })
    .with_module_and_datasets();
    let node = || service.get("/v1/nodes/local-0");
    crate::until("it is here", || !node()["seat"].is_null());
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    let mark = |words: &[&str]| {
        let call = service.call("fleet").arg(words[0]).arg("local-0").arg("--reason").arg("a new disk");
        words[1..].iter().fold(call, |call, word| call.arg(word)).finish().succeeded();
    };
    mark(&["drain", "--yes"]);
    crate::brought(&service, &campaign, "soaking");
    for dataset in &service.datasets {
        assert_eq!(service.published(dataset), 1);
    }
    crate::until("it is gone", || node()["seat"].is_null());
    let gone = node();
    assert_eq!((&gone["mark"], &gone["incarnation"]), (&json!("draining"), &json!(1)), "{gone}");
    let table = service.site.skein("fleet").env("SKEIN_SERVER", &service.address).arg("nodes").finish();
    assert!(table.stdout.contains("drained, gone since"), "{}", table.stdout);
    let kinds = || {
        let (_, events) = service.send("GET /v1/events?limit=1000", "", b"");
        let of_node = |event: &&Value| event["kind"].as_str().unwrap().starts_with("node.");
        let events = events["items"].as_array().unwrap().clone();
        events
            .iter()
            .filter(of_node)
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let count = |kind: &str| kinds().iter().filter(|one| *one == kind).count();
    assert_eq!((count("node.joined"), count("node.left"), count("node.lost")), (2, 1, 0), "{:?}", kinds());

    mark(&["uncordon"]);
    crate::until("it is back", || node()["incarnation"] == 2 && !node()["seat"].is_null());
    assert_eq!((count("node.joined"), count("node.left"), count("node.lost")), (3, 1, 0), "{:?}", kinds());
}

#[test]
fn what_a_node_says_that_cannot_be_understood_is_refused_by_name_and_changes_nothing() {
    let service = service(0);
    let head = head(SECRET);
    let with = |body: Value, key: &str, value: Value| {
        let mut body = body;
        body[key] = value;
        body
    };
    let unknown = asked(&service, "register", &head, &with(register(1), "colour", json!("red")));
    assert!(unknown.1["detail"].as_str().unwrap().contains("unknown field `colour`"), "{unknown:?}");
    refused(unknown, 400, "SK0664");
    for body in [
        json!(null),
        json!([]),
        json!({}),
        with(register(1), "slots", json!(-1)),
        with(register(1), "name", json!("x".repeat(300))),
    ] {
        refused(asked(&service, "register", &head, &body), 400, "SK0664");
    }
    let (status, node) = asked(&service, "register", &head, &register(1));
    assert_eq!(status, 200, "{node}");
    let first = asked(&service, "exchange", &head, &exchange(&node, 1));
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(asked(&service, "exchange", &head, &exchange(&node, 1)), first, "the same again");
    refused(asked(&service, "exchange", &head, &exchange(&node, 0)), 409, "SK0663");
    refused(asked(&service, "exchange", &head, &with(exchange(&node, 2), "extra", json!(1))), 400, "SK0664");
    let stranger = with(exchange(&node, 2), "node", json!("nod_00000000000000000000000000000001"));
    refused(asked(&service, "exchange", &head, &stranger), 409, "SK0662");
    refused(
        asked(&service, "exchange", &head, &with(exchange(&node, 2), "incarnation", json!(7))),
        409,
        "SK0662",
    );
    // What it reports of tasks that it never had.
    let held = json!({ "task": "tsk_00000000000000000000000000000001", "token": { "generation": 1, "epoch": 1 },
                       "attempt": "att_00000000000000000000000000000001" });
    let report = json!([{ "held": held, "outcome": { "kind": "revoked" } }]);
    let lie = asked(&service, "exchange", &head, &with(exchange(&node, 2), "results", report));
    assert_eq!((lie.0, &lie.1["leases"]), (200, &json!([])), "{lie:?}");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let (status, body) = service.send("POST /node/v1/exchange", &head, deep.as_bytes());
    refused((status, body), 400, "SK0664");
}

#[test]
fn bodies_that_are_too_large_and_blobs_that_are_not_what_they_are_called_are_refused() {
    let service = service(1);
    let head = head(SECRET);
    let large = vec![b' '; (64 << 10) + 1];
    refused(service.send("POST /node/v1/register", &head, &large), 413, "SK0665");
    let large = vec![b' '; (8 << 20) + 1];
    refused(service.send("POST /node/v1/exchange", &head, &large), 413, "SK0665");
    let digest = |bytes: &[u8]| format!("blake3:{}", blake3::hash(bytes).to_hex());
    let put = |name: &str, bytes: &[u8]| service.send(&format!("PUT /node/v1/blobs/{name}"), &head, bytes);
    refused(put(&digest(b"this"), b"that"), 400, "SK0666");
    refused(put("blake3:xyz", b"that"), 400, "SK0664");
    refused(service.send(&format!("GET /node/v1/blobs/{}", digest(b"this")), &head, b""), 404, "SK0667");
    assert_eq!(put(&digest(b"this"), b"this").0, 200);
    assert_eq!(service.send(&format!("GET /node/v1/blobs/{}", digest(b"this")), &head, b"").0, 200);
    // And with all that its own nodes do their work.
    let service = service.with_module_and_datasets();
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    assert_eq!(service.published(&service.datasets[0]), 1);
}
