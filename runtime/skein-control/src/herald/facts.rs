//! What of the log is worth telling.

use std::collections::BTreeSet;

use skein_ledger::Event;
use skein_ledger::{
    Campaign, CampaignMoved, DatasetDamaged, EventFilter, HeldFor, Kind, Limit, Module, Name, NodeLost,
    Recorded, RunAlarmed, RunFailed, RunHeld, Subject, Wave,
};
use skein_notify::{Account, Fact, Of};
use skein_types::{
    CampaignId, CampaignState, ModuleDigest, NodeId, Reason, RunState, Timestamp, WaveState, codes,
};

use super::note::{Audience, Told};
use crate::control::Control;
use crate::error::ServiceError;
use crate::policy;

/// Kinds of decisions of which some are told.
pub(super) const KINDS: [Kind; 9] = [
    Kind::CampaignMoved,
    Kind::CampaignRolledOut,
    Kind::RunFailed,
    Kind::RunHeld,
    Kind::RunAlarmed,
    Kind::DatasetDamaged,
    Kind::ModuleSuspended,
    Kind::ModuleBanned,
    Kind::NodeLost,
];
/// Pages of a campaign's history that are looked through for its beginning. Before it there is an event a dataset.
const HISTORY_PAGES_MAX: usize = 32;

impl Control {
    /// What is told of a decision; nothing of most. Each team whose approval is needed is told of its own part.
    pub(super) fn facts_of(&self, recorded: &Recorded) -> Result<Vec<Told>, ServiceError> {
        if let Event::CampaignMoved(moved) = &recorded.event
            && moved.to == CampaignState::AwaitingApproval
        {
            return self.asks_for_approval(moved.campaign, recorded);
        }
        if let Event::RunHeld(held) = &recorded.event {
            return self.facts_of_held(held, recorded);
        }
        if let Event::RunAlarmed(alarmed) = &recorded.event {
            return self.facts_of_alarm(alarmed, recorded);
        }
        Ok(self.fact_of(recorded)?.into_iter().collect())
    }

    fn asks_for_approval(&self, id: CampaignId, recorded: &Recorded) -> Result<Vec<Told>, ServiceError> {
        let row = self.campaign_row(id)?;
        let Some(plan) = row.plan else { return Ok(Vec::new()) };
        let slices = self.shown_approvals(id)?.slices;
        let asked = slices.iter().filter_map(|slice| {
            let lacks = slice.lacks.as_ref()?;
            let team = Name::new(slice.team.as_str()).ok()?;
            let fact = Fact::ApprovalAsked {
                of: of(&row),
                plan: plan.digest,
                team: slice.team.to_string(),
                datasets: slice.datasets,
                rows: slice.rows,
                risk: slice.risk.to_string(),
                approvals: lacks.approvals,
            };
            Some(told_of(fact, &row, recorded).about(id, &team))
        });
        Ok(asked.collect())
    }

    fn fact_of(&self, recorded: &Recorded) -> Result<Option<Told>, ServiceError> {
        if let Event::CampaignMoved(moved) = &recorded.event {
            return self.fact_of_move(moved, recorded);
        }
        if let Event::CampaignRolledOut(out) = &recorded.event {
            let row = self.campaign_row(out.campaign)?;
            let window_ends = self.window_of(&row)?.after(recorded.at);
            let account = self.account(&row, recorded.at)?;
            let fact = Fact::CampaignPublished { of: of(&row), account, window_ends };
            return Ok(Some(told_of(fact, &row, recorded)));
        }
        if let Event::RunFailed(failed) = &recorded.event {
            return self.fact_of_failure(failed, recorded).map(Some);
        }
        if let Event::DatasetDamaged(damaged) = &recorded.event {
            return self.fact_of_damage(damaged, recorded).map(Some);
        }
        if let Event::ModuleSuspended(suspended) = &recorded.event {
            let (reason, module) = (suspended.reason.to_string(), suspended.module);
            let fact = |name| Fact::ModuleSuspended { module, name, reason };
            return self.fact_of_module(module, fact, recorded).map(Some);
        }
        if let Event::ModuleBanned(banned) = &recorded.event {
            let (reason, module) = (banned.reason.to_string(), banned.module);
            let fact = |name| Fact::ModuleBanned { module, name, reason };
            return self.fact_of_module(module, fact, recorded).map(Some);
        }
        if let Event::NodeLost(lost) = &recorded.event {
            return self.fact_of_loss(lost, recorded).map(Some);
        }
        Ok(None)
    }

    fn fact_of_move(&self, moved: &CampaignMoved, recorded: &Recorded) -> Result<Option<Told>, ServiceError> {
        let tells = match moved.to {
            CampaignState::Halted => Tells::Halt,
            CampaignState::Succeeded
            | CampaignState::PartiallySucceeded
            | CampaignState::PlanFailed
            | CampaignState::Cancelled => Tells::End,
            CampaignState::RolledBack | CampaignState::RollbackIncomplete => Tells::Undone,
            CampaignState::Draft
            | CampaignState::Planning
            | CampaignState::Planned
            | CampaignState::AwaitingApproval
            | CampaignState::Stale
            | CampaignState::Approved
            | CampaignState::Running
            | CampaignState::Paused
            | CampaignState::Soaking
            | CampaignState::Finalizing
            | CampaignState::RollingBack
            | CampaignState::Cancelling => return Ok(None),
        };
        let row = self.campaign_row(moved.campaign)?;
        let fact = match tells {
            Tells::Halt => halt(&row, &self.ledger.waves(row.id)?, moved.reason.as_str()),
            Tells::End => {
                let account = self.account(&row, recorded.at)?;
                Fact::CampaignCompleted { of: of(&row), state: moved.to, account }
            }
            Tells::Undone => Fact::CampaignRolledBack {
                of: of(&row),
                reverted: row.runs.of(RunState::Reverted),
                revert_failed: row.runs.of(RunState::RevertFailed),
            },
        };
        Ok(Some(told_of(fact, &row, recorded)))
    }

    fn fact_of_failure(&self, failed: &RunFailed, recorded: &Recorded) -> Result<Told, ServiceError> {
        let absent = || ServiceError::absent("run", &failed.seq.to_string());
        let row = self.campaign_row(failed.campaign)?;
        let run = self.ledger.run(failed.campaign, failed.seq)?.ok_or_else(absent)?;
        let dataset = self.ledger.dataset(run.dataset)?;
        let known = codes::ALL.iter().find(|code| code.id == failed.code.as_str());
        let fact = Fact::RunFailed {
            of: of(&row),
            run: run.id,
            seq: run.seq,
            // It may be forgotten by now.
            dataset: dataset.map_or_else(|| run.dataset.to_string(), |dataset| dataset.name.to_string()),
            code: known.copied().unwrap_or(codes::BUG),
            class: failed.class,
        };
        Ok(told_of(fact, &row, recorded))
    }

    /// Told to the campaign's team and the dataset's, who decide or wait; and to each reader whose rules keep the run back, of these
    /// alone: the other rules are others' business, and so is which campaign it is. A team that may look at the dataset no more hears
    /// nothing of it.
    fn facts_of_held(&self, held: &RunHeld, recorded: &Recorded) -> Result<Vec<Told>, ServiceError> {
        let absent = || ServiceError::absent("run", &held.seq.to_string());
        let row = self.campaign_row(held.campaign)?;
        let run = self.ledger.run(held.campaign, held.seq)?.ok_or_else(absent)?;
        let dataset = self.ledger.dataset(run.dataset)?;
        let mut teams = BTreeSet::from([row.owner.clone()]);
        teams.extend(dataset.as_ref().map(|dataset| dataset.owner.clone()));
        let asked = dataset.as_ref().filter(|_| !held.consumers.is_empty());
        let readers = asked.map(|dataset| self.readers(&dataset.owner)).transpose()?;
        let may_hear = |team: &Name| readers.as_ref().is_some_and(|readers| readers.have(Some(team)));
        let named = dataset.map_or_else(|| run.dataset.to_string(), |dataset| dataset.name.to_string());
        let fact = Fact::RunHeld {
            of: of(&row),
            run: run.id,
            seq: run.seq,
            dataset: named.clone(),
            consumers: held.consumers.iter().map(|reader| reader.team.to_string()).collect(),
            reason: held.reason.to_string(),
        };
        let of_all = told_of(fact, &row, recorded).to(teams);
        let of_reader = |reader: &HeldFor| {
            let fact = Fact::RuleBroken {
                id: run.dataset,
                dataset: named.clone(),
                team: reader.team.to_string(),
                current: false,
                reason: reader.reason.to_string(),
            };
            Told::of(fact, Audience::Teams(BTreeSet::from([reader.team.clone()])), recorded)
        };
        let heard = held.consumers.iter().filter(|reader| may_hear(&reader.team));
        Ok(std::iter::once(of_all).chain(heard.map(of_reader)).collect())
    }

    /// Told to those whose campaign or dataset it is; to a reader whose rule it is, of that alone.
    fn facts_of_alarm(&self, alarmed: &RunAlarmed, recorded: &Recorded) -> Result<Vec<Told>, ServiceError> {
        let absent = || ServiceError::absent("run", &alarmed.seq.to_string());
        let row = self.campaign_row(alarmed.campaign)?;
        let run = self.ledger.run(alarmed.campaign, alarmed.seq)?.ok_or_else(absent)?;
        let dataset = self.ledger.dataset(run.dataset)?;
        let named =
            dataset.as_ref().map_or_else(|| run.dataset.to_string(), |dataset| dataset.name.to_string());
        let asked = dataset.as_ref().filter(|_| alarmed.consumer.is_some());
        let readers = asked.map(|dataset| self.readers(&dataset.owner)).transpose()?;
        let may_hear = |team: &&Name| readers.as_ref().is_some_and(|readers| readers.have(Some(team)));
        let of_reader = alarmed.consumer.as_ref().filter(may_hear).map(|team| {
            let fact = Fact::RuleBroken {
                id: run.dataset,
                dataset: named.clone(),
                team: team.to_string(),
                current: true,
                reason: alarmed.message.to_string(),
            };
            Told::of(fact, Audience::Teams(BTreeSet::from([team.clone()])), recorded)
        });
        let fact = Fact::RunAlarm {
            of: of(&row),
            run: run.id,
            seq: run.seq,
            dataset: named,
            code: crate::shown::known(alarmed.code.as_str()).unwrap_or(codes::BUG),
            check: alarmed.check.to_string(),
            version: alarmed.version,
            path: alarmed.path.as_ref().map(ToString::to_string),
            message: alarmed.message.to_string(),
        };
        // Who owns the dataset has to mend it, whoever's campaign it was.
        let told = told_of(fact, &row, recorded);
        let told = match dataset {
            Some(dataset) => told.and_to(dataset.owner),
            None => told,
        };
        Ok(std::iter::once(told).chain(of_reader).collect())
    }

    fn fact_of_damage(&self, damaged: &DatasetDamaged, recorded: &Recorded) -> Result<Told, ServiceError> {
        let dataset = self.ledger.dataset(damaged.dataset)?;
        let (name, audience) = match dataset {
            Some(dataset) => (dataset.name.to_string(), Audience::Teams(BTreeSet::from([dataset.owner]))),
            None => (damaged.dataset.to_string(), Audience::Server),
        };
        let fact = Fact::DatasetDamaged {
            id: damaged.dataset,
            dataset: name,
            version: damaged.version,
            current: damaged.current,
            path: damaged.path.to_string(),
            message: damaged.message.to_string(),
        };
        Ok(Told::of(fact, audience, recorded))
    }

    fn fact_of_module(
        &self,
        module: ModuleDigest,
        fact: impl FnOnce(String) -> Fact,
        recorded: &Recorded,
    ) -> Result<Told, ServiceError> {
        let owners = self.owners_of_module(module)?;
        let row = self.ledger.module(module)?;
        // Each of several teams has a name of its own for it, which is not the others' business.
        let row = row.filter(|_| owners.as_ref().is_none_or(|owners| owners.len() == 1));
        let named = |row: &Module| format!("{}@{}", row.name, row.version);
        let name = row.as_ref().map_or_else(|| module.to_string(), named);
        let audience = owners.map_or(Audience::Server, Audience::Teams);
        Ok(Told::of(fact(name), audience, recorded))
    }

    fn fact_of_loss(&self, lost: &NodeLost, recorded: &Recorded) -> Result<Told, ServiceError> {
        let node: NodeId = lost.node;
        let name = self.ledger.node(node)?.map_or_else(|| node.to_string(), |row| row.name.to_string());
        let fact = Fact::NodeLost { node, name, reason: lost.reason.to_string() };
        Ok(Told::of(fact, Audience::Server, recorded))
    }

    /// How long a campaign can be undone once it is rolled out.
    pub(crate) fn window_of(&self, row: &Campaign) -> Result<skein_campaign::Span, ServiceError> {
        let gone = || ServiceError::bug(format!("the policy of {} is gone", row.id));
        let bytes = self.ledger.blob(row.policy)?.ok_or_else(gone)?;
        let asked: skein_api::Policy = skein_api::parse(&bytes, skein_api::BODY_BYTES_MAX)?;
        Ok(policy::rules(&asked)?.rollback_window)
    }

    fn account(&self, row: &Campaign, until: Timestamp) -> Result<Account, ServiceError> {
        let began = self.began(row.id)?.unwrap_or(until);
        Ok(Account {
            published: row.runs.among(&[RunState::Published, RunState::Finalized]),
            failed: row.runs.of(RunState::Failed),
            left_out: row.runs.among(&[RunState::Skipped, RunState::Stale, RunState::Cancelled]),
            rows_read: row.meters.rows_in,
            rows_written: row.meters.rows_out,
            rows_rejected: row.meters.rejects,
            bytes_read: row.meters.bytes_in,
            bytes_written: row.meters.bytes_out,
            cpu_ms: row.meters.cpu,
            took_ms: crate::shown::since(began, until),
        })
    }

    /// When its waves began; nothing, if they never did.
    fn began(&self, campaign: CampaignId) -> Result<Option<Timestamp>, ServiceError> {
        let about = EventFilter::about(Some(Subject::Campaign(campaign)));
        let filter = EventFilter { kinds: vec![Kind::CampaignMoved], ..about };
        let begins = |recorded: &&Recorded| matches!(&recorded.event, Event::CampaignMoved(moved) if moved.to == CampaignState::Running);
        let mut after = 0;
        for _ in 0..HISTORY_PAGES_MAX {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            if let Some(begun) = page.items.iter().find(begins) {
                return Ok(Some(begun.at));
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(None)
    }
}

enum Tells {
    Halt,
    End,
    Undone,
}

pub(super) fn of(row: &Campaign) -> Of {
    Of { campaign: row.id, name: row.name.to_string() }
}

fn told_of(fact: Fact, row: &Campaign, recorded: &Recorded) -> Told {
    Told::of(fact, Audience::Server, recorded).about(row.id, &row.owner)
}

/// The wave that is held, or where it was.
fn halt(row: &Campaign, waves: &[Wave], reason: &str) -> Fact {
    let held = waves.iter().find(|wave| wave.state == WaveState::Held);
    let wave = held.or_else(|| waves.iter().rev().find(|wave| wave.state == WaveState::Running));
    // A person's words may follow the word.
    let word = reason.split(':').next().and_then(|word| word.parse().ok());
    Fact::CampaignHalted {
        of: of(row),
        wave: wave.map_or(0, |wave| wave.number),
        failed: wave.map_or(0, |wave| wave.runs.of(RunState::Failed)),
        budget: wave.map_or(0, |wave| wave.budget),
        reason: word.unwrap_or(Reason::BudgetSpent).to_string(),
    }
}

#[cfg(test)]
mod tests;
