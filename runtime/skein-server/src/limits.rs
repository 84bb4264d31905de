//! What bounds a connection, a request and how many of them there are: all of it, in one place.
//!
//! The same for everybody. What a body may have is beside the body (`skein-api`), because clients want to know it too.

use std::time::Duration;

use skein_control::Most;
use skein_types::{Bytes, codes};

/// Bytes of a request's line and headers.
pub(crate) const HEAD_BYTES: usize = 32 << 10;
/// From when a head is waited for until it is whole. A connection on which nothing is asked is closed after it, too.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(15);
/// What a connection holds of what is read or to be written.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;
/// What the system holds of an answer for a peer that does not read it.
pub(crate) const SEND_BUFFER_BYTES: u32 = 256 << 10;
/// Connections that wait to be taken.
pub(crate) const BACKLOG: u32 = 1_024;
/// Before it is looked at how fast a body comes.
pub(crate) const BODY_GRACE: Duration = Duration::from_secs(10);
/// The least rate of a body from then on: bytes a second.
pub(crate) const BODY_RATE: u64 = 16 << 10;
/// Of a whole body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(600);
/// Of bodies in memory, all together.
pub(crate) const BODIES_BYTES: usize = 128 << 20;
/// What each may have beside that: as much as its connection holds anyway.
pub(crate) const BODY_FREE_BYTES: usize = BUFFER_BYTES;
/// From when a request is whole to its answer.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(150);
/// The like of a backup: it copies and reads back all that a server keeps.
pub const BACKUP_TIME: Duration = Duration::from_secs(6 * 3_600);
/// The longest `Prefer: wait`.
pub(crate) const WAIT_TIME: Duration = Duration::from_secs(120);
/// Between two signs of life of a stream on which nothing happens.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long nothing may be taken of an answer.
pub(crate) const WRITE_TIME: Duration = Duration::from_secs(20);
/// Connections at a time, in all and of one address.
pub(crate) const CLIENTS: Most = Most { all: 2_048, of_each: 1_024 };
/// Of nodes of this machine, which come in by a way of their own.
pub(crate) const NODES: Most = Most { all: 1_024, of_each: 1_024 };
/// How long requests that are under way are answered still, once the nodes have ended.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long an answer can be had again by its `Idempotency-Key`.
pub(crate) const ANSWERS_KEPT: Duration = skein_control::ANSWERS_KEPT;

/// A limit, as people read it.
#[derive(Clone, Debug)]
pub struct ServerLimit {
    /// Of what.
    pub what: &'static str,
    /// How much.
    pub value: String,
    /// What whoever reaches it is told, if it is somebody's request.
    pub code: Option<&'static str>,
}

/// All of them.
pub fn server_limits() -> Vec<ServerLimit> {
    let bytes = |bytes: usize| Bytes(bytes as u64).to_string();
    let time = |time: Duration| format!("{} s", time.as_secs());
    let one = |what, value, code: Option<skein_types::Code>| ServerLimit {
        what,
        value,
        code: code.map(|code| code.id),
    };
    let late = Some(codes::REQUEST_LATE);
    vec![
        one("line and headers of a request", bytes(HEAD_BYTES), Some(codes::HEAD_TOO_LARGE)),
        one("time for a request's head, or between two requests", time(HEAD_TIME), late),
        one("a body of JSON", bytes(skein_api::BODY_BYTES_MAX), Some(codes::BODY_TOO_LARGE)),
        one("a module", bytes(skein_api::MODULE_BYTES_MAX), Some(codes::BODY_TOO_LARGE)),
        one("a list of datasets", bytes(skein_api::IMPORT_BYTES_MAX), Some(codes::BODY_TOO_LARGE)),
        one("lines of such a list", skein_api::IMPORT_LINES_MAX.to_string(), Some(codes::LIST_REFUSED)),
        one("globs of a selection", skein_control::GLOBS_MAX.to_string(), Some(codes::BODY_INVALID)),
        one("all of them together", bytes(skein_control::GLOB_BYTES_MAX), Some(codes::BODY_INVALID)),
        one("a secret's value", bytes(skein_api::SECRET_BYTES_MAX), Some(codes::BODY_TOO_LARGE)),
        one("bodies that are held at a time", bytes(BODIES_BYTES), Some(codes::SERVER_BUSY)),
        one("least rate of a body", format!("{}/s after {}", Bytes(BODY_RATE), time(BODY_GRACE)), late),
        one("time for a whole body", time(BODY_TIME), late),
        one("time until an answer", time(CALL_TIME), Some(codes::SERVER_BUSY)),
        one("time until a backup is written", time(BACKUP_TIME), Some(codes::SERVER_BUSY)),
        one("`Prefer: wait`", time(WAIT_TIME), None),
        one("modules that are sent at a time", skein_control::UPLOADS.to_string(), Some(codes::SERVER_BUSY)),
        one(
            "modules of one team that are sent at a time",
            skein_control::UPLOADS_OF_TEAM.to_string(),
            Some(codes::SERVER_BUSY),
        ),
        one(
            "versions of modules of one team",
            skein_control::MODULES_OF_TEAM.to_string(),
            Some(codes::MODULES_FULL),
        ),
        one(
            "modules of one team that are kept",
            skein_control::MODULES_BYTES_OF_TEAM.to_string(),
            Some(codes::MODULES_FULL),
        ),
        one("streams of events", skein_control::WATCHERS.to_string(), Some(codes::READERS_BUSY)),
        one(
            "streams of events of one token",
            skein_control::WATCHERS_OF_TOKEN.to_string(),
            Some(codes::READERS_BUSY),
        ),
        one("time in which nothing is taken of an answer", time(WRITE_TIME), None),
        one("connections", CLIENTS.all.to_string(), Some(codes::SERVER_BUSY)),
        one("connections of one address", CLIENTS.of_each.to_string(), Some(codes::SERVER_BUSY)),
        one("time for last answers when it ends", time(LAST_ANSWERS), None),
        one("time for which an answer is kept for its `Idempotency-Key`", time(ANSWERS_KEPT), None),
        one("items of a page", skein_api::PAGE_ITEMS_MAX.to_string(), None),
    ]
}
