//! What became of the datasets, as it is told: a line of JSON each as they end, or a summary for people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use skein_dataset::RowCounts;
use skein_node::RunOutcome;
use skein_types::{Clock, Code, ErrorClass, codes};

use crate::args::Output;
use crate::failure::{CommandResult, Failure, severity};
use crate::manifest::Entry;
use crate::progress::CountView;
use crate::render;
use crate::render::text::cut;

/// Refused datasets that are listed for people; all of them are in the JSON.
const SHOWN: usize = 20;
/// Cells that a dataset's name and a message get where many are listed.
const NAME_ROOM: usize = 200;
const MESSAGE_ROOM: usize = 400;

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    dataset: &'a std::path::Path,
    #[serde(flatten)]
    end: End<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum End<'a> {
    Done(&'a RunOutcome),
    Refused { outcome: &'static str, error: serde_json::Value },
}

/// Counts what is told.
pub(super) struct Tally<'a> {
    entries: &'a [Entry],
    output: Output,
    view: CountView,
    clock: Arc<dyn Clock>,
    started: Duration,
    published: u64,
    already: u64,
    rows: RowCounts,
    refused: Vec<(usize, Failure)>,
}

impl<'a> Tally<'a> {
    pub(super) fn start(
        entries: &'a [Entry],
        output: Output,
        interactive: bool,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            entries,
            output,
            view: CountView::start(entries.len() as u64, interactive, Arc::clone(&clock)),
            started: clock.elapsed(),
            clock,
            published: 0,
            already: 0,
            rows: RowCounts::default(),
            refused: Vec::new(),
        }
    }

    /// A dataset has ended.
    pub(super) fn add(&mut self, number: usize, outcome: Result<RunOutcome, Failure>) {
        if self.output == Output::Json {
            self.print(number, &outcome);
        }
        match outcome {
            Ok(
                RunOutcome::Published(report)
                | RunOutcome::Held(report)
                | RunOutcome::Beside(report)
                | RunOutcome::Written(report),
            ) => {
                self.published += 1;
                self.rows.read += report.rows.read;
                self.rows.written += report.rows.written;
                self.rows.rejected += report.rows.rejected;
                self.rows.filtered += report.rows.filtered;
            }
            Ok(RunOutcome::AlreadyMigrated { .. }) => self.already += 1,
            Err(failure) => self.refused.push((number, failure)),
        }
        let ended = self.published + self.already + self.refused.len() as u64;
        self.view.show(ended, self.refused.len() as u64);
    }

    fn print(&self, number: usize, outcome: &Result<RunOutcome, Failure>) {
        let entry = &self.entries[number];
        let end = match outcome {
            Ok(outcome) => End::Done(outcome),
            Err(failure) => End::Refused { outcome: "refused", error: failure.to_json() },
        };
        render::json_line(&Line { line: entry.line, dataset: &entry.dataset, end });
    }

    /// The summary, and the failure that is the worst one's.
    pub(super) fn end(mut self) -> CommandResult {
        self.view.clear();
        self.refused.sort_by_key(|(number, _)| *number);
        let not_begun = self.entries.len() as u64 - self.published - self.already - self.refused.len() as u64;
        self.summary(not_begun);
        let worst = self.refused.iter().map(|(_, failure)| failure.code());
        let worst = worst.chain((not_begun > 0).then_some(codes::CANCELLED)).max_by_key(severity);
        let Some(code) = worst else { return Ok(()) };
        let count = render::grouped(self.refused.len() as u64 + not_begun);
        let all = render::grouped(self.entries.len() as u64);
        let failure = Failure::text(code, format!("{count} of {all} datasets were not migrated"));
        // What is wrong with a module or a file is wrong the next time too.
        let passes = |code: &Code| matches!(code.class, ErrorClass::Transient | ErrorClass::Conflict);
        let may_pass = not_begun > 0 || self.refused.iter().any(|(_, failure)| passes(&failure.code()));
        let hint = may_pass.then_some("called again, the command takes only those that are not migrated yet");
        let failure = failure.details(self.details()).hint(hint);
        Err(if self.output == Output::Json { failure.on_stderr() } else { failure })
    }

    fn summary(&self, not_begun: u64) {
        let took = self.clock.elapsed().saturating_sub(self.started);
        let count =
            |number: u64, word: &str| (number > 0).then(|| format!("{} {word}", render::grouped(number)));
        let parts = [
            Some(format!("{} published", render::grouped(self.published))),
            count(self.already, "already migrated"),
            count(self.refused.len() as u64, "refused"),
            count(not_begun, "not begun"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let each = took.as_secs_f64() * 1e3 / (self.entries.len() as f64).max(1.0);
        let datasets = format!(
            "{} of {} datasets, in {} ({each:.1} ms each)",
            parts.join(", "),
            render::grouped(self.entries.len() as u64),
            render::duration(millis),
        );
        let rows = format!(
            "  rows     {} read, {} written, {} rejected, {} filtered out",
            render::grouped(self.rows.read.0),
            render::grouped(self.rows.written.0),
            render::grouped(self.rows.rejected.0),
            render::grouped(self.rows.filtered.0),
        );
        [datasets, rows].iter().for_each(|text| match self.output {
            // Standard output is one line for each dataset.
            Output::Json => render::to_stderr(text),
            Output::Table => render::line(text),
        });
    }

    /// How many of each code, then the first ones.
    fn details(&self) -> Vec<String> {
        let mut codes = BTreeMap::<&str, (usize, &str)>::new();
        for (_, failure) in &self.refused {
            codes.entry(failure.code().id).or_insert((0, failure.code().title)).0 += 1;
        }
        let mut codes: Vec<_> = codes.into_iter().collect();
        codes.sort_by_key(|(_, (times, _))| std::cmp::Reverse(*times));
        let codes = codes.into_iter().map(|(id, (times, title))| format!("{times} x {id} {title}"));
        let shown = self.refused.iter().take(SHOWN).map(|(number, failure)| {
            let Entry { line, dataset, .. } = &self.entries[*number];
            let dataset = cut(&dataset.display().to_string(), NAME_ROOM);
            format!("line {line}, {dataset}: {}: {}", failure.code().id, cut(failure.message(), MESSAGE_ROOM))
        });
        let more = self.refused.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| format!("and {more} more; -o json has all of them"));
        codes.chain(shown).chain(more).collect()
    }
}
