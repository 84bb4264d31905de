//! What an attempt has to tell, on its way to control: few lines go with the report, more as a blob before it.

use skein_api::node::{LINES_HERE_BYTES_MAX, LINES_HERE_MAX, Lines, Notes, Rejected};
use skein_api::{List, Text};
use skein_types::{Blake3, Bytes, Millis};

use super::client::Client;
use crate::journal::Journal;

/// All that an attempt has told.
pub(super) fn of(client: &Client, journal: &Journal, took: Millis) -> Box<Notes> {
    let mut told = journal.take();
    let rejects = told.rejects().and_then(|rejects| {
        let some = lines(client, rejects.some)?;
        Some(Rejected { rows: rejects.rows, codes: rejects.codes, some })
    });
    let log = lines(client, told.lines());
    Box::new(Notes { took_ms: took, log, rejects, source: told.source, params: told.params })
}

/// None if there are none. Where they cannot be left with control they are lost: what the attempt did counts more.
fn lines(client: &Client, lines: Vec<String>) -> Option<Lines> {
    if lines.is_empty() {
        return None;
    }
    let bytes: usize = lines.iter().map(String::len).sum();
    if lines.len() <= LINES_HERE_MAX && bytes <= LINES_HERE_BYTES_MAX {
        let here: Vec<_> = lines.iter().map(|line| Text::escaped(line)).collect();
        return Some(Lines::Here { lines: List::first(here).0 });
    }
    let mut text = lines.join("\n").into_bytes();
    text.push(b'\n');
    let (digest, bytes) = (Blake3::of(&text), Bytes(text.len() as u64));
    match client.put_blob(digest, text) {
        Ok(()) => Some(Lines::Blob { digest, bytes }),
        Err(error) => {
            tracing::warn!(%error, "log of an attempt is lost");
            None
        }
    }
}
