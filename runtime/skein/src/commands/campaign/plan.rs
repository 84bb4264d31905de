//! What a plan says, for people: risk, what was tried, what is left out and why, what it takes; and the rules that hold.

use skein_api::{Admission, Budget, PlanReason, PlanReport, Policy, Risk, Uncovered};
use skein_campaign::Span;
use skein_types::{Millis, grouped};

use crate::commands::module::word;
use crate::render;

/// Reasons and kinds that are shown.
const SHOWN: usize = 10;

/// The report.
pub(super) fn report(report: &PlanReport) {
    let because: Vec<&str> = report.because.iter().map(|why| why.as_str()).collect();
    let why = if because.is_empty() { String::new() } else { format!(": {}", because.join("; ")) };
    render::line(&format!("risk {}{why}", risk(report.risk)));
    let samples = &report.samples;
    let rows = samples.rows;
    render::line(&format!(
        "tried {} of {}, {} of {} schemas: {} rows read, {} written, {} rejected, {} left out; {} failed",
        samples.datasets,
        render::counted(samples.of_datasets, "dataset"),
        samples.groups,
        samples.of_groups,
        grouped(rows.read.0),
        grouped(rows.written.0),
        grouped(rows.rejected.0),
        grouped(rows.filtered.0),
        samples.failed,
    ));
    reasons("failed", &samples.failures).iter().for_each(|line| render::line(line));
    let takes = report.estimate;
    render::line(&format!(
        "takes about {} with {} at a time ({} CPU), {} beside what is there",
        render::duration(takes.time_ms.0),
        render::counted(takes.agents, "agent"),
        render::duration(takes.cpu_ms.0),
        takes.room
    ));
    if report.deferred > 0 {
        render::line(&format!(
            "{} not before a time of their own",
            render::counted(report.deferred, "dataset")
        ));
    }
    reasons("left out", &report.reasons).iter().for_each(|line| render::line(line));
    uncovered("none tried", &samples.uncovered, samples.more_uncovered);
    uncovered("none in the canary", &report.canary_uncovered, report.more_uncovered);
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Moderate => "moderate",
        Risk::High => "high",
    }
}

/// How many datasets for which reason, each in a line.
pub(super) fn reasons(what: &str, reasons: &[PlanReason]) -> Vec<String> {
    let line = |reason: &PlanReason| {
        let (count, verdict) = (render::counted(reason.datasets, "dataset"), word(&reason.verdict));
        let PlanReason { code, example, message, .. } = reason;
        format!("  {what}: {count} ({verdict}), {code} such as {example}: {message}")
    };
    reasons.iter().take(SHOWN).map(line).collect()
}

fn uncovered(what: &str, kinds: &[Uncovered], more: u64) {
    for kind in kinds.iter().take(SHOWN) {
        let count = render::counted(kind.datasets, "dataset");
        render::line(&format!("  {what}: {count} of the kind of {}", kind.example));
    }
    let more = kinds.len().saturating_sub(SHOWN) as u64 + more;
    if more > 0 {
        render::line(&format!("  {what}: {} more", render::counted(more, "kind")));
    }
}

/// The rules that hold.
pub(crate) fn policy(policy: &Policy) {
    let said = |share: &Option<skein_api::Share>| share.as_deref().unwrap_or_default().to_owned();
    let number = |number: Option<u64>| number.map(grouped).unwrap_or_default();
    let time = |time: Option<Millis>| time.map(|time| Span::of(time).to_string()).unwrap_or_default();
    let waves: Vec<&str> = policy.waves.iter().flat_map(|waves| waves.iter()).map(|wave| &**wave).collect();
    let budget = match &policy.budget {
        Some(Budget::Runs(runs)) => grouped(*runs),
        Some(Budget::Percent(percent)) => format!("{percent}%"),
        Some(Budget::Share(share)) => share.to_string(),
        None => String::new(),
    };
    let strict = if policy.admission == Admission::Strict { ", strict" } else { "" };
    let (canary, retries) = (&policy.canary, policy.retries);
    render::line(&format!(
        "policy: canary {}, at most {} and {}; then {}; gate {}; budget {budget}{strict}; samples {}, at most {}",
        said(&canary.share),
        number(canary.datasets),
        canary.bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
        if waves.is_empty() { "the rest".to_owned() } else { format!("{}, the rest", waves.join(", ")) },
        said(&policy.gate),
        said(&policy.dry_run.share),
        number(policy.dry_run.datasets),
    ));
    render::line(&format!(
        "        {} retries of what passes, {} to {} apart; rollback for {}; agents with {}, {} rejects a run",
        retries.transient.unwrap_or_default(),
        time(retries.wait_ms),
        time(retries.longest_ms),
        time(policy.window_ms),
        policy.limits.memory.map(|bytes| bytes.to_string()).unwrap_or_default(),
        number(policy.limits.rejects),
    ));
}
