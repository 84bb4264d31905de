//! Rules of tasks: fetched once by what they are called, and the process that evaluates them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skein_api::List;
use skein_api::node::{DatasetPlace, TaskRules};
use skein_dataset::Dataset;
use skein_types::{Blake3, Rule};
use skein_verify::Jail;

use super::client::{Client, ClientError};
use crate::rules::{OtherDataset, RuleAsked, RulesAsked, jail};

/// Columns that are named as sensitive where a dataset is registered.
pub(super) fn sensitive_of(place: &DatasetPlace) -> Vec<String> {
    place.sensitive.iter().map(ToString::to_string).collect()
}

/// Rules that are kept for the next task.
const KEPT: usize = 256;

/// What a node knows of rules.
pub(super) struct RuleBook {
    pub(super) jail: Jail,
    /// By their blobs; a policy's are several.
    kept: Mutex<BTreeMap<Blake3, Arc<Vec<Rule>>>>,
}

impl RuleBook {
    /// With a process for each of so many runs at a time, so that none waits for another's rules.
    pub(super) fn new(slots: usize) -> Self {
        Self { jail: jail(slots), kept: Mutex::default() }
    }

    /// What is to be looked at for a task.
    pub(super) fn asked(
        &self,
        client: &Client,
        of: &TaskRules,
        open: impl Fn(&DatasetPlace) -> Result<Dataset, String>,
    ) -> Result<RulesAsked, ClientError> {
        let mut rules = Vec::new();
        if let Some(policy) = of.policy {
            let all = self.rules(client, policy)?;
            rules.extend(
                all.iter().map(|rule| RuleAsked { of_policy: true, ..RuleAsked::here(rule.clone()) }),
            );
        }
        for one in of.rules.iter() {
            let all = self.rules(client, one.blob)?;
            let of_it = |rule: &Rule| {
                let (consumer, unseen) = (one.consumer.clone(), one.unseen);
                RuleAsked { consumer, unseen, ..RuleAsked::here(rule.clone()) }
            };
            rules.extend(all.iter().map(of_it));
        }
        let others = of.others.iter().map(|other| OtherDataset {
            of_policy: other.of_policy,
            team: other.team.clone(),
            name: other.name.clone(),
            dataset: match &other.place {
                Some(place) => open(place),
                None => Err("there is no such dataset that its team may look at".to_owned()),
            },
            sensitive: other.place.iter().flat_map(sensitive_of).collect(),
        });
        Ok(RulesAsked { rules, others: others.collect() })
    }

    fn rules(&self, client: &Client, blob: Blake3) -> Result<Arc<Vec<Rule>>, ClientError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = kept.get(&blob) {
            return Ok(Arc::clone(rules));
        }
        let bytes = client.blob(blob)?;
        // One rule, or a policy with some. Control has read both before it named them.
        let rules = match serde_json::from_slice::<Rule>(&bytes) {
            Ok(rule) => vec![rule],
            Err(_) => {
                let policy: Result<skein_api::Policy, _> =
                    skein_api::parse(&bytes, skein_api::BODY_BYTES_MAX);
                let nonsense = |error: skein_api::BodyError| ClientError::Nonsense(error.to_string());
                policy.map_err(nonsense)?.rules.map(List::into_vec).unwrap_or_default()
            }
        };
        let rules = Arc::new(rules);
        while kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(blob, Arc::clone(&rules));
        Ok(rules)
    }
}
