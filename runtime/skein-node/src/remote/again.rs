//! Rules that are looked at again after a publish: those about the result alone that held when it was published.
//!
//! A rule that was broken then, and was a warning or released by a person, says nothing new; and what was before may be gone.

use skein_dataset::{Dataset, Health};
use skein_types::{Bytes, Clock, Millis, RuleResult, RuleVerdict, RunId, Text};
use skein_verify::{Jail, Limits};

use crate::rules::{Judging, RuleAsked, RulesAsked, judge_as_it_is, results_of};

/// Less than before a publish: nothing waits for the answer, and runs may wait for the jail.
const LIMITS: Limits = Limits { wall: Millis(20_000), all: Millis(60_000), ..Limits::STANDARD };

/// What is found of the rules of a run over what is current. Nothing where another version took its place.
pub(super) fn judge(
    (dataset, run): (&Dataset, RunId),
    mut asked: RulesAsked,
    (jail, clock, stopped): (&Jail, &dyn Clock, &dyn Fn() -> bool),
) -> Vec<RuleResult> {
    if asked.rules.is_empty() {
        return Vec::new();
    }
    let rules = std::mem::take(&mut asked.rules);
    let held = results_of(dataset, run).unwrap_or_default();
    let due = |rule: &RuleAsked| is_due(rule, &held) && asked.named_by(rule).all(is_small);
    let due: Vec<RuleAsked> = rules.into_iter().filter(due).collect();
    let asked = RulesAsked { rules: due, ..asked };
    if asked.rules.is_empty() {
        return Vec::new();
    }
    // Why one could not be evaluated is said nowhere: whether columns are sensitive is known with a plan alone.
    let how = Judging { limits: LIMITS, hushed: true, stopped, ..Judging::here(jail, clock) };
    let results = judge_as_it_is(dataset, &asked, &how)
        .map(|results| results.into_iter().map(|result| as_quiet_as(&held, result)).collect::<Vec<_>>());
    // By now another run's result may be current, or the old version again.
    match (results, dataset.health(run)) {
        (Ok(results), Ok(Health::Current(_))) => results,
        (Err(error), Ok(Health::Current(_))) => {
            let unsure = |rule: &RuleAsked| RuleResult {
                rule: rule.rule.name.clone(),
                consumer: rule.consumer.clone(),
                severity: rule.rule.severity,
                verdict: RuleVerdict::Inconclusive,
                observed: Text::clip(error.code().id),
            };
            asked.rules.iter().map(unsure).collect()
        }
        (_, Ok(Health::Superseded { .. } | Health::Unknown) | Err(_)) => Vec::new(),
    }
}

/// Of what no number was told when it was published, none is told now.
fn as_quiet_as(then: &[RuleResult], now: RuleResult) -> RuleResult {
    let same = |r: &&RuleResult| r.rule == now.rule && r.consumer == now.consumer;
    let quiet = then.iter().filter(same).any(|result| result.observed.as_str().is_empty());
    if quiet && now.verdict == RuleVerdict::Broken {
        RuleResult { observed: Text::clip(""), ..now }
    } else {
        now
    }
}

/// Whether a rule is about the result alone and held: each of its name did.
fn is_due(rule: &RuleAsked, then: &[RuleResult]) -> bool {
    let of_it = || then.iter().filter(|r| r.rule == rule.rule.name && r.consumer == rule.consumer);
    let held = of_it().next().is_some() && of_it().all(|result| result.verdict == RuleVerdict::Pass);
    held && rule.rule.check.is_of_result_alone()
}

/// Whether it costs little to look at it. What cannot be looked at now says so when it is.
fn is_small(dataset: &Dataset) -> bool {
    dataset.look().map_or(true, |snapshot| {
        let bytes: u64 = snapshot.data_files().map(|file| file.stat.size).sum();
        Bytes(bytes) <= Bytes::ONE_TASK
    })
}

#[cfg(test)]
mod tests {
    use skein_types::{Name, RuleResult, RuleVerdict, Severity, Text};

    use super::{as_quiet_as, is_due};
    use crate::rules::RuleAsked;

    fn rule(what: &str, consumer: Option<&str>) -> RuleAsked {
        let rule = serde_json::from_str(&format!(r#"{{"name":"ids",{what}}}"#)).unwrap();
        RuleAsked { consumer: consumer.map(|team| Name::new(team).unwrap()), ..RuleAsked::here(rule) }
    }

    fn then(consumer: Option<&str>, verdict: RuleVerdict) -> RuleResult {
        RuleResult {
            rule: Name::new("ids").unwrap(),
            consumer: consumer.map(|team| Name::new(team).unwrap()),
            severity: Severity::Warn,
            verdict,
            observed: Text::clip(""),
        }
    }

    #[test]
    fn what_said_no_number_before_says_none_afterwards() {
        let now = || RuleResult { observed: Text::clip("3 rows"), ..then(None, RuleVerdict::Broken) };
        let told = RuleResult { observed: Text::clip("0 rows"), ..then(None, RuleVerdict::Pass) };
        assert_eq!(as_quiet_as(&[told], now()).observed.as_str(), "3 rows");
        assert_eq!(as_quiet_as(&[then(None, RuleVerdict::Pass)], now()).observed.as_str(), "");
    }

    #[test]
    fn only_what_held_when_it_was_published_and_is_about_the_result_alone_is_looked_at_again() {
        let (unique, sql) = (r#""unique":["id"]"#, r#""sql":"select true from after""#);
        let passed = [then(None, RuleVerdict::Pass)];
        assert!(is_due(&rule(unique, None), &passed));
        assert!(!is_due(&rule(sql, None), &passed));
        // It was set later, or another team's of the same name held.
        assert!(!is_due(&rule(unique, None), &[]));
        assert!(!is_due(&rule(unique, Some("bi")), &passed));
        // A warning, or what a person released.
        for verdict in [RuleVerdict::Broken, RuleVerdict::Inconclusive] {
            assert!(!is_due(&rule(unique, None), &[then(None, verdict)]));
            // The policy's and the owner's may have one name: nobody knows which of them held.
            assert!(!is_due(&rule(unique, None), &[then(None, RuleVerdict::Pass), then(None, verdict)]));
        }
    }
}
