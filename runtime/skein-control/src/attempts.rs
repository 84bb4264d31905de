//! Attempts: what is kept of each when it is over, and what people are shown of it.
//!
//! An attempt's row is written in the unit that takes its result, so it costs no transaction, and it is refused with it. Nothing is
//! decided by it. One that is at work is in memory alone (`at_work.rs`), and listed where it will be when it is over. Where its node is given
//! up, or its task is called off under it, that unit writes what was seen of it by then, and a report that comes later changes nothing. Its
//! log is lines of JSON that its node made harmless; here they are kept and cut at their ends, and never read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use skein_api::node::{Lines, Outcome, REJECT_CODES_MAX, Report};
use skein_api::{
    AttemptEnding, AttemptKind, List, Message, Meters, Page, PartOf, RejectCount, Replay, SourceSeen, Text,
    Time, Why, secret_names,
};
use skein_ledger::{
    Attempt, AttemptFilter, Ending, Entry, Failure, Holder, Name, Task, TaskKind, Text as LedgerText,
};
use skein_types::{AttemptId, Blake3, CampaignId, DatasetId, NodeId, ParamsDigest, Rows, Timestamp, codes};

use crate::at_work::Working;
use crate::campaigns::REMOVED;
use crate::control::{Control, State};
use crate::error::ServiceError;
use crate::large;
use crate::list::{ListOrder, ListPart, number};
use crate::policy;
use crate::sampling;
use crate::shown;
use crate::work::{CHECKPOINT_ROWS, REJECTS_MAX, place};

/// How long an attempt and its log are kept.
const KEEP: u64 = 30 * 24 * 3_600_000;
/// Most bytes of a log, or of named rejects, that is taken from a node. Twice what nodes make.
const LOG_BYTES_MAX: u64 = 1 << 20;
/// Of the log of an attempt that did what it was to do so much is kept, by whole lines: a campaign has a hundred thousand of them.
const LOG_OF_DONE_BYTES: usize = 4 << 10;

/// An attempt, as it was found.
#[derive(Debug)]
pub(crate) enum Found {
    Over(Box<Attempt>),
    AtWork(Box<Working>),
}

impl Found {
    pub(crate) fn campaign(&self) -> CampaignId {
        match self {
            Self::Over(row) => row.campaign,
            Self::AtWork(working) => working.campaign,
        }
    }

    /// Its row, of one that is over.
    pub(crate) fn over(self, named: &str) -> Result<Attempt, ServiceError> {
        match self {
            Self::Over(row) => Ok(*row),
            Self::AtWork(_) => {
                let message = format!("{named} cannot be repeated: it is at work");
                let hint = Some("wait until it is over".to_owned());
                Err(ServiceError::new(codes::REPLAY_UNFIT, message).hint(hint))
            }
        }
    }
}

/// What a row has beside its columns.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) part: Option<PartOf>,
    pub(crate) dataset: Option<DatasetId>,
    hint: Option<Message>,
    meters: Meters,
    rejected: Rows,
    codes: List<RejectCount, REJECT_CODES_MAX>,
    source: Option<SourceSeen>,
    params: Option<ParamsDigest>,
}

impl Control {
    /// What is kept of an attempt that is over; nothing of one that was not begun or is about no campaign.
    pub(crate) fn attempt_over(
        &self,
        task: &Task,
        (node, incarnation): (NodeId, u64),
        report: &Report,
    ) -> Result<Vec<Entry>, ServiceError> {
        let (Some(campaign), Some(notes)) = (task.campaign, &report.notes) else { return Ok(Vec::new()) };
        let (now, mut entries) = (self.clock.now(), Vec::new());
        let keep_until = Timestamp(now.0.saturating_add(KEEP));
        let (ending, why, meters) = became(&report.outcome);
        let all = |bytes| bytes;
        let of_log = if ending == Ending::Done { begin } else { all };
        let log = self.kept_lines(notes.log.as_ref(), keep_until, of_log, &mut entries)?;
        let some = notes.rejects.as_ref().map(|rejects| &rejects.some);
        let rejects = self.kept_lines(some, keep_until, all, &mut entries)?;
        let (rejected, codes) = match &notes.rejects {
            Some(rejects) => (rejects.rows, rejects.codes.clone()),
            None => (Rows(0), List::EMPTY),
        };
        let hint = why.and_then(|why| why.hint.clone());
        let of = Kept {
            hint,
            meters,
            rejected,
            codes,
            source: notes.source,
            params: notes.params,
            ..about(task)?
        };
        let failure = why.map(failure).transpose()?;
        let message = why.map_or_else(|| LedgerText::clip(""), |why| LedgerText::clip(&why.message));
        entries.push(Entry::PutAttempt(Box::new(Attempt {
            id: report.held.attempt,
            campaign,
            seq: task.seq,
            task: task.id,
            kind: task.kind,
            node,
            incarnation,
            began: Some(Timestamp(now.0.saturating_sub(notes.took_ms.0))),
            ended: now,
            ending,
            failure,
            message,
            notes: kept(&of)?,
            log,
            rejects,
            keep_until,
        })));
        Ok(entries)
    }

    /// What is kept of an attempt that told nothing at its end, because its node was given up with it or its task was: how far it was
    /// when its node last spoke, and what it had said by then. Nothing of one that was not said to be begun.
    pub(crate) fn attempt_cut_off(
        &self,
        state: &State,
        (task, holder): (&Task, &Holder),
        ending: Ending,
    ) -> Result<Vec<Entry>, ServiceError> {
        let seen = state.fleet.last_seen(task.id, holder);
        let (Some(campaign), Some(seen)) = (task.campaign, seen) else { return Ok(Vec::new()) };
        let (now, mut entries) = (self.clock.now(), Vec::new());
        let keep_until = Timestamp(now.0.saturating_add(KEEP));
        let why = match ending {
            Ending::Lost => "its node was given up",
            Ending::Done | Ending::Failed | Ending::NotNeeded | Ending::Stopped => "it was called off",
        };
        let log = seen.log(why).map(|bytes| {
            let digest = Blake3::of(&bytes);
            entries.push(Entry::PutRows { bytes, keep_until });
            digest
        });
        let of = Kept { meters: seen.meters, rejected: seen.rejected, ..about(task)? };
        entries.push(Entry::PutAttempt(Box::new(Attempt {
            id: holder.attempt,
            campaign,
            seq: task.seq,
            task: task.id,
            kind: task.kind,
            node: holder.node,
            incarnation: holder.incarnation,
            began: seen.began,
            ended: now,
            ending,
            failure: None,
            message: LedgerText::clip(why),
            notes: kept(&of)?,
            log,
            rejects: None,
            keep_until,
        })));
        Ok(entries)
    }

    /// Adds the blob with lines, if there are any, and answers its name.
    fn kept_lines(
        &self,
        lines: Option<&Lines>,
        keep_until: Timestamp,
        part: impl FnOnce(Vec<u8>) -> Vec<u8>,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<Blake3>, ServiceError> {
        let bytes = match lines {
            None => None,
            Some(Lines::Here { lines }) => {
                Some(lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect())
            }
            // What is not here, or is more than a node makes, is not kept.
            Some(Lines::Blob { digest, .. }) => {
                self.ledger.blob(*digest)?.filter(|bytes: &Vec<u8>| bytes.len() as u64 <= LOG_BYTES_MAX)
            }
        };
        Ok(bytes.map(part).map(|bytes| {
            let digest = Blake3::of(&bytes);
            entries.push(Entry::PutRows { bytes, keep_until });
            digest
        }))
    }

    /// Attempts of a campaign, or at one of its runs.
    pub(crate) fn attempts(
        &self,
        campaign: CampaignId,
        run: Option<&str>,
        part: &ListPart,
    ) -> Result<Page<skein_api::Attempt>, ServiceError> {
        let after = part.key()?;
        let seq = run.map(|run| self.run_of_campaign(campaign, run)).transpose()?.map(|run| run.seq);
        let filter = AttemptFilter { campaign, seq, failed: part.failed };
        // Looked at first: one that ends meanwhile is among the others too, and counts as that.
        let at_work = if part.failed { Vec::new() } else { self.attempts_at_work(campaign, seq)? };
        let at_work: Vec<skein_api::Attempt> =
            at_work.iter().map(|working| self.shown_at_work(working)).collect::<Result<_, _>>()?;
        self.ledger.at_once(|| {
            let page = match part.order {
                ListOrder::Oldest => self.ledger.attempts(filter, after, part.limit())?,
                ListOrder::Newest => self.ledger.newest_attempts(filter, after, part.limit())?,
            };
            let over = page.items.iter().map(|row| self.shown_attempt(row)).collect::<Result<_, _>>()?;
            let (items, next) = merged(over, at_work, (after, page.next), (part.items(), part.order));
            shown::page(items, next.map(|id| id.to_string()), Ok)
        })?
    }

    /// An attempt, wherever it is.
    pub(crate) fn found_attempt(&self, named: &str) -> Result<Found, ServiceError> {
        let absent = || ServiceError::absent("attempt", named);
        let id = named.parse().map_err(|_| absent())?;
        let over = || Ok::<_, ServiceError>(self.ledger.attempt(id)?.map(|row| Found::Over(Box::new(row))));
        if let Some(over) = over()? {
            return Ok(over);
        }
        match self.attempt_at_work(id)? {
            Some(working) => Ok(Found::AtWork(Box::new(working))),
            // It may have ended between the two looks.
            None => over()?.ok_or_else(absent),
        }
    }

    /// The one dataset that an attempt was at, if there is one.
    pub(crate) fn dataset_of_attempt(&self, row: &Attempt) -> Result<Option<DatasetId>, ServiceError> {
        self.dataset_of(row, &read(row)?)
    }

    /// An attempt as people see it.
    pub(crate) fn shown_attempt(&self, row: &Attempt) -> Result<skein_api::Attempt, ServiceError> {
        let kept = read(row)?;
        let dataset = self.dataset_of(row, &kept)?;
        Ok(skein_api::Attempt {
            attempt: row.id,
            campaign: row.campaign,
            run: row.seq,
            dataset,
            name: self.name_of_dataset(dataset)?,
            task: row.task,
            kind: kind(row.kind),
            part: kept.part,
            node: row.node,
            incarnation: row.incarnation,
            began: row.began.map(Time),
            ended: Some(Time(row.ended)),
            ending: Some(ending(row.ending)),
            at_work: None,
            why: why(row, &kept),
            meters: kept.meters,
            rejected: kept.rejected,
            reject_codes: kept.codes,
            source: kept.source,
            log: row.log,
        })
    }

    /// What the dataset that an attempt is about is called.
    pub(crate) fn name_of_dataset(
        &self,
        dataset: Option<DatasetId>,
    ) -> Result<Option<skein_api::Name>, ServiceError> {
        let found = dataset.map(|dataset| self.ledger.dataset(dataset)).transpose()?;
        Ok(found.map(|found| {
            found.map_or_else(|| Text::escaped(REMOVED), |found| Text::escaped(found.name.as_str()))
        }))
    }

    fn dataset_of(&self, row: &Attempt, kept: &Kept) -> Result<Option<DatasetId>, ServiceError> {
        Ok(match row.seq {
            Some(seq) => self.ledger.run(row.campaign, seq)?.map(|run| run.dataset),
            None => kept.dataset,
        })
    }

    /// Lines of a blob from a part of it, as they were written, and the number of the next.
    pub(crate) fn lines(
        &self,
        blob: Option<Blake3>,
        part: &ListPart,
    ) -> Result<(Vec<u8>, Option<u64>), ServiceError> {
        let bytes = blob.map(|blob| self.ledger.blob(blob)).transpose()?.flatten().unwrap_or_default();
        let after = part.after.as_deref().map_or(Ok(0), number)?;
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let take = part.limit.map_or(usize::MAX, |_| part.items());
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').skip(skip);
        let some: Vec<&[u8]> = lines.by_ref().take(take).collect();
        let next = lines.next().map(|_| after.saturating_add(some.len() as u64));
        Ok((some.concat(), next))
    }

    /// All that is needed to do the same again elsewhere.
    pub(crate) fn replay(&self, row: &Attempt) -> Result<Replay, ServiceError> {
        let unfit = |why: &str, hint: &str| {
            let message = format!("{} cannot be repeated: {why}", row.id);
            ServiceError::new(codes::REPLAY_UNFIT, message).hint(Some(hint.to_owned()))
        };
        match row.kind {
            TaskKind::Run | TaskKind::Split | TaskKind::Seal => {}
            TaskKind::Plan | TaskKind::DryRun | TaskKind::Scan | TaskKind::Check | TaskKind::Scrub => {
                let why = format!("it is of kind {} and moved no rows", row.kind);
                return Err(unfit(&why, "`skein check MODULE --dataset PATH` plans a dataset where you are"));
            }
        }
        let kept = read(row)?;
        let removed =
            || unfit("its dataset is not registered any more", "repeat an attempt at another dataset");
        let dataset = self.dataset_of(row, &kept)?.ok_or_else(removed)?;
        let dataset = self.ledger.dataset(dataset)?.ok_or_else(removed)?;
        let live = self.live(&mut self.state(), row.campaign)?.clone();
        let params = self.params_of(&live, dataset.id)?;
        let params: serde_json::Value = serde_json::from_slice(&params)
            .map_err(|error| ServiceError::bug(format!("parameters of {}: {error}", row.campaign)))?;
        let secrets = secret_names(&params).into_iter().map(Text::escaped).collect();
        let at = place(&dataset)?;
        let policy = &live.policy;
        Ok(Replay {
            attempt: row.id,
            kind: kind(row.kind),
            part: kept.part,
            dataset: dataset.id,
            name: Text::escaped(dataset.name.as_str()),
            location: at.location,
            module: live.module,
            params_digest: kept.params,
            secrets: List::first(secrets).0,
            params,
            migration: policy.migration.clone(),
            again: policy.again,
            limits: policy::limits(&policy.limits),
            rejects_max: policy.limits.rejects.unwrap_or(REJECTS_MAX),
            allow_empty: policy.allow_empty,
            checkpoint_rows: policy.checkpoint_rows.unwrap_or(CHECKPOINT_ROWS),
            source: kept.source,
            ending: ending(row.ending),
            why: why(row, &kept),
        })
    }

    /// The bytes of the module that an attempt ran.
    pub(crate) fn module_of(&self, campaign: CampaignId) -> Result<Vec<u8>, ServiceError> {
        let module = self.campaign_row(campaign)?.module;
        self.modules
            .bytes(module)?
            .ok_or_else(|| ServiceError::bug(format!("the bytes of {module} are gone")))
    }
}

/// A page of those that are over with those that are at work, which belong to its part of the order; each is there once.
fn merged(
    over: Vec<skein_api::Attempt>,
    at_work: Vec<skein_api::Attempt>,
    (after, next): (Option<AttemptId>, Option<AttemptId>),
    (most, order): (usize, ListOrder),
) -> (Vec<skein_api::Attempt>, Option<AttemptId>) {
    let is_behind = |one: AttemptId, other: AttemptId| match order {
        ListOrder::Oldest => one > other,
        ListOrder::Newest => one < other,
    };
    let belongs = |id: AttemptId| {
        after.is_none_or(|after| is_behind(id, after)) && next.is_none_or(|next| !is_behind(id, next))
    };
    let at_work = at_work.into_iter().filter(|one| belongs(one.attempt));
    let items: BTreeMap<AttemptId, skein_api::Attempt> =
        at_work.chain(over).map(|attempt| (attempt.attempt, attempt)).collect();
    let mut items: Vec<skein_api::Attempt> = items.into_values().collect();
    if order == ListOrder::Newest {
        items.reverse();
    }
    let most = most.max(1);
    if items.len() <= most {
        return (items, next);
    }
    items.truncate(most);
    let next = items.last().map(|attempt| attempt.attempt);
    (items, next)
}

/// The first lines of a log, and one that says how many are not there.
fn begin(mut log: Vec<u8>) -> Vec<u8> {
    if log.len() > LOG_OF_DONE_BYTES {
        let end = log[..LOG_OF_DONE_BYTES].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let left_out = log[end..].split_inclusive(|byte| *byte == b'\n').count();
        let message = format!("{left_out} lines were left out here: it did what it was to do");
        let last = json!({ "from": "server", "level": "info", "left_out": left_out, "message": message });
        log.truncate(end);
        log.extend_from_slice(format!("{last}\n").as_bytes());
    }
    log
}

/// What a task says that its attempts are about.
pub(crate) fn about(task: &Task) -> Result<Kept, ServiceError> {
    let part = (task.kind == TaskKind::Split).then(|| large::part_of(task)).transpose()?;
    let dataset =
        (task.kind == TaskKind::DryRun).then(|| sampling::job(task)).transpose()?.map(|job| job.dataset);
    Ok(Kept { part, dataset, ..Kept::default() })
}

fn kept(of: &Kept) -> Result<String, ServiceError> {
    serde_json::to_string(of).map_err(|error| ServiceError::bug(error.to_string()))
}

fn read(row: &Attempt) -> Result<Kept, ServiceError> {
    serde_json::from_str(&row.notes)
        .map_err(|error| ServiceError::bug(format!("the row of {}: {error}", row.id)))
}

/// What a report says of its attempt.
fn became(outcome: &Outcome) -> (Ending, Option<&Why>, Meters) {
    match outcome {
        Outcome::Staged(staged) => (Ending::Done, None, staged.meters),
        Outcome::Fragment(fragment) => (Ending::Done, None, fragment.meters),
        Outcome::Sampled(sampled) => (Ending::Done, None, sampled.meters),
        Outcome::Planned(_) | Outcome::Scanned(_) | Outcome::Checked(_) | Outcome::Scrubbed(_) => {
            (Ending::Done, None, Meters::default())
        }
        Outcome::AlreadyMigrated { .. } | Outcome::SchemaMoved { .. } => {
            (Ending::NotNeeded, None, Meters::default())
        }
        Outcome::Failed { why, meters } => (Ending::Failed, Some(why), *meters),
        Outcome::Revoked => (Ending::Stopped, None, Meters::default()),
        Outcome::Evicted { meters, .. } => (Ending::Stopped, None, *meters),
    }
}

fn failure(why: &Why) -> Result<Failure, ServiceError> {
    let code = Name::new(why.code.as_str()).map_err(|error| ServiceError::bug(error.to_string()))?;
    Ok(Failure { class: why.class, code })
}

fn why(row: &Attempt, kept: &Kept) -> Option<Why> {
    let Failure { class, code } = row.failure.as_ref()?;
    let (code, message) = (Text::escaped(code.as_str()), Text::escaped(row.message.as_str()));
    Some(Why { code, class: *class, message, hint: kept.hint.clone() })
}

pub(crate) const fn kind(kind: TaskKind) -> AttemptKind {
    match kind {
        TaskKind::Run => AttemptKind::Run,
        TaskKind::Split => AttemptKind::Split,
        TaskKind::Seal => AttemptKind::Seal,
        TaskKind::Plan => AttemptKind::Plan,
        TaskKind::DryRun => AttemptKind::DryRun,
        TaskKind::Scan => AttemptKind::Scan,
        TaskKind::Check => AttemptKind::Check,
        TaskKind::Scrub => AttemptKind::Scrub,
    }
}

const fn ending(ending: Ending) -> AttemptEnding {
    match ending {
        Ending::Done => AttemptEnding::Done,
        Ending::Failed => AttemptEnding::Failed,
        Ending::NotNeeded => AttemptEnding::NotNeeded,
        Ending::Stopped => AttemptEnding::Stopped,
        Ending::Lost => AttemptEnding::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::{LOG_OF_DONE_BYTES, ListOrder, begin, merged};
    use skein_api::{AttemptKind, List, Meters};
    use skein_types::{AttemptId, CampaignId, NodeId, Rows, TaskId};
    use uuid::Uuid;

    fn attempt(number: u128) -> skein_api::Attempt {
        skein_api::Attempt {
            attempt: AttemptId::new(Uuid::from_u128(number)),
            campaign: CampaignId::new(Uuid::nil()),
            run: None,
            dataset: None,
            name: None,
            task: TaskId::new(Uuid::nil()),
            kind: AttemptKind::Run,
            part: None,
            node: NodeId::new(Uuid::nil()),
            incarnation: 1,
            began: None,
            ended: None,
            ending: None,
            at_work: None,
            why: None,
            meters: Meters::default(),
            rejected: Rows(0),
            reject_codes: List::EMPTY,
            source: None,
            log: None,
        }
    }

    #[test]
    fn pages_have_each_attempt_once_whether_it_is_over_or_at_work() {
        let over: Vec<u128> = vec![1, 3, 4, 7, 8];
        // 7 ended while somebody looked.
        let at_work = || [2, 5, 6, 7, 9].map(attempt).to_vec();
        let pages = |most: usize, order: ListOrder| {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let mut rest: Vec<AttemptId> = over.iter().map(|number| attempt(*number).attempt).collect();
                if order == ListOrder::Newest {
                    rest.reverse();
                }
                rest.retain(|id| match order {
                    ListOrder::Oldest => after.is_none_or(|after| *id > after),
                    ListOrder::Newest => after.is_none_or(|after| *id < after),
                });
                let page = rest.iter().take(most);
                let page: Vec<_> = page.map(|id| skein_api::Attempt { attempt: *id, ..attempt(0) }).collect();
                let next = (rest.len() > most).then(|| page.last().unwrap().attempt);
                let (items, next) = merged(page, at_work(), (after, next), (most, order));
                assert!(items.len() <= most);
                seen.extend(items.iter().map(|one| one.attempt));
                match next {
                    Some(next) => after = Some(next),
                    None => return seen,
                }
            }
        };
        let mut all: Vec<_> = (1..=9).map(|number| attempt(number).attempt).collect();
        for order in [ListOrder::Oldest, ListOrder::Newest] {
            for most in 1..12 {
                assert_eq!(pages(most, order), all, "{most} a page");
            }
            all.reverse();
        }
    }

    #[test]
    fn the_log_of_what_was_done_is_its_begin_and_says_what_is_not_there() {
        let lines: Vec<String> =
            (0..1_000).map(|number| format!("{{\"message\":\"{number:04}\"}}\n")).collect();
        let log = begin(lines.concat().into_bytes());
        let kept: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
        let (said, begun) = kept.split_last().unwrap();
        assert_eq!(begun.concat(), lines[..begun.len()].concat().into_bytes());
        assert!(begun.concat().len() <= LOG_OF_DONE_BYTES);
        let said: serde_json::Value = serde_json::from_slice(said).unwrap();
        assert_eq!(said["left_out"], 1_000 - begun.len());
        assert_eq!(begin(lines[..9].concat().into_bytes()), lines[..9].concat().into_bytes());
    }
}
