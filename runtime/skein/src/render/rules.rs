//! What was found of rules, in lines: each that does not hold by itself, the others as a number.

use skein_types::{RuleResult, RuleVerdict};

use super::counted;

/// The lines; none where no rule was looked at.
pub(crate) fn lines(found: &[RuleResult]) -> Vec<String> {
    let (hold, not): (Vec<_>, Vec<_>) = found.iter().partition(|one| one.verdict == RuleVerdict::Pass);
    let said = |one: &&RuleResult| format!("{one} ({})", one.severity);
    let mut lines: Vec<String> = not.iter().map(said).collect();
    match hold.len() as u64 {
        0 => {}
        1 => lines.push("1 rule holds".to_owned()),
        many => lines.push(format!("{} hold", counted(many, "rule"))),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::lines;
    use skein_types::{RuleResult, RuleVerdict, Severity, Text};

    #[test]
    fn what_does_not_hold_is_named_and_what_does_is_counted() {
        let found = |rule: &str, verdict, observed: &str| RuleResult {
            rule: rule.parse().unwrap(),
            consumer: None,
            severity: Severity::Warn,
            verdict,
            observed: Text::clip(observed),
        };
        let pass = found("ids", RuleVerdict::Pass, "");
        assert_eq!(lines(&[]), Vec::<String>::new());
        assert_eq!(lines(std::slice::from_ref(&pass)), ["1 rule holds"]);
        let few = found("few", RuleVerdict::Broken, "7 rows");
        assert_eq!(lines(&[pass.clone(), few, pass]), ["rule few is broken: 7 rows (warn)", "2 rules hold"]);
    }
}
