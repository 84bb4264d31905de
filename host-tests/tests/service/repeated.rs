//! Requests that are sent again, traces, tags, and whether the server is well.

use host_tests::service::{Reply, Service};
use serde_json::{Value, json};

const MAKE: &str = r#"{"name":"c","module":"columns@1"}"#;

#[track_caller]
fn refused(reply: &Reply, wanted: u16, code: &str) {
    let body = reply.json();
    assert_eq!((reply.status, &body["code"]), (wanted, &json!(code)), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
    for key in ["type", "title", "detail", "trace"] {
        assert!(body[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {body}");
    }
}

fn keyed(service: &Service, what: &str, key: &str, body: &str) -> Reply {
    service.ask(what, &format!("Idempotency-Key: {key}\r\n"), body.as_bytes())
}

#[test]
fn what_is_asked_for_twice_with_one_key_is_done_once_and_answered_alike() {
    let service = Service::start(1).with_module_and_datasets();
    let bare = service.ask("POST /v1/campaigns", "Idempotency-Key:\r\n", MAKE.as_bytes());
    refused(&bare, 400, "SK0664");
    let first = keyed(&service, "POST /v1/campaigns", "k1", MAKE);
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{first:?}");
    let second = keyed(&service, "POST /v1/campaigns", "\"k1\"", MAKE);
    assert_eq!((second.status, second.header("idempotency-replayed")), (200, Some("true")), "{second:?}");
    assert_eq!(first.body, second.body);
    // Byte by byte the same, or another request.
    refused(&keyed(&service, "POST /v1/campaigns", "k1", &format!("{MAKE} ")), 422, "SK0721");
    refused(&keyed(&service, "POST /v1/scans", "k1", MAKE), 422, "SK0721");
    assert_eq!(service.get("/v1/campaigns")["items"].as_array().unwrap().len(), 1);
    // What was refused changed nothing and may be asked again.
    refused(&keyed(&service, "POST /v1/campaigns", "k2", "{}"), 400, "SK0664");
    let made = keyed(&service, "POST /v1/campaigns", "k2", MAKE);
    assert_eq!(made.status, 200, "{made:?}");
    assert_ne!(made.json()["campaign"], first.json()["campaign"]);
    // Any route that changes something takes a key.
    let act = format!("POST /v1/campaigns/{}/actions/cancel", first.json()["campaign"].as_str().unwrap());
    let cancelled = keyed(&service, &act, "k3", r#"{"expect":"draft"}"#);
    let again = keyed(&service, &act, "k3", r#"{"expect":"draft"}"#);
    assert_eq!((cancelled.status, again.status), (200, 200), "{again:?}");
    refused(&keyed(&service, &act, "k4", r#"{"expect":"draft"}"#), 409, "SK0631");
}

#[test]
fn something_new_needs_a_key() {
    let service = Service::start(0).with_module("columns");
    for what in ["POST /v1/campaigns", "POST /v1/scans", "POST /v1/tokens"] {
        // A header of another name that holds its name keeps the test's own key away.
        let reply = service.ask(what, "Not-Idempotency-Key: k\r\n", MAKE.as_bytes());
        refused(&reply, 400, "SK0720");
        assert!(reply.json()["hint"].as_str().unwrap().contains("new for each thing"), "{reply:?}");
    }
    assert_eq!(service.get("/v1/campaigns")["items"], json!([]));
}

#[test]
fn two_at_once_with_one_key_are_one() {
    let service = Service::start(1).with_module_and_datasets();
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let ask = || keyed(&service, "POST /v1/campaigns", "both", MAKE);
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let mut made: Vec<Value> = Vec::new();
    for reply in &replies {
        match reply.status {
            200 => made.push(reply.json()["campaign"].clone()),
            _ => refused(reply, 409, "SK0722"),
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1, "{replies:?}");
    assert_eq!(service.get("/v1/campaigns")["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_server_that_died_before_it_had_kept_an_answer_does_nothing_twice() {
    let mut service = Service::start(1).with_module_and_datasets();
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_CRASH_AT", "campaign.after-created"));
    let mut stream = service.connect();
    let host = service.address.trim_start_matches("http://").to_owned();
    let length = MAKE.len();
    let request = format!(
        "POST /v1/campaigns HTTP/1.1\r\nHost: {host}\r\nIdempotency-Key: k1\r\nContent-Length: {length}\r\n\r\n{MAKE}"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut nothing = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut nothing).ok();
    assert!(nothing.is_empty(), "{}", String::from_utf8_lossy(&nothing));
    service.kill_and_start_again();
    let listed = service.get("/v1/campaigns");
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let again = keyed(&service, "POST /v1/campaigns", "k1", MAKE);
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json()["campaign"], listed["items"][0]["campaign"]);
    assert_eq!(service.get("/v1/campaigns")["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_trace_goes_from_the_request_into_the_answer_the_log_and_the_record() {
    let service = Service::start(0);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let head = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
    let put = service.ask("PUT /v1/teams/pay", &head, b"{}");
    let answered = put.header("traceparent").unwrap();
    assert!(answered.starts_with(&format!("00-{trace}-")) && answered.ends_with("-01"), "{answered}");
    assert!(!answered.contains("00f067aa0ba902b7"), "{answered}");
    let events = service.get("/v1/events");
    let event = events["items"].as_array().unwrap().iter().find(|event| event["kind"] == "team.created");
    assert_eq!(event.unwrap()["trace"], trace, "{events}");
    let refused = service.ask("GET /v1/campaigns/x", &head, b"");
    assert_eq!(refused.json()["trace"], trace);
    // Without one the server begins one, and says the same in head and body.
    let own = service.ask("GET /v1/campaigns/x", "traceparent: nonsense\r\n", b"");
    let begun = own.json()["trace"].as_str().unwrap().to_owned();
    assert!(own.header("traceparent").unwrap().starts_with(&format!("00-{begun}-")), "{own:?}");
    assert_ne!(begun, trace);
}

#[test]
fn what_was_seen_is_not_sent_again() {
    let service = Service::start(1).with_module_and_datasets();
    let campaign = service.campaign("drop-note");
    let get = format!("GET /v1/campaigns/{campaign}");
    let seen = service.ask(&get, "", b"");
    let tag = seen.header("etag").unwrap().to_owned();
    let same = service.ask(&get, &format!("If-None-Match: {tag}\r\n"), b"");
    assert_eq!((same.status, &*same.body, same.header("etag")), (304, "", Some(&*tag)), "{same:?}");
    service.act(&campaign, "cancel").succeeded();
    let moved = service.ask(&get, &format!("If-None-Match: {tag}\r\n"), b"");
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_ne!(moved.header("etag"), Some(&*tag));
}

#[test]
fn what_never_changes_is_sent_once() {
    let service = Service::start(0);
    for (path, kind) in [("/v1/openapi.json", "application/json"), ("/v1/docs", "text/html; charset=utf-8")] {
        let get = format!("GET {path}");
        let seen = service.ask(&get, "", b"");
        assert_eq!((seen.status, seen.header("content-type")), (200, Some(kind)), "{path}");
        let tag = seen.header("etag").unwrap().to_owned();
        let again = service.ask(&get, "", b"");
        assert!(again.body == seen.body && again.header("etag") == Some(&*tag), "{path}");
        let same = service.ask(&get, &format!("If-None-Match: {tag}\r\n"), b"");
        assert_eq!((same.status, &*same.body, same.header("etag")), (304, "", Some(&*tag)), "{same:?}");
    }
}

#[test]
fn a_list_that_may_not_be_imported_is_refused_before_it_is_sent() {
    let guarded = super::access::Guarded::start();
    let service = &guarded.service;
    let author = guarded.token(Some("pay"), "author").1;
    for key in ["", "Idempotency-Key: k\r\n"] {
        let mut stream = service.connect();
        let host = service.address.trim_start_matches("http://");
        let head = format!("{}{key}Content-Type: text/csv", super::access::bearer(&author));
        let request = format!("POST /v1/datasets/import HTTP/1.1\r\nHost: {host}\r\n{head}\r\n");
        let request = format!("{request}Connection: close\r\nContent-Length: 30000000\r\n\r\nname,");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        refused(&Reply::of(stream), 403, "SK0691");
    }
}

#[test]
fn health_is_asked_without_a_token_and_by_any_name() {
    let service = Service::start_as(0, |call, _| call.arg("--access").arg("tokens"));
    for path in ["/v1/health", "/v1/ready"] {
        let mut stream = service.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: 10.1.2.3:80\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let reply = Reply::of(stream);
        assert_eq!((reply.status, reply.json()), (200, json!({ "ok": true })), "{path}: {reply:?}");
    }
    assert_eq!(service.ask("GET /v1/campaigns", "", b"").status, 401);
}

#[test]
fn a_kept_answer_that_holds_a_secret_is_not_kept_in_the_clear() {
    let service = Service::start(0);
    let issue = r#"{"name":"n","kind":"service","grants":[{"role":"viewer"}]}"#;
    let issued = keyed(&service, "POST /v1/tokens", "k1", issue);
    let again = keyed(&service, "POST /v1/tokens", "k1", issue);
    assert_eq!((issued.status, again.header("idempotency-replayed")), (200, Some("true")), "{again:?}");
    assert_eq!(issued.body, again.body);
    let secret = issued.json()["secret"].as_str().unwrap().to_owned();
    assert!(!super::access::any_holds(&service.site.path("server"), secret.as_bytes()));
    assert!(!service.said(&secret));
    assert_eq!(service.get("/v1/tokens")["items"].as_array().unwrap().len(), 1);
}
