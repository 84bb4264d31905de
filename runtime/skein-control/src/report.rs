//! What a campaign came to, on one page: counted from its runs and its decisions when somebody asks.

mod actions;
mod lines;

use std::collections::BTreeMap;

use skein_api::{
    CampaignReport, FailureKind, Guessed, LISTED_MAX, List, Meters, PlanReport, PlannedModule, RunRows, Text,
    Time,
};
use skein_attest::sealed;
use skein_ledger::{Event, EventFilter, Kind, Limit, RunFilter, Subject};
use skein_types::{CampaignId, CampaignState, Code, ErrorClass, RunState, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::shown;

/// Runs that count as failed, and stay so unless somebody does something.
const FAILED: [RunState; 2] = [RunState::Failed, RunState::RevertFailed];

/// Failed runs of one code.
struct Failed {
    code: Code,
    runs: u64,
    first: skein_ledger::Run,
}

impl Control {
    /// The report of a campaign as it is now.
    pub(crate) fn campaign_report(
        &self,
        who: &Principal,
        id: CampaignId,
    ) -> Result<CampaignReport, ServiceError> {
        let row = self.campaign_row(id)?;
        let head = self.audit_head()?;
        let plan = self.stored_report(&row)?.report;
        let told = self.told_of(id)?;
        let (started, rolled_out) = (told.started, told.rolled_out);
        let until = rolled_out.unwrap_or_else(|| self.clock.now());
        let module = self.module_called(who, row.module)?;
        let (rows, meters) = shown::worked(&row.meters).unwrap_or_default();
        let (failures, more_failures) = self.failures(id)?;
        let (made, digest, params) = (row.created, row.module, row.params);
        let published = row.runs.among(&[RunState::Published, RunState::Finalized, RunState::Reverted]);
        let took = started.map(|started| shown::since(started, until));
        let all = plan.eligible > 0 && published == plan.eligible && rolled_out.is_some();
        let guessed = guessed(&plan, (&rows, &meters, took.unwrap_or_default().0), all);
        let campaign = self.shown_campaign(row)?;
        let published = campaign.runs.published + campaign.runs.finalized;
        let all = campaign.datasets.saturating_sub(campaign.runs.ineligible);
        Ok(CampaignReport {
            campaign: id,
            name: campaign.name,
            owner: campaign.owner,
            state: campaign.state,
            why: campaign.why,
            made: Time(made),
            started: started.map(Time),
            rolled_out: rolled_out.map(Time),
            took_ms: took,
            module: digest,
            module_name: module.map(|called| Text::escaped(&called)),
            params,
            plan: campaign.plan.map(|plan| plan.digest),
            policy: campaign.policy,
            datasets: campaign.datasets,
            runs: campaign.runs,
            waves: campaign.waves,
            rows,
            meters,
            broken_glass: campaign.broken_glass,
            guessed: List::first(guessed).0,
            source: plan.module.as_ref().and_then(from),
            round_trips: told.round_trips,
            soak: campaign.soak,
            gone: told.gone,
            left_out: plan.reasons,
            failures,
            more_failures,
            success: (published * 100_000).checked_div(all).unwrap_or(0),
            per_hour: took.and_then(|took| (published * 3_600_000).checked_div(took.0)),
            human_actions: told.actions.count,
            actions: List::first(told.actions.listed).0,
            head,
        })
    }

    /// What the plan of a campaign guessed and what came of it: by the campaign's counters, and by what was decided about the campaign
    /// itself, of however many runs it is.
    pub(crate) fn guessed(&self, id: CampaignId) -> Result<Vec<Guessed>, ServiceError> {
        let row = self.campaign_row(id)?;
        let plan = self.stored_report(&row)?.report;
        let kinds = vec![Kind::CampaignMoved, Kind::CampaignRolledOut];
        let filter = EventFilter { of: Some(Subject::Campaign(id)), kinds, ..EventFilter::default() };
        let (mut started, mut rolled_out) = (None, None);
        for recorded in self.ledger.events(0, &filter, Limit::MAX)?.items {
            if let Event::CampaignMoved(moved) = &recorded.event
                && moved.to == CampaignState::Running
            {
                started = started.or(Some(recorded.at));
            }
            if matches!(recorded.event, Event::CampaignRolledOut(_)) {
                rolled_out = Some(recorded.at);
            }
        }
        let until = rolled_out.unwrap_or_else(|| self.clock.now());
        let took = started.map(|started| shown::since(started, until)).unwrap_or_default();
        let published = row.runs.among(&[RunState::Published, RunState::Finalized, RunState::Reverted]);
        let all = plan.eligible > 0 && published == plan.eligible && rolled_out.is_some();
        let (rows, meters) = shown::worked(&row.meters).unwrap_or_default();
        Ok(guessed(&plan, (&rows, &meters, took.0), all))
    }

    /// The end of a page that has a report.
    pub(crate) fn report_sealed(
        &self,
        report: &CampaignReport,
        (page, datasets): (sealed::Page, u64),
    ) -> Result<String, ServiceError> {
        let (signer, at) = self.signer()?;
        let said = sealed::Reported {
            server: self.server.to_string(),
            campaign: report.campaign.to_string(),
            at,
            datasets,
            head: report.head.to_string(),
        };
        let name = format!("report-{}.html", report.campaign);
        page.end(&name, said, &signer).map_err(|error| ServiceError::bug(error.to_string()))
    }

    /// Failed runs by code, the most frequent first, and how many are of kinds that are not listed.
    fn failures(&self, id: CampaignId) -> Result<(List<FailureKind, LISTED_MAX>, u64), ServiceError> {
        let mut kinds: BTreeMap<&str, Failed> = BTreeMap::new();
        for state in FAILED {
            let filter = RunFilter { state: Some(state), wave: None };
            let mut after = None;
            loop {
                let page = self.ledger.runs(id, filter, after, Limit::MAX)?;
                for run in page.items {
                    let code = run.failure.as_ref().and_then(|failure| shown::known(failure.code.as_str()));
                    let code = code.unwrap_or(codes::BUG);
                    let kind = kinds.entry(code.id).or_insert(Failed { code, runs: 0, first: run });
                    kind.runs += 1;
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        let mut kinds: Vec<Failed> = kinds.into_values().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.runs));
        let kinds = kinds.into_iter().map(|kind| self.failure_kind(id, kind));
        let (listed, more) = List::first(kinds.collect::<Result<Vec<_>, _>>()?);
        Ok((listed, more.iter().map(|kind: &FailureKind| kind.runs).sum()))
    }

    fn failure_kind(&self, id: CampaignId, kind: Failed) -> Result<FailureKind, ServiceError> {
        let Failed { code, runs, first } = kind;
        let dataset = self.ledger.dataset(first.dataset)?;
        Ok(FailureKind {
            code: Text::escaped(code.id),
            title: Text::escaped(code.title),
            runs,
            seq: first.seq,
            example: Text::escaped(dataset.as_ref().map_or("(removed)", |dataset| dataset.name.as_str())),
            message: Text::escaped(first.reason.as_str()),
            next: Text::escaped(&next(id, code)),
        })
    }
}

/// What the plan guessed beside what came; how far it was off only once all of it is published.
fn guessed(plan: &PlanReport, (rows, meters, took): (&RunRows, &Meters, u64), all: bool) -> Vec<Guessed> {
    let guess = &plan.estimate;
    if guess.agents == 0 {
        return Vec::new();
    }
    let pairs = [
        ("fuel", guess.fuel.0, meters.fuel.0),
        ("cpu_ms", guess.cpu_ms.0, meters.cpu_ms.0),
        ("time_ms", guess.time_ms.0, took),
        ("rows_written", guess.rows_written.0, rows.written.0),
        ("rows_rejected", guess.rows_rejected.0, rows.rejected.0),
        ("bytes_read", guess.bytes_read.0, meters.bytes_read.0),
        ("bytes_written", guess.bytes_written.0, meters.bytes_written.0),
    ];
    let one = |(quantity, estimated, actual)| Guessed {
        quantity: Text::escaped(quantity),
        estimated,
        actual,
        error_percent: if all { error_percent(estimated, actual) } else { None },
    };
    pairs.into_iter().map(one).collect()
}

/// By how many percent of what came a guess was too high.
fn error_percent(estimated: u64, actual: u64) -> Option<i64> {
    if actual == 0 {
        return (estimated == 0).then_some(0);
    }
    let (estimated, actual) = (i128::from(estimated), i128::from(actual));
    let hundredfold = 100 * (estimated - actual);
    // To the nearest.
    let half = if hundredfold < 0 { -actual / 2 } else { actual / 2 };
    i64::try_from((hundredfold + half) / actual).ok()
}

/// Where a module is from.
fn from(module: &PlannedModule) -> Option<skein_api::Message> {
    let source = module.source.as_ref()?;
    Some(Text::escaped(&match &module.commit {
        Some(commit) => format!("{source}, commit {commit}"),
        None => source.to_string(),
    }))
}

/// What to do about runs that failed so.
fn next(id: CampaignId, code: Code) -> String {
    let retry = format!("`skein campaign retry {id}`");
    match code.class {
        ErrorClass::Fault => {
            format!("mend the module, then `skein campaign create NAME --module MENDED --continue {id}`")
        }
        ErrorClass::BadInput => {
            format!("`skein explain {}` says what to do to the dataset; then {retry}", code.id)
        }
        ErrorClass::Denied => format!("`skein explain {}` says what is missing; then {retry}", code.id),
        ErrorClass::Conflict => format!("somebody else was at the dataset: look at it, then {retry}"),
        ErrorClass::Transient => format!("it may pass: {retry}"),
        ErrorClass::Bug => format!("a mistake in Skein: report it with `skein campaign events {id}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::error_percent;

    #[test]
    fn a_guess_is_off_by_a_share_of_what_came() {
        assert_eq!([error_percent(120, 100), error_percent(80, 100)], [Some(20), Some(-20)]);
        assert_eq!([error_percent(1_004, 1_000), error_percent(1_005, 1_000)], [Some(0), Some(1)]);
        assert_eq!([error_percent(0, 0), error_percent(5, 0)], [Some(0), None]);
        assert_eq!(error_percent(u64::MAX, 1), None);
    }
}
