//! Scrub: every byte of what is kept and of what is current is read again, in the background and when somebody asks.
//!
//! One dataset at a time, the oldest publishes first, each once before its window ends and then once a day; only while no
//! campaign works, and no faster than the server was told. When a dataset was last read is a queue row; losing it costs reading.

use std::collections::BTreeSet;

use skein_api::node::{Payload, ScrubTask, Scrubbed, ScrubbedVersion};
use skein_api::{DatasetScrub, Kept, List, Time};
use skein_ledger::{DatasetDamaged, Entry, Limit, RunFilter, Scrubbed as Row, Text as LedgerText, Unit};
use skein_types::{Bytes, CampaignId, DatasetId, RunState, codes};

use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::soak::chores::Chore;
use crate::soak::{Alarm, Look};

/// A run of a campaign: whose dataset is read next is told by the one before.
type Turn = (CampaignId, u64);

/// Between two times that a version is read by itself.
const EVERY: u64 = 24 * 3_600_000;
/// After its publish a version is left alone, unless its window is shorter than four times that.
const NOT_BEFORE: u64 = 10 * 60_000;
/// Between two rounds.
const REST: u64 = 1_000;
/// The like, before one that could not be read is tried again.
const AGAIN: u64 = 60_000;
/// Runs that are looked at between two other things.
const SOME: usize = 256;
/// What a node is told that it takes.
const COST: Bytes = Bytes::mib(16);
/// Bytes of what is kept of one.
const ROW_MAX: usize = 12 << 10;

/// Where the next dataset is looked for, and when.
#[derive(Debug, Default)]
pub(crate) struct Scrubbing {
    at: Option<Turn>,
    /// Nothing is due before, in milliseconds since 1970.
    rests_until: u64,
    /// Could not be read, or are no datasets any more; tried again in the next round.
    skipped: BTreeSet<DatasetId>,
}

impl Control {
    /// Has somebody's dataset read now.
    pub(crate) fn scrub_now(&self, row: &skein_ledger::Dataset) -> Result<DatasetScrub, ServiceError> {
        let mut state = self.state();
        let under_way = state.chores.values().any(|chore| match chore {
            Chore::Scrub { dataset, asked } => *asked && *dataset == row.id,
            Chore::Check(_) => false,
        });
        if !under_way {
            let payload = Self::scrub_task(row, None)?;
            let chore = Chore::Scrub { dataset: row.id, asked: true };
            if !self.queue_chore(&mut state, chore, (&payload, COST))? {
                let message = "nodes have enough to read";
                return Err(ServiceError::new(codes::SCANS_BUSY, message).hint(Some("ask again in a while")));
            }
        }
        drop(state);
        self.scrub_of(row)
    }

    /// What was found when a dataset was last read, and whether it is being read now.
    pub(crate) fn scrub_of(&self, row: &skein_ledger::Dataset) -> Result<DatasetScrub, ServiceError> {
        let under_way = self.state().chores.values().any(|chore| match chore {
            Chore::Scrub { dataset, .. } => *dataset == row.id,
            Chore::Check(_) => false,
        });
        let last = self.ledger.scrubbed(row.id)?;
        let versions = last.as_ref().map(read).transpose()?;
        Ok(DatasetScrub {
            dataset: row.id,
            under_way,
            at: last.map(|last| Time(last.at)),
            versions: versions.map_or(List::EMPTY, |read| read.versions),
        })
    }

    /// What its kept versions take; nothing, if its log cannot be read just now.
    pub(crate) fn kept_of(&self, row: &skein_ledger::Dataset) -> Option<Kept> {
        let history = self.open_dataset(row.id).ok()?.history().ok()?;
        Some(Kept { versions: history.kept().count() as u64, bytes: history.all_kept_bytes() })
    }

    fn scrub_task(row: &skein_ledger::Dataset, rate: Option<Bytes>) -> Result<Payload, ServiceError> {
        Ok(Payload::Scrub(Box::new(ScrubTask { dataset: crate::work::place(row)?, rate })))
    }

    /// Has the next dataset read, if there is nothing else to do; true if one was found.
    pub(crate) fn attend_scrub(&self) -> Result<bool, ServiceError> {
        let Some(rate) = self.scrub_rate else { return Ok(false) };
        let mut state = self.state();
        if !self.working(&mut state).is_empty() {
            self.recall_scrubs(&mut state)?;
            return Ok(false);
        }
        let now = self.clock.now().0;
        let idle = state.chores.values().all(|chore| matches!(chore, Chore::Check(_)));
        if !idle || state.scrubbing.rests_until > now {
            return Ok(false);
        }
        let Some((dataset, at)) = self.next_to_scrub(&mut state, now)? else { return Ok(false) };
        state.scrubbing.at = Some(at);
        let Some(row) = self.ledger.dataset(dataset)? else { return Ok(true) };
        let payload = Self::scrub_task(&row, Some(rate))?;
        self.queue_chore(&mut state, Chore::Scrub { dataset, asked: false }, (&payload, COST))
    }

    /// The first after the last one whose time has come.
    fn next_to_scrub(&self, state: &mut State, now: u64) -> Result<Option<(DatasetId, Turn)>, ServiceError> {
        let from = state.scrubbing.at;
        let open: Vec<CampaignId> =
            state.open.iter().copied().filter(|id| from.is_none_or(|(at, _)| *id >= at)).collect();
        let mut left = SOME;
        for id in open {
            let window = self.live(state, id)?.rules().rollback_window.length().0;
            let not_before = NOT_BEFORE.min(window / 4);
            let filter = RunFilter { state: Some(RunState::Published), wave: None };
            let mut after = from.filter(|(at, _)| *at == id).map(|(_, seq)| seq);
            loop {
                let page = self.ledger.runs(id, filter, after, Limit::new(SOME))?;
                for run in &page.items {
                    let last = self.ledger.scrubbed(run.dataset)?.map(|last| last.at.0);
                    let due = match last.filter(|last| *last >= run.since.0) {
                        Some(last) => last.saturating_add(EVERY),
                        None => run.since.0.saturating_add(not_before),
                    };
                    if due <= now && !state.scrubbing.skipped.contains(&run.dataset) {
                        return Ok(Some((run.dataset, (id, run.seq))));
                    }
                    left = left.saturating_sub(1);
                    if left == 0 {
                        state.scrubbing.at = Some((id, run.seq));
                        return Ok(None);
                    }
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        // All were looked at: from the beginning, in a while; what could not be read, too.
        let rest = if state.scrubbing.skipped.is_empty() { REST } else { AGAIN };
        state.scrubbing = Scrubbing { rests_until: now.saturating_add(rest), ..Scrubbing::default() };
        Ok(None)
    }

    /// A node has read a dataset.
    pub(crate) fn scrub_came_back(
        &self,
        dataset: DatasetId,
        found: &Scrubbed,
        gone: Entry,
    ) -> Result<(), ServiceError> {
        let before: Option<Scrubbed> = self.ledger.scrubbed(dataset)?.map(|last| read(&last)).transpose()?;
        let known = |version: u64, path: &str| {
            let versions = before.iter().flat_map(|before| before.versions.iter());
            let mut damaged =
                versions.filter(|one| one.version == version).flat_map(|one| one.damaged.iter());
            damaged.any(|file| file.path.as_str() == path)
        };
        let report = row_of(found)?;
        let mut unit: Unit = self.itself.unit().then(gone);
        unit = unit.then(Entry::Scrubbed(Row { dataset, at: self.clock.now(), report }));
        for version in found.versions.iter() {
            self.metrics.scrubbed(version.bytes);
            let new = version.damaged.iter().filter(|file| !known(version.version, file.path.as_str()));
            for file in new {
                tracing::error!(
                    %dataset,
                    version = version.version,
                    path = %file.path,
                    how = %file.how,
                    "a version is not what the dataset's log says"
                );
                self.metrics.damaged(version.current);
                unit = unit.decide(DatasetDamaged {
                    dataset,
                    version: version.version,
                    current: version.current,
                    path: LedgerText::clip(file.path.as_str()),
                    message: LedgerText::clip(file.how.as_str()),
                });
            }
        }
        self.write(unit)?;
        self.alarm_of_damage(dataset, found)
    }

    /// What is current and damaged is an alarm of the run that published it.
    fn alarm_of_damage(&self, dataset: DatasetId, found: &Scrubbed) -> Result<(), ServiceError> {
        let current = found.versions.iter().find(|version| version.current && !version.damaged.is_empty());
        let Some((version, file)) = current.and_then(|one| Some((one.version, one.damaged.first()?))) else {
            return Ok(());
        };
        if self.ledger.dataset(dataset)?.is_none() {
            return Ok(());
        }
        let history = self.open_dataset(dataset)?.history();
        let history = history.map_err(|error| ServiceError::new(error.code(), error.to_string()))?;
        // A run that published over it since is not to blame.
        let Some(run) = history.run_of_current().filter(|_| history.is_only_written_over(version)) else {
            return Ok(());
        };
        let Some(run) = self.ledger.run_named(run)?.filter(|run| run.state == RunState::Published) else {
            return Ok(());
        };
        let look = Look { campaign: run.campaign, seq: run.seq, check: u32::MAX };
        let message = format!("{}: {}", file.path, file.how);
        let (code, path) = (codes::PUBLISHED_DAMAGED, Some(file.path.to_string()));
        self.alarm(look, &run, Alarm { code, version, path, message, reverts: true, consumer: None })
    }

    /// Whether what was found was found again when the dataset was last read.
    pub(crate) fn is_still_damaged(&self, told: &DatasetDamaged) -> Result<bool, ServiceError> {
        let Some(last) = self.ledger.scrubbed(told.dataset)? else { return Ok(true) };
        let last = read(&last)?;
        let mut damaged =
            last.versions.iter().filter(|one| one.version == told.version).flat_map(|one| one.damaged.iter());
        Ok(damaged.any(|file| file.path.as_str() == told.path.as_str()))
    }

    /// One that could not be read waits for the next round.
    pub(crate) fn scrub_failed(&self, dataset: DatasetId, gone: Entry) -> Result<(), ServiceError> {
        self.write(self.itself.unit().then(gone))?;
        self.state().scrubbing.skipped.insert(dataset);
        Ok(())
    }
}

/// As it is kept: of many damaged files the first few of each version.
fn row_of(found: &Scrubbed) -> Result<String, ServiceError> {
    let text =
        |found: &Scrubbed| serde_json::to_string(found).map_err(|error| ServiceError::bug(error.to_string()));
    let whole = text(found)?;
    if whole.len() <= ROW_MAX {
        return Ok(whole);
    }
    let some = found.versions.iter().map(|version| {
        let damaged = version.damaged.iter().take(1).cloned().collect();
        ScrubbedVersion { damaged: List::first(damaged).0, ..version.clone() }
    });
    let mut some: Vec<ScrubbedVersion> = some.collect();
    // Those that are damaged, and the current one, before those that are whole.
    some.retain(|version| version.current || !version.damaged.is_empty());
    some.truncate(2);
    text(&Scrubbed { versions: List::first(some).0 })
}

fn read(row: &Row) -> Result<Scrubbed, ServiceError> {
    serde_json::from_str(&row.report)
        .map_err(|error| ServiceError::bug(format!("what was read of {}: {error}", row.dataset)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_types::DatasetId;
    use uuid::Uuid;

    use super::{AGAIN, Scrubbing};
    use crate::scene::{HandClock, campaign, open};

    #[test]
    fn what_could_not_be_read_is_tried_in_the_next_round_wherever_the_last_look_began() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        for at in [None, Some((campaign(), 300))] {
            let skipped = [DatasetId::new(Uuid::from_u128(2))].into();
            let mut state = control.state();
            state.scrubbing = Scrubbing { at, skipped, ..Scrubbing::default() };
            assert_eq!(control.next_to_scrub(&mut state, 5).unwrap(), None);
            let Scrubbing { at, rests_until, skipped } = &state.scrubbing;
            assert_eq!((*at, *rests_until, skipped.len()), (None, 5 + AGAIN, 0));
        }
    }
}
