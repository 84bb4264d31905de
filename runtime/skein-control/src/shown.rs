//! The ledger's rows as the bodies of answers.

use skein_api::{
    Alarm, Campaign, Dataset, Event, Labels, List, Message, Meters, Module, Page, PlanReport, PlanTotals,
    Policy, RoundTrip, Run, RunCounts, RunRows, Soak, Text, Time, Wave, Why,
};
use skein_ledger::{Recorded, RunAlarmed, RunRehearsed};
use skein_types::{AttemptId, Code, Millis, Rows, RunState, Timestamp, codes};

use crate::error::ServiceError;

/// A page of a list.
pub(crate) fn page<T, U>(
    items: Vec<T>,
    next: Option<String>,
    show: impl FnMut(T) -> Result<U, ServiceError>,
) -> Result<Page<U>, ServiceError> {
    let items: Vec<U> = items.into_iter().map(show).collect::<Result<_, _>>()?;
    let items = List::new(items).map_err(|error| ServiceError::bug(format!("a page of {error}")))?;
    Ok(Page { items, next: next.map(|next| Text::escaped(&next)) })
}

/// Between two moments; nothing, if the clock was set back.
pub(crate) const fn since(then: Timestamp, now: Timestamp) -> Millis {
    Millis(now.0.saturating_sub(then.0))
}

pub(crate) fn text<const MAX: usize, const MIN: usize>(text: impl std::fmt::Display) -> Text<MAX, MIN> {
    Text::escaped(&text.to_string())
}

fn said(text: &str) -> Option<Message> {
    (!text.is_empty()).then(|| Text::escaped(text))
}

/// Counters by state.
pub(crate) fn counts(runs: &skein_ledger::RunCounts) -> RunCounts {
    RunCounts {
        ineligible: runs.of(RunState::Ineligible),
        planned: runs.of(RunState::Planned),
        held: runs.of(RunState::Held),
        intended: runs.of(RunState::Intended),
        published: runs.of(RunState::Published),
        finalized: runs.of(RunState::Finalized),
        failed: runs.of(RunState::Failed),
        skipped: runs.of(RunState::Skipped),
        stale: runs.of(RunState::Stale),
        cancelled: runs.of(RunState::Cancelled),
        reverting: runs.of(RunState::Reverting),
        reverted: runs.of(RunState::Reverted),
        revert_failed: runs.of(RunState::RevertFailed),
    }
}

/// A dataset.
pub(crate) fn dataset(row: skein_ledger::Dataset) -> Result<Dataset, ServiceError> {
    let labels = row.labels.iter().map(|(key, value)| (text(key), text(value))).collect();
    let labels = Labels::try_from(std::collections::BTreeMap::from_iter::<Vec<_>>(labels))
        .map_err(|error| ServiceError::bug(format!("labels: {error}")))?;
    Ok(Dataset {
        dataset: row.id,
        name: text(&row.name),
        driver: text(&row.driver),
        location: text(&row.location),
        state: None,
        owner: text(&row.owner),
        labels,
        added: Time(row.since),
        kept: None,
    })
}

/// A module.
pub(crate) fn module(row: &skein_ledger::Module) -> Module {
    use skein_ledger::ModuleState as State;
    let state = match row.state {
        State::Submitted => skein_api::ModuleState::Compiling,
        State::Ready => skein_api::ModuleState::Ready,
        State::Refused => skein_api::ModuleState::Refused,
        State::Suspended => skein_api::ModuleState::Suspended,
        State::Banned => skein_api::ModuleState::Banned,
    };
    let code = match row.state {
        State::Suspended => Some(codes::MODULE_SUSPENDED),
        State::Banned => Some(codes::MODULE_BANNED),
        State::Submitted | State::Ready | State::Refused => {
            row.code.as_ref().and_then(|code| known(code.as_str()))
        }
    };
    let why = code.map(|code| Why::new(code, row.reason.as_str(), None));
    Module {
        name: text(&row.name),
        version: text(&row.version),
        owner: row.owner.as_ref().map(text),
        digest: row.digest,
        bytes: row.bytes,
        state,
        why,
        submitted: Time(row.since),
        source: row.source.as_ref().map(text),
        commit: row.commit.as_ref().map(text),
    }
}

/// The catalogue's entry of a code that a record holds.
pub(crate) fn known(id: &str) -> Option<Code> {
    codes::ALL.iter().find(|code| code.id == id).copied()
}

/// A campaign with its waves.
pub(crate) fn campaign(
    row: &skein_ledger::Campaign,
    waves: &[skein_ledger::Wave],
    (policy, report): (Policy, &PlanReport),
) -> Result<Campaign, ServiceError> {
    let plan = row.plan.map(|plan| PlanTotals {
        digest: plan.digest,
        eligible: report.eligible,
        already_migrated: report.already_migrated,
        not_applicable: report.not_applicable,
        refused: report.refused,
        rows: plan.rows,
        bytes: plan.bytes,
        risk: report.risk,
        samples: report.samples.datasets,
        samples_failed: report.samples.failed,
        estimate: report.estimate,
    });
    let soak = Soak {
        checked: row.checked,
        checks: policy.soak.checks_ms.as_ref().map_or(0, |checks| u32::try_from(checks.len()).unwrap_or(0)),
        alarms: row.alarms,
        kept: row.kept,
    };
    let waves: Vec<Wave> = waves.iter().map(wave).collect();
    let waves = List::new(waves).map_err(|error| ServiceError::bug(format!("waves: {error}")))?;
    Ok(Campaign {
        campaign: row.id,
        name: text(&row.name),
        owner: text(&row.owner),
        state: row.state,
        epoch: row.epoch,
        why: said(row.reason.as_str()),
        since: Time(row.since),
        module: row.module,
        params: row.params,
        policy,
        datasets: row.runs.total(),
        runs: counts(&row.runs),
        plan,
        waves,
        broken_glass: row.broken_glass,
        soak,
    })
}

fn wave(row: &skein_ledger::Wave) -> Wave {
    Wave {
        number: row.number,
        state: row.state,
        why: said(row.reason.as_str()),
        since: Time(row.since),
        began: row.began.map(Time),
        size: row.runs.total(),
        budget: row.budget,
        runs: counts(&row.runs),
    }
}

/// A run.
pub(crate) fn run(
    row: &skein_ledger::Run,
    (name, failed_attempt): (&str, Option<AttemptId>),
) -> Result<Run, ServiceError> {
    let failure = row.failure.as_ref().and_then(|failure| known(failure.code.as_str()));
    let held = (row.state == RunState::Held).then_some(codes::RULES_HOLD);
    let why = failure.or(held).map(|code| Why::new(code, row.reason.as_str(), None));
    let (rows, meters) = worked(&row.meters).unzip();
    Ok(Run {
        run: row.id,
        seq: row.seq,
        dataset: row.dataset,
        name: text(name),
        wave: row.wave,
        state: row.state,
        epoch: row.epoch,
        verdict: Some(row.verdict),
        why,
        failed_attempt,
        waiting: None,
        since: Time(row.since),
        version: row.version,
        rows,
        meters,
        alarms: row.alarms,
        soak: None,
    })
}

/// A round trip.
pub(crate) fn round_trip(at: Timestamp, told: &RunRehearsed) -> RoundTrip {
    RoundTrip {
        at: Time(at),
        base: told.base,
        published: told.published,
        back: told.back,
        forward: told.forward,
        files: told.files,
        bytes: told.bytes,
        before: told.before,
        after: told.after,
        problem: told.problem.as_ref().map(text),
    }
}

/// An alarm.
pub(crate) fn alarm(at: Timestamp, told: &RunAlarmed) -> Alarm {
    Alarm {
        at: Time(at),
        check: text(&told.check),
        code: text(&told.code),
        version: told.version,
        path: told.path.as_ref().map(text),
        message: text(&told.message),
    }
}

/// What its attempts did, once they are over.
pub(crate) fn worked(took: &skein_ledger::Meters) -> Option<(RunRows, Meters)> {
    if took.attempts == 0 {
        return None;
    }
    let filtered = took.rows_in.0.saturating_sub(took.rows_out.0).saturating_sub(took.rejects.0);
    let rows = RunRows {
        read: took.rows_in,
        written: took.rows_out,
        rejected: took.rejects,
        filtered: Rows(filtered),
    };
    let meters = Meters {
        fuel: took.fuel,
        cpu_ms: took.cpu,
        bytes_read: took.bytes_in,
        bytes_written: took.bytes_out,
        ..Meters::default()
    };
    Some((rows, meters))
}

/// A decision.
pub(crate) fn event(recorded: &Recorded) -> Result<Event, ServiceError> {
    Ok(Event {
        position: recorded.position,
        kind: text(recorded.event.kind()),
        at: Time(recorded.at),
        actor: text(&recorded.actor),
        subject: text(recorded.event.subject()),
        body: recorded.event.shown(),
        hash: recorded.hash,
        trace: recorded.trace,
    })
}
