//! Requests of people and their programs that cannot be meant.

use std::io::Write as _;
use std::net::TcpStream;

use host_tests::service::Service;
use serde_json::{Value, json};

#[track_caller]
fn refused((status, body): (u16, Value), wanted: u16, code: &str) {
    assert_eq!((status, &body["code"]), (wanted, &json!(code)), "{body}");
    assert_eq!(body["status"], wanted, "{body}");
    for key in ["type", "title", "detail", "trace"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {body}");
    }
}

#[test]
fn bodies_that_cannot_be_understood_are_refused_with_what_is_wrong_and_where() {
    let service = Service::start(1).with_module_and_datasets();
    let post = |path: &str, body: &[u8]| service.send(&format!("POST /v1/{path}"), "", body);
    let campaign = |more: Value| {
        let mut body = json!({ "name": "c", "module": "columns@1" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body.to_string().into_bytes()
    };
    for body in [&b""[..], b"{", b"null", b"[]", b"\xff\xfe", b"{\"name\":\"c\"}"] {
        refused(post("campaigns", body), 400, "SK0664");
        refused(post("datasets", body), 400, "SK0664");
    }
    refused(
        post("campaigns", &[&b"[".repeat(200_000)[..], &b"]".repeat(200_000)[..]].concat()),
        400,
        "SK0664",
    );
    for (more, said) in [
        (json!({ "polcy": {} }), "unknown field `polcy`"),
        (json!({ "policy": { "budgte": 1 } }), "unknown field `budgte`"),
        (json!({ "name": "x".repeat(201) }), "200"),
        (json!({ "name": "a\u{1b}[2Jb" }), ""),
        (json!({ "selection": { "names": "all" } }), "a list of at most"),
    ] {
        let answer = post("campaigns", &campaign(more));
        assert!(answer.1["detail"].as_str().unwrap().contains(said), "{said}: {answer:?}");
        refused(answer, 400, "SK0664");
    }
    let percent = json!({ "policy": { "budget": { "percent": 101 } } });
    refused(post("campaigns", &campaign(percent)), 400, "SK0630");
    refused(post("campaigns", &vec![b' '; (2 << 20) + 1]), 413, "SK0665");
    refused(post("campaigns", &campaign(json!({ "module": "columns@2" }))), 404, "SK0680");
    assert_eq!(service.call("campaign").arg("list").finish().succeeded().json(), json!([]));
}

#[test]
fn what_is_not_there_verbs_that_nobody_knows_and_queries_that_mean_nothing_are_refused() {
    let service = Service::start(1).with_module_and_datasets();
    let campaign = service.campaign("without-note");
    let get = |path: &str| service.send(&format!("GET {path}"), "", b"");
    for path in ["/v1/nothing", "/nothing", "/v1/campaigns/x/y/z"] {
        refused(get(path), 404, "SK0680");
    }
    let unknown = "cmp_00000000000000000000000000000001";
    for path in [
        format!("/v1/campaigns/{unknown}"),
        "/v1/campaigns/x".to_owned(),
        format!("/v1/campaigns/{campaign}/runs/7"),
    ] {
        refused(get(&path), 404, "SK0680");
    }
    refused(get(&format!("/v1/campaigns/{campaign}/runs/x")), 404, "SK0680");
    for query in ["limit=x", "limit=-1", "colour=red", "state=lost", "after=x"] {
        refused(get(&format!("/v1/campaigns/{campaign}/runs?{query}")), 400, "SK0664");
    }
    let act = |verb: &str, body: &Value| {
        service.send(
            &format!("POST /v1/campaigns/{campaign}/actions/{verb}"),
            "",
            body.to_string().as_bytes(),
        )
    };
    let explode = act("explode", &json!({ "expect": "draft" }));
    assert!(explode.1["hint"].as_str().unwrap().contains("roll_back"), "{explode:?}");
    refused(explode, 404, "SK0680");
    refused(act("plan", &json!({})), 400, "SK0664");
    refused(act("plan", &json!({ "expect": "somewhere" })), 400, "SK0664");
    let elsewhere = act("plan", &json!({ "expect": "running" }));
    assert!(elsewhere.1["detail"].as_str().unwrap().contains("is draft and not running"), "{elsewhere:?}");
    refused(elsewhere, 409, "SK0631");
    refused(act("start", &json!({ "expect": "draft" })), 409, "SK0631");
    refused(service.send("DELETE /v1/campaigns", "", b""), 405, "SK0688");
    assert_eq!(service.state_of(&campaign).as_deref(), Some("draft"));
}

#[test]
fn modules_and_datasets_that_cannot_be_are_refused_each_by_itself() {
    let service = Service::start(1).with_module_and_datasets();
    let put = |bytes: &[u8]| service.send("PUT /v1/modules/bad/versions/1", "Prefer: wait=100\r\n", bytes);
    let (status, body) = put(b"no module");
    assert_eq!((status, &body["state"]), (201, &json!("refused")), "{body}");
    let taken = service.send("PUT /v1/modules/columns/versions/1", "", b"other bytes");
    refused(taken, 409, "SK0683");
    let add = |location: &str, name: &str| json!({ "name": name, "location": location, "owner": "o" });
    let place = |name: &str| service.site.path(name).display().to_string();
    service.site.file("text", "no data");
    service.site.directory("empty");
    let body = json!({ "datasets": [
        add("relative", "a"), add(&place("nowhere"), "b"), add(&place("text"), "c"), add("/proc", "d"),
        add(&place("data/orders-000"), "another"), add(&place("empty"), "orders-000"),
    ] });
    let (status, body) = service.send("POST /v1/datasets", "", body.to_string().as_bytes());
    assert_eq!(status, 200, "{body}");
    let codes: Vec<&Value> =
        body["datasets"].as_array().unwrap().iter().map(|one| &one["refused"]["code"]).collect();
    assert_eq!(codes[..2], [&json!("SK0664"), &json!("SK0501")], "{body}");
    assert_eq!(codes[3..], [&json!("SK0511"), &json!("SK0682"), &json!("SK0682")], "{body}");
    // What is in a file is for a node to look at: the plan says it.
    assert!(body["datasets"][2]["added"].is_string(), "{body}");
    assert_eq!(service.call("dataset").arg("list").finish().succeeded().json().as_array().unwrap().len(), 2);
}

#[test]
fn a_policy_that_no_record_or_clock_can_follow_is_refused() {
    let service = Service::start(0).with_module("columns");
    let create = |policy: Value| {
        let body = json!({ "name": "c", "module": "columns@1", "params": {}, "policy": policy });
        service.post("/v1/campaigns", "", &body)
    };
    let long = 1_u64 << 55;
    refused(create(json!({ "retries": { "wait_ms": long, "longest_ms": long } })), 400, "SK0664");
    refused(create(json!({ "retries": { "longest_ms": 3_600_001 } })), 400, "SK0630");
    refused(create(json!({ "budget": { "runs": 1_u64 << 53 } })), 400, "SK0664");
    assert_eq!(create(json!({ "retries": { "longest_ms": 3_600_000 } })).0, 200);
}

#[test]
fn half_a_request_does_not_keep_a_server_from_ending() {
    let mut service = Service::start(0);
    let address = service.address.trim_start_matches("http://").to_owned();
    let mut half: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(&address).unwrap()).collect();
    half[0].write_all(b"GET /v1/datasets HTTP/1.1\r\nHost: ").unwrap();
    half[1]
        .write_all(
            format!("POST /v1/campaigns HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{")
                .as_bytes(),
        )
        .unwrap();
    // Something that is sent after them is answered, so both have arrived.
    service.get("/v1/datasets");
    service.stop();
}
