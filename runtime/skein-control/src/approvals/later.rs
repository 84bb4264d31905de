//! Putting a slice's runs off, letting them go on, leaving them out, and undoing what was published of them. An owner may always.

use skein_api::{Campaign, CampaignAction};
use skein_campaign::{Command, RollBackWhat};
use skein_ledger::{Guard, Limit, Name, PhaseName, Run, SliceDeclined, SliceDeferred, TaskKind, Text, Unit};
use skein_types::{CampaignId, RunState, SliceState, Timestamp, codes};

use super::{UNTIL_RESUMED, not_declined, of_this};
use crate::access::Principal;
use crate::campaigns::{BREATH, CHUNK, UNDONE};
use crate::control::Control;
use crate::decide::Told;
use crate::error::ServiceError;

/// Why runs of a slice wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// A time that somebody names.
    Named,
    /// Somebody resumes them.
    Resumed,
    /// They wait no more.
    Now,
}

impl Control {
    /// Nothing of a slice begins or is published before a time; what is at the door is finished.
    pub(crate) fn defer(
        &self,
        who: &Principal,
        (id, team, until): (CampaignId, &Name, Until),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let now = self.clock.now();
        let until = match (until, asked.until) {
            (Until::Named, Some(time)) if time.0 > now => Timestamp(time.0.0.min(UNTIL_RESUMED)),
            (Until::Named, _) => {
                let message = "`until`: a time to come is needed, before which the runs do not start";
                return Err(ServiceError::new(codes::BODY_INVALID, message));
            }
            (Until::Resumed, _) => Timestamp(UNTIL_RESUMED),
            (Until::Now, _) => now,
        };
        {
            let mut state = self.state();
            let plan = self.plan_there(&mut state, id)?;
            of_this((id, plan), asked.plan.or(Some(plan)))?;
            not_declined(id, &self.slice(id, team)?)?;
            let reason = Text::clip(asked.reason.as_deref().unwrap_or_default());
            let (campaign, team, person) = (id, team.clone(), who.person()?);
            let epoch = self.live(&mut state, id)?.machine.epoch();
            let deferred = SliceDeferred { campaign, team, until, person, reason };
            self.write(who.unit().if_(Guard::CampaignAt { campaign, epoch }).decide(deferred))?;
            self.settle_after(&mut state, id, who)?;
        }
        if until > now {
            self.each_planned(id, team, |state, runs| self.call_back(state, id, runs).map(|()| true))?;
        }
        self.wake.reconciler();
        self.wake.nodes();
        if until > now {
            self.acknowledged(self.state(), id);
        }
        self.campaign(id)
    }

    /// Runs of a slice are left out, for good in this plan.
    pub(crate) fn decline(
        &self,
        who: &Principal,
        (id, team): (CampaignId, &Name),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let said = asked.reason.as_deref().map(str::trim).filter(|said| !said.is_empty());
        let said = said.ok_or_else(|| reason_needed("declining a part of a plan"))?;
        {
            let mut state = self.state();
            let plan = self.plan_there(&mut state, id)?;
            of_this((id, plan), asked.plan.or(Some(plan)))?;
            not_declined(id, &self.slice(id, team)?)?;
            let (campaign, team, person) = (id, team.clone(), who.person()?);
            let epoch = self.live(&mut state, id)?.machine.epoch();
            let declined = SliceDeclined { campaign, team, person, reason: Text::clip(said) };
            self.write(who.unit().if_(Guard::CampaignAt { campaign, epoch }).decide(declined))?;
            // Its gate is closed from here on; who dies now leaves the rest to the reconciler.
            self.gates(&mut state, id)?;
        }
        let reason = declined_because(who.person()?.as_str(), said);
        self.each_planned(id, team, |state, runs| {
            self.move_some(state, runs, (who, RunState::Skipped, &reason))
        })?;
        self.settle_after(&mut self.state(), id, who)?;
        self.wake.reconciler();
        self.wake.nodes();
        self.campaign(id)
    }

    /// What was published of a slice is undone, what is held of it given up, and what is planned put off until somebody resumes it:
    /// else it would be published behind the rollback.
    pub(crate) fn roll_back_slice(
        &self,
        who: &Principal,
        (id, team): (CampaignId, &Name),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        {
            let mut state = self.state();
            let told = vec![Told::of(Command::RollBack(RollBackWhat::Runs))];
            let said = asked.reason.as_deref().unwrap_or_default();
            let refused = self.tell(&mut state, id, told, (who, said, Vec::new()))?;
            if let Some((_, refused)) = refused.into_iter().next() {
                return Err(refused.into());
            }
        }
        let reason = asked.reason.as_deref().unwrap_or("asked");
        let (from, to) = UNDONE;
        let moves: Vec<(RunState, RunState)> =
            from.iter().map(|from| (*from, to)).chain([(RunState::Held, RunState::Cancelled)]).collect();
        let mut any = false;
        for (from, _) in &moves {
            any |= self.has_runs((id, team), *from)?;
        }
        // Before the others: what is at the door is published, and nothing comes after it.
        if any && self.has_runs((id, team), RunState::Planned)? {
            self.put_off(who, (id, team), reason)?;
        }
        for (from, to) in moves.into_iter().filter(|_| any) {
            self.each_of_slice((id, team, from), |state, runs| {
                self.move_some(state, runs, (who, to, reason))
            })?;
        }
        self.wake.reconciler();
        if !any {
            return Err(ServiceError::new(
                codes::NO_RUN_FOR_IT,
                format!("no run of the part of {team} can be rolled back now"),
            )
            .hint(Some("list the runs and look at their states")));
        }
        self.campaign(id)
    }

    fn has_runs(&self, slice: (CampaignId, &Name), state: RunState) -> Result<bool, ServiceError> {
        Ok(!self.ledger.runs_of_slice(slice, state, None, Limit::new(1))?.items.is_empty())
    }

    /// Nothing more of a slice begins or goes to the door until somebody resumes it; what was declined does so in no case.
    fn put_off(
        &self,
        who: &Principal,
        (id, team): (CampaignId, &Name),
        reason: &str,
    ) -> Result<(), ServiceError> {
        if self.slice(id, team)?.state != SliceState::Declined {
            let mut state = self.state();
            let (campaign, team, person) = (id, team.clone(), who.person()?);
            let (until, reason) = (Timestamp(UNTIL_RESUMED), Text::clip(&format!("rolled back: {reason}")));
            let epoch = self.live(&mut state, id)?.machine.epoch();
            let deferred = SliceDeferred { campaign, team, until, person, reason };
            self.write(who.unit().if_(Guard::CampaignAt { campaign, epoch }).decide(deferred))?;
            self.settle_after(&mut state, id, who)?;
        }
        self.each_planned(id, team, |state, runs| self.call_back(state, id, runs).map(|()| true))?;
        Ok(())
    }

    fn each_planned(
        &self,
        id: CampaignId,
        team: &Name,
        with: impl FnMut(&mut crate::control::State, &[Run]) -> Result<bool, ServiceError>,
    ) -> Result<bool, ServiceError> {
        self.each_of_slice((id, team, RunState::Planned), with)
    }

    /// Runs of a slice in a state, so many at a time; the lock is free in between.
    fn each_of_slice(
        &self,
        (id, team, state_of): (CampaignId, &Name, RunState),
        mut with: impl FnMut(&mut crate::control::State, &[Run]) -> Result<bool, ServiceError>,
    ) -> Result<bool, ServiceError> {
        let (mut any, mut after) = (false, None);
        loop {
            let mut state = self.state();
            let page = self.ledger.runs_of_slice((id, team), state_of, after, Limit::new(CHUNK))?;
            any |= !page.items.is_empty() && with(&mut state, &page.items)?;
            drop(state);
            std::thread::sleep(BREATH);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(any),
            }
        }
    }

    /// What was queued of runs, or is under way, is taken back. What is staged waits at the door.
    fn call_back(
        &self,
        state: &mut crate::control::State,
        id: CampaignId,
        runs: &[Run],
    ) -> Result<(), ServiceError> {
        let mut gone = Vec::new();
        for run in runs {
            let tasks = self.ledger.tasks_of_run(id, run.seq, 0, Limit::MAX)?.items;
            let staged = |task: &skein_ledger::Task| {
                task.phase.name() == PhaseName::Staged && task.kind != TaskKind::Split
            };
            if tasks.is_empty() || tasks.iter().all(staged) {
                continue;
            }
            for task in &tasks {
                gone.extend(self.task_gone(state, task, None)?);
            }
            self.live(state, id)?.forget(run.seq);
        }
        if gone.is_empty() {
            return Ok(());
        }
        self.write(gone.into_iter().fold(self.itself.unit(), Unit::then))
    }
}

/// As a run says why it was left out.
pub(super) fn declined_because(person: &str, said: &str) -> String {
    format!("declined by {person}: {said}")
}

pub(super) fn reason_needed(what: &str) -> ServiceError {
    ServiceError::new(codes::REASON_NEEDED, format!("{what} needs a reason, which stays on record"))
        .hint(Some("say why, with `reason`"))
}
