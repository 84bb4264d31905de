//! How much can go wrong, and why it is not low. Pure: the same signs are read for a whole plan and for the part of each team.
//! A module may be harmless and what is done with it not: what the policy does without counts as what samples showed.

use skein_api::{Difference, DifferenceWhen, Idempotence, Risk, RunRows, SampleFacts};
use skein_types::{Bytes, Shape};

/// So much data takes a while to bring back.
const LARGE: Bytes = Bytes::mib(1 << 20);
/// One row in so many that is refused is many.
const MANY_REJECTS: u64 = 10;
/// Columns that a reason names.
const NAMED: usize = 5;

/// What a dataset's label `tier` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Gold,
    Critical,
}

impl Tier {
    /// Any other word says nothing.
    pub(crate) fn of(label: &str) -> Option<Self> {
        match label {
            "gold" => Some(Self::Gold),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// What a risk follows from.
#[derive(Debug, Default)]
pub(super) struct Signs<'a> {
    pub(super) eligible: u64,
    pub(super) already_migrated: u64,
    pub(super) refused: u64,
    pub(super) bytes: u64,
    /// The highest of the datasets, and how many of them have it.
    pub(super) tier: Option<(Tier, u64)>,
    pub(super) tried: u64,
    pub(super) failed: u64,
    pub(super) rows: RunRows,
    pub(super) kinds: u64,
    pub(super) kinds_tried: u64,
    /// Kinds of which the canary has none.
    pub(super) canary_uncovered: u64,
    /// Columns that are named as sensitive and are in no file of their dataset.
    pub(super) hides_nothing: Vec<&'a str>,
    /// Of the samples that did not fail, each with what its dataset is called.
    pub(super) facts: Vec<(&'a str, &'a SampleFacts)>,
    /// What the policy does without.
    pub(super) without: Vec<(Risk, String)>,
}

/// Gathers reasons, and the highest risk of them.
#[derive(Default)]
struct Said {
    risk: Risk,
    because: Vec<String>,
}

impl Said {
    fn says(&mut self, risk: Risk, holds: bool, text: impl FnOnce() -> String) {
        if holds {
            self.risk = self.risk.max(risk);
            self.because.push(text());
        }
    }

    fn columns<'a>(&mut self, risk: Risk, what: &str, columns: impl Iterator<Item = &'a str>) {
        let mut columns: Vec<&str> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        let more = columns.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = columns[..columns.len().min(NAMED)].join(", ");
        self.says(risk, !columns.is_empty(), || format!("{what}: {named}{more}"));
    }
}

/// The highest of what was seen, and all of it that is not low.
pub(super) fn risk(signs: &Signs<'_>) -> (Risk, Vec<String>) {
    let mut said = Said::default();
    of_trying(signs, &mut said);
    of_results(signs, &mut said);
    of_datasets(signs, &mut said);
    of_rows(signs, &mut said);
    of_columns(signs, &mut said);
    of_coverage(signs, &mut said);
    of_policy(signs, &mut said);
    (said.risk, said.because)
}

fn of_trying(signs: &Signs<'_>, said: &mut Said) {
    let (failed, tried) = (signs.failed, signs.tried);
    said.says(Risk::High, failed > 0, || format!("{failed} of {tried} samples failed"));
    let wanted = signs.eligible > 0 || (signs.refused > 0 && signs.already_migrated == 0);
    said.says(Risk::High, tried == 0 && wanted, || "nothing was tried".to_owned());
}

/// What a second look showed.
fn of_results(signs: &Signs<'_>, said: &mut Said) {
    let differing =
        signs.facts.iter().find_map(|(name, facts)| Some((*name, facts.determinism.difference.as_ref()?)));
    if let Some((name, difference)) = differing {
        said.says(Risk::High, true, || differs(name, difference));
    }
    let undeclared = || signs.facts.iter().flat_map(|(_, facts)| facts.undeclared.iter().map(|c| &**c));
    said.columns(Risk::High, "columns depend on others than the plan says", undeclared());
    let again = |(_, facts): &&(&str, &SampleFacts)| facts.idempotence == Some(Idempotence::ChangesAgain);
    let again = signs.facts.iter().find(again);
    said.says(Risk::Moderate, again.is_some(), || {
        "the module would change its own output once more".to_owned()
    });
}

fn differs(dataset: &str, difference: &Difference) -> String {
    let Difference { file, row, column, when, .. } = difference;
    let what = match column {
        Some(column) => format!("column {column}"),
        None => "whether it stays".to_owned(),
    };
    let when = match when {
        DifferenceWhen::Repeated => "when it was done again",
        DifferenceWhen::OtherBatches => "with other batches",
        DifferenceWhen::Reopened => "when the agent was saved and opened again",
    };
    format!("the same rows gave another result {when}: {dataset}, {file}, row {row}, {what}")
}

fn of_datasets(signs: &Signs<'_>, said: &mut Said) {
    let (risk, word, datasets) = match signs.tier {
        Some((Tier::Critical, datasets)) => (Risk::High, "critical", datasets),
        Some((Tier::Gold, datasets)) => (Risk::Moderate, "gold", datasets),
        None => (Risk::Low, "", 0),
    };
    said.says(risk, datasets > 0, || format!("{datasets} datasets are of tier {word}"));
    said.says(Risk::Moderate, signs.bytes >= LARGE.0, || {
        format!("{} are to be migrated", Bytes(signs.bytes))
    });
}

fn of_rows(signs: &Signs<'_>, said: &mut Said) {
    let RunRows { read, rejected, filtered, .. } = signs.rows;
    let many = rejected.0.saturating_mul(MANY_REJECTS) > read.0;
    let risk = if many { Risk::High } else { Risk::Moderate };
    said.says(risk, rejected.0 > 0, || {
        format!("the module rejected {} of {} sampled rows", rejected.0, read.0)
    });
    said.says(Risk::Moderate, filtered.0 > 0, || {
        format!("the module leaves {} of {} sampled rows out", filtered.0, read.0)
    });
    let shaped = |shape| signs.facts.iter().any(|(_, facts)| facts.shape == Some(shape));
    said.says(Risk::Moderate, filtered.0 == 0 && shaped(Shape::Filtered), || {
        "the module may leave rows out".to_owned()
    });
    said.says(Risk::Moderate, shaped(Shape::Free), || {
        "the module makes rows anew: none of them is one that was there".to_owned()
    });
}

fn of_columns(signs: &Signs<'_>, said: &mut Said) {
    let facts = || signs.facts.iter().map(|(_, facts)| *facts);
    said.columns(Risk::Moderate, "columns are dropped", facts().flat_map(|f| f.dropped.iter().map(|c| &**c)));
    let narrowed = facts().flat_map(|f| f.narrowed.iter().map(|c| &**c));
    said.columns(Risk::Moderate, "columns cannot hold any more what they could", narrowed);
    let nullable = facts().flat_map(|f| f.nullable.iter().map(|c| &**c));
    said.columns(Risk::Moderate, "columns may hold nulls that could not", nullable);
    let nothing = signs.hides_nothing.iter().copied();
    said.columns(
        Risk::Moderate,
        "columns are named as sensitive and are not there, so nothing is hidden",
        nothing,
    );
}

fn of_coverage(signs: &Signs<'_>, said: &mut Said) {
    let untried = signs.kinds.saturating_sub(signs.kinds_tried);
    said.says(Risk::Moderate, untried > 0 && signs.tried > 0, || {
        format!("nothing was tried of {untried} of {} schemas", signs.kinds)
    });
    let ahead = signs.canary_uncovered;
    said.says(Risk::Moderate, ahead > 0, || format!("{ahead} kinds of datasets have none in the canary"));
    let refused = signs.refused;
    said.says(Risk::Moderate, refused > 0, || format!("{refused} datasets are refused and stay as they are"));
}

/// Where there is nothing to do nothing is done without care.
fn of_policy(signs: &Signs<'_>, said: &mut Said) {
    for (risk, text) in &signs.without {
        said.says(*risk, signs.eligible > 0, || text.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{Signs, Tier, risk};
    use skein_api::{
        Determinism, Difference, DifferenceWhen, Idempotence, List, Risk, RunRows, SampleFacts, Text,
    };
    use skein_types::{Bytes, Rows, Shape};

    fn fine() -> Signs<'static> {
        Signs { eligible: 9, tried: 2, kinds: 1, kinds_tried: 1, ..Signs::default() }
    }

    fn with(facts: &SampleFacts) -> (Risk, Vec<String>) {
        risk(&Signs { facts: vec![("orders", facts)], ..fine() })
    }

    #[test]
    fn the_risk_is_the_highest_of_what_was_seen_and_says_why() {
        assert_eq!(risk(&fine()), (Risk::Low, vec![]));
        let rows = |rejected| RunRows { read: Rows(10), rejected: Rows(rejected), ..RunRows::default() };
        let said = "the module rejected 1 of 10 sampled rows".to_owned();
        assert_eq!(risk(&Signs { rows: rows(1), ..fine() }), (Risk::Moderate, vec![said]));
        assert_eq!(risk(&Signs { rows: rows(2), ..fine() }).0, Risk::High, "more than one row in ten");
        let (high, because) = risk(&Signs { failed: 1, kinds: 3, rows: rows(1), ..fine() });
        assert_eq!((high, because.len()), (Risk::High, 3));
        assert_eq!(because[0], "1 of 2 samples failed");
        assert_eq!(risk(&Signs { eligible: 1, ..Signs::default() }).1, ["nothing was tried"]);
        let refused = || Signs { refused: 1, ..Signs::default() };
        assert_eq!(risk(&refused()).1, ["nothing was tried", "1 datasets are refused and stay as they are"]);
        assert_eq!(risk(&refused()).0, Risk::High);
        // There is nothing to try where nothing is to be done.
        assert_eq!(risk(&Signs { already_migrated: 1, ..refused() }).0, Risk::Moderate);
        assert_eq!(risk(&Signs::default()).0, Risk::Low);
    }

    #[test]
    fn what_a_plan_does_to_columns_and_rows_is_a_reason_by_itself() {
        let name = |text: &str| List::first(vec![Text::escaped(text)]).0;
        let plain = SampleFacts { shape: Some(Shape::Same), ..SampleFacts::default() };
        assert_eq!(with(&plain).0, Risk::Low);
        let shaped = |shape| SampleFacts { shape: Some(shape), ..SampleFacts::default() };
        for (facts, said) in [
            (shaped(Shape::Filtered), "the module may leave rows out"),
            (shaped(Shape::Free), "the module makes rows anew: none of them is one that was there"),
            (SampleFacts { dropped: name("note"), ..plain.clone() }, "columns are dropped: note"),
            (
                SampleFacts { narrowed: name("n"), ..plain.clone() },
                "columns cannot hold any more what they could: n",
            ),
            (
                SampleFacts { nullable: name("n"), ..plain.clone() },
                "columns may hold nulls that could not: n",
            ),
            (
                SampleFacts { idempotence: Some(Idempotence::ChangesAgain), ..plain.clone() },
                "the module would change its own output once more",
            ),
        ] {
            assert_eq!(with(&facts), (Risk::Moderate, vec![said.to_owned()]));
        }
        let misspelt = Signs { hides_nothing: vec!["emial", "phon", "emial"], ..fine() };
        let said = "columns are named as sensitive and are not there, so nothing is hidden: emial, phon";
        assert_eq!(risk(&misspelt), (Risk::Moderate, vec![said.to_owned()]));
        let lies = SampleFacts { undeclared: name("total < email"), ..plain };
        assert_eq!(with(&lies).0, Risk::High);
    }

    #[test]
    fn a_result_that_is_not_the_same_again_is_named_by_its_place() {
        let difference = |column| Difference {
            dataset: None,
            file: Text::escaped("part.parquet"),
            row: 17,
            column,
            when: DifferenceWhen::OtherBatches,
        };
        let of = |column| SampleFacts {
            determinism: Determinism {
                differing: 1,
                difference: Some(difference(column)),
                ..Determinism::default()
            },
            ..SampleFacts::default()
        };
        let said = "the same rows gave another result with other batches: orders, part.parquet, row 17, ";
        assert_eq!(with(&of(Some(Text::escaped("n")))), (Risk::High, vec![format!("{said}column n")]));
        assert_eq!(with(&of(None)).1, [format!("{said}whether it stays")]);
    }

    #[test]
    fn what_the_policy_does_without_counts_as_what_was_seen() {
        let without = || vec![(Risk::Moderate, "no way back".to_owned()), (Risk::High, "no sums".to_owned())];
        let signs = Signs { without: without(), ..fine() };
        assert_eq!(risk(&signs), (Risk::High, vec!["no way back".to_owned(), "no sums".to_owned()]));
        assert_eq!(risk(&Signs { without: without(), ..Signs::default() }), (Risk::Low, vec![]));
    }

    #[test]
    fn what_datasets_are_counts_too() {
        let of = |tier| risk(&Signs { tier, ..fine() });
        assert_eq!(of(Tier::of("silver").map(|tier| (tier, 1))).0, Risk::Low);
        assert_eq!(
            of(Some((Tier::Gold, 2))),
            (Risk::Moderate, vec!["2 datasets are of tier gold".to_owned()])
        );
        assert_eq!(of(Some((Tier::Critical, 1))).0, Risk::High);
        assert!(Tier::Critical > Tier::Gold);
        let large = Signs { bytes: Bytes::mib(1 << 20).0, ..fine() };
        assert_eq!(risk(&large).0, Risk::Moderate);
        let ahead = Signs { canary_uncovered: 2, ..fine() };
        let said = "2 kinds of datasets have none in the canary".to_owned();
        assert_eq!(risk(&ahead), (Risk::Moderate, vec![said]));
    }
}
