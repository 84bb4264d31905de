//! The versions of one dataset: what its log says of them, which files they are, and undoing the current one.
//!
//! Of a dataset only its log is read here, and that its files are as the log says; never what is in them. What a campaign published
//! is undone as a run of that campaign, so that its record knows; what was made otherwise is for `skein rollback`, when the dataset
//! was given back.

use std::time::Duration;

use skein_api::{
    CampaignAction, CampaignVerb, DatasetExport, DatasetRollback, DatasetRolledBack, DatasetVersion,
    ExportFile, List, Page, STATEMENT_BYTES_MAX, Text, Time,
};
use skein_dataset::{
    ExportError, FileRecord, History, LogError, Partitions, Role, Statement, Version, VersionFiles,
    VersionKind,
};
use skein_types::{Bytes, RunState, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::{ListOrder, ListPart, number};
use crate::shown;

/// How long whoever asks for a rollback waits for its end. It goes on without them.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Control {
    /// A page of a dataset's versions, from the oldest, or from the newest where that is asked for.
    pub(crate) fn history(
        &self,
        row: &skein_ledger::Dataset,
        part: &ListPart,
    ) -> Result<Page<DatasetVersion>, ServiceError> {
        let after = part.after.as_deref().map(number).transpose()?;
        let history = self.history_of(row)?;
        let all = history.versions().iter().map(AsRef::as_ref);
        let (some, next) = match part.order {
            ListOrder::Oldest => {
                some_of(all.filter(|one| after.is_none_or(|after| one.version > after)), part)
            }
            ListOrder::Newest => {
                some_of(all.rev().filter(|one| after.is_none_or(|after| one.version < after)), part)
            }
        };
        shown::page(some, next, |version| self.shown_version(&history, version))
    }

    fn history_of(&self, row: &skein_ledger::Dataset) -> Result<History, ServiceError> {
        let history = self.open_dataset(row.id)?.history();
        history.map_err(|error: LogError| ServiceError::new(error.code(), skein_types::chain(&error)))
    }

    fn shown_version(&self, history: &History, version: &Version) -> Result<DatasetVersion, ServiceError> {
        let told = history.told(version);
        let facts = told.facts;
        let run = facts.map(|facts| self.ledger.run_named(facts.run)).transpose()?.flatten();
        Ok(DatasetVersion {
            version: version.version,
            current: told.current,
            since: Time(version.time),
            kind: Text::escaped(told.kind),
            what: Text::escaped(&told.what),
            to: told.to,
            run: facts.map(|facts| facts.run),
            campaign: run.as_ref().map(|run| run.campaign),
            seq: run.as_ref().map(|run| run.seq),
            module: facts.map(|facts| facts.module),
            params: facts.map(|facts| facts.params),
            plan: facts.map(|facts| facts.plan),
            files: told.files,
            bytes: told.bytes,
            rows: told.rows,
            rejected: facts.map(|facts| facts.rows.rejected),
            available: told.available,
            kept: told.kept,
        })
    }

    /// Undoes the current version of a dataset, if it is the one that is meant. What is undone already stays so.
    pub(crate) fn roll_back_dataset(
        &self,
        who: &Principal,
        row: &skein_ledger::Dataset,
        asked: &DatasetRollback,
    ) -> Result<DatasetRolledBack, ServiceError> {
        let undoes = asked.expect;
        let history = self.history_of(row)?;
        let version = history.version(undoes).ok_or_else(|| moved(&history, undoes))?;
        let facts = history.told(version).facts;
        let run = facts.map(|facts| self.ledger.run_named(facts.run)).transpose()?.flatten();
        let run = run.filter(|run| run.dataset == row.id);
        let done = run.as_ref().is_some_and(|run| {
            matches!(run.state, RunState::Reverting | RunState::Reverted) && run.version.is_some()
        });
        if !done && history.head().is_none_or(|head| head.version != undoes) {
            return Err(moved(&history, undoes));
        }
        let otherwise = |how: &str| {
            let message = format!("version {undoes} of {} {how}", row.name);
            let hint =
                "give the dataset back and use `skein rollback`, which goes to any version that is kept";
            Err(ServiceError::new(codes::NOT_ROLLED_BACK_HERE, message).hint(Some(hint)))
        };
        let Some(run) = run else { return otherwise("was not published by a campaign of this server") };
        match run.state {
            RunState::Reverting | RunState::Reverted => {}
            RunState::Published | RunState::RevertFailed => self.revert_one(who, (row, &run), asked)?,
            RunState::Finalized => return otherwise("has no version before it any more: it was finalized"),
            RunState::Planned
            | RunState::Held
            | RunState::Intended
            | RunState::Ineligible
            | RunState::Failed
            | RunState::Skipped
            | RunState::Stale
            | RunState::Cancelled => {
                return otherwise(&format!("is of a run that is {} in its campaign", run.state));
            }
        }
        let until = self.clock.elapsed() + PATIENCE;
        loop {
            let now =
                self.ledger.run(run.campaign, run.seq)?.ok_or_else(|| ServiceError::bug("a run is gone"))?;
            if now.state != RunState::Reverting || self.clock.elapsed() > until {
                let run = self.shown_run(&now)?;
                return Ok(DatasetRolledBack { undoes, campaign: now.campaign, run });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// As whoever rolls single runs of a campaign back.
    fn revert_one(
        &self,
        who: &Principal,
        (row, run): (&skein_ledger::Dataset, &skein_ledger::Run),
        asked: &DatasetRollback,
    ) -> Result<(), ServiceError> {
        if let Some(other) = self.under_way(row.id)?.first() {
            let message =
                format!("run {} of {} is {}: {} has it", other.seq, other.campaign, other.state, row.name);
            return Err(ServiceError::new(codes::RUN_UNDER_WAY, message)
                .hint(Some("wait for its end, or skip it; then ask again")));
        }
        let campaign = self.ledger.campaign(run.campaign)?;
        let campaign = campaign.ok_or_else(|| ServiceError::bug("a run without a campaign"))?;
        let action = CampaignAction {
            reason: asked.reason.clone(),
            runs: Some(List::first(vec![run.seq]).0),
            ..CampaignAction::seen(campaign.state)
        };
        self.act(who, (run.campaign, CampaignVerb::RollBack), &action).map(|_| ())
    }

    /// Where the files of a version are, and statements that read exactly these.
    pub(crate) fn export(
        &self,
        row: &skein_ledger::Dataset,
        version: Option<u64>,
    ) -> Result<DatasetExport, ServiceError> {
        let failed = |error: &ExportError| {
            ServiceError::new(error.code(), skein_types::chain(error)).hint(error.hint())
        };
        let dataset = self.open_dataset(row.id)?;
        let found = VersionFiles::find(&dataset, version).map_err(|error| failed(&error))?;
        let data: Vec<&FileRecord> =
            found.files().iter().filter(|file| file.stat.role == Role::Data).collect();
        let unfit = |error: &dyn std::error::Error| {
            let message = format!("version {} cannot be listed here: {error}", found.version());
            ServiceError::new(codes::VERSION_UNLISTABLE, message)
                .hint(Some("`skein export` on the server's machine has no such limits"))
        };
        let text = |path: &str| Text::new(path).map_err(|error| unfit(&error));
        let file = |file: &&FileRecord| {
            Ok(ExportFile {
                path: text(&found.path(file).display().to_string())?,
                relative: text(&file.stat.path)?,
                bytes: Bytes(file.stat.size),
                rows: file.rows,
                blake3: file.blake3,
            })
        };
        let files = data.iter().map(file).collect::<Result<Vec<_>, ServiceError>>()?;
        let paths: Vec<String> = files.iter().map(|file| file.path.to_string()).collect();
        let partitions = Partitions::of(data.iter().map(|file| file.stat.path.as_str()));
        let root = found.root.display().to_string();
        let history = dataset.history();
        let history = history.map_err(|error| ServiceError::new(error.code(), skein_types::chain(&error)))?;
        let statement = Statement {
            root: &root,
            paths: &paths,
            partitioned: !partitions.keys().is_empty(),
            // Nobody here looks into files. What a run published has one schema; of what others wrote it is not known, and a
            // statement that takes files as they are reads both.
            differing: paths.len() > 1 && !is_published(&history, found.version()),
        };
        let stated = |text: String| Text::<STATEMENT_BYTES_MAX>::new(text).map_err(|error| unfit(&error));
        Ok(DatasetExport {
            dataset: row.id,
            version: found.version(),
            current: found.current,
            root: text(&root)?,
            duckdb: stated(statement.duckdb())?,
            spark: stated(statement.spark())?,
            polars: stated(statement.polars())?,
            pyarrow: stated(statement.pyarrow())?,
            files: List::new(files).map_err(|error| unfit(&error))?,
        })
    }
}

/// The first of what is asked for, and after which more comes, if there is more.
fn some_of<'h>(
    mut versions: impl Iterator<Item = &'h Version>,
    part: &ListPart,
) -> (Vec<&'h Version>, Option<String>) {
    let some: Vec<_> = versions.by_ref().take(part.items()).collect();
    let next = some.last().filter(|_| versions.next().is_some()).map(|last| last.version.to_string());
    (some, next)
}

/// Whether a run made what is in a version.
fn is_published(history: &History, version: u64) -> bool {
    let mut at = history.version(version);
    loop {
        match at.map(|version| (&version.kind, version.version)) {
            // Always to an older one.
            Some((VersionKind::RolledBack { to }, of)) if *to < of => at = history.version(*to),
            Some((VersionKind::Published(_) | VersionKind::Beside(_), _)) => return true,
            Some((
                VersionKind::RolledBack { .. } | VersionKind::Adopted | VersionKind::Observed { .. },
                _,
            ))
            | None => return false,
        }
    }
}

fn moved(history: &History, meant: u64) -> ServiceError {
    let message = match history.head() {
        Some(head) => format!("version {} is current, and not {meant}", head.version),
        None => format!("the dataset has no version {meant}: nothing was published to it"),
    };
    ServiceError::new(codes::VERSION_MOVED, message).hint(Some("look at its history and ask again"))
}
