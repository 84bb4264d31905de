//! What people ask of campaigns.

use std::collections::BTreeSet;

use skein_api::{Campaign, CampaignAction, CampaignCreate, CampaignProgress, CampaignVerb, Event, Page, Run};
use skein_campaign::{Accept, Command, Reading, RetryWhat, RollBackWhat, RunReport};
use skein_ledger::{
    CampaignCreated, Entry, Event as Decided, EventFilter, Guard, Kind, Limit, ModuleState, Name, PhaseName,
    RunCancelled, RunFilter, RunRetried, RunSkipped, Subject, TaskFilter, TaskKind, Text, Unit,
};
use skein_types::{Blake3, CampaignId, CampaignState, Rows, RunState, Timestamp, WaveState, codes};
use uuid::Uuid;

use crate::access::Principal;
use crate::control::{Control, State, name};
use crate::decide::{self, Told};
use crate::error::ServiceError;
use crate::list::{ListPart, number};
use crate::nodes::millis;
use crate::points::point;
use crate::policy;
use crate::shown;
use crate::undo::reverting;

/// What a dataset is called that the server does not know any more.
pub(crate) const REMOVED: &str = "(removed)";
/// Blobs of a campaign are named by it, and kept as long.
const KEEP: u64 = 24 * 3_600_000;
/// What a rollback of single runs does.
pub(crate) const UNDONE: (&[RunState], RunState) =
    (&[RunState::Published, RunState::RevertFailed], RunState::Reverting);
/// Of parameters, counted for each dataset that has some of its own.
const OWN_BYTES_MAX: usize = 256 << 20;
/// Runs that are moved in one unit.
pub(crate) const CHUNK: usize = 256;
/// Between two such units: a lock that is taken again at once is not given to whoever waits for it.
pub(crate) const BREATH: std::time::Duration = std::time::Duration::from_millis(2);

impl Control {
    /// Makes a campaign of a team, as a draft. Everything that could be wrong with it by itself is refused here.
    pub(crate) fn create_campaign(
        &self,
        who: &Principal,
        (owner, module, mut asked): (Name, skein_ledger::Module, CampaignCreate),
    ) -> Result<Campaign, ServiceError> {
        if let Some(named) = &asked.policy_named {
            if asked.policy != skein_api::Policy::default() {
                let message = "both a policy and the name of one are given";
                return Err(
                    ServiceError::new(codes::BODY_INVALID, message).hint(Some("leave one of them out"))
                );
            }
            asked.policy = self.policy_named(named)?.policy;
        }
        policy::rules(&asked.policy)?;
        self.check_selection(&asked.selection)?;
        self.take_over(&mut asked)?;
        usable(&module, &format!("{}@{}", module.name, module.version))?;
        self.compile_again(module.digest)?;
        let id = CampaignId::new(Uuid::now_v7());
        let json =
            |value: serde_json::Result<Vec<u8>>| value.map_err(|error| ServiceError::bug(error.to_string()));
        let params = json(serde_json::to_vec(&asked.params))?;
        let own: Vec<serde_json::Value> = asked
            .selection
            .manifest
            .iter()
            .filter_map(|chosen| chosen.params.clone().map(serde_json::Value::Object))
            .collect();
        let (digest, secrets) = self.pin_secrets(&owner, (&asked.params, &own))?;
        let own = own.len();
        if own.saturating_mul(params.len()) > OWN_BYTES_MAX {
            let message =
                format!("{own} datasets with parameters of their own, of {} bytes each", params.len());
            return Err(ServiceError::new(codes::BODY_TOO_LARGE, message)
                .hint(Some("give large parameters to all of them, or make several campaigns")));
        }
        let policy = json(serde_json::to_vec(&asked.policy))?;
        let selection = json(serde_json::to_vec(&asked.selection))?;
        let created = CampaignCreated {
            campaign: id,
            name: name("name", &asked.name)?,
            owner,
            module: module.digest,
            params: digest,
            secrets,
            params_blob: Blake3::of(&params),
            policy: Blake3::of(&policy),
            selection: Blake3::of(&selection),
        };
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        let blobs = [params, policy, selection].map(|bytes| Entry::PutBlob { bytes, keep_until });
        let guard = Guard::ModuleIs { module: module.digest, state: ModuleState::Ready };
        let unit = blobs.into_iter().fold(who.creating().if_(guard), Unit::then);
        point!("campaign.before-created")?;
        let written = self.commit(unit.decide(created))?;
        decide::done(&written)?;
        point!("campaign.after-created")?;
        // Asked again after a death: it is there, under the id that it got then.
        let id = match self.known(&written)? {
            Some(Decided::CampaignCreated(before)) => before.campaign,
            Some(_) | None => id,
        };
        self.live(&mut self.state(), id)?;
        self.campaign(id)
    }

    /// A campaign that goes on with another one's unfinished datasets has its parameters, its manifest and its migration's name,
    /// unless others are given.
    fn take_over(&self, asked: &mut CampaignCreate) -> Result<(), ServiceError> {
        let Some(other) = asked.selection.unfinished_of else { return Ok(()) };
        let row = self.at_rest_campaign(other)?;
        let gone = || ServiceError::bug(format!("the parameters or the policy of {other} are gone"));
        if asked.params.is_null() {
            let params = self.ledger.blob(row.params_blob)?.ok_or_else(gone)?;
            asked.params =
                serde_json::from_slice(&params).map_err(|error| ServiceError::bug(error.to_string()))?;
        }
        if asked.selection.manifest.is_empty() {
            // With what it says of single datasets.
            asked.selection.manifest = crate::selection::read(&*self.ledger, &row)?.manifest;
        }
        if asked.policy.migration.is_none() {
            let policy = self.ledger.blob(row.policy)?.ok_or_else(gone)?;
            let policy: skein_api::Policy = skein_api::parse(&policy, skein_api::BODY_BYTES_MAX)?;
            asked.policy.migration = policy.migration;
        }
        Ok(())
    }

    /// A module by `name@version`.
    pub(crate) fn module_by(&self, named: &str) -> Result<Option<skein_ledger::Module>, ServiceError> {
        let Some((of, version)) = named.split_once('@') else { return Ok(None) };
        Ok(self.ledger.module_named(&name("module", of)?, &name("version", version)?)?)
    }

    /// Moves a campaign, if it is where whoever asks saw it.
    pub(crate) fn act(
        &self,
        who: &Principal,
        (id, verb): (CampaignId, CampaignVerb),
        asked: &CampaignAction,
    ) -> Result<Campaign, ServiceError> {
        let command = command(verb, asked)?;
        {
            let mut state = self.state();
            let live = self.live(&mut state, id)?;
            if live.machine.state() != asked.expect {
                let message = format!("the campaign is {} and not {}", live.machine.state(), asked.expect);
                return Err(ServiceError::new(codes::CAMPAIGN_STATE, message)
                    .hint(Some("look at it again and repeat what still makes sense")));
            }
            let starts = verb == CampaignVerb::Start;
            if asked.plan.is_some_and(|meant| starts && live.machine.plan() != Some(meant)) {
                let message = "there is another plan than the one that is meant";
                return Err(ServiceError::new(codes::CAMPAIGN_STATE, message));
            }
            if starts {
                self.still_as_planned(&mut state, id)?;
                self.has_approvals(&mut state, id)?;
                self.within_quota(&mut state, id)?;
            }
            if matches!(verb, CampaignVerb::Plan | CampaignVerb::Resume | CampaignVerb::Retry) {
                self.may_run(who, &mut state, id)?;
            }
            let reason = asked.reason.as_deref().unwrap_or_default();
            let more = match verb == CampaignVerb::Cancel {
                true => self.unplanned(&mut state, id)?,
                false => Vec::new(),
            };
            point!("act.before-moved")?;
            let refused = self.tell(&mut state, id, vec![Told::of(command)], (who, reason, more))?;
            if let Some((_, refused)) = refused.into_iter().next() {
                return Err(refused.into());
            }
        }
        point!("act.after-moved")?;
        self.move_runs(who, id, (command, asked))?;
        point!("act.after-runs")?;
        self.wake.reconciler();
        self.wake.nodes();
        match verb {
            CampaignVerb::Pause | CampaignVerb::Cancel | CampaignVerb::RollBack => {
                self.acknowledged(self.state(), id)
            }
            CampaignVerb::Retry | CampaignVerb::Skip => self.gates(&mut self.state(), id)?,
            CampaignVerb::Plan
            | CampaignVerb::Start
            | CampaignVerb::Resume
            | CampaignVerb::Finalize
            | CampaignVerb::Approve
            | CampaignVerb::Revoke
            | CampaignVerb::Defer
            | CampaignVerb::Decline
            | CampaignVerb::BreakGlass => {}
        }
        self.campaign(id)
    }

    /// Refuses what would have a module run that may not.
    fn may_run(&self, who: &Principal, state: &mut State, id: CampaignId) -> Result<(), ServiceError> {
        let digest = self.live(state, id)?.module;
        let Some(module) = self.ledger.module(digest)? else { return Ok(()) };
        let called = self.module_called(who, digest)?;
        usable(&module, &called.unwrap_or_else(|| digest.to_string()))
    }

    /// What a command means for single runs, so many at a time. The lock is free in between: all of a hundred thousand take
    /// longer than a node's lease. Whoever moves the campaign meanwhile is heeded by what is moved after it.
    fn move_runs(
        &self,
        who: &Principal,
        id: CampaignId,
        (command, asked): (Command, &CampaignAction),
    ) -> Result<(), ServiceError> {
        let (from, to): (&[RunState], RunState) = match command {
            Command::Retry(what) => (what.states(), RunState::Planned),
            Command::Skip => (&[RunState::Planned], RunState::Skipped),
            Command::RollBack(RollBackWhat::Runs) => UNDONE,
            // Once more, what could not be undone. Otherwise the machine has its runs undone wave by wave.
            Command::RollBack(RollBackWhat::Campaign)
                if asked.expect == CampaignState::RollbackIncomplete =>
            {
                UNDONE
            }
            Command::Plan
            | Command::Start
            | Command::Pause
            | Command::Resume(_)
            | Command::Cancel
            | Command::RollBack(RollBackWhat::Wave(_) | RollBackWhat::Campaign)
            | Command::Finalize { .. } => return Ok(()),
        };
        let reason = asked.reason.as_deref().unwrap_or("asked");
        if let Some(named) = &asked.runs {
            let named: Vec<u64> = named.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let mut any = false;
            for some in named.chunks(CHUNK) {
                let mut state = self.state();
                let runs = some.iter().filter_map(|seq| self.ledger.run(id, *seq).transpose());
                let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
                runs.retain(|run| from.contains(&run.state));
                any |= self.move_some(&mut state, &runs, (who, to, reason))?;
                drop(state);
                std::thread::sleep(BREATH);
            }
            // Whoever names runs means those, and is not to believe that something becomes of them.
            let message = format!("none of these runs can be {to} now");
            let none = || ServiceError::new(codes::NO_RUN_FOR_IT, message);
            let hint = Some("list the runs and look at their states");
            return if any { Ok(()) } else { Err(none().hint(hint)) };
        }
        for state_from in from {
            let filter = RunFilter { state: Some(*state_from), wave: None };
            let mut after = None;
            loop {
                let mut state = self.state();
                let page = self.ledger.runs(id, filter, after, Limit::new(CHUNK))?;
                self.move_some(&mut state, &page.items, (who, to, reason))?;
                drop(state);
                std::thread::sleep(BREATH);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Moves runs of one campaign in one unit.
    pub(crate) fn move_some(
        &self,
        state: &mut State,
        runs: &[skein_ledger::Run],
        (who, to, reason): (&Principal, RunState, &str),
    ) -> Result<bool, ServiceError> {
        let Some(id) = runs.first().map(|run| run.campaign) else { return Ok(false) };
        let (mut told, mut more) = (Vec::new(), Vec::new());
        for run in runs {
            told.push(moved(id, run, to, reason));
            if matches!(to, RunState::Skipped | RunState::Cancelled) {
                more.extend(self.tasks_gone(state, (id, run.seq), None)?);
                state.to_sweep.insert(run.dataset);
            }
            let live = self.live(state, id)?;
            live.forget(run.seq);
            live.admitted.clear();
        }
        let refused = self.tell(state, id, told, (who, reason, more))?;
        Ok(refused.len() < runs.len())
    }

    /// A campaign.
    pub(crate) fn campaign(&self, id: CampaignId) -> Result<Campaign, ServiceError> {
        self.shown_campaign(self.campaign_row(id)?)
    }

    pub(crate) fn shown_campaign(&self, row: skein_ledger::Campaign) -> Result<Campaign, ServiceError> {
        let waves = self.ledger.waves(row.id)?;
        let policy = self.ledger.blob(row.policy)?.unwrap_or_default();
        let policy: skein_api::Policy = skein_api::parse(&policy, skein_api::BODY_BYTES_MAX)?;
        let rules = policy::rules(&policy)?;
        let stored = self.stored_report(&row)?;
        shown::campaign(&row, &waves, (policy::effective(policy, &rules), &stored.report))
    }

    /// Runs of a campaign.
    pub(crate) fn runs(&self, id: CampaignId, part: &ListPart) -> Result<Page<Run>, ServiceError> {
        let filter = RunFilter { state: part.state, wave: None };
        let after = part.after.as_deref().map(number).transpose()?;
        let slice = part.of_slice()?;
        self.ledger.at_once(|| {
            let page = match &slice {
                Some((team, state)) => self.ledger.runs_of_slice((id, team), *state, after, part.limit())?,
                None => self.ledger.runs(id, filter, after, part.limit())?,
            };
            shown::page(page.items, page.next.map(|seq| seq.to_string()), |run| self.shown_run(&run))
        })?
    }

    /// A run of a campaign.
    pub(crate) fn run(&self, id: CampaignId, named: &str) -> Result<Run, ServiceError> {
        let run = self.run_of_campaign(id, named)?;
        let (waiting, soak) = (self.waiting(&run)?, self.soak_of(&run)?);
        Ok(Run { waiting, soak: Some(soak), ..self.shown_run(&run)? })
    }

    /// A run by its place in its campaign, or by the name or the id of its dataset.
    pub(crate) fn run_of_campaign(
        &self,
        id: CampaignId,
        named: &str,
    ) -> Result<skein_ledger::Run, ServiceError> {
        let absent = || ServiceError::absent("run", named);
        if let Ok(seq) = named.parse() {
            return self.ledger.run(id, seq)?.ok_or_else(absent);
        }
        // Whoever sees the campaign sees its runs; that there is a dataset of that name elsewhere is not told.
        let dataset = self.find_dataset(named).map_err(|_| absent())?.id;
        let mut after = None;
        loop {
            let page = self.ledger.runs_of_dataset(dataset, after, Limit::MAX)?;
            if let Some(run) = page.items.into_iter().find(|run| run.campaign == id) {
                return Ok(run);
            }
            after = Some(page.next.ok_or_else(absent)?);
        }
    }

    pub(crate) fn shown_run(&self, run: &skein_ledger::Run) -> Result<Run, ServiceError> {
        let dataset = self.ledger.dataset(run.dataset)?;
        let name = dataset.as_ref().map_or(REMOVED, |dataset| dataset.name.as_str());
        let failed = match run.failure {
            Some(_) => self.ledger.last_failed(run.campaign, run.seq)?.map(|attempt| attempt.id),
            None => None,
        };
        shown::run(run, (name, failed))
    }

    /// What was decided about a campaign and its runs.
    pub(crate) fn campaign_events(
        &self,
        id: CampaignId,
        part: &ListPart,
    ) -> Result<Page<Event>, ServiceError> {
        self.some_events(part, Some(Subject::Campaign(id)))
    }

    fn some_events(&self, part: &ListPart, of: Option<Subject>) -> Result<Page<Event>, ServiceError> {
        let after = part.after.as_deref().map(number).transpose()?.unwrap_or(0);
        let page = self.ledger.events(after, &EventFilter::about(of), part.limit())?;
        shown::page(page.items, page.next.map(|position| position.to_string()), |event| shown::event(&event))
    }

    /// How a campaign is getting on.
    pub(crate) fn progress(&self, id: CampaignId) -> Result<CampaignProgress, ServiceError> {
        let row = self.campaign_row(id)?;
        let position = self.ledger.head()?.position;
        let staged = self.staged_runs(id)?;
        let mut state = self.state();
        let waves = self.ledger.waves(id)?;
        let is_gated = |wave: &&skein_ledger::Wave| wave.state == WaveState::AwaitingApproval;
        let wave_waits = waves.iter().find(is_gated).map(|wave| wave.number);
        let held: Vec<(bool, u64)> = state.fleet.held_of(id).map(|hold| (hold.started, hold.rows)).collect();
        let running = held.iter().filter(|(started, _)| *started).count() as u64;
        // Nodes say these: they may be any number.
        let rows = held.iter().fold(row.meters.rows_in.0, |sum, (_, rows)| sum.saturating_add(*rows));
        let rows_done = Rows(rows);
        let live = self.live(&mut state, id)?;
        let (retrying, runs) = (live.tries.len() as u64, live.machine.runs());
        // What a rule keeps back is staged too, and waits for a person.
        let staged = staged.saturating_sub(runs.get(RunState::Held));
        live.pace.read(Reading {
            at: millis(self.clock.elapsed()),
            done: runs.at_rest(),
            runs: runs.total(),
            rows: rows_done,
            bytes: row.meters.bytes_in,
        });
        let estimate = live.pace.estimate();
        let rows_total = row.plan.map_or(Rows(0), |plan| plan.rows);
        let on = live.machine.waves().iter().rfind(|wave| wave.is_on());
        let failures_left = on.map_or(0, |wave| wave.budget().saturating_sub(wave.failures()));
        let waits = live.works().then(|| self.nothing_begins(&state)).transpose()?.flatten();
        let stands = self.stands(&mut state, id)?;
        Ok(CampaignProgress {
            state: row.state,
            position,
            runs: shown::counts(&row.runs),
            running,
            staged,
            retrying,
            failures_left,
            rows_done,
            rows_total,
            rows_per_second: estimate.map_or(0, |estimate| estimate.rows_per_second.0),
            elapsed_ms: shown::since(row.since, self.clock.now()),
            remaining_ms: estimate.and_then(|estimate| estimate.left),
            waits,
            wave_waits,
            put_off: stands.put_off,
            held_waits: stands.for_held,
            put_off_waits: stands.for_put_off,
        })
    }

    /// Runs that wait at the door: no more than may be under way at once.
    fn staged_runs(&self, id: CampaignId) -> Result<u64, ServiceError> {
        let phase = Some(PhaseName::Staged);
        let filter = TaskFilter { campaign: Some(id), phase, ..TaskFilter::default() };
        let (mut staged, mut after) = (0, 0);
        loop {
            let page = self.ledger.tasks(filter, after, Limit::MAX)?;
            // While a campaign is planned its tasks are about no run; a part of a run is no run.
            let is_run = |task: &&skein_ledger::Task| task.seq.is_some() && task.kind != TaskKind::Split;
            staged += page.items.iter().filter(is_run).count() as u64;
            match page.next {
                Some(next) => after = next,
                None => return Ok(staged),
            }
        }
    }
}

/// Refuses a module that may not run, with whose word it is.
fn usable(module: &skein_ledger::Module, called: &str) -> Result<(), ServiceError> {
    let (code, how, hint) = match module.state {
        ModuleState::Ready => return Ok(()),
        ModuleState::Suspended => (
            codes::MODULE_SUSPENDED,
            format!("suspended: {}", module.reason),
            "make a campaign with a mended one, or restore it if it was not the module's fault",
        ),
        ModuleState::Banned => (
            codes::MODULE_BANNED,
            format!("banned: {}", module.reason),
            "make a campaign with another one; an admin can restore it",
        ),
        ModuleState::Submitted => {
            (codes::CAMPAIGN_STATE, "being compiled".to_owned(), "ask again in a few seconds")
        }
        ModuleState::Refused => (
            codes::CAMPAIGN_STATE,
            format!("refused: {}", module.reason),
            "mend it and submit it as another version",
        ),
    };
    Err(ServiceError::new(code, format!("module {called} is {how}")).hint(Some(hint)))
}

/// Kinds of which the names are this or begin with it.
pub(crate) fn kinds(text: &str) -> Result<Vec<Kind>, ServiceError> {
    let mut kinds = Vec::new();
    for text in text.split(',') {
        let fit =
            |kind: &&Kind| kind.as_str() == text || (text.ends_with('.') && kind.as_str().starts_with(text));
        let before = kinds.len();
        kinds.extend(Kind::ALL.iter().filter(fit));
        if kinds.len() == before {
            return Err(ServiceError::new(
                codes::BODY_INVALID,
                format!("there are no events of kind {text:?}"),
            )
            .hint(Some("a kind is `run.published` or the like; `run.` is all that begin so")));
        }
    }
    Ok(kinds)
}

/// What an event is about, as it is shown.
pub(crate) fn subject(text: &str) -> Result<Subject, ServiceError> {
    let found = text.parse().map(Subject::Campaign).ok();
    let found = found.or_else(|| text.parse().map(Subject::Dataset).ok());
    let found = found.or_else(|| text.parse().map(Subject::Module).ok());
    let found = found.or_else(|| text.parse().map(Subject::Node).ok());
    let found = found.or_else(|| text.parse().map(Subject::Token).ok());
    let found = found.or_else(|| text.parse().map(Subject::Webhook).ok());
    let named = |word: &str| Name::new(text.strip_prefix(word)?).ok();
    let found = found.or_else(|| named("team:").map(Subject::Team));
    let found = found.or_else(|| named("policy:").map(Subject::Policy));
    let found = found.or_else(|| text.strip_prefix("quota:")?.parse().map(Subject::Quota).ok());
    let found = found.or_else(|| (text == "fleet").then_some(Subject::Fleet));
    let found = found.or_else(|| (text == "server").then_some(Subject::Server));
    let found = found.or_else(|| named("key:").map(Subject::Key));
    let run = || {
        let (campaign, seq) = text.split_once('/')?;
        Some(Subject::Run(campaign.parse().ok()?, seq.parse().ok()?))
    };
    let found = found.or_else(run);
    let secret = || {
        let (team, name) = text.strip_prefix("secret:")?.split_once('/')?;
        Some(Subject::Secret(Name::new(team).ok()?, Name::new(name).ok()?))
    };
    let found = found.or_else(secret);
    found.ok_or_else(|| {
        ServiceError::new(codes::BODY_INVALID, format!("{text:?} is nothing that events are about"))
    })
}

fn command(verb: CampaignVerb, asked: &CampaignAction) -> Result<Command, ServiceError> {
    Ok(match verb {
        CampaignVerb::Plan => Command::Plan,
        CampaignVerb::Start => Command::Start,
        CampaignVerb::Pause => Command::Pause,
        CampaignVerb::Resume => Command::Resume(if asked.now { Accept::AsIs } else { Accept::Nothing }),
        CampaignVerb::Cancel => Command::Cancel,
        CampaignVerb::Retry => {
            Command::Retry(if asked.runs.is_some() { RetryWhat::Named } else { RetryWhat::All })
        }
        CampaignVerb::Skip => Command::Skip,
        CampaignVerb::RollBack if asked.runs.is_some() => Command::RollBack(RollBackWhat::Runs),
        CampaignVerb::RollBack => Command::RollBack(RollBackWhat::Campaign),
        CampaignVerb::Finalize => Command::Finalize { now: asked.now },
        CampaignVerb::Approve
        | CampaignVerb::Revoke
        | CampaignVerb::Defer
        | CampaignVerb::Decline
        | CampaignVerb::BreakGlass => {
            return Err(ServiceError::bug(format!("{verb} is about a plan and moves no campaign")));
        }
    })
}

fn moved(campaign: CampaignId, run: &skein_ledger::Run, to: RunState, why: &str) -> Told {
    let (seq, from, reason) = (run.seq, run.state, Text::clip(why));
    let report = RunReport::of(crate::results::run_of(run), to);
    match to {
        RunState::Skipped => Told::run(report, RunSkipped { campaign, seq, from, reason }),
        RunState::Cancelled => Told::run(report, RunCancelled { campaign, seq, from, reason }),
        RunState::Reverting => reverting(campaign, run, why),
        RunState::Planned
        | RunState::Ineligible
        | RunState::Held
        | RunState::Intended
        | RunState::Published
        | RunState::Finalized
        | RunState::Failed
        | RunState::Stale
        | RunState::Reverted
        | RunState::RevertFailed => Told::run(report, RunRetried { campaign, seq, from, reason }),
    }
}

pub(crate) fn campaign_id(named: &str) -> Result<CampaignId, ServiceError> {
    let unknown = |_| {
        ServiceError::absent("campaign", named)
            .hint(Some("a campaign is named by its id: `skein campaign list`"))
    };
    named.parse().map_err(unknown)
}
