//! What a plan says, for people: risk, what was tried, what is left out and why, what it takes; and the rules that hold.

use skein_api::{
    Admission, Budget, Determinism, Difference, DifferenceWhen, IdempotenceSeen, PlanEstimate, PlanReason,
    PlanReport, PlanRule, PlanRules, PlanSlice, PlannedModule, PlannedSchema, Policy, Risk, Uncovered,
};
use skein_campaign::Span;
use skein_types::{Millis, grouped};

use crate::commands::module::word;
use crate::render;
use crate::view::{Row, View};

/// Reasons and kinds that are shown.
const SHOWN: usize = 10;

/// The report.
pub(super) fn report(view: View, report: &PlanReport) {
    report.module.iter().for_each(|of| render::line(&module(of)));
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
    if samples.determinism.runs > 0 {
        render::line(&again(&samples.determinism));
    }
    own_output(&samples.idempotence).iter().for_each(|line| render::line(line));
    report.schemas.iter().take(SHOWN).for_each(|schema| render::line(&becomes(schema)));
    takes(&report.estimate).iter().for_each(|line| render::line(line));
    // One team's part is the whole.
    if report.slices.len() > 1 {
        view.all(&report.slices);
    }
    rules(&report.rules).iter().for_each(|line| render::line(line));
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

/// What runs, and where it says that it is from.
pub(super) fn module(of: &PlannedModule) -> String {
    let source = of.source.as_ref().map(|source| format!(", source {source}")).unwrap_or_default();
    let commit = of.commit.as_ref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("module {}@{} {}{source}{commit}", of.name, of.version, of.digest)
}

/// What came out when the same rows were sent again.
fn again(seen: &Determinism) -> String {
    let sizes: Vec<String> = seen.batch_sizes.iter().map(|size| grouped(*size)).collect();
    let reopened = match seen.reopened {
        0 => String::new(),
        times => format!(", saved and opened again {times} times"),
    };
    let how = format!("sent {} times, in batches of {} rows{reopened}", seen.runs, sizes.join(", "));
    match &seen.difference {
        None => format!("again: the same rows gave the same result ({how})"),
        Some(difference) => {
            format!("again: THE SAME ROWS GAVE ANOTHER RESULT ({how}): {}", differs(difference))
        }
    }
}

fn differs(difference: &Difference) -> String {
    let Difference { dataset, file, row, column, when } = difference;
    let dataset = dataset.as_ref().map(|dataset| format!("{dataset}, ")).unwrap_or_default();
    let column = column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default();
    let when = match when {
        DifferenceWhen::Repeated => "when it was done again",
        DifferenceWhen::OtherBatches => "with other batches",
        DifferenceWhen::Reopened => "when the agent was saved and opened again",
    };
    format!("{dataset}{file}, row {row}{column}, {when}")
}

/// What the module says of what it has made itself, by how many samples.
fn own_output(seen: &IdempotenceSeen) -> Option<String> {
    let verdicts = [
        (seen.not_applicable, "nothing to do"),
        (seen.refused, "refused"),
        (seen.same, "the same again"),
        (seen.changes_again, "changed once more"),
    ];
    let some = verdicts.iter().filter(|(count, _)| *count > 0);
    let some: Vec<String> =
        some.map(|(count, what)| format!("{what} ({})", render::counted(*count, "sample"))).collect();
    (!some.is_empty()).then(|| format!("over its own output: {}", some.join(", ")))
}

/// What becomes of the datasets of a schema.
fn becomes(schema: &PlannedSchema) -> String {
    let facts = &schema.facts;
    let shape = facts.shape.map(|shape| format!("rows {shape}")).unwrap_or_default();
    let columns = [
        ("drops", &facts.dropped),
        ("narrower", &facts.narrowed),
        ("nulls now in", &facts.nullable),
        ("not as declared", &facts.undeclared),
        ("values not shown of", &facts.sensitive),
    ];
    let some = columns.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| {
        format!("; {what} {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "))
    });
    let more = match facts.more_columns {
        0 => String::new(),
        more => format!("; and {}", render::counted(more, "more column")),
    };
    let (count, example, sample) =
        (render::counted(schema.datasets, "dataset"), &schema.example, schema.sample);
    format!("  {count} such as {example} (sample {sample}): {shape}{}{more}", some.collect::<String>())
}

/// Rules that stand with the datasets, as far as they are told.
fn rules(of: &PlanRules) -> Vec<String> {
    let mut lines: Vec<String> = of.items.iter().map(must_hold).collect();
    if of.more > 0 {
        lines.push(format!("and {} of its datasets", render::counted(of.more, "more rule")));
    }
    if of.hidden > 0 {
        let hidden = render::counted(of.hidden, "rule");
        lines.push(format!("{hidden} of its datasets of which those who may look at these are told alone"));
    }
    lines
}

fn must_hold(rule: &PlanRule) -> String {
    let PlanRule { name, owner, consumer, severity, kind, example, .. } = rule;
    let whose = match consumer {
        Some(team) => format!("{team}, which reads them"),
        None => owner.to_string(),
    };
    let count = render::counted(rule.datasets, "dataset");
    let now = match (rule.ignored, rule.unseen) {
        (true, _) => "; passed over",
        (false, true) => "; NOT RUN, and holds: its team may look at them no more",
        (false, false) => "",
    };
    format!("rule {name} of {whose}: {kind}, {severity} if broken; {count} of {owner} such as {example}{now}")
}

/// What carrying it out takes.
fn takes(guess: &PlanEstimate) -> [String; 2] {
    let rejected = match (guess.rows_rejected_least.0, guess.rows_rejected_most.0) {
        (_, 0) => String::new(),
        (least, most) => format!(
            ", about {} rejected ({} to {})",
            grouped(guess.rows_rejected.0),
            grouped(least),
            grouped(most)
        ),
    };
    [
        format!(
            "takes about {} with {} at a time ({} CPU, {} fuel), {} beside what is there",
            render::duration(guess.time_ms.0),
            render::counted(guess.agents, "agent"),
            render::duration(guess.cpu_ms.0),
            grouped(guess.fuel.0),
            guess.room
        ),
        format!("reads {}, writes {} rows{rejected}", guess.bytes_read, grouped(guess.rows_written.0)),
    ]
}

impl Row for PlanSlice {
    const HEADS: &'static [&'static str] = &["team", "datasets", "rows", "bytes", "risk", "because"];
    fn cells(&self) -> Vec<String> {
        let because: Vec<&str> = self.because.iter().map(|why| why.as_str()).collect();
        vec![
            self.owner.to_string(),
            grouped(self.datasets),
            grouped(self.rows.0),
            self.bytes.to_string(),
            risk(self.risk).to_owned(),
            because.join("; "),
        ]
    }
}

pub(super) const fn risk(risk: Risk) -> &'static str {
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
        "        {} retries of what passes, {} to {} apart; rollback for {}; verified by {}; agents with {}, {} rejects a run",
        retries.transient.unwrap_or_default(),
        time(retries.wait_ms),
        time(retries.longest_ms),
        time(policy.window_ms),
        policy.verify,
        policy.limits.memory.map(|bytes| bytes.to_string()).unwrap_or_default(),
        number(policy.limits.rejects),
    ));
    for rule in policy.rules.iter().flat_map(|rules| rules.iter()) {
        render::line(&format!(
            "        rule {}: {}, {} if broken",
            rule.name,
            rule.check.kind(),
            rule.severity
        ));
    }
}
