//! Decisions: as a page, or as a stream that goes on (server-sent events, WHATWG HTML 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::json;
use skein_api::{Event, Page};
use skein_control::{EventPart, ServiceError, Told, Watcher};
use skein_types::codes;
use tokio::time::Instant;

use super::{Part, said};
use crate::asker::Asker;
use crate::description::{Family, told};
use crate::limits::HEARTBEAT;
use crate::problem::Refusal;
use crate::serve::Stages;

/// How long a client waits before it comes back, if it lost the stream.
const COME_BACK: &str = "retry: 2000\n\n";
/// Ticks are as far apart as this. The first after a while is told at once: what is seen then is as old as this at most.
const APART: Duration = Duration::from_millis(160);
const STREAM: &str = "text/event-stream";
/// The position of the last event that whoever comes back has.
const LAST: &str = "last-event-id";
const ABOUT_LAST: &str = "The `id` of the last event that whoever comes back has.";

pub(crate) fn routes() -> Family {
    Family::new("Events", "What was decided, in the order in which it was: all of it that a token may see.")
        .get(
            "/events",
            list,
            told("List decisions")
                .about("A page may be short, or empty, and still say where to go on. With `Accept: text/event-stream` it is as the stream.")
                .answers_json::<Page<Event>>(200)
                .answers(STREAM, json!({ "type": "string" }))
                .header("Last-Event-ID", ABOUT_LAST)
                .refuses(&[codes::READERS_BUSY, codes::NOT_FOUND]),
        )
        .get(
            "/events/stream",
            follow,
            told("Follow decisions as they are made")
                .about(
                    "Server-sent events: `id` is the position, `event` the kind, `data` the event as the list has it. It begins behind \
                     `Last-Event-ID` or `after`, else with what comes. It ends when the token does not count any more, when the server \
                     is to end, and where its reader does not read. With `tick` it has events `changed` alone, without data.",
                )
                .answers(STREAM, json!({ "type": "string" }))
                .header("Last-Event-ID", ABOUT_LAST)
                .refuses(&[codes::READERS_BUSY, codes::NOT_FOUND]),
        )
}

async fn list(
    asker: Asker,
    part: Part<EventPart>,
    stages: Extension<Stages>,
    request: Request,
) -> Result<Response, Refusal> {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains(STREAM)) {
        return follow(asker, part, stages, request).await;
    }
    let Part(part) = part;
    Ok(asker.ask(move |desk| desk.events(&part)).await?.into_response())
}

async fn follow(
    asker: Asker,
    Part(mut part): Part<EventPart>,
    Extension(stages): Extension<Stages>,
    request: Request,
) -> Result<Response, Refusal> {
    // Whoever comes back by itself sends the same query with it.
    part.after = last(request.headers())?.or(part.after);
    let ticks = part.tick;
    let watcher = asker.ask(move |desk| desk.watch(&part)).await?.0;
    let counts_for = watcher.counts_for()?;
    let begun = format!("{COME_BACK}: after {}\n\n", watcher.at());
    let stream = Stream {
        begun: Some(begun),
        watcher,
        ticks,
        next_tick: Instant::now(),
        stages,
        ends: counts_for.map(|time| Instant::now() + time),
    };
    let body = Body::from_stream(stream::unfold(stream, |mut stream| async {
        let bytes = stream.next().await?;
        Some((Ok::<_, Infallible>(bytes), stream))
    }));
    let head = [
        (header::CONTENT_TYPE, STREAM),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that gather answers before they pass them on.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((head, body).into_response())
}

fn last(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(text) = said(headers, LAST)? else { return Ok(None) };
    let position = text.parse().map_err(|_| {
        let message = "Last-Event-ID is not the id of an event of this server";
        Refusal(ServiceError::new(codes::BODY_INVALID, message))
    })?;
    Ok(Some(position))
}

/// One reader's stream. It ends when the reader was passed by the log, its token does not count any more, or the server is to end.
struct Stream {
    begun: Option<String>,
    watcher: Watcher,
    /// It is told that there was something, and not what.
    ticks: bool,
    /// When the next tick may be.
    next_tick: Instant,
    stages: Stages,
    /// When its token expires.
    ends: Option<Instant>,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(begun) = self.begun.take() {
            return Some(begun.into());
        }
        let expires = async |ends: Option<Instant>| match ends {
            Some(ends) => tokio::time::sleep_until(ends).await,
            None => std::future::pending().await,
        };
        let told = tokio::select! {
            () = self.stages.draining() => None,
            () = expires(self.ends) => None,
            told = tokio::time::timeout(HEARTBEAT, self.watcher.next()) => match told {
                Ok(Ok(Some(told))) => Some(Heard::One(told)),
                Ok(Ok(None)) => {
                    tracing::info!(at = self.watcher.at(), "a reader of events was ended");
                    None
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a stream of events cannot go on");
                    None
                }
                Err(_) => Some(Heard::Nothing),
            },
        };
        match told? {
            Heard::Nothing => Some(Bytes::from_static(b": still here\n\n")),
            Heard::One(told) if self.ticks => Some(self.gathered(told.position).await.into()),
            Heard::One(told) => Some(shown(&told).into()),
        }
    }

    /// What comes before the next tick may be is told with it.
    async fn gathered(&mut self, first: u64) -> String {
        let mut last = first;
        while Instant::now() < self.next_tick
            && let Ok(Ok(Some(told))) = tokio::time::timeout_at(self.next_tick, self.watcher.next()).await
        {
            last = told.position;
        }
        self.next_tick = Instant::now() + APART;
        format!("id: {last}\nevent: changed\ndata: {{}}\n\n")
    }
}

enum Heard {
    One(Arc<Told>),
    /// For as long as proxies bear.
    Nothing,
}

fn shown(told: &Told) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", told.position, told.kind, told.text)
}
