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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_api::PlanRules;
    use skein_ledger::{Actor, Entry, Grant, Name, RuleSet, TokenIssued};
    use skein_types::{Blake3, Role, Timestamp};

    use crate::access::{Principal, Right};
    use crate::scene::{HandClock, campaign, open_for, planned_for, token};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    /// Whose datasets, whose rule, its name, with how many, whether nobody of its team may look at them.
    type Told = (String, Option<String>, String, u64, bool);

    fn told(rules: &PlanRules) -> Vec<Told> {
        let said = |rule: &skein_api::PlanRule| {
            let consumer = rule.consumer.as_ref().map(ToString::to_string);
            (rule.owner.to_string(), consumer, rule.name.to_string(), rule.datasets, rule.unseen)
        };
        rules.items.iter().map(said).collect()
    }

    fn of(owner: &str, consumer: Option<&str>, rule: &str, unseen: bool) -> Told {
        (owner.to_owned(), consumer.map(str::to_owned), rule.to_owned(), 1, unseen)
    }

    #[test]
    fn a_plans_rules_are_told_to_who_sees_the_datasets_or_has_them_and_counted_for_others() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open_for(place.path(), &clock, false);
        planned_for(&control, &["shop", "pay"]);
        let bytes = br#"{"name":"some","row_count":{"min":1}}"#.to_vec();
        let blob = Blake3::of(&bytes);
        let kept = Entry::PutBlob { bytes, keep_until: Timestamp(u64::MAX >> 12) };
        let set = |seq: u64, consumer: Option<&str>, rule: &str| {
            let dataset = control.ledger.run(campaign(), seq).unwrap().unwrap().dataset;
            RuleSet { dataset, consumer: consumer.map(name), name: name(rule), blob }
        };
        let unit = control.itself.unit().then(kept).decide(set(0, None, "own"));
        let unit = unit.decide(set(0, Some("bi"), "gap")).decide(set(0, Some("risk"), "sum"));
        control.write(unit.decide(set(1, None, "paid")).decide(set(1, Some("bi"), "all"))).unwrap();
        let both = |team: &str| Grant { team: Some(name(team)), role: Role::Viewer };
        let reads = TokenIssued { grants: vec![both("bi"), both("shop")], ..token(1, "t1", None) };
        control.write(control.itself.unit().decide(reads)).unwrap();

        let shown = |team: Option<&str>| {
            let right = Right { team: team.map(name), role: Role::Viewer };
            let who = Principal::with(Actor::new("vi").unwrap(), vec![right]);
            let rules = control.rules_of_plan(&who, campaign()).unwrap();
            assert_eq!(rules.more, 0);
            (told(&rules), rules.hidden)
        };
        let (own, gap) = (of("shop", None, "own", false), of("shop", Some("bi"), "gap", false));
        let sum = of("shop", Some("risk"), "sum", true);
        let (paid, all) = (of("pay", None, "paid", false), of("pay", Some("bi"), "all", true));
        assert_eq!(shown(Some("shop")), (vec![own.clone(), gap.clone(), sum.clone()], 2));
        assert_eq!(shown(Some("bi")), (vec![all.clone(), gap.clone()], 3));
        assert_eq!(shown(Some("pay")), (vec![paid.clone(), all.clone()], 3));
        assert_eq!(shown(Some("else")), (vec![], 5));
        assert_eq!(shown(None), (vec![paid, all, own, gap, sum], 0));
    }
}
