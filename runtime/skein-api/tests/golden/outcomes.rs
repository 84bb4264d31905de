//! Of what came of tasks.

use crate::node::{exchange, held, place, used};
use crate::samples::{digest, meters, rows, text};
use skein_api::node::{
    ArrivedFile, Checked, Columns, DamagedFile, DatasetPlan, Exchange, Found, Fragment, HELD_MAX, Lines,
    Notes, Outcome, Planned, Rejected, Report, Sampled, Scanned, Scrubbed, ScrubbedVersion, Staged,
    TASKS_MAX,
};
use skein_api::{List, RejectCount, SourceSeen, Text, Why};
use skein_types::{Bytes, Millis, ParamsDigest, Rows, Verdict, VerifyLevel, codes};

pub(crate) fn all() -> List<Report, HELD_MAX> {
    let report =
        |(number, outcome)| Report { held: held(number), outcome, notes: notes(number), used: used() };
    List::new((1..).zip(each()).map(report).collect()).unwrap()
}

fn rule_result() -> skein_types::RuleResult {
    skein_types::RuleResult {
        rule: skein_types::Name::new("no-gap").unwrap(),
        consumer: Some(skein_types::Name::new("bi").unwrap()),
        severity: skein_types::Severity::Hold,
        verdict: skein_types::RuleVerdict::Broken,
        observed: skein_types::Text::clip("3 violations"),
    }
}

fn each() -> Vec<Outcome> {
    let staged = Staged {
        descriptor: digest("descriptor"),
        base: 3,
        version: 4,
        files: 1,
        taken_over: 2,
        rows: rows(),
        meters: meters(),
        rules: Some(List::new(vec![rule_result()]).unwrap()),
        verified: VerifyLevel::Readback,
        fingerprint: Some(digest("fingerprint")),
    };
    let found = Found { location: text("/d/orders"), bytes: Bytes(61_000), files: 1, why: Some(why()) };
    vec![
        Outcome::Staged(staged),
        Outcome::Fragment(Fragment { whole: false, taken_over: 2, rows: rows(), meters: meters() }),
        Outcome::Planned(Planned { datasets: List::new(vec![dataset_plan()]).unwrap() }),
        Outcome::Sampled(Sampled {
            report: digest("report"),
            rows: rows(),
            meters: meters(),
            facts: Box::new(crate::plans::facts()),
        }),
        Outcome::Scanned(Scanned { found: List::new(vec![found]).unwrap(), more: true }),
        Outcome::Checked(checked()),
        Outcome::Scrubbed(scrubbed()),
        Outcome::AlreadyMigrated { version: 4 },
        Outcome::SchemaMoved { found: digest("schema") },
        Outcome::Failed { why: why(), meters: meters() },
        Outcome::Revoked,
        Outcome::Evicted { checkpoints: 2, meters: meters() },
    ]
}

fn checked() -> Checked {
    let arrived = ArrivedFile { path: text("late.parquet"), has: Columns::Old };
    let arrived = List::new(vec![arrived]).unwrap();
    Checked { arrived, broken: List::new(vec![rule_result()]).unwrap(), unsure: 1 }
}

fn scrubbed() -> Scrubbed {
    let damaged = DamagedFile { path: text("part-1.parquet"), how: text("it is not there"), written: false };
    let damaged = List::new(vec![damaged]).unwrap();
    let version = ScrubbedVersion { version: 3, current: false, files: 2, bytes: Bytes(9), damaged };
    Scrubbed { versions: List::new(vec![version]).unwrap() }
}

/// Of the first with lines, of the second with a blob, and of some without anything to say.
fn notes(number: u128) -> Option<Box<Notes>> {
    let line = r#"{"from":"log","level":"info","message":"row 17"}"#;
    let lines = match number {
        1 => Lines::Here { lines: List::new(vec![text(line)]).unwrap() },
        2 => Lines::Blob { digest: digest("log"), bytes: Bytes(9_000) },
        _ => return None,
    };
    let codes = List::new(vec![RejectCount { code: text("bad-ts"), rows: Rows(3) }]).unwrap();
    let rejects = Rejected { rows: Rows(3), codes, some: lines.clone() };
    let source = SourceSeen { version: 3, files: 1, bytes: Bytes(61_000), digest: digest("source") };
    Some(Box::new(Notes {
        took_ms: Millis(420),
        log: Some(lines),
        rejects: Some(rejects),
        source: Some(source),
        params: Some(ParamsDigest::of(b"{}")),
    }))
}

pub(crate) fn why() -> Why {
    Why::new(codes::GUEST_FAILURE, "row 17: \"bad ts\"\u{1b}[31m", Some("look at the quarantine"))
}

fn dataset_plan() -> DatasetPlan {
    DatasetPlan {
        dataset: place().dataset,
        verdict: Verdict::Refused,
        schema: Some(digest("schema")),
        plan: Some(digest("plan")),
        rows: Rows(1_200),
        bytes: Bytes(61_000),
        files: 1,
        row_groups: 2,
        hides_nothing: List::new(vec![text("emial")]).unwrap(),
        why: Some(why()),
    }
}

/// As many failures as a node can have at once, each as long as it may be. Plans are larger and fewer: a plan task is large
/// work, and a node reports those of a slot or two at a time.
pub(crate) fn fullest() -> Exchange {
    let long = Text::escaped(&"\"".repeat(2_000));
    let why = Why { message: long.clone(), hint: Some(long), ..why() };
    let outcome = Outcome::Failed { why: why.clone(), meters: meters() };
    let failed = Report { held: held(1), outcome, notes: notes(1), used: used() };
    let hides_nothing = List::first(vec![Text::escaped(&"\"".repeat(200)); 8]).0;
    let planned = DatasetPlan { why: Some(why), hides_nothing, ..dataset_plan() };
    let planned = Outcome::Planned(Planned { datasets: List::new(vec![planned; TASKS_MAX]).unwrap() });
    let mut results = vec![failed; HELD_MAX - 4];
    results.extend(vec![Report { held: held(2), outcome: planned, notes: None, used: used() }; 4]);
    Exchange { results: List::new(results).unwrap(), ..exchange() }
}
