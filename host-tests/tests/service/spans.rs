//! Lines and spans of a server and its nodes: what they are about, and that nothing waits for whoever collects them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use host_tests::call::Stream;
use host_tests::service::{Fleet, Service};
use serde_json::{Value, json};

/// A collector that keeps what it is sent.
struct Collector {
    endpoint: String,
    bodies: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { endpoint, bodies }
    }

    /// Whether these bytes were sent, one behind the other.
    fn has(&self, bytes: &[u8]) -> bool {
        self.bodies.lock().unwrap().windows(bytes.len()).any(|some| some == bytes)
    }

    /// Whether a span of this name was sent: field 5 of `Span` in OTLP's protobuf, a text behind its length.
    fn has_span(&self, name: &str) -> bool {
        self.has(&[&[5 << 3 | 2, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat())
    }
}

/// One request of a connection.
fn take(mut stream: &TcpStream, kept: &Mutex<Vec<u8>>) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    kept.lock().unwrap().extend(body);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()
}

/// As a client sends it that has spans of its own.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn carried_out(service: &Service) -> String {
    let campaign = service.campaign("told");
    service.act(&campaign, "plan").succeeded();
    crate::brought(service, &campaign, "planned");
    let start = format!("/v1/campaigns/{campaign}/actions/start");
    let head = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let (status, answer) = service.post(&start, &head, &json!({ "expect": "planned" }));
    assert_eq!(status, 200, "{answer}");
    crate::brought(service, &campaign, "soaking");
    campaign
}

#[test]
fn a_collector_gets_spans_of_requests_of_publishing_and_of_attempts() {
    let collector = Collector::start();
    let service = Service::start_as(2, |call, _| call.arg("--otlp").arg(&collector.endpoint));
    let service = service.with_module_and_datasets();
    let campaign = carried_out(&service);
    for name in ["request", "publish", "attempt"] {
        crate::until(&format!("a span {name} was sent"), || collector.has_span(name));
    }
    // The id of the trace is field 1 of `Span`: of the request itself, and of what nodes did for it.
    let trace = u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes();
    assert!(collector.has(&[&[1 << 3 | 2, 16][..], &trace].concat()));
    // Whichever of its nodes was quicker.
    for said in [&*campaign, "skein-control", "skein-node", "local-"] {
        assert!(collector.has(said.as_bytes()), "{said}");
    }
}

#[test]
fn spans_that_nobody_takes_are_counted_and_it_is_said_once_that_they_are_lost_and_once_that_they_are_not() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let alone = Fleet { nodes: 0, slots: 1 };
    let endpoint = format!("http://{free}");
    let service = Service::over_as(alone, (0, |_, _| {}), |call, _| call.arg("--otlp").arg(endpoint));
    let lost = || {
        let page = Service::page(&service.address, "/metrics").1;
        let count = page.lines().find_map(|line| line.strip_prefix("skein_spans_lost_total "));
        count.unwrap().parse::<u64>().unwrap()
    };
    // Each look is a span more.
    let first = lost();
    crate::until("spans are lost", || lost() > first);
    let once_more = lost();
    crate::until("more are lost", || lost() > once_more);
    let collector = Collector::at(free);
    crate::until("spans are taken", || lost() > 0 && collector.has_span("request"));
    crate::until("it is said", || service.said("the collector takes spans again"));
    let said = service.running.has_said(Stream::Stderr);
    for line in ["the collector takes no spans", "the collector takes spans again"] {
        assert_eq!(said.matches(line).count(), 1, "{line}: {said}");
    }
}

#[test]
fn lines_are_json_and_say_what_they_are_about_while_nobody_takes_the_spans() {
    // Connections to it are made, and nobody ever answers.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", hung.local_addr().unwrap());
    let service = Service::start_as(2, |call, _| {
        call.arg("--log-format").arg("json").arg("--log").arg("info").arg("--otlp").arg(endpoint)
    });
    let mut service = service.with_module_and_datasets();
    let campaign = carried_out(&service);
    service.stop();
    assert!(!service.said("did not end in time"), "nodes drain although their spans go nowhere");
    let said = service.running.has_said(Stream::Stderr);
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let of_attempt =
        lines.iter().find(|line| line["span"]["name"] == "attempt" && line["span"]["campaign"] == *campaign);
    assert!(of_attempt.is_some(), "no line of an attempt in {said}");
    let line = of_attempt.unwrap();
    assert!(said.contains(&format!(r#""trace":"{TRACE}""#)), "{said}");
    let of_run = lines.iter().find(|line| line["span"]["name"] == "attempt" && line["span"]["kind"] == "run");
    assert_eq!(of_run.unwrap()["span"]["trace"], TRACE, "a node knows whose request it works for");
    assert!(line["span"]["node"].as_str().unwrap().starts_with("local-"), "{line}");
    assert!(line["span"]["attempt"].as_str().unwrap().starts_with("att_"), "{line}");
    assert!(line["message"].is_string() && line["timestamp"].is_string(), "{line}");
}
