//! From the TOML that people write to a policy. An unknown key is an error that names the nearest: a rule that is misspelt
//! and silently not followed would be found out too late.

use skein_types::{Code, ErrorClass, LONGEST_WAIT, RULES_MAX, codes, nearest};
use toml::{Table, Value};

use super::{ApprovalRule, Policy, Span};

/// A policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PolicyError {
    problem: String,
}

impl PolicyError {
    /// The catalogue's entry.
    pub const fn code(&self) -> Code {
        codes::POLICY_INVALID
    }

    /// Whose fault.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }

    /// What to do.
    pub const fn hint(&self) -> &'static str {
        "a key that is left out keeps its default"
    }
}

/// Longest policy that is looked at; a real one has a dozen lines.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Most waves between the canary and the rest.
const WAVES_MAX: usize = 14;
/// Most checks of a run after its publish.
pub const CHECKS_MAX: usize = 8;

/// Keys by table; the outermost has no name.
const KNOWN: [(&str, &[&str]); 6] = [
    (
        "",
        &[
            "admission",
            "approvals",
            "budget",
            "canary",
            "dry_run",
            "gate",
            "names",
            "pin",
            "retries",
            "rollback_window",
            "round_trip",
            "rules",
            "soak",
            "verify",
            "waves",
        ],
    ),
    ("approvals", &["expires", "promote"]),
    ("canary", &["bytes", "datasets", "share"]),
    ("dry_run", &["datasets", "share"]),
    ("retries", &["longest", "transient", "wait"]),
    ("soak", &["checks", "on_failure"]),
];

impl Policy {
    /// The policy that a campaign's TOML asks for.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(problem(format!("the policy is longer than {TEXT_BYTES_MAX} bytes")));
        }
        let table: Table = toml::from_str(text).map_err(|error| told(text, &error))?;
        known("", &table)?;
        for (key, value) in &table {
            if let Value::Table(inner) = value {
                known(key, inner)?;
            }
        }
        let policy: Self = toml::from_str(text).map_err(|error| told(text, &error))?;
        policy.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        if self.canary.datasets == 0 {
            return Err(problem("`canary.datasets` is 0: a canary has at least one dataset".to_owned()));
        }
        if self.approvals.expires < Span::seconds(1) {
            return Err(problem(
                "`approvals.expires` is shorter than a second: nobody could start in time".to_owned(),
            ));
        }
        if self.approvals.expires > ApprovalRule::LONGEST {
            return Err(problem(format!("`approvals.expires` is longer than {}", ApprovalRule::LONGEST)));
        }
        if self.waves.len() > WAVES_MAX {
            return Err(problem(format!("`waves` lists more than {WAVES_MAX}")));
        }
        if self.retries.longest < self.retries.wait {
            return Err(problem("`retries.longest` is shorter than `retries.wait`".to_owned()));
        }
        if self.rules.len() > RULES_MAX {
            return Err(problem(format!("`rules` lists more than {RULES_MAX}")));
        }
        if let Some(twice) = self
            .rules
            .iter()
            .enumerate()
            .find_map(|(at, rule)| self.rules[..at].iter().find(|before| before.name == rule.name))
        {
            return Err(problem(format!("`rules` has two of the name {}", twice.name)));
        }
        // A wait that is longer looks like a clock that was put back, and ends at once.
        if self.retries.longest.length() > LONGEST_WAIT {
            return Err(problem("`retries.longest` is longer than an hour".to_owned()));
        }
        if self.soak.checks.len() > CHECKS_MAX {
            return Err(problem(format!("`soak.checks` lists more than {CHECKS_MAX}")));
        }
        if !self.soak.is_in_order() {
            return Err(problem("`soak.checks`: each comes after the one before".to_owned()));
        }
        Ok(self)
    }
}

fn known(table: &str, keys: &Table) -> Result<(), PolicyError> {
    let allowed = KNOWN.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, keys)| keys);
    let Some(unknown) = keys.keys().find(|key| !allowed.contains(&key.as_str())) else { return Ok(()) };
    let place = if table.is_empty() { String::new() } else { format!(" in `{table}`") };
    let hint = match nearest(unknown, allowed.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", allowed.join(", ")),
    };
    let unknown: String = unknown.chars().take(64).collect();
    Err(problem(format!("unknown key `{}`{place}, {hint}", unknown.escape_default())))
}

/// On one line, as every message is.
fn told(text: &str, error: &toml::de::Error) -> PolicyError {
    let what = error.message().trim_end().replace('\n', ", ");
    let before = error.span().and_then(|span| text.get(..span.start));
    problem(match before {
        Some(before) => format!("line {}: {what}", before.matches('\n').count() + 1),
        None => what,
    })
}

fn problem(problem: String) -> PolicyError {
    PolicyError { problem }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    fn refused(text: &str) -> String {
        Policy::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_rule_is_told_with_the_nearest() {
        assert_eq!(refused("budgte = 3"), "unknown key `budgte`, did you mean `budget`?");
        assert_eq!(refused("[canary]\nbyte = 1"), "unknown key `byte` in `canary`, did you mean `bytes`?");
        assert_eq!(
            refused("[dry_run]\nbytes = 1"),
            "unknown key `bytes` in `dry_run`, known: datasets, share"
        );
        assert_eq!(
            refused("[audience]\nmoderate = 1"),
            format!("unknown key `audience`, known: {}", super::KNOWN[0].1.join(", "))
        );
        assert!(Policy::parse("\nbudget = -1").unwrap_err().to_string().starts_with("line 2: a budget is"));
        assert_eq!(
            refused("gate = \"95\""),
            r#"line 1: "95" is not a share such as "2%" or "0.25%", at most "100%""#
        );
        assert_eq!(refused("pin = \"no\""), "line 1: unknown variant `no`, expected `schema` or `snapshot`");
        assert_eq!(refused("a = 1\na = 2"), "line 2: duplicate key");
        let error = Policy::parse("[[").unwrap_err();
        assert_eq!((error.code().id, error.class().as_str()), ("SK0630", "bad_input"));
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused() {
        assert_eq!(
            refused("[canary]\ndatasets = 0"),
            "`canary.datasets` is 0: a canary has at least one dataset"
        );
        assert_eq!(refused("[retries]\nwait = \"2m\""), "`retries.longest` is shorter than `retries.wait`");
        assert_eq!(refused("[retries]\nlongest = \"61m\""), "`retries.longest` is longer than an hour");
        assert_eq!(refused(&format!("waves = [{}]", "\"1%\",".repeat(15))), "`waves` lists more than 14");
        assert_eq!(
            refused("[soak]\nchecks = [\"1h\", \"5m\"]"),
            "`soak.checks`: each comes after the one before"
        );
        assert_eq!(refused(&"#".repeat(70_000)), "the policy is longer than 65536 bytes");
    }
}
