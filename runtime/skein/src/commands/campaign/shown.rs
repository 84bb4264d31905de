//! A campaign and its runs, for people.

use skein_api::{Approvals, Campaign, CampaignProgress, PlanSample, Run, RunSoak, Wave};
use skein_types::{CampaignState, RunState, grouped};

use super::{approve, plan};
use crate::commands::attempt;
use crate::commands::module::word;
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
use crate::view::{Row, View, nothing_begins};

impl Row for Campaign {
    const HEADS: &'static [&'static str] =
        &["id", "name", "team", "state", "datasets", "published", "failed"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.campaign.to_string(),
            self.name.to_string(),
            self.owner.to_string(),
            format!("{}{}", self.state, if self.broken_glass { ", glass broken" } else { "" }),
            self.datasets.to_string(),
            (self.runs.published + self.runs.finalized).to_string(),
            self.runs.failed.to_string(),
        ]
    }
}

impl Row for Wave {
    const HEADS: &'static [&'static str] =
        &["wave", "state", "runs", "published", "failed", "may fail", "at the door", "to do"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            self.state.to_string(),
            self.size.to_string(),
            (self.runs.published + self.runs.finalized).to_string(),
            self.runs.failed.to_string(),
            self.budget.to_string(),
            self.runs.intended.to_string(),
            self.runs.planned.to_string(),
        ]
    }
}

impl Row for Run {
    const HEADS: &'static [&'static str] =
        &["run", "dataset", "wave", "state", "verdict", "version", "why", "failed attempt"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.name.to_string(),
            self.wave.map(|wave| wave.to_string()).unwrap_or_default(),
            match self.alarms {
                0 => self.state.to_string(),
                alarms => format!("{}, {}", self.state, render::counted(alarms, "alarm")),
            },
            self.verdict.as_ref().map(word).unwrap_or_default(),
            self.version.map(|version| version.to_string()).unwrap_or_default(),
            self.why.as_ref().map(|why| format!("{} {}", why.code, why.message)).unwrap_or_default(),
            self.failed_attempt.map(|attempt| attempt.to_string()).unwrap_or_default(),
        ]
    }
    fn next(listed: &[Self]) -> Option<String> {
        listed.iter().find_map(|run| run.failed_attempt).map(attempt::next)
    }
}

impl Row for PlanSample {
    const HEADS: &'static [&'static str] =
        &["sample", "dataset", "read", "written", "rejected", "left out", "again", "why it failed"];
    fn cells(&self) -> Vec<String> {
        let rows = self.rows.unwrap_or_default();
        let why = self.why.as_ref().map(|why| format!("{} {}", why.code, why.message));
        vec![
            self.seq.to_string(),
            self.name.to_string(),
            grouped(rows.read.0),
            grouped(rows.written.0),
            grouped(rows.rejected.0),
            grouped(rows.filtered.0),
            match (self.facts.determinism.runs, self.facts.determinism.differing) {
                (0, _) => String::new(),
                (_, 0) => "the same".to_owned(),
                _ => "ANOTHER RESULT".to_owned(),
            },
            why.unwrap_or_default(),
        ]
    }
}

/// With its plan, where there is one.
pub(super) fn whole(view: View, server: &Server, campaign: &str) -> CommandResult {
    let path = format!("campaigns/{}", encoded(campaign));
    let there: Campaign = server.get(&path)?;
    self::campaign(view, &there);
    if view.is_table() {
        if matches!(there.state, CampaignState::Planning | CampaignState::Running) {
            let now: CampaignProgress = server.get(&format!("{path}/progress"))?;
            now.waits.iter().for_each(|waits| render::line(&nothing_begins(waits)));
            if now.held_waits {
                let held = render::counted(now.runs.held, "run");
                render::line(&format!(
                    "all that is left is {held} that rules hold: skein campaign runs {campaign} --in held"
                ));
            }
            if now.put_off > 0 {
                let runs = render::counted(now.put_off, "run");
                let all = if now.put_off_waits { "all that is left is " } else { "" };
                render::line(&format!(
                    "{all}{runs} put off or not approved: skein campaign approvals {campaign}"
                ));
            }
        }
        plan::policy(&there.policy);
        if there.plan.is_some() {
            plan::report(view, &server.get(&format!("{path}/plan"))?);
            let approvals: Approvals = server.get(&format!("{path}/approvals"))?;
            approve::banner(&approvals).iter().for_each(|line| render::line(line));
            if !approvals.slices.is_empty() {
                view.all(&approvals.slices);
            }
        }
    }
    Ok(())
}

pub(super) fn campaign(view: View, campaign: &Campaign) {
    view.told(campaign, || {
        let why = campaign.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        render::line(&format!("{} {}: {}{why}", campaign.campaign, campaign.name, campaign.state));
        if campaign.broken_glass {
            render::line(&format!("** {} **", approve::BROKEN_GLASS));
        }
        if let Some(plan) = &campaign.plan {
            render::line(&format!(
                "plan {}: {} to migrate ({} rows, {}), {} migrated already, {} not applicable, {} refused",
                plan.digest,
                grouped(plan.eligible),
                grouped(plan.rows.0),
                plan.bytes,
                plan.already_migrated,
                plan.not_applicable,
                plan.refused
            ));
        }
        if !campaign.waves.is_empty() {
            view.all(&campaign.waves);
        }
        if campaign.soak.alarms > 0 {
            render::line(&format!(
                "{}: `skein campaign runs {} --all` marks their runs, `skein campaign run` says what was found",
                render::counted(campaign.soak.alarms, "alarm"),
                campaign.campaign
            ));
        }
        if campaign.soak.kept.0 > 0 {
            render::line(&format!("old versions that are kept: {}", campaign.soak.kept));
        }
        if let Some(next) = next_step(campaign) {
            render::line(&format!("next: {next}"));
        }
    });
}

/// What usually comes next.
fn next_step(campaign: &Campaign) -> Option<String> {
    let verbs: &[&str] = match campaign.state {
        CampaignState::Draft | CampaignState::Stale => &["plan"],
        CampaignState::Planned | CampaignState::Approved => &["start"],
        CampaignState::AwaitingApproval => &["approvals", "approve"],
        CampaignState::Paused => &["resume"],
        CampaignState::Halted => &["report", "retry", "resume", "rollback"],
        CampaignState::RollbackIncomplete => &["rollback"],
        CampaignState::Running => &["watch"],
        CampaignState::Soaking => &["report", "finalize", "rollback"],
        CampaignState::Planning
        | CampaignState::PlanFailed
        | CampaignState::Finalizing
        | CampaignState::Succeeded
        | CampaignState::PartiallySucceeded
        | CampaignState::RollingBack
        | CampaignState::RolledBack
        | CampaignState::Cancelling
        | CampaignState::Cancelled => return None,
    };
    Some(format!("skein campaign {} {}", verbs.join("|"), campaign.campaign))
}

/// What was found out about a result after it was staged.
fn soak(soak: &RunSoak) {
    if let Some(trip) = &soak.round_trip {
        let said = match (&trip.problem, trip.back, trip.forward) {
            (Some(problem), ..) => format!("not proven: {problem}"),
            (None, Some(back), Some(forward)) => format!(
                "version {} back as {back}, version {} forward as {forward}; {}, {}, every byte the same",
                trip.base,
                trip.published,
                render::counted(trip.files, "file"),
                trip.bytes
            ),
            (None, ..) => "not made to its end".to_owned(),
        };
        render::line(&format!("round trip: {said}"));
        let digests = trip.before.zip(trip.after);
        digests.iter().for_each(|(before, after)| {
            render::line(&format!("  before {before}"));
            render::line(&format!("  after  {after}"));
        });
    }
    for alarm in soak.alarms.iter() {
        render::line(&format!("alarm {} ({} at {}): {}", alarm.code, alarm.check, alarm.at, alarm.message));
    }
}

pub(super) fn run(view: View, campaign: &str, run: &Run) {
    view.told(run, || {
        let version = run.version.map(|version| format!(", version {version}")).unwrap_or_default();
        render::line(&format!("{} run {} over {}: {}{version}", run.run, run.seq, run.name, run.state));
        if let Some(why) = &run.why {
            render::line(&format!("{} {}", why.code, why.message));
            why.hint.iter().for_each(|hint| render::line(&format!("hint: {hint}")));
        }
        if let Some(rows) = run.rows {
            render::line(&format!(
                "rows: {} read, {} written, {} rejected, {} left out",
                grouped(rows.read.0),
                grouped(rows.written.0),
                grouped(rows.rejected.0),
                grouped(rows.filtered.0)
            ));
        }
        if let Some(took) = run.meters {
            let cpu = render::duration(took.cpu_ms.0);
            render::line(&format!(
                "took {cpu} of CPU time; {} read, {} written",
                took.bytes_read, took.bytes_written
            ));
        }
        run.soak.iter().for_each(soak);
        if let Some(failed) = run.failed_attempt {
            render::line(&format!("failed attempt: {failed}"));
            render::line(&format!("next: {}", attempt::next(failed)));
        }
        if run.state == RunState::Held {
            render::line(&format!(
                "next: skein campaign release|recheck|discard {campaign} {} --reason WHY",
                run.seq
            ));
        }
        if run.state == RunState::Failed {
            render::line(&format!("next: skein campaign retry {campaign} --run {}", run.seq));
        }
    });
}
