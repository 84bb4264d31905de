//! A campaign's policy as a body says it, as the machine follows it, and as agents are limited by it.

use skein_api::node::AgentLimits;
use skein_api::{Admission, Budget, LimitsAsk, Pin, Publish};
use skein_campaign::{Allowance, Policy, Share, Span};
use skein_sandbox::Limits;
use skein_types::codes;

use crate::error::ServiceError;

/// The rules of the machine.
pub(crate) fn rules(asked: &skein_api::Policy) -> Result<Policy, ServiceError> {
    let not_yet = |what: &str| Err(ServiceError::new(codes::BODY_INVALID, format!("{what} is not done yet")));
    match asked.publish {
        Publish::Replace => {}
        // Whoever asks for it counts on the dataset staying as it is.
        Publish::Hold | Publish::Beside { .. } => {
            return not_yet("a campaign that does not publish in place");
        }
    }
    match asked.pin {
        Pin::Schema => {}
        Pin::Snapshot => return not_yet("a campaign that pins the data"),
    }
    let mut rules = Policy::standard();
    rules.budget = match asked.budget {
        None => rules.budget,
        Some(Budget::Runs(runs)) => Allowance::Runs(runs),
        Some(Budget::Percent(percent)) if percent <= 100 => {
            Allowance::Share(Share::percent(u32::from(percent)))
        }
        Some(Budget::Percent(percent)) => {
            return Err(ServiceError::new(codes::BODY_INVALID, format!("a budget of {percent} %")));
        }
    };
    rules.admission = match asked.admission {
        Admission::Door => skein_campaign::Admission::SlowStart,
        Admission::Strict => skein_campaign::Admission::Strict,
    };
    if let Some(window) = asked.window_ms {
        rules.rollback_window = Span::of(window);
    }
    Ok(rules)
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
