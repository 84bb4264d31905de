//! Runs that a rule keeps back: staged, not announced, until a person says what becomes of them.
//!
//! | asked | a run is then | its task | what was staged |
//! |---|---|---|---|
//! | release | planned, and goes to the door | stays staged | is published, the very bytes |
//! | recheck | planned | is ready again, from its start | goes when the run is at rest |
//! | discard | failed, which spends the budget | goes | goes |
//!
//! A held run has its task, and takes no place before the door from another. What a rule keeps back is let through by a person, and by
//! nobody who had a hand in the campaign.

use std::collections::BTreeSet;

use skein_api::node::Staged;
use skein_api::{Run, RunAction};
use skein_campaign::RunReport;
use skein_ledger::{
    Dataset, Entry, Event, HeldFor, Limit, Meters, Name, Phase, Release, RunFailed, RunHeld, RunReleased,
    RunRetried, Task, Text, Unit,
};
use skein_types::{AttemptId, CampaignId, RuleResult, RulesLead, RunState, Timestamp, codes};

use crate::access::Principal;
use crate::control::{Control, State};
use crate::decide::{self, Told};
use crate::error::ServiceError;
use crate::results::run_of;

/// What is asked about a held run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldVerb {
    /// Publish it as it is staged.
    Release,
    /// Make it again and look again.
    Recheck,
    /// Give it up.
    Discard,
}

impl HeldVerb {
    pub(crate) const ALL: [(&'static str, Self); 3] =
        [("release", Self::Release), ("recheck", Self::Recheck), ("discard", Self::Discard)];

    pub(crate) fn parse(word: &str) -> Result<Self, ServiceError> {
        let found = Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, verb)| *verb);
        let known = Self::ALL.map(|(known, _)| known).join(", ");
        found.ok_or_else(|| ServiceError::absent("verb", word).hint(Some(format!("known: {known}"))))
    }
}

/// Why a staged run is kept back, and the teams of readers whose rules do it.
pub(crate) struct HeldBy {
    reason: Text,
    consumers: Vec<HeldFor>,
}

/// What of a node's report keeps the run from its publish.
pub(crate) fn held_by(staged: &Staged) -> Option<HeldBy> {
    let rules = staged.rules.as_ref()?;
    let keeping: Vec<_> = rules.iter().filter(|rule| rule.leads() != RulesLead::On).collect();
    if keeping.is_empty() {
        return None;
    }
    let said = |of: &dyn Fn(&RuleResult) -> bool| {
        let said: Vec<String> = keeping.iter().filter(|rule| of(rule)).map(ToString::to_string).collect();
        Text::clip(&said.join("; "))
    };
    let teams: BTreeSet<Name> = keeping.iter().filter_map(|rule| rule.consumer.clone()).collect();
    let consumers = teams.into_iter().map(|team| {
        let reason = said(&|rule| rule.consumer.as_ref() == Some(&team));
        HeldFor { team, reason }
    });
    let consumers = consumers.collect();
    Some(HeldBy { reason: said(&|_| true), consumers })
}

impl Control {
    /// The unit that takes a staged run and keeps it back; `staged` is what says that it is staged.
    pub(crate) fn kept_back(
        &self,
        state: &mut State,
        task: &Task,
        (attempt, HeldBy { reason, consumers }): (AttemptId, HeldBy),
        staged: Vec<Entry>,
    ) -> Result<Unit, ServiceError> {
        let (Some(campaign), Some(seq)) = (task.campaign, task.seq) else {
            return Err(ServiceError::bug("a run's task without a run"));
        };
        let run = self.ledger.run(campaign, seq)?.ok_or_else(|| ServiceError::bug("a task's run is gone"))?;
        let event = RunHeld { campaign, seq, attempt, reason, consumers };
        let told = [Told::run(RunReport::of(run_of(&run), RunState::Held), event)];
        let live = self.live(state, campaign)?;
        let by = (&self.itself, self.clock.now(), "");
        let drafted = decide::draft((campaign, &live.machine), told, by, |_, why| {
            // It stays staged; whatever the campaign is about will find it so.
            tracing::debug!(%campaign, seq, %why, "a run that is kept back moved on");
        });
        live.forget(seq);
        let drafted = drafted.with(staged);
        live.machine = drafted.machine;
        self.wake.reconciler();
        Ok(drafted.unit)
    }

    /// A person decides about a run that is held.
    pub(crate) fn act_on_held(
        &self,
        who: &Principal,
        (campaign, run, verb): (CampaignId, skein_ledger::Run, HeldVerb),
        asked: &RunAction,
    ) -> Result<Run, ServiceError> {
        let seq = run.seq;
        // Found out before the lock, and said when it is clear that there is something to decide about.
        let may = match verb {
            HeldVerb::Release => {
                self.lets_through(who, campaign, "lets a run through that a rule keeps back")
            }
            // Nothing is published by these.
            HeldVerb::Recheck | HeldVerb::Discard => Ok(()),
        };
        let reason = Text::clip(&asked.reason);
        if reason.as_str().trim().is_empty() {
            let message = "a reason is needed: it goes on record";
            return Err(ServiceError::new(codes::BODY_INVALID, message));
        }
        {
            let mut state = self.state();
            let run = self
                .ledger
                .run(campaign, seq)?
                .ok_or_else(|| ServiceError::absent("run", &seq.to_string()))?;
            if run.state != RunState::Held {
                let message = format!("run {seq} is {} and not held", run.state);
                return Err(ServiceError::new(codes::RUN_STATE, message)
                    .hint(Some("list the runs that are: `skein campaign runs CAMPAIGN --in held`")));
            }
            may?;
            let (to, event, more) = self.decided(&state, &run, (campaign, verb), reason)?;
            let live = self.live(&mut state, campaign)?;
            match verb {
                HeldVerb::Release | HeldVerb::Recheck => {
                    live.tasks.insert(seq, run.wave.unwrap_or(0));
                }
                HeldVerb::Discard => live.forget(seq),
            }
            let told = vec![Told::run(RunReport::of(run_of(&run), to), event)];
            let refused = self.tell(&mut state, campaign, told, (who, "", more))?;
            if let Some((_, why)) = refused.into_iter().next() {
                self.live(&mut state, campaign)?.forget(seq);
                return Err(why.into());
            }
            match verb {
                HeldVerb::Discard => {
                    state.to_sweep.insert(run.dataset);
                }
                // It is one of its slice's planned runs again: one that was declined meanwhile is left out.
                HeldVerb::Release | HeldVerb::Recheck => self.gates(&mut state, campaign)?,
            }
        }
        self.wake.reconciler();
        self.wake.nodes();
        self.run_of_campaign_shown(campaign, seq)
    }

    /// Refuses whoever may not set a rule aside for a campaign: a program, and who made the campaign, planned it last or submitted its
    /// module. The one user of a machine may.
    fn lets_through(&self, who: &Principal, campaign: CampaignId, what: &str) -> Result<(), ServiceError> {
        if self.single_user && who.token.is_none() {
            return Ok(());
        }
        who.is_a_person(what)?;
        let (excluded, person) = (self.excluded(campaign)?, who.who());
        let (code, did) = if excluded.author.as_ref() == Some(&person) {
            (codes::OWN_CAMPAIGN, "made the campaign")
        } else if excluded.pushers.contains(&person) {
            (codes::OWN_CHANGE, "submitted the module or planned the campaign last")
        } else {
            return Ok(());
        };
        let message = format!("{} {did}, and somebody else {what}", who.actor());
        Err(ServiceError::new(code, message)
            .hint(Some("ask another approver or operator of the team that owns the dataset")))
    }

    /// The same for a reader's rule, which is passed over in every campaign that has a run over the dataset and is not over.
    pub(super) fn passes_over(&self, who: &Principal, dataset: &Dataset) -> Result<(), ServiceError> {
        let what = "passes a rule over";
        if !(self.single_user && who.token.is_none()) {
            who.is_a_person(what)?;
        }
        let is = |state| matches!(state, RunState::Planned | RunState::Held | RunState::Intended);
        self.sets_aside(who, (dataset, what), is)
    }

    /// The same for one that is removed or says something else while it, or another one, keeps a run back: to look at that again
    /// would be to let it through.
    pub(super) fn takes_away(&self, who: &Principal, dataset: &Dataset) -> Result<(), ServiceError> {
        self.sets_aside(who, (dataset, "changes rules while they keep a run back"), |state| {
            state == RunState::Held
        })
    }

    fn sets_aside(
        &self,
        who: &Principal,
        (dataset, what): (&Dataset, &str),
        is: impl Fn(RunState) -> bool,
    ) -> Result<(), ServiceError> {
        for run in self.runs_over(dataset, |run| is(run.state))? {
            self.lets_through(who, run.campaign, what)?;
        }
        Ok(())
    }

    /// Where the run goes, what says so, and what becomes of its tasks.
    fn decided(
        &self,
        state: &State,
        run: &skein_ledger::Run,
        (campaign, verb): (CampaignId, HeldVerb),
        reason: Text,
    ) -> Result<(RunState, Event, Vec<Entry>), ServiceError> {
        let (seq, from) = (run.seq, RunState::Held);
        Ok(match verb {
            HeldVerb::Release => {
                (RunState::Planned, RunReleased { campaign, seq, reason }.into(), Vec::new())
            }
            HeldVerb::Recheck => {
                let again = self.ledger.tasks_of_run(campaign, seq, 0, Limit::MAX)?.items;
                let staged = again.iter().filter(|task| matches!(task.phase, Phase::Staged { .. }));
                let release = |task: &Task| {
                    Entry::Release(Release {
                        task: task.id,
                        token: task.token,
                        not_before: Timestamp(0),
                        deaths: 0,
                        alone: task.alone,
                        from_start: true,
                    })
                };
                let whole = |task: &&Task| task.kind != skein_ledger::TaskKind::Split;
                let released = staged.filter(whole).map(release).collect();
                (RunState::Planned, RunRetried { campaign, seq, from, reason }.into(), released)
            }
            HeldVerb::Discard => {
                let code = codes::RUN_DISCARDED;
                let name = Name::new(code.id).map_err(|error| ServiceError::bug(error.to_string()))?;
                let (class, message, meters) = (code.class, reason, Meters::default());
                let failed = RunFailed { campaign, seq, from, class, code: name, message, meters };
                (RunState::Failed, failed.into(), self.tasks_gone(state, (campaign, seq), None)?)
            }
        })
    }

    fn run_of_campaign_shown(&self, campaign: CampaignId, seq: u64) -> Result<Run, ServiceError> {
        self.run(campaign, &seq.to_string())
    }
}
