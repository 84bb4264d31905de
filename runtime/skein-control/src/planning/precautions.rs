//! What a campaign's policy does without: each precaution of the standard that it lowers is a reason to ask somebody. Pure.
//!
//! What a module does to rows is seen in samples; that it cannot be undone, or that nobody looks, is seen here. The standard policy, and
//! one that is more careful, says nothing.

use skein_api::Risk;
use skein_campaign::{Policy, Span};
use skein_types::VerifyLevel;

/// Who finds something wrong on the same day can still go back.
const A_DAY: Span = Span::days(1);
/// Within less nobody has looked at it.
const AN_HOUR: Span = Span::seconds(3_600);

/// The policy of a plan, and the waves that it is for.
pub(super) struct Ways<'a> {
    pub(super) rules: &'a Policy,
    /// It runs although it was applied before.
    pub(super) again: bool,
    /// A result without a row is one.
    pub(super) allow_empty: bool,
    /// How many runs each wave has, the canary first.
    pub(super) waves: &'a [u64],
}

/// What a policy does without, each with what can go wrong by it. `computed` says whether the module makes columns, of which nothing but
/// sums over what it gave tells whether they were written so.
pub(super) fn done_without(ways: &Ways<'_>, computed: bool) -> Vec<(Risk, String)> {
    let reasons =
        [way_back(ways.rules), checks(ways.rules, computed), rehearsal(ways.rules), soak(ways.rules)];
    let more = [budget(ways), gate(ways.rules), empty(ways), again(ways)];
    reasons.into_iter().chain(more).flatten().collect()
}

type Reason = Option<(Risk, String)>;

fn way_back(rules: &Policy) -> Reason {
    let window = rules.rollback_window;
    let risk = if window < AN_HOUR { Risk::High } else { Risk::Moderate };
    (window < A_DAY).then(|| (risk, format!("what is published can be undone for {window} only")))
}

fn checks(rules: &Policy, computed: bool) -> Reason {
    let (risk, what) = match computed {
        true => (Risk::High, "columns that the module makes are"),
        false => (Risk::Moderate, "results are"),
    };
    let lowered = !rules.verify.reaches(VerifyLevel::STANDARD);
    lowered.then(|| (risk, format!("{what} verified by no more than {}", rules.verify)))
}

fn rehearsal(rules: &Policy) -> Reason {
    let said = "the way back is not rehearsed with the canary";
    (!rules.round_trip).then(|| (Risk::Moderate, said.to_owned()))
}

fn soak(rules: &Policy) -> Reason {
    let said = match rules.soak.checks.last() {
        None => "nobody looks again at what was published".to_owned(),
        Some(last) if *last >= AN_HOUR => return None,
        Some(last) => format!("what was published is looked at for the last time after {last}"),
    };
    Some((Risk::Moderate, said))
}

/// Of the canary no run may fail, whatever the budget.
fn budget(ways: &Ways<'_>) -> Reason {
    let (budget, standard) = (ways.rules.budget, Policy::standard().budget);
    let more = |runs: &&u64| budget.of(**runs).min(**runs) > standard.of(**runs);
    let runs = *ways.waves.iter().skip(1).find(more)?;
    let (may, of) = (budget.of(runs).min(runs), standard.of(runs));
    Some((Risk::Moderate, format!("{may} of a wave of {runs} runs may fail, and {of} by the standard")))
}

fn gate(rules: &Policy) -> Reason {
    let (gate, of) = (rules.gate, Policy::standard().gate);
    let said = || format!("a wave begins when {gate} of the one before is through, and {of} by the standard");
    (gate < of).then(|| (Risk::Moderate, said()))
}

fn empty(ways: &Ways<'_>) -> Reason {
    ways.allow_empty.then(|| (Risk::Moderate, "a result without a row is published".to_owned()))
}

fn again(ways: &Ways<'_>) -> Reason {
    ways.again.then(|| (Risk::Moderate, "it runs again where it was applied before".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Ways, done_without};
    use skein_api::Risk;
    use skein_campaign::Policy;

    fn of(text: &str, computed: bool) -> Vec<(Risk, String)> {
        let rules = Policy::parse(text).unwrap();
        let ways = Ways { rules: &rules, again: false, allow_empty: false, waves: &[900, 4, 400] };
        done_without(&ways, computed)
    }

    #[test]
    fn the_standard_and_what_is_more_careful_are_no_reason() {
        let careful = "budget = 1\nadmission = \"strict\"\ngate = \"100%\"\nrollback_window = \"30d\"\nverify = \"readback\"\n\
                       [soak]\nchecks = [\"1h\"]\non_failure = \"revert\"\n";
        for text in ["", careful, "rollback_window = \"1d\"", "budget = 3"] {
            assert_eq!(of(text, true), [], "{text}");
        }
    }

    #[test]
    fn each_precaution_that_is_lowered_is_a_reason_by_itself() {
        for (text, risk, said) in [
            ("rollback_window = \"23h\"", Risk::Moderate, "what is published can be undone for 23h only"),
            ("rollback_window = \"1h\"", Risk::Moderate, "what is published can be undone for 1h only"),
            ("rollback_window = \"59m\"", Risk::High, "what is published can be undone for 59m only"),
            ("verify = \"counts\"", Risk::Moderate, "results are verified by no more than counts"),
            ("round_trip = false", Risk::Moderate, "the way back is not rehearsed with the canary"),
            ("[soak]\nchecks = []", Risk::Moderate, "nobody looks again at what was published"),
            (
                "[soak]\nchecks = [\"1ms\"]",
                Risk::Moderate,
                "what was published is looked at for the last time after 1ms",
            ),
            ("budget = \"100%\"", Risk::Moderate, "4 of a wave of 4 runs may fail, and 3 by the standard"),
            ("budget = 9", Risk::Moderate, "4 of a wave of 4 runs may fail, and 3 by the standard"),
            ("budget = \"3%\"", Risk::Moderate, "12 of a wave of 400 runs may fail, and 8 by the standard"),
            (
                "gate = \"0%\"",
                Risk::Moderate,
                "a wave begins when 0% of the one before is through, and 95% by the standard",
            ),
        ] {
            assert_eq!(of(text, false), [(risk, said.to_owned())], "{text}");
        }
        let made =
            (Risk::High, "columns that the module makes are verified by no more than counts".to_owned());
        assert_eq!(of("verify = \"counts\"", true), [made]);
        let rules = Policy::standard();
        let ways = Ways { rules: &rules, again: true, allow_empty: true, waves: &[] };
        assert_eq!(
            done_without(&ways, false),
            [
                (Risk::Moderate, "a result without a row is published".to_owned()),
                (Risk::Moderate, "it runs again where it was applied before".to_owned()),
            ]
        );
    }
}
