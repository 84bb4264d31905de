//! Requests that are too large, too slow or of another kind, and a server that is to end while it is asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use host_tests::service::{Reply, Service};
use serde_json::json;

#[track_caller]
fn refused(reply: &Reply, wanted: u16, code: &str) {
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["code"], &body["status"]),
        (wanted, &json!(code), &json!(wanted)),
        "{reply:?}"
    );
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
    assert!(body["trace"].as_str().is_some_and(|trace| trace.len() == 32), "{body}");
}

fn begun(service: &Service, request: &str) -> TcpStream {
    let mut stream = service.connect();
    let host = service.address.trim_start_matches("http://");
    stream.write_all(request.replace("{host}", host).as_bytes()).unwrap();
    stream
}

#[test]
fn heads_that_are_too_large_or_no_heads_are_refused_with_a_problem() {
    let service = Service::start(0);
    let long = format!("X-Long: {}\r\n", "x".repeat(40_000));
    refused(&service.ask("GET /v1/status", &long, b""), 431, "SK0729");
    let many: String = (0..120).map(|number| format!("X-{number}: y\r\n")).collect();
    refused(&service.ask("GET /v1/status", &many, b""), 431, "SK0729");
    refused(&service.ask(&format!("GET /v1/status?{}", "x".repeat(40_000)), "", b""), 431, "SK0729");
    for nonsense in ["\u{1}\u{2}\r\n\r\n", "GET /v1/status HTTP/1.1\r\nno header\r\n\r\n", "GET\r\n\r\n"] {
        refused(&Reply::of(begun(&service, nonsense)), 400, "SK0664");
    }
    // It is none of them that keeps it from its work.
    service.get("/v1/status");
}

#[test]
fn heads_and_bodies_that_come_too_slowly_are_given_up_and_nothing_is_done() {
    let service = Service::start(0).with_module("columns");
    let head = begun(&service, "GET /v1/status HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = "POST /v1/campaigns HTTP/1.1\r\nHost: {host}\r\nIdempotency-Key: k\r\nContent-Length: 40\r\n\r\n{\"name\":";
    let mut slow = begun(&service, body);
    let silent = service.connect();
    let started = Instant::now();
    // A byte now and then is no rate.
    let dripping = std::thread::spawn(move || {
        let mut taken = 0;
        while slow.write_all(b" ").is_ok() && taken < 25 {
            taken += 1;
            slow.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            let mut first = [0; 1];
            if slow.peek(&mut first).is_ok() {
                break;
            }
        }
        Reply::of(slow)
    });
    refused(&dripping.join().unwrap(), 408, "SK0724");
    refused(&Reply::of(head), 408, "SK0724");
    // Who has said nothing is not answered.
    let mut nothing = Vec::new();
    (&silent).read_to_end(&mut nothing).unwrap();
    assert_eq!(nothing, b"");
    // After 15 seconds each: a whole body would have had minutes.
    assert!(started.elapsed() < Duration::from_secs(240), "{:?}", started.elapsed());
    assert_eq!(service.get("/v1/campaigns")["items"], json!([]));
}

/// Ports at which a process has connections to something.
fn speaks_to(process: u32) -> Vec<u16> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    // Its fields are a number, both ends, the state and so on; the tenth is the socket.
    let table = std::fs::read(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    let table = String::from_utf8(table).unwrap();
    let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let own = rows.filter(|row| row.get(9).is_some_and(|socket| sockets.iter().any(|own| own == socket)));
    let ports = own.filter_map(|row| u16::from_str_radix(row[2].split_once(':')?.1, 16).ok());
    ports.filter(|port| *port > 0).collect()
}

#[test]
fn nodes_come_in_by_a_listener_of_their_own_so_that_clients_take_none_of_their_places() {
    let service = Service::start(0);
    let port: u16 = service.address.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut spoken_to = Vec::new();
    super::until("nodes have connections", || {
        spoken_to = service.nodes().into_iter().flat_map(speaks_to).collect();
        !spoken_to.is_empty()
    });
    assert!(!spoken_to.contains(&port), "{spoken_to:?}");
    // There is nothing else behind it.
    let own = format!("127.0.0.1:{}", spoken_to[0]);
    for (path, status) in [("/v1/status", 404), ("/", 404), ("/node/v1/blobs/x", 401)] {
        assert_eq!(Service::page(&own, path).0, status, "{path}");
    }
}

#[test]
fn bodies_of_another_kind_or_size_are_refused() {
    let service = Service::start(0);
    let post = |head: &str, body: &[u8]| service.ask("POST /v1/campaigns", head, body);
    refused(&post("Content-Type: text/plain\r\n", b"{}"), 415, "SK0725");
    refused(&post("Content-Type: application/x-www-form-urlencoded\r\n", b"{}"), 415, "SK0725");
    refused(&post("Content-Type: application/json; charset=utf-8\r\n", b"{}"), 400, "SK0664");
    refused(&post("Content-Type: application/json\r\n", &vec![b' '; (2 << 20) + 1]), 413, "SK0665");
    // It says so beforehand: it is refused before it is sent.
    let length = "PUT /v1/teams/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999\r\n\r\n";
    refused(&Reply::of(begun(&service, length)), 413, "SK0665");
    let cut = begun(&service, "PUT /v1/teams/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n{");
    cut.shutdown(std::net::Shutdown::Write).unwrap();
    drop(cut);
    let listed = service.get("/v1/teams");
    assert_eq!(listed["items"], json!([]), "{listed}");
}

#[test]
fn a_server_that_is_to_end_says_that_it_is_not_ready_and_answers_what_is_under_way() {
    let mut service = Service::start(0);
    let mut ready = service.connect();
    ready.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = service.address.trim_start_matches("http://").to_owned();
    let mut ask = || {
        let request = format!("GET /v1/ready HTTP/1.1\r\nHost: {host}\r\n\r\n");
        ready.write_all(request.as_bytes()).ok()?;
        let mut answer = [0; 4_096];
        let got = ready.read(&mut answer).ok().filter(|got| *got > 0)?;
        Some(String::from_utf8_lossy(&answer[..got]).into_owned())
    };
    assert!(ask().unwrap().starts_with("HTTP/1.1 200 "));
    // Begun before the end, whole after it was asked for.
    let head =
        "PUT /v1/teams/late HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let mut put = begun(&service, head);
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut said = vec![0; go_on.len()];
    put.read_exact(&mut said).unwrap();
    assert_eq!(said, go_on);
    put.write_all(b"{").unwrap();
    service.asks_to_end();
    let mut last = Some(String::new());
    super::until("it is not ready any more", || {
        last = ask();
        last.as_ref().is_none_or(|answer| answer.starts_with("HTTP/1.1 503 "))
    });
    if let Some(last) = last {
        assert!(last.contains("SK0726"), "{last}");
    }
    put.write_all(b"}").unwrap();
    let reply = Reply::of(put);
    assert_eq!((reply.status, &reply.json()["team"]), (200, &json!("late")), "{reply:?}");
    service.wait_for_its_end();
}
