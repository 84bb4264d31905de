//! Rules that are looked at again after a publish: which are given to a node, and what one means that does not hold any more.

use skein_api::node::TaskRules;
use skein_ledger::Run;
use skein_types::{CampaignId, RuleResult, RulesLead, codes};

use crate::control::Control;
use crate::datasets::rules::Meant;
use crate::error::ServiceError;
use crate::soak::Alarm;

impl Control {
    /// Rules that are looked at again.
    pub(super) fn rules_again(
        &self,
        campaign: CampaignId,
        run: &Run,
    ) -> Result<Option<TaskRules>, ServiceError> {
        let mut state = self.state();
        let live = self.live(&mut state, campaign)?;
        self.task_rules((campaign, live), run.dataset, Meant::Again(run.since))
    }
}

/// A rule that held and does not any more. It is told whatever its severity; a run ends by those whose dataset or campaign it is alone.
pub(super) fn of_rule(broken: &RuleResult, version: u64) -> Alarm {
    let rule = match &broken.consumer {
        Some(team) => format!("{} of {team}", broken.rule),
        None => broken.rule.to_string(),
    };
    Alarm {
        code: codes::SOAK_RULE_BROKEN,
        version,
        path: Some(rule),
        message: broken.to_string(),
        reverts: broken.consumer.is_none() && broken.leads() != RulesLead::On,
        consumer: broken.consumer.clone(),
    }
}

#[cfg(test)]
mod tests {
    use skein_types::{Name, RuleResult, RuleVerdict, Severity, Text};

    use super::of_rule;

    #[test]
    fn a_broken_rule_is_told_whatever_its_severity_and_reverts_only_what_is_its_own() {
        let result = |severity, consumer: Option<&str>| RuleResult {
            rule: Name::new("ids").unwrap(),
            consumer: consumer.map(|team| Name::new(team).unwrap()),
            severity,
            verdict: RuleVerdict::Broken,
            observed: Text::clip(if consumer.is_some() { "" } else { "2 rows are there again" }),
        };
        for (severity, consumer, reverts) in [
            (Severity::Error, None, true),
            (Severity::Hold, None, true),
            (Severity::Warn, None, false),
            (Severity::Error, Some("bi"), false),
            (Severity::Hold, Some("bi"), false),
        ] {
            let alarm = of_rule(&result(severity, consumer), 3);
            assert_eq!(alarm.reverts, reverts, "{severity} {consumer:?}");
            assert_eq!(alarm.consumer.as_ref().map(Name::as_str), consumer);
        }
        let alarm = of_rule(&result(Severity::Hold, None), 3);
        assert_eq!(alarm.path.as_deref(), Some("ids"));
        assert_eq!(alarm.message, "rule ids is broken: 2 rows are there again");
        let alarm = of_rule(&result(Severity::Hold, Some("bi")), 3);
        assert_eq!(alarm.path.as_deref(), Some("ids of bi"));
        assert_eq!(alarm.message, "rule ids of bi is broken");
    }
}
