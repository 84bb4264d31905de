//! Those who watch a campaign, as `live.js` does: a stream that tells that something changed, and the page's part asked for again, at
//! most every 150 ms and never while an answer is on its way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use skein_types::Clock;

use crate::scale::client::Client;
use crate::server::Server;

pub(super) const MANY: usize = 100;
/// For so long they watch while the campaign is at work.
const WATCHED: Duration = Duration::from_secs(20);
/// Pauses and resumptions that are timed afterwards.
const CHANGES: usize = 10;
/// `live.js` waits as long between two.
const LEAST: Duration = Duration::from_millis(150);
/// That wait; who is behind so many waits with the next.
const TICKS: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Watched {
    /// Of a core, of the server alone.
    pub(super) cpu: f64,
    /// Milliseconds from the answer to a change to the part of a page that shows it, 95th percentile.
    pub(super) late: Option<f64>,
}

/// What the last part of each viewer's page said, and when.
type Parts = Mutex<Vec<(Duration, String)>>;

pub(super) fn measure(
    server: &Server,
    client: &Client,
    (campaign, viewers): (&str, usize),
    clock: &dyn Clock,
) -> anyhow::Result<Watched> {
    let place = server.address().strip_prefix("http://").context("an address of plain HTTP")?;
    let cookie = signed_in(place, client)?;
    let (over, parts) = (AtomicBool::new(false), Parts::new(vec![(Duration::ZERO, String::new()); viewers]));
    thread::scope(|scope| {
        for number in 0..viewers {
            let (over, parts, cookie) = (&over, &parts, &cookie);
            scope.spawn(move || viewer((place, cookie, campaign), (over, clock), (parts, number)).ok());
        }
        let measured = watched(server, client, campaign, (&parts, clock));
        over.store(true, Ordering::Relaxed);
        measured
    })
}

fn watched(
    server: &Server,
    client: &Client,
    campaign: &str,
    (parts, clock): (&Parts, &dyn Clock),
) -> anyhow::Result<Watched> {
    thread::sleep(Duration::from_secs(2));
    let (before, began) = (server.cpu()?, clock.elapsed());
    thread::sleep(WATCHED);
    let cpu = (server.cpu()? - before).as_secs_f64() / (clock.elapsed() - began).as_secs_f64();
    let mut late = Vec::new();
    let viewers = parts.lock().unwrap_or_else(PoisonError::into_inner).len();
    if viewers > 0 {
        for number in 0..CHANGES {
            let (verb, from, to) = if number % 2 == 0 {
                ("pause", "running", "paused")
            } else {
                ("resume", "paused", "running")
            };
            client.act(campaign, verb, from)?;
            let done = clock.elapsed();
            late.extend(seen((parts, clock), (done, &format!("</span>{to}</span>")))?);
            // Nothing of it is on its way any more.
            thread::sleep(LEAST * 2);
        }
    }
    late.sort_by(f64::total_cmp);
    let p95 = late.get((late.len() * 95 / 100).min(late.len().saturating_sub(1))).copied();
    Ok(Watched { cpu, late: p95 })
}

/// Milliseconds until each viewer's page said so.
fn seen((parts, clock): (&Parts, &dyn Clock), (done, what): (Duration, &str)) -> anyhow::Result<Vec<f64>> {
    let end = clock.elapsed() + PATIENCE;
    while clock.elapsed() < end {
        let there: Option<Vec<f64>> = {
            let parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            let one = |(at, said): &(Duration, String)| {
                said.contains(what).then(|| at.saturating_sub(done).as_secs_f64() * 1e3)
            };
            parts.iter().map(one).collect()
        };
        if let Some(there) = there {
            return Ok(there);
        }
        thread::sleep(Duration::from_millis(5));
    }
    anyhow::bail!("a viewer's page never says {what}")
}

/// The cookie of a new session.
fn signed_in(place: &str, client: &Client) -> anyhow::Result<String> {
    let link = client.post("portal/links", &json!({}))?;
    let secret = link["url"].as_str().and_then(|url| url.split_once("link=")).context("a link")?.1.to_owned();
    let body = format!("link={secret}");
    let mut stream = TcpStream::connect(place)?;
    write!(
        stream,
        "POST /sign-in HTTP/1.1\r\nhost: {place}\r\norigin: http://{place}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).context("a cookie")?;
    Ok(line.split(';').next().unwrap_or_default().to_owned())
}

fn viewer(
    (place, cookie, campaign): (&str, &str, &str),
    (over, clock): (&AtomicBool, &dyn Clock),
    (parts, number): (&Parts, usize),
) -> anyhow::Result<()> {
    let (tell, told) = mpsc::sync_channel(TICKS);
    thread::scope(|scope| {
        scope.spawn(move || ticks((place, cookie, campaign), over, &tell).ok());
        let mut page = BufReader::new(TcpStream::connect(place)?);
        while !over.load(Ordering::Relaxed) {
            if told.recv_timeout(Duration::from_millis(500)).is_err() {
                continue;
            }
            let part = part(&mut page, (place, cookie, campaign))?;
            parts.lock().unwrap_or_else(PoisonError::into_inner)[number] = (clock.elapsed(), part);
            thread::sleep(LEAST);
            // What came meanwhile is asked for once.
            let waiting = told.try_iter().count();
            if waiting > 0 {
                let part = self::part(&mut page, (place, cookie, campaign))?;
                parts.lock().unwrap_or_else(PoisonError::into_inner)[number] = (clock.elapsed(), part);
                thread::sleep(LEAST);
            }
        }
        Ok(())
    })
}

fn ticks(
    (place, cookie, campaign): (&str, &str, &str),
    over: &AtomicBool,
    tell: &mpsc::SyncSender<()>,
) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(place)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let at = format!("/v1/events/stream?tick=true&campaign={campaign}");
    write!(
        stream,
        "GET {at} HTTP/1.1\r\nhost: {place}\r\ncookie: {cookie}\r\naccept: text/event-stream\r\n\r\n"
    )?;
    let (mut lines, mut line) = (BufReader::new(stream), String::new());
    while !over.load(Ordering::Relaxed) {
        match lines.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => {
                if line.starts_with("event: changed") && tell.send(()).is_err() {
                    break;
                }
                line.clear();
            }
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The part of the page, over a connection that is kept.
fn part(
    page: &mut BufReader<TcpStream>,
    (place, cookie, campaign): (&str, &str, &str),
) -> anyhow::Result<String> {
    let asked =
        format!("GET /live/campaigns/{campaign} HTTP/1.1\r\nhost: {place}\r\ncookie: {cookie}\r\n\r\n");
    page.get_mut().write_all(asked.as_bytes())?;
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        anyhow::ensure!(page.read_line(&mut line)? > 0, "the server hangs up");
        if let Some(said) = line.strip_prefix("content-length: ") {
            length = said.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    page.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}
