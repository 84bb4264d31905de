//! What must hold of the datasets of a plan by rules that stand with them, for whoever reviews it.
//!
//! They are looked up when somebody asks: a reader may have set one since the plan was made. Who sees the datasets' team is told of all
//! of them, who sees a reader of its own, and everybody else who sees the plan that there are some: as where they stand.

use std::collections::BTreeMap;

use skein_api::{List, PlanRule, PlanRules, Text};
use skein_ledger::{Limit, Name, PlannedRule};
use skein_types::CampaignId;

use super::sight::Readers;
use crate::access::{Act, Principal};
use crate::control::Control;
use crate::error::ServiceError;

impl Control {
    /// Rules that stand with datasets of a plan.
    pub(crate) fn rules_of_plan(&self, who: &Principal, id: CampaignId) -> Result<PlanRules, ServiceError> {
        let (mut told, mut hidden) = (Vec::new(), 0);
        for row in self.ledger.rules_of_campaign(id, Limit::MAX)? {
            let own = row.consumer.as_ref().is_some_and(|team| who.may_in(Act::See, team));
            if own || who.may_in(Act::See, &row.owner) {
                told.push(row);
            } else {
                hidden += 1;
            }
        }
        let more = told.len().saturating_sub(skein_api::LISTED_MAX) as u64;
        told.truncate(skein_api::LISTED_MAX);
        let mut readers: BTreeMap<Name, Readers> = BTreeMap::new();
        let mut items = Vec::new();
        for row in told {
            if row.consumer.is_some() && !readers.contains_key(&row.owner) {
                readers.insert(row.owner.clone(), self.readers(&row.owner)?);
            }
            let of = readers.get(&row.owner);
            let unseen = of.is_some_and(|readers| !readers.have(row.consumer.as_ref()));
            items.push(self.planned_rule(row, unseen)?);
        }
        Ok(PlanRules { items: List::first(items).0, more, hidden })
    }

    fn planned_rule(&self, row: PlannedRule, unseen: bool) -> Result<PlanRule, ServiceError> {
        let rule = self.rule_of(row.blob)?;
        Ok(PlanRule {
            name: Text::escaped(row.name.as_str()),
            owner: Text::escaped(row.owner.as_str()),
            consumer: row.consumer.as_ref().map(|team| Text::escaped(team.as_str())),
            severity: rule.severity,
            kind: Text::escaped(rule.check.kind()),
            datasets: row.datasets,
            example: Text::escaped(row.example.as_str()),
            ignored: row.ignored,
            unseen,
        })
    }
}
