//! `skein audit export`: every record as it is hashed, one a line, between a line that says where it begins and one that says where it
//! ends; and reading it again, which needs nothing else.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use skein_api::{AuditRecord, ChainHead};
use skein_ledger::{Damage, Follow, Head, Record};
use skein_types::{Blake3, codes};

use crate::aside;
use crate::failure::{CommandResult, Failure};
use crate::render::{self, grouped};
use crate::server::{Listed, Server};
use crate::view::View;

/// Of a line; a record has 64 KiB.
const LINE_MAX: usize = 4 << 20;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Into this file, and not to the output.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Records behind this position alone: those of a file that ends there go before it.
    #[arg(long, value_name = "POSITION")]
    after: Option<NonZeroU64>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    skein_audit: u32,
    /// The head behind which it begins: `POSITION:HASH`.
    behind: String,
}

/// The last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// The last record.
    head: String,
    /// How many there are.
    records: u64,
}

/// What was written, or read.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Records {
    pub(super) behind: ChainHead,
    pub(super) head: ChainHead,
    pub(super) records: u64,
}

pub(super) fn export(view: View, server: &Server, args: &ExportArgs) -> CommandResult {
    let Some(path) = &args.save else {
        // The records are the output; what was written is not said into it.
        return written(server, args.after, &mut Output).map(drop);
    };
    let mut outcome = None;
    let saved = aside::replace(path, |file| {
        let mut out = std::io::BufWriter::new(file);
        outcome = Some(written(server, args.after, &mut out));
        match &outcome {
            Some(Ok(_)) => out.flush(),
            Some(Err(_)) | None => Err(std::io::Error::other("not all of it came")),
        }
    });
    let records = match (outcome, saved) {
        (Some(Err(failure)), _) => return Err(failure),
        (_, Err(error)) => return Err(Failure::new(codes::IO, &error).about(path)),
        (Some(Ok(records)), Ok(())) => records,
        (None, Ok(())) => return Ok(()),
    };
    view.told(&records, || {
        let Records { head, records, .. } = records;
        render::line(&format!("{} records, each as the next one says; the head is", grouped(records)));
        render::line(&head.to_string());
    });
    Ok(())
}

/// The output, line by line.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        render::raw(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Verifies each record as it comes, so that what is written verifies.
fn written(server: &Server, after: Option<NonZeroU64>, out: &mut impl Write) -> Result<Records, Failure> {
    let behind = match after {
        None => Head::GENESIS,
        Some(after) => {
            let record: skein_api::AuditEvent = server.get(&format!("audit/{after}"))?;
            Head { position: record.position, hash: record.hash }
        }
    };
    let mut say = |line: String| {
        out.write_all((line + "\n").as_bytes()).map_err(|error| Failure::new(codes::IO, &error))
    };
    say(spelled(&Begin { skein_audit: 1, behind: head(behind).to_string() })?)?;
    let mut follow = Follow::behind(behind);
    let after = (behind.position > 0).then(|| behind.position.to_string());
    let listed = Listed { path: "audit/records", query: "", after };
    let mut failed = Ok(());
    server.pages_of(&listed, None, |page: Vec<AuditRecord>| {
        for item in page {
            if failed.is_ok() {
                failed = record(&item).and_then(|(record, line)| {
                    follow.next(&record).map_err(|damage| edited(&damage, "the server's record"))?;
                    say(line)
                });
            }
        }
    })?;
    failed?;
    let end = follow.head();
    let records = end.position - behind.position;
    say(spelled(&End { head: head(end).to_string(), records })?)?;
    Ok(Records { behind: head(behind), head: head(end), records })
}

fn record(item: &AuditRecord) -> Result<(Record, String), Failure> {
    let line = spelled(item)?;
    let record = serde_json::from_str(&line).map_err(|error| Failure::new(codes::BUG, &error))?;
    Ok((record, line))
}

fn spelled(item: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(item).map_err(|error| Failure::new(codes::BUG, &error))
}

const fn head(head: Head) -> ChainHead {
    ChainHead { position: head.position, hash: head.hash }
}

fn edited(damage: &Damage, what: &str) -> Failure {
    Failure::text(codes::AUDIT_EXPORT, format!("{what} is not what was decided: {damage}"))
}

/// Reads an exported file and recomputes every hash in it; heads from elsewhere have to lie on it, as far as it goes.
pub(super) fn verified(path: &Path, heads: &[ChainHead]) -> Result<Records, Failure> {
    let bad = |what: String| Failure::text(codes::AUDIT_EXPORT, what).about(path);
    let file = File::open(path).map_err(|error| Failure::unread(path, codes::IO, &error))?;
    let mut lines = Lines { of: BufReader::new(file), line: String::new() };
    let first = lines.next(path)?.ok_or_else(|| bad("it is empty".to_owned()))?;
    let begin: Begin = serde_json::from_str(first)
        .map_err(|error| bad(format!("it does not begin as `skein audit export` writes it: {error}")))?;
    let behind: ChainHead = begin.behind.parse().map_err(|error| bad(format!("its first line: {error}")))?;
    if begin.skein_audit != 1 || (behind.position == 0 && behind.hash != Blake3([0; 32])) {
        return Err(bad("its first line names nothing that it could begin behind".to_owned()));
    }
    let mut follow = Follow::behind(Head { position: behind.position, hash: behind.hash });
    let differs =
        |at: ChainHead| heads.iter().any(|known| known.position == at.position && known.hash != at.hash);
    if differs(behind) {
        return Err(bad(Damage::Edited(behind.position).to_string()));
    }
    if !heads.is_empty() && heads.iter().all(|known| known.position < behind.position) {
        let before = format!("position {}, behind which it begins", behind.position);
        return Err(bad(format!("no head lies in it: all of them are before {before}")));
    }
    loop {
        let last = follow.head();
        let line = lines.next(path)?;
        let line =
            line.ok_or_else(|| bad(format!("it was cut: it ends behind position {}", last.position)))?;
        if let Ok(end) = serde_json::from_str::<End>(line) {
            let records = last.position - behind.position;
            if end.head != head(last).to_string() || end.records != records {
                return Err(bad(format!(
                    "it was cut: it has {records} records, and says that there are {}",
                    end.records
                )));
            }
            if lines.next(path)?.is_some() {
                return Err(bad("something was added behind its end".to_owned()));
            }
            let known = heads.iter().map(|head| head.position).max().unwrap_or(0);
            if known > last.position {
                return Err(bad(format!(
                    "it ends at position {}, and the record went to {known}",
                    last.position
                )));
            }
            return Ok(Records { behind, head: head(last), records });
        }
        let record: Record = serde_json::from_str(line)
            .map_err(|error| bad(format!("behind position {}: no record: {error}", last.position)))?;
        let now = follow.next(&record).map_err(|damage| bad(damage.to_string()))?;
        if differs(head(now)) {
            return Err(bad(Damage::Edited(now.position).to_string()));
        }
    }
}

struct Lines {
    of: BufReader<File>,
    line: String,
}

impl Lines {
    fn next(&mut self, path: &Path) -> Result<Option<&str>, Failure> {
        use std::io::Read as _;
        self.line.clear();
        let read = self.of.by_ref().take(LINE_MAX as u64).read_line(&mut self.line);
        match read.map_err(|error| Failure::new(codes::AUDIT_EXPORT, &error).about(path))? {
            0 => Ok(None),
            LINE_MAX => Err(Failure::text(codes::AUDIT_EXPORT, "a line has no end").about(path)),
            _ => Ok(Some(self.line.trim_end_matches('\n'))),
        }
    }
}
