//! Why a run that waits does, in one line: the first thing that would have to change.

use skein_api::Text;
use skein_api::Waiting;
use skein_ledger::{Limit, Phase, Run, Task};
use skein_types::{CampaignState, NodeMark, RunState, WaveState};

use crate::control::{Control, State};
use crate::division::{TICK_EVERY, queue_of};
use crate::error::ServiceError;

impl Control {
    /// Why a run waits; none: it does not.
    pub(crate) fn waiting(&self, run: &Run) -> Result<Option<Waiting>, ServiceError> {
        if run.state != RunState::Planned {
            return Ok(None);
        }
        let mut state = self.state();
        let tasks = self.ledger.tasks_of_run(run.campaign, run.seq, 0, Limit::new(64))?.items;
        let said = match self.campaign_waits(&mut state, run)? {
            Some(said) => Some(said),
            None if tasks.is_empty() => Some(self.not_queued(&mut state, run)?),
            None => self.queued(&mut state, run, &tasks)?,
        };
        Ok(said.map(waiting))
    }

    /// Why nothing begins anywhere, if that is so.
    pub(crate) fn nothing_begins(&self, state: &State) -> Result<Option<Waiting>, ServiceError> {
        Ok(self.nowhere(state)?.map(waiting))
    }

    fn nowhere(&self, state: &State) -> Result<Option<(&'static str, String)>, ServiceError> {
        if state.fleet.frozen {
            let why = self.ledger.fleet()?.reason;
            return Ok(Some(("frozen", format!("the fleet is frozen: {why}"))));
        }
        let cordoned = "every node is cordoned or drained: `skein fleet uncordon NODE` gives one work again";
        if state.fleet.seats.is_empty() {
            let nodes = self.ledger.nodes(None, Limit::MAX)?.items;
            if nodes.iter().any(|node| node.mark == NodeMark::Draining) {
                return Ok(Some(("cordoned", cordoned.to_owned())));
            }
            let said = "no node is here: `skein serve --nodes N` starts N of them";
            return Ok(Some(("no_node", said.to_owned())));
        }
        let takes = state.fleet.seats.values().any(|seat| seat.takes());
        Ok((!takes).then(|| ("cordoned", cordoned.to_owned())))
    }

    /// What keeps the whole campaign, or the run's wave, from going on.
    fn campaign_waits(
        &self,
        state: &mut State,
        run: &Run,
    ) -> Result<Option<(&'static str, String)>, ServiceError> {
        let live = self.live(state, run.campaign)?;
        let at = live.machine.state();
        let row = self.ledger.campaign(run.campaign)?;
        let why = row.map(|row| row.reason.to_string()).filter(|why| !why.is_empty());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let said = match at {
            CampaignState::Running => {
                let wave = run.wave.and_then(|wave| live.machine.waves().get(usize::try_from(wave).ok()?));
                return Ok(match wave.map(|wave| wave.state()) {
                    Some(WaveState::Waiting) => Some((
                        "wave",
                        format!(
                            "wave {} begins when the gate of the one before is passed",
                            run.wave.unwrap_or(0)
                        ),
                    )),
                    Some(_) | None => None,
                });
            }
            CampaignState::AwaitingApproval => (
                "approval",
                format!(
                    "the campaign waits for approvals{why}: `skein campaign approvals {}` says whose",
                    run.campaign
                ),
            ),
            CampaignState::Planned | CampaignState::Approved => {
                ("not_started", format!("the campaign is {at}: it was not started"))
            }
            CampaignState::Paused => ("paused", format!("the campaign is paused{why}")),
            CampaignState::Halted => ("halted", format!("the campaign is halted{why}")),
            CampaignState::Stale => ("stale", format!("the campaign's plan is out of date{why}")),
            CampaignState::Draft
            | CampaignState::Planning
            | CampaignState::PlanFailed
            | CampaignState::Soaking
            | CampaignState::Finalizing
            | CampaignState::Succeeded
            | CampaignState::PartiallySucceeded
            | CampaignState::RollingBack
            | CampaignState::RolledBack
            | CampaignState::RollbackIncomplete
            | CampaignState::Cancelling
            | CampaignState::Cancelled => ("campaign", format!("the campaign is {at}")),
        };
        Ok(Some(said))
    }

    /// One that has no task yet.
    fn not_queued(&self, state: &mut State, run: &Run) -> Result<(&'static str, String), ServiceError> {
        let now = self.clock.now();
        let live = self.live(state, run.campaign)?;
        if live.overrides.defers(run.dataset, now) {
            return Ok(("deferred", "its manifest puts it off until later".to_owned()));
        }
        if let Some((team, gate)) = run.team.as_ref().and_then(|team| live.gates.get_key_value(team))
            && !gate.is_open(now)
        {
            let said = match gate.until.filter(|until| *until > now) {
                Some(until) if until.0 >= crate::approvals::UNTIL_RESUMED => {
                    format!("{team} paused its datasets")
                }
                Some(until) => format!("{team} put its datasets off until {until}"),
                None => format!("{team} has not approved its part of the plan"),
            };
            return Ok(("approval", said));
        }
        let wave = run.wave.unwrap_or(0);
        let under_way = live.queued(wave);
        Ok((
            "slow_start",
            format!(
                "{under_way} runs of wave {wave} are under way, as many as may be: more follow as these succeed"
            ),
        ))
    }

    /// One that has tasks.
    fn queued(
        &self,
        state: &mut State,
        run: &Run,
        tasks: &[Task],
    ) -> Result<Option<(&'static str, String)>, ServiceError> {
        let now = self.clock.now();
        let (mut held, mut staged) = (None, false);
        for task in tasks {
            match &task.phase {
                Phase::Ready { not_before } if *not_before > now => {
                    return Ok(Some(("backoff", format!("it failed and is tried again at {not_before}"))));
                }
                Phase::Ready { .. } => return self.ready_waits(state, run, task).map(Some),
                Phase::Claimed(holder) => held = Some(holder.node),
                Phase::Staged { .. } => staged = true,
            }
        }
        let Some(node) = held else {
            let door = || ("door", "it is staged and waits for a place at the publish door".to_owned());
            return Ok(staged.then(door));
        };
        let seat = state.fleet.seats.get(&node);
        let begun = seat.is_some_and(|seat| {
            seat.holds
                .values()
                .any(|hold| hold.seq == Some(run.seq) && hold.campaign == Some(run.campaign) && hold.started)
        });
        let name = seat.map(|seat| seat.name.clone()).unwrap_or_default();
        Ok((!begun).then(|| ("node", format!("node {name} has it and has not begun it"))))
    }

    /// One of which a task waits to be given to a node.
    fn ready_waits(
        &self,
        state: &mut State,
        run: &Run,
        task: &Task,
    ) -> Result<(&'static str, String), ServiceError> {
        if let Some(said) = self.nowhere(state)? {
            return Ok(said);
        }
        if self.divide(state, TICK_EVERY)? {
            let large = task.class == skein_ledger::SizeClass::Large;
            let queue = queue_of(self.live(state, run.campaign)?, run.campaign, large);
            if let Some(reason) = state.division.grants.waits.get(&queue) {
                return Ok(("quota", reason.to_string()));
            }
        }
        if task.alone {
            return Ok(("alone", "it runs alone, and a node is emptied for it".to_owned()));
        }
        Ok(("queue", "others are before it: every node has as much as it takes".to_owned()))
    }
}

fn waiting((reason, message): (&str, String)) -> Waiting {
    Waiting { reason: Text::escaped(reason), message: Text::escaped(&message) }
}
