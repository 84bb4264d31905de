//! Modules as any program sends them: as they come, with or without a digest, and not always to the end.

use std::io::Write as _;

use host_tests::service::{Reply, Service};
use serde_json::json;

const PUT: &str = "PUT /v1/modules/columns/versions/7";
const WAIT: &str = "Prefer: wait=100\r\n";

#[track_caller]
fn refused(reply: &Reply, wanted: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (wanted, &json!(code)), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
}

/// Files of modules, and what is on its way to be one.
fn kept(service: &Service) -> Vec<String> {
    let listed = std::fs::read_dir(service.site.path("server/modules")).unwrap();
    let mut names: Vec<String> =
        listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_module_is_compiled_while_nobody_waits_and_is_the_same_when_it_comes_again() {
    let service = Service::start(0);
    service.gets_artifacts();
    let component = std::fs::read(host_tests::guests::component("columns")).unwrap();
    let sent =
        service.ask(PUT, "Skein-Source: https://git.example/m\r\nSkein-Commit: 0a1b2c\r\n", &component);
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(sent.header("location"), Some("/v1/modules/columns/versions/7"));
    let module = sent.json();
    assert!(["compiling", "ready"].iter().any(|state| module["state"] == *state), "{module}");
    assert_eq!((&module["source"], &module["commit"]), (&json!("https://git.example/m"), &json!("0a1b2c")));
    super::until("it is compiled", || service.get("/v1/modules/columns/versions/7")["state"] == "ready");
    // The same bytes again are the same, with each spelling of their digest.
    let hex = module["digest"].as_str().unwrap();
    let again = service.ask(PUT, &format!("Skein-Digest: {hex}\r\n{WAIT}"), &component);
    assert_eq!((again.status, again.header("preference-applied")), (200, Some("wait=100")), "{again:?}");
    assert_eq!(again.json()["state"], "ready");
    let before = kept(&service);
    refused(&service.ask(PUT, "", b"other bytes"), 409, "SK0683");
    let listed = service.get("/v1/modules");
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(kept(&service), before);
}

#[test]
fn what_no_module_is_is_refused_with_the_rule_that_it_breaks() {
    let service = Service::start(0);
    let sent = service.ask("PUT /v1/modules/bad/versions/1", WAIT, b"no module");
    let module = sent.json();
    assert_eq!(
        (sent.status, &module["state"], &module["why"]["code"]),
        (201, &json!("refused"), &json!("SK0101"))
    );
}

#[test]
fn bytes_that_are_not_what_their_digest_says_are_not_kept() {
    let service = Service::start(0);
    let other = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    for head in [
        format!("Content-Digest: {other}\r\n"),
        format!("Repr-Digest: {other}\r\n"),
        format!("Skein-Digest: sha256:{}\r\n", "0".repeat(64)),
        "Skein-Digest: nonsense\r\n".to_owned(),
        "Content-Digest: sha-256=nonsense\r\n".to_owned(),
    ] {
        refused(&service.ask(PUT, &head, b"some bytes"), 400, "SK0728");
    }
    assert_eq!(kept(&service), Vec::<String>::new());
    assert_eq!(service.get("/v1/modules")["items"], json!([]));
}

#[test]
fn a_module_that_does_not_come_whole_leaves_nothing() {
    let service = Service::start(0);
    let host = service.address.trim_start_matches("http://").to_owned();
    let begin_of = |team: &str, length: usize| {
        let mut stream = service.connect();
        let head = format!("Host: {host}\r\n{team}Content-Length: {length}");
        write!(stream, "{PUT} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        stream
    };
    let begin = |length: usize| begin_of("", length);
    // Too large by its own word, and too large without one.
    refused(&Reply::of(begin((64 << 20) + 1)), 413, "SK0665");
    let mut endless = service.connect();
    write!(endless, "{PUT} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let piece = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
    for _ in 0..66 {
        if endless.write_all(&piece).is_err() {
            break;
        }
    }
    refused(&Reply::of(endless), 413, "SK0665");
    // As many as one team may have at a time, and one more; others are not held up by it.
    let mut begun = Vec::new();
    for (team, all) in [("a", 2), ("b", 4), ("c", 6), ("d", 8)] {
        let head = format!("Skein-Team: {team}\r\n");
        for _ in 0..2 {
            let mut stream = begin_of(&head, 1_000_000);
            stream.write_all(&[0; 1_000]).unwrap();
            begun.push(stream);
        }
        super::until("both of them are there", || kept(&service).len() == all);
        let third = service.ask(PUT, &head, b"more");
        refused(&third, 503, "SK0726");
        let said = third.json()["detail"].to_string();
        assert!(said.contains(&format!("2 modules of {team} are being sent already")), "{said}");
    }
    // And as many as may be at a time, and one more.
    let one_too_many = service.ask(PUT, "", b"more");
    refused(&one_too_many, 503, "SK0726");
    assert_eq!(one_too_many.header("retry-after"), Some("1"));
    assert!(one_too_many.body.contains("8 modules are being sent already"), "{one_too_many:?}");
    drop(begun);
    super::until("nothing is left of them", || kept(&service).is_empty());
    // Broken off half way.
    let mut cut = begin(1_000_000);
    cut.write_all(&[0; 500_000]).unwrap();
    super::until("half of it is there", || !kept(&service).is_empty());
    drop(cut);
    // And one that stops coming: it is told so.
    let mut slow = begin(1_000_000);
    slow.write_all(&[0; 1_000]).unwrap();
    refused(&Reply::of(slow), 408, "SK0724");
    super::until("nothing is left of them", || kept(&service).is_empty());
    assert_eq!(service.get("/v1/modules")["items"], json!([]));
}
