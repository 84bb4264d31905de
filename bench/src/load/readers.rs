//! Five hundred readers of `/v1/events/stream`, and one that asks and then never reads: events reach the others on time, and it is
//! cut off and gets nothing late.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use skein_bench::report::Figure;
use skein_types::Clock;

use super::beside;
use super::requests::Times;
use crate::scale::client::Client;

const READERS: usize = 500;
/// Readers with the same token: one has 128 streams at most.
const OF_TOKEN: usize = 100;
/// Changes whose events are timed.
const EVENTS: usize = 200;
/// Changes that fill what the system holds for a reader who does not read.
const FLOOD: usize = 3_000;
/// Nobody waits longer for an event.
const PATIENCE: Duration = Duration::from_secs(60);
/// After it a reader that reads nothing is cut off; the server says 20 s.
const CUT: Duration = Duration::from_secs(45);

pub(super) fn measure(address: &str, client: &Client, clock: &dyn Clock) -> anyhow::Result<Vec<Figure>> {
    let place = address.strip_prefix("http://").context("an address of plain HTTP")?;
    let tokens =
        (0..READERS.div_ceil(OF_TOKEN)).map(|_| token(client)).collect::<anyhow::Result<Vec<_>>>()?;
    let last = Mutex::new(BTreeMap::new());
    let barrier = Barrier::new(READERS + 1);
    let ready = &barrier;
    let (asked, arrived) = thread::scope(|scope| -> anyhow::Result<_> {
        let tokens = tokens.iter().cycle().take(READERS).map(String::as_str);
        let reads = tokens.map(|token| scope.spawn(move || reader((place, token), ready, clock)));
        let readers: Vec<_> = reads.collect();
        ready.wait();
        for number in 0..EVENTS {
            let name = format!("reader-{number}");
            let at = clock.elapsed();
            change(client, &name, "timed")?;
            last.lock().unwrap_or_else(PoisonError::into_inner).insert(name, at);
        }
        let mut arrived = Vec::new();
        for reader in readers {
            arrived.push(reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??);
        }
        Ok((last.lock().unwrap_or_else(PoisonError::into_inner).clone(), arrived))
    })?;
    let mut late = Vec::new();
    for events in &arrived {
        anyhow::ensure!(events.len() == EVENTS, "a reader got {} of {EVENTS} events", events.len());
        for (name, at) in events {
            let from = asked.get(name).with_context(|| format!("nobody asked for {name}"))?;
            late.push(at.saturating_sub(*from).as_secs_f64() * 1e3);
        }
    }
    let late = Times::of(late)?;
    let (got, of) = never_reads(place, client)?;
    Ok(vec![
        beside("readers", "", READERS as f64),
        beside("events each, none lost, none twice", "", EVENTS as f64),
        beside("from request to arrival, median", "ms", late.median),
        beside("from request to arrival, p95", "ms", late.p95),
        beside("from request to arrival, longest", "ms", late.most),
        beside("reader that never reads: events sent to it before it was cut off", "", got as f64),
        beside("reader that never reads: events that there were", "", of as f64),
    ])
}

fn change(client: &Client, name: &str, note: &str) -> anyhow::Result<()> {
    let body = json!({ "note": note }).to_string();
    client.put(&format!("teams/{name}"), body.into_bytes()).map(drop)
}

/// The secret of a new token that may see all teams.
fn token(client: &Client) -> anyhow::Result<String> {
    let asked = json!({ "name": "reader", "kind": "service", "grants": [{ "role": "viewer" }] });
    let issued = client.post("tokens", &asked)?;
    Ok(issued["secret"].as_str().context("a token's secret")?.to_owned())
}

/// A connection on which the stream was asked for and has begun.
fn follow((place, token): (&str, &str)) -> anyhow::Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(place)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /v1/events/stream HTTP/1.1\r\nhost: {place}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\r\n"
    )?;
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    anyhow::ensure!(line.starts_with("HTTP/1.1 200"), "the stream is refused: {line}");
    // What the stream begins with says that it is followed.
    while !line.starts_with("retry:") {
        line.clear();
        anyhow::ensure!(lines.read_line(&mut line)? > 0, "the stream ended at once");
    }
    Ok(lines)
}

/// When it got which change: the team's name, in the order of arrival.
fn reader(
    at: (&str, &str),
    ready: &Barrier,
    clock: &dyn Clock,
) -> anyhow::Result<BTreeMap<String, Duration>> {
    let stream = follow(at);
    ready.wait();
    let mut stream = stream?;
    let mut arrived = BTreeMap::new();
    let mut line = String::new();
    while arrived.len() < EVENTS {
        line.clear();
        anyhow::ensure!(stream.read_line(&mut line)? > 0, "the stream ended");
        let Some(at) = line.find("reader-") else { continue };
        let name: String =
            line[at..].chars().take_while(|one| one.is_ascii_alphanumeric() || *one == '-').collect();
        anyhow::ensure!(arrived.insert(name, clock.elapsed()).is_none(), "an event came twice");
    }
    Ok(arrived)
}

/// How many events a reader that does not read was sent, of how many.
fn never_reads(place: &str, client: &Client) -> anyhow::Result<(usize, usize)> {
    let token = token(client)?;
    let mut stream = follow((place, &token))?;
    let note = "x".repeat(400);
    for number in 0..FLOOD {
        change(client, &format!("flood-{number}"), &note)?;
    }
    thread::sleep(CUT);
    let mut sent = Vec::new();
    // What the system held for it still comes; then the connection is over.
    match stream.read_to_end(&mut sent) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => return Err(error).context("the stream of who does not read goes on"),
    }
    let got = String::from_utf8_lossy(&sent).matches("\nid:").count();
    anyhow::ensure!(got < FLOOD, "all {got} events were kept for a reader that does not read");
    Ok((got, FLOOD))
}
