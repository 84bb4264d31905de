//! A campaign's policy as a body says it, as the machine follows it, and as agents are limited by it.

mod written;

use skein_api::node::AgentLimits;
use skein_api::{
    Admission, ApprovalAsk, Budget, CanaryAsk, LimitsAsk, List, NameRule, Pin, Publish, RetryAsk,
    SAMPLES_MAX, SampleAsk, SoakAsk, Text,
};
use skein_campaign::{
    Allowance, ApprovalRule, CanaryRule, OnFailure, Policy, Promote, RetryRule, SampleRule, Share, SoakRule,
    Span,
};
use skein_sandbox::Limits;
use skein_types::{LONGEST_WAIT, Rule, codes};

use crate::error::ServiceError;

pub use written::written_policy;

/// No campaign has so many runs.
const RUNS_MAX: u64 = 1_000_000_000;

/// The rules of the machine. What is refused names its key.
pub(crate) fn rules(asked: &skein_api::Policy) -> Result<Policy, ServiceError> {
    match asked.publish {
        Publish::Replace => {}
        // Whoever asks for it counts on the dataset staying as it is.
        Publish::Hold | Publish::Beside { .. } => {
            return Err(not_yet("publish", "a campaign that does not publish in place"));
        }
    }
    match asked.pin {
        Pin::Schema => {}
        Pin::Snapshot => return Err(not_yet("pin", "a campaign that pins the data")),
    }
    let standard = Policy::standard();
    let waves = asked.waves.as_ref().map(|waves| waves.iter().map(|wave| share("waves", wave)).collect());
    let rules = Policy {
        admission: match asked.admission {
            Admission::Door => skein_campaign::Admission::SlowStart,
            Admission::Strict => skein_campaign::Admission::Strict,
        },
        approvals: approvals(asked.approvals, standard.approvals)?,
        budget: allowance(asked.budget.as_ref())?.unwrap_or(standard.budget),
        canary: canary(&asked.canary, standard.canary)?,
        dry_run: dry_run(&asked.dry_run, standard.dry_run)?,
        gate: some_share("gate", asked.gate.as_ref())?.unwrap_or(standard.gate),
        names: match asked.names {
            NameRule::Hashed => skein_campaign::Names::Hash,
            NameRule::Keep => skein_campaign::Names::Keep,
        },
        pin: standard.pin,
        retries: retries(asked.retries, standard.retries)?,
        rollback_window: asked.window_ms.map_or(standard.rollback_window, Span::of),
        round_trip: asked.round_trip.unwrap_or(standard.round_trip),
        rules: named_once(asked)?,
        soak: soak(&asked.soak, standard.soak)?,
        verify: asked.verify,
        waves: waves.unwrap_or(Ok(standard.waves))?,
    };
    Ok(rules)
}

/// A policy with all that holds, as people look at it.
pub fn whole_policy(asked: skein_api::Policy) -> Result<skein_api::Policy, ServiceError> {
    let rules = rules(&asked)?;
    Ok(effective(asked, &rules))
}

/// Rules whose results can be told apart.
fn named_once(asked: &skein_api::Policy) -> Result<Vec<Rule>, ServiceError> {
    let rules: Vec<Rule> = asked.rules.iter().flat_map(|rules| rules.iter().cloned()).collect();
    let before = |at: usize| rules.iter().take(at).map(|rule: &Rule| &rule.name).collect::<Vec<_>>();
    match rules.iter().enumerate().find(|(at, rule)| before(*at).contains(&&rule.name)) {
        Some((_, twice)) => Err(wrong("rules", format!("two have the name {}", twice.name))),
        None => Ok(rules),
    }
}

/// Everything that holds, as a body: what was asked for, and the standard where nothing was said.
pub(crate) fn effective(asked: skein_api::Policy, rules: &Policy) -> skein_api::Policy {
    let text = |share: &Share| Text::escaped(&share.to_string());
    let limits = limits(&asked.limits);
    skein_api::Policy {
        budget: Some(match rules.budget {
            Allowance::Runs(runs) => Budget::Runs(runs),
            Allowance::Share(share) => Budget::Share(text(&share)),
        }),
        approvals: ApprovalAsk {
            expires_ms: Some(rules.approvals.expires.length()),
            promote: asked.approvals.promote,
        },
        limits: LimitsAsk {
            fuel_per_call: Some(limits.fuel_per_call),
            fuel_per_task: Some(limits.fuel_per_task),
            wall_per_call_ms: Some(limits.wall_per_call_ms),
            wall_per_task_ms: Some(limits.wall_per_task_ms),
            memory: Some(limits.memory),
            rejects: Some(asked.limits.rejects.unwrap_or(crate::work::REJECTS_MAX)),
        },
        checkpoint_rows: Some(asked.checkpoint_rows.unwrap_or(crate::work::CHECKPOINT_ROWS)),
        window_ms: Some(rules.rollback_window.length()),
        canary: CanaryAsk {
            share: Some(text(&rules.canary.share)),
            datasets: Some(rules.canary.datasets),
            bytes: Some(rules.canary.bytes),
        },
        dry_run: SampleAsk {
            share: Some(text(&rules.dry_run.share)),
            datasets: Some(rules.dry_run.datasets),
        },
        gate: Some(text(&rules.gate)),
        waves: Some(List::first(rules.waves.iter().map(text).collect()).0),
        retries: RetryAsk {
            transient: Some(rules.retries.transient),
            wait_ms: Some(rules.retries.wait.length()),
            longest_ms: Some(rules.retries.longest.length()),
        },
        round_trip: Some(rules.round_trip),
        soak: SoakAsk {
            checks_ms: Some(List::first(rules.soak.checks.iter().map(|check| check.length()).collect()).0),
            on_failure: asked.soak.on_failure,
        },
        ..asked
    }
}

fn wrong(key: &str, what: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(codes::POLICY_INVALID, format!("`{key}`: {what}"))
        .hint(Some("a key that is left out keeps its default"))
}

fn not_yet(key: &str, what: &str) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, format!("`{key}`: {what} is not done yet"))
}

fn share(key: &str, text: &str) -> Result<Share, ServiceError> {
    text.parse().map_err(|error| wrong(key, error))
}

fn some_share(key: &str, text: Option<&skein_api::Share>) -> Result<Option<Share>, ServiceError> {
    text.map(|text| share(key, text)).transpose()
}

fn allowance(asked: Option<&Budget>) -> Result<Option<Allowance>, ServiceError> {
    Ok(match asked {
        None => None,
        Some(Budget::Runs(runs)) if *runs > RUNS_MAX => {
            return Err(wrong("budget", format!("{runs} runs are more than any campaign has")));
        }
        Some(Budget::Runs(runs)) => Some(Allowance::Runs(*runs)),
        Some(Budget::Percent(percent)) if *percent <= 100 => {
            Some(Allowance::Share(Share::percent(u32::from(*percent))))
        }
        Some(Budget::Percent(percent)) => {
            return Err(wrong("budget", format!("{percent} % is more than all")));
        }
        Some(Budget::Share(text)) => Some(Allowance::Share(share("budget", text)?)),
    })
}

fn approvals(asked: ApprovalAsk, standard: ApprovalRule) -> Result<ApprovalRule, ServiceError> {
    let rule = ApprovalRule {
        expires: asked.expires_ms.map_or(standard.expires, Span::of),
        promote: match asked.promote {
            skein_api::Promote::Automatic => Promote::Automatic,
            skein_api::Promote::Approval => Promote::Approval,
        },
    };
    if rule.expires < Span::seconds(1) {
        return Err(wrong("approvals.expires", "it is shorter than a second: nobody could start in time"));
    }
    if rule.expires > ApprovalRule::LONGEST {
        return Err(wrong("approvals.expires", format!("it is longer than {}", ApprovalRule::LONGEST)));
    }
    Ok(rule)
}

fn canary(asked: &CanaryAsk, standard: CanaryRule) -> Result<CanaryRule, ServiceError> {
    let rule = CanaryRule {
        bytes: asked.bytes.unwrap_or(standard.bytes),
        datasets: asked.datasets.unwrap_or(standard.datasets),
        share: some_share("canary.share", asked.share.as_ref())?.unwrap_or(standard.share),
    };
    match rule.datasets {
        0 => Err(wrong("canary.datasets", "a canary has at least one dataset")),
        _ => Ok(rule),
    }
}

fn dry_run(asked: &SampleAsk, standard: SampleRule) -> Result<SampleRule, ServiceError> {
    let rule = SampleRule {
        datasets: asked.datasets.unwrap_or(standard.datasets),
        share: some_share("dry_run.share", asked.share.as_ref())?.unwrap_or(standard.share),
    };
    match rule.datasets {
        more if more > SAMPLES_MAX as u64 => {
            Err(wrong("dry_run.datasets", format!("{more} are more than {SAMPLES_MAX}")))
        }
        _ => Ok(rule),
    }
}

fn retries(asked: RetryAsk, standard: RetryRule) -> Result<RetryRule, ServiceError> {
    let rule = RetryRule {
        longest: asked.longest_ms.map_or(standard.longest, Span::of),
        transient: asked.transient.unwrap_or(standard.transient),
        wait: asked.wait_ms.map_or(standard.wait, Span::of),
    };
    if rule.longest < rule.wait {
        return Err(wrong("retries.longest", "it is shorter than `retries.wait`"));
    }
    // A wait that is longer looks like a clock that was put back, and ends at once.
    if rule.longest.length() > LONGEST_WAIT {
        return Err(wrong("retries.longest", "it is longer than an hour"));
    }
    Ok(rule)
}

fn soak(asked: &SoakAsk, standard: SoakRule) -> Result<SoakRule, ServiceError> {
    let rule = SoakRule {
        checks: match &asked.checks_ms {
            Some(checks) => checks.iter().map(|check| Span::of(*check)).collect(),
            None => standard.checks,
        },
        on_failure: match asked.on_failure {
            skein_api::OnFailure::Tell => OnFailure::Tell,
            skein_api::OnFailure::Revert => OnFailure::Revert,
        },
    };
    match rule.is_in_order() {
        true => Ok(rule),
        false => Err(wrong("soak.checks", "each comes after the one before")),
    }
}

/// The limits of each agent: the standard ones, lowered where the policy asks for it.
pub(crate) fn limits(asked: &LimitsAsk) -> AgentLimits {
    let standard = Limits::STANDARD;
    AgentLimits {
        fuel_per_call: lower(standard.fuel_per_call, asked.fuel_per_call),
        fuel_per_task: lower(standard.fuel_per_task, asked.fuel_per_task),
        wall_per_call_ms: lower(standard.wall_per_call, asked.wall_per_call_ms),
        wall_per_task_ms: lower(standard.wall_per_task, asked.wall_per_task_ms),
        memory: lower(standard.memory, asked.memory),
        output_bytes_per_call: standard.output_bytes_per_call,
        output_bytes_per_batch: standard.output_bytes_per_batch,
        expansion: standard.expansion,
        expansion_floor: standard.expansion_floor,
        rows_per_answer: standard.rows_per_answer,
        log_lines: standard.log_lines,
        log_bytes: standard.log_bytes,
        rejects: standard.rejects,
        state_bytes: standard.state_bytes,
        drains_per_batch: standard.drains_per_batch,
        metric_names: standard.metric_names,
    }
}

fn lower<T: Ord>(standard: T, asked: Option<T>) -> T {
    match asked {
        Some(asked) => standard.min(asked),
        None => standard,
    }
}

#[cfg(test)]
mod tests {
    use super::{effective, rules};
    use serde_json::json;
    use skein_campaign::Policy;

    fn asked(policy: serde_json::Value) -> skein_api::Policy {
        serde_json::from_value(policy).unwrap()
    }

    #[test]
    fn nothing_asked_is_the_standard_and_what_is_shown_asks_for_the_same() {
        let nothing = asked(json!({}));
        assert_eq!(rules(&nothing).unwrap(), Policy::standard());
        let shown = effective(nothing, &Policy::standard());
        assert_eq!(rules(&shown).unwrap(), Policy::standard());
        assert_eq!(shown.waves.unwrap()[0].as_str(), "10%");
        assert_eq!(shown.limits.rejects, Some(10_000));
    }

    #[test]
    fn every_rule_can_be_asked_for() {
        let policy = asked(json!({
            "budget": { "share": "0.5%" }, "admission": "strict", "names": "keep", "window_ms": 3_600_000, "gate": "80%",
            "waves": ["5%", "20.5%"], "canary": { "share": "2%", "datasets": 5, "bytes": 9 },
            "dry_run": { "share": "3%", "datasets": 6 }, "retries": { "transient": 1, "wait_ms": 250, "longest_ms": 2_000 },
            "approvals": { "expires_ms": 129_600_000, "promote": "approval" },
            "verify": "readback",
            "round_trip": false, "soak": { "checks_ms": [5, 10], "on_failure": "revert" },
        }));
        let same = "admission = \"strict\"\nbudget = \"0.5%\"\nwaves = [\"5%\", \"20.5%\"]\ngate = \"80%\"\n\
                    names = \"keep\"\nrollback_window = \"1h\"\nround_trip = false\nverify = \"readback\"\n[soak]\nchecks = [\"5ms\", \"10ms\"]\n\
                    on_failure = \"revert\"\n[canary]\nshare = \"2%\"\ndatasets = 5\nbytes = 9\n\
                    [dry_run]\nshare = \"3%\"\ndatasets = 6\n[retries]\ntransient = 1\nwait = \"250ms\"\nlongest = \"2s\"\n\
                    [approvals]\nexpires = \"36h\"\npromote = \"approval\"\n";
        assert_eq!(rules(&policy).unwrap(), Policy::parse(same).unwrap());
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_its_key() {
        for (policy, said) in [
            (json!({ "gate": "95" }), "`gate`: \"95\" is not a share"),
            (json!({ "waves": ["10%", "x"] }), "`waves`: \"x\" is not a share"),
            (json!({ "budget": { "percent": 101 } }), "`budget`: 101 % is more than all"),
            (json!({ "canary": { "datasets": 0 } }), "`canary.datasets`: a canary has at least one"),
            (json!({ "dry_run": { "datasets": 1_001 } }), "`dry_run.datasets`: 1001 are more than 1000"),
            (json!({ "retries": { "wait_ms": 2, "longest_ms": 1 } }), "`retries.longest`: it is shorter"),
            (json!({ "approvals": { "expires_ms": 999 } }), "`approvals.expires`: it is shorter"),
            (
                json!({ "approvals": { "expires_ms": 2_592_000_001_u64 } }),
                "`approvals.expires`: it is longer than 30d",
            ),
            (json!({ "soak": { "checks_ms": [2, 1] } }), "`soak.checks`: each comes after the one before"),
            (json!({ "pin": "snapshot" }), "`pin`: a campaign that pins the data is not done yet"),
            (
                json!({ "publish": { "mode": "hold" } }),
                "`publish`: a campaign that does not publish in place",
            ),
        ] {
            let refused = rules(&asked(policy)).unwrap_err();
            assert!(refused.message.starts_with(said), "{refused}");
        }
    }
}
