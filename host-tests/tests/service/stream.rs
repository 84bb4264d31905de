//! Events as a stream: who hears of what, from where on, and for how long.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use host_tests::service::Service;
use serde_json::{Value, json};

/// A stream that is read line by line.
struct Stream {
    lines: BufReader<TcpStream>,
    head: String,
    /// The position behind which it begins.
    after: u64,
}

/// One event of it.
#[derive(Debug)]
struct Told {
    id: u64,
    kind: String,
    data: Value,
}

impl Stream {
    fn open(service: &Service, path: &str, head: &str) -> Self {
        let mut stream = service.connect();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let host = service.address.trim_start_matches("http://");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n{head}\r\n")
            .unwrap();
        let mut stream = Self { lines: BufReader::new(stream), head: String::new(), after: 0 };
        while let Some(line) = stream.line() {
            if line.is_empty() {
                break;
            }
            stream.head += &line;
            stream.head += "\n";
        }
        // What it begins with has arrived when it has begun to listen.
        if stream.head.starts_with("HTTP/1.1 200") {
            while let Some(line) = stream.line() {
                if let Some(after) = line.strip_prefix(": after ") {
                    stream.after = after.parse().unwrap();
                    break;
                }
            }
        }
        stream
    }

    /// None at its end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let got = self.lines.read_line(&mut line).ok()?;
        (got > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event, whatever lies between; none at its end.
    fn next(&mut self) -> Option<Told> {
        let (mut id, mut kind) = (0, String::new());
        loop {
            let line = self.line()?;
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(text) = line.strip_prefix("event: ") {
                kind = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some(Told { id, kind, data: serde_json::from_str(text).unwrap() });
            }
        }
    }
}

impl Stream {
    /// All that comes until its end.
    fn rest(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

fn put_team(service: &Service, head: &str, team: &str) {
    let put = service.ask(&format!("PUT /v1/teams/{team}"), head, b"{}");
    assert_eq!(put.status, 200, "{put:?}");
}

#[test]
fn events_come_as_they_are_decided_and_from_where_a_reader_was() {
    let service = Service::start(0);
    let mut live = Stream::open(&service, "/v1/events/stream?kind=team.", "");
    assert!(live.head.contains("content-type: text/event-stream"), "{}", live.head);
    put_team(&service, "", "one");
    put_team(&service, "", "two");
    let first = live.next().unwrap();
    assert_eq!((&*first.kind, &first.data["subject"]), ("team.created", &json!("team:one")), "{first:?}");
    assert_eq!(first.data["position"], first.id);
    let second = live.next().unwrap();
    assert!(second.id > first.id && second.data["subject"] == "team:two", "{second:?}");
    // What it missed comes first, and then what is new.
    let mut back =
        Stream::open(&service, "/v1/events?kind=team.", &format!("Last-Event-ID: {}\r\n", first.id));
    put_team(&service, "", "three");
    let subjects: Vec<Value> = (0..2).map(|_| back.next().unwrap().data["subject"].clone()).collect();
    assert_eq!(subjects, [json!("team:two"), json!("team:three")]);
    // From the beginning, of one kind; the same as the page has.
    let mut all = Stream::open(&service, "/v1/events?after=0&kind=team.,token.revoked", "");
    let subjects: Vec<Value> = (0..3).map(|_| all.next().unwrap().data["subject"].clone()).collect();
    assert_eq!(subjects, [json!("team:one"), json!("team:two"), json!("team:three")]);
    let page = service.get("/v1/events?kind=team.&limit=2");
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "{page}");
    for bad in ["?kind=team", "?after=x", "?colour=red"] {
        let reply = service.ask(&format!("GET /v1/events/stream{bad}"), "", b"");
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("SK0664")), "{bad}");
    }
    let reply = service.ask("GET /v1/events/stream", "Last-Event-ID: x\r\n", b"");
    assert_eq!(reply.status, 400, "{reply:?}");
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

/// A server that asks for tokens, and the head that its admin sends.
fn guarded() -> (Service, String) {
    let service = Service::start_as(0, |call, _| call.arg("--access").arg("tokens"));
    let token = std::fs::read_to_string(service.site.path("server/admin-token")).unwrap();
    (service, bearer(token.trim()))
}

/// The head that a new token's holder sends, and the token's id.
fn viewer(service: &Service, admin: &str, more: Value) -> (String, String) {
    let mut body = json!({ "name": "v", "kind": "service", "grants": [{ "team": "pay", "role": "viewer" }] });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let issued = service.ask("POST /v1/tokens", admin, body.to_string().as_bytes()).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (bearer(&text(&issued["secret"])), text(&issued["token"]["token"]))
}

#[test]
fn a_reader_hears_of_its_team_and_of_what_is_everybodys_and_of_nothing_else() {
    let (service, admin) = guarded();
    put_team(&service, &admin, "pay");
    let (head, _) = viewer(&service, &admin, json!({}));
    assert_eq!(
        Stream::open(&service, "/v1/events/stream", "").head.lines().next(),
        Some("HTTP/1.1 401 Unauthorized")
    );
    let mut stream = Stream::open(&service, "/v1/events/stream?after=0&kind=team.,secret.,policy.", &head);
    put_team(&service, &admin, "shop");
    service.ask("PUT /v1/teams/shop/secrets/key", &admin, b"v");
    service.ask("PUT /v1/teams/pay/secrets/key", &admin, b"v");
    service.ask("PUT /v1/policies/careful", &admin, br#"{"policy":{}}"#);
    let heard: Vec<String> =
        (0..3).map(|_| stream.next().unwrap().data["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!(heard, ["team:pay", "secret:pay/key", "policy:careful"]);
    let listed = service.ask("GET /v1/events?kind=team.,secret.,policy.", &head, b"").json();
    let listed: Vec<&Value> =
        listed["items"].as_array().unwrap().iter().map(|event| &event["subject"]).collect();
    assert_eq!(listed, ["team:pay", "secret:pay/key", "policy:careful"]);
}

#[test]
fn a_stream_ends_with_its_token_and_with_the_server() {
    let (mut service, admin) = guarded();
    put_team(&service, &admin, "pay");
    let (head, id) = viewer(&service, &admin, json!({}));
    let mut revoked = Stream::open(&service, "/v1/events/stream", &head);
    let gone = service.ask(&format!("DELETE /v1/tokens/{id}"), &admin, b"");
    assert_eq!(gone.status, 200, "{gone:?}");
    put_team(&service, &admin, "pay");
    let ended = service.ask("GET /v1/events?kind=token.revoked", &admin, b"").json();
    let ended = ended["items"][0]["position"].as_u64().unwrap();
    // What it hears until then is that the fleet's nodes have joined: they do after the server listens.
    for told in revoked.rest() {
        assert!(told.id > revoked.after && told.id < ended && told.kind == "node.joined", "{told:?}");
    }
    let (head, _) = viewer(&service, &admin, json!({ "expires_in_ms": 2_000 }));
    let mut expired = Stream::open(&service, "/v1/events/stream?kind=token.,team.", &head);
    assert!(expired.next().is_none());
    let mut last = Stream::open(&service, "/v1/events/stream?kind=token.,team.", &admin);
    service.stop();
    assert!(last.next().is_none());
}

#[test]
fn many_readers_hear_the_same_and_one_that_does_not_read_is_dropped_and_not_served_late() {
    let service = Service::start(0);
    let lazy = Stream::open(&service, "/v1/events/stream?kind=team.", "");
    let all_teams = || viewer(&service, "", json!({ "grants": [{ "role": "viewer" }] })).0;
    let heads: Vec<String> = (0..5).map(|_| all_teams()).collect();
    let open = |head: &str| Stream::open(&service, "/v1/events/stream?kind=team.", head);
    let mut readers: Vec<Stream> = heads.iter().cycle().take(500).map(|head| open(head)).collect();
    // One token more that opens as many as it may: it is told so, and whoever holds another one has room.
    let greedy = all_teams();
    let more: Vec<Stream> = (0..128).map(|_| open(&greedy)).collect();
    let one_too_many = service.ask("GET /v1/events/stream", &greedy, b"");
    assert_eq!(
        (one_too_many.status, &one_too_many.json()["code"]),
        (429, &json!("SK0727")),
        "{one_too_many:?}"
    );
    assert_eq!(one_too_many.header("retry-after"), Some("1"));
    assert!(one_too_many.json()["hint"].as_str().unwrap().contains("close streams"), "{one_too_many:?}");
    readers.push(open(&all_teams()));
    drop(more);
    // More than all buffers on the way hold.
    let put = |number: usize| {
        let body = json!({ "note": format!("number {number} {}", "x".repeat(1_900)) });
        let put = service.ask("PUT /v1/teams/busy", "", body.to_string().as_bytes());
        assert_eq!(put.status, 200, "{put:?}");
    };
    put(0);
    for reader in &mut readers {
        assert_eq!(reader.next().unwrap().data["subject"], "team:busy");
    }
    drop(readers);
    (1..1_000).for_each(put);
    super::until("the one that does not read is dropped", || {
        service.said("a peer that does not read was dropped")
    });
    put(1_000);
    // What was on its way comes, and then the end: not what was decided since.
    let mut rest = Vec::new();
    lazy.lines.into_inner().read_to_end(&mut rest).ok();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("number 1 ") && !rest.contains("number 1000 "), "{} bytes", rest.len());
}
