//! The rules of a campaign as people write them.
//!
//! ```toml
//! budget = "2%"            # and the other rules of `skein-campaign`'s policy: waves, gate, canary, retries, ...
//! migration = "orders-v2"  # and what its agents are given
//! [limits]
//! memory = "32MiB"
//! ```
//! A key that nothing reads is refused, and so is one whose value cannot be followed; both by name.

use serde::Deserialize;
use skein_api::{
    Admission, ApprovalAsk, Budget, CanaryAsk, LimitsAsk, List, NameRule, RetryAsk, SampleAsk, SoakAsk, Text,
};
use skein_campaign::{Allowance, Names, OnFailure, Pin, Policy, PolicyError, Promote, Share, Span};
use skein_types::{Bytes, Fuel, Rows};
use toml::{Table, Value};

/// Keys that are about agents and not about the campaign's course.
const OF_AGENTS: [&str; 5] = ["again", "allow_empty", "checkpoint_rows", "limits", "migration"];

/// What agents are given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Agents {
    migration: Option<String>,
    again: bool,
    allow_empty: bool,
    checkpoint_rows: Option<u64>,
    limits: Limits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    fuel_per_call: Option<u64>,
    fuel_per_task: Option<u64>,
    wall_per_call: Option<Span>,
    wall_per_task: Option<Span>,
    memory: Option<String>,
    rejects: Option<u64>,
}

/// A campaign's policy as people write it, or where and what the first mistake is, on one line.
pub fn written_policy(text: &str) -> Result<skein_api::Policy, String> {
    // What is no TOML at all the machine's own rules say with its line.
    let table: Table = toml::from_str(text).map_err(|error| match Policy::parse(text) {
        Err(said) => said.to_string(),
        Ok(_) => one_line(&error.to_string()),
    })?;
    let (agents, rules): (Table, Table) =
        table.into_iter().partition(|(key, _)| OF_AGENTS.contains(&key.as_str()));
    let rules = followed(text, &rules)?;
    let agents: Agents =
        Value::Table(agents).try_into().map_err(|error: toml::de::Error| one_line(&error.to_string()))?;
    asked(agents, &rules)
}

/// The rules of the campaign's course. A value that cannot be followed is told with its key.
fn followed(text: &str, rules: &Table) -> Result<Policy, String> {
    let written = |table: &Table| toml::to_string(table).map_err(|error| error.to_string());
    let whole = match Policy::parse(text) {
        Ok(policy) => return Ok(policy),
        Err(_) => Policy::parse(&written(rules)?),
    };
    let error = match whole {
        Ok(policy) => return Ok(policy),
        Err(error) => error,
    };
    for (key, value) in rules {
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = Policy::parse(&written(&alone)?) {
            return Err(keyed(key, &error));
        }
    }
    Err(error.to_string())
}

/// Without the line in the text of that key alone, which nobody wrote.
fn keyed(key: &str, error: &PolicyError) -> String {
    let said = error.to_string();
    let what = match said.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, what)) => what,
        None => &said,
    };
    if what.contains('`') { what.to_owned() } else { format!("`{key}`: {what}") }
}

fn one_line(text: &str) -> String {
    text.trim_end().replace('\n', ", ")
}

fn asked(agents: Agents, rules: &Policy) -> Result<skein_api::Policy, String> {
    let share = |share: &Share| Text::escaped(&share.to_string());
    let Limits { fuel_per_call, fuel_per_task, wall_per_call, wall_per_task, memory, rejects } =
        agents.limits;
    let memory = memory.map(|memory| memory.parse::<Bytes>()).transpose();
    let migration = agents.migration.map(Text::new).transpose();
    Ok(skein_api::Policy {
        migration: migration.map_err(|error| format!("`migration`: {error}"))?,
        again: agents.again,
        names: match rules.names {
            Names::Hash => NameRule::Hashed,
            Names::Keep => NameRule::Keep,
        },
        budget: Some(match rules.budget {
            Allowance::Runs(runs) => Budget::Runs(runs),
            Allowance::Share(of) => Budget::Share(share(&of)),
        }),
        admission: match rules.admission {
            skein_campaign::Admission::SlowStart => Admission::Door,
            skein_campaign::Admission::Strict => Admission::Strict,
        },
        approvals: ApprovalAsk {
            expires_ms: Some(rules.approvals.expires.length()),
            promote: match rules.approvals.promote {
                Promote::Automatic => skein_api::Promote::Automatic,
                Promote::Approval => skein_api::Promote::Approval,
            },
        },
        pin: match rules.pin {
            Pin::Schema => skein_api::Pin::Schema,
            Pin::Snapshot => skein_api::Pin::Snapshot,
        },
        allow_empty: agents.allow_empty,
        limits: LimitsAsk {
            fuel_per_call: fuel_per_call.map(Fuel),
            fuel_per_task: fuel_per_task.map(Fuel),
            wall_per_call_ms: wall_per_call.map(Span::length),
            wall_per_task_ms: wall_per_task.map(Span::length),
            memory: memory.map_err(|error| format!("`limits.memory`: {error}"))?,
            rejects,
        },
        checkpoint_rows: agents.checkpoint_rows.map(Rows),
        window_ms: Some(rules.rollback_window.length()),
        rules: (!rules.rules.is_empty()).then(|| List::first(rules.rules.clone()).0),
        canary: CanaryAsk {
            share: Some(share(&rules.canary.share)),
            datasets: Some(rules.canary.datasets),
            bytes: Some(rules.canary.bytes),
        },
        dry_run: SampleAsk {
            share: Some(share(&rules.dry_run.share)),
            datasets: Some(rules.dry_run.datasets),
        },
        gate: Some(share(&rules.gate)),
        waves: Some(List::first(rules.waves.iter().map(share).collect()).0),
        retries: RetryAsk {
            transient: Some(rules.retries.transient),
            wait_ms: Some(rules.retries.wait.length()),
            longest_ms: Some(rules.retries.longest.length()),
        },
        verify: rules.verify,
        round_trip: Some(rules.round_trip),
        soak: SoakAsk {
            checks_ms: Some(List::first(rules.soak.checks.iter().map(|check| check.length()).collect()).0),
            on_failure: match rules.soak.on_failure {
                OnFailure::Tell => skein_api::OnFailure::Tell,
                OnFailure::Revert => skein_api::OnFailure::Revert,
            },
        },
        ..skein_api::Policy::default()
    })
}

#[cfg(test)]
mod tests {
    use super::written_policy as parse;
    use skein_api::{Budget, Text};
    use skein_types::{Bytes, Millis};

    #[test]
    fn rules_and_what_agents_are_given_stand_in_one_file() {
        let text = "budget = 5\nmigration = \"v2\"\nwaves = [\"5%\", \"20%\"]\n[canary]\ndatasets = 3\n\
                    [limits]\nmemory = \"32MiB\"\nwall_per_call = \"2s\"\n[retries]\ntransient = 1\n";
        let policy = parse(text).unwrap();
        assert_eq!((policy.budget, policy.canary.datasets), (Some(Budget::Runs(5)), Some(3)));
        assert_eq!(policy.migration, Some(Text::escaped("v2")));
        assert_eq!(policy.waves.unwrap().iter().map(|wave| wave.as_str()).collect::<Vec<_>>(), ["5%", "20%"]);
        let limits = policy.limits;
        assert_eq!((limits.memory, limits.wall_per_call_ms), (Some(Bytes::mib(32)), Some(Millis(2_000))));
        assert_eq!(policy.retries.transient, Some(1));
        // What is not written holds as well, and is sent.
        assert_eq!(policy.gate, Some(Text::escaped("95%")));
        assert_eq!(parse("").unwrap().budget, Some(Budget::Share(Text::escaped("2%"))));
    }

    #[test]
    fn what_nothing_reads_or_follows_is_refused_by_its_key() {
        for (text, said) in [
            ("budgte = 3", "unknown key `budgte`, did you mean `budget`?"),
            (
                "migration = \"m\"\n[canary]\nbyte = 1",
                "unknown key `byte` in `canary`, did you mean `bytes`?",
            ),
            ("gate = \"95\"", "`gate`: \"95\" is not a share"),
            ("again = true\nwaves = [\"x\"]", "`waves`: \"x\" is not a share"),
            ("[limits]\nmemroy = \"1MiB\"", "memroy"),
            ("[limits]\nmemory = \"much\"", "`limits.memory`: "),
            ("publish = \"hold\"", "unknown key `publish`"),
            ("[retries]\nwait = \"2m\"", "`retries.longest` is shorter than `retries.wait`"),
            ("a = 1\na = 2", "line 2: duplicate key"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
    }
}
