//! A plan before it is written: a function of what was found, of the campaign and of the time for which datasets are put off.

use std::collections::BTreeMap;

use skein_api::node::DatasetPlan;
use skein_campaign::{Candidate, Division, Leaf, PlanDigest, Seed, divide};
use skein_types::{Blake3, CampaignId, ModuleDigest, ParamsDigest, Timestamp, Verdict};

use super::Seen;
use crate::live::Live;

/// A plan before it is written.
pub(crate) struct Draft<'a> {
    pub(super) seen: &'a [Seen],
    pub(super) division: Division,
    pub(super) digest: Blake3,
    pub(super) ineligible: u64,
    /// Eligible datasets that do not start before a time.
    pub(super) deferred: u64,
    /// The kind of each of `seen`, as samples are chosen by.
    pub(super) kinds: Vec<Blake3>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(
        (id, live): (CampaignId, &Live),
        (module, params): (ModuleDigest, ParamsDigest),
        seen: &'a [Seen],
        now: Timestamp,
    ) -> Self {
        let mut digest = PlanDigest::new();
        let (mut candidates, mut later) = (Vec::new(), Vec::new());
        // Everything of the policy, also what the machine does not follow but agents are given.
        let policy = serde_json::to_string(&*live.policy).expect("a policy that was read can be written");
        for Seen { seq, plan } in seen {
            let limits = said(live, plan, &policy);
            let (schema, schema_plan) = (schema_of(plan), plan.plan.unwrap_or_else(nothing));
            digest.push(&Leaf { dataset: plan.dataset, schema, schema_plan, limits: &limits });
            if plan.verdict != Verdict::Eligible {
                continue;
            }
            match live.overrides.defers(plan.dataset, now) {
                true => later.push(*seq),
                false => candidates.push(Candidate {
                    seq: *seq,
                    group: with_params(live, plan, schema_plan),
                    bytes: plan.bytes,
                }),
            }
        }
        let mut division = divide(&candidates, live.rules(), seed(id));
        let deferred = later.len() as u64;
        // After all others: nobody waits for a wave whose time has not come.
        if !later.is_empty() {
            division.waves.push(later);
        }
        let ineligible = seen.len() as u64 - candidates.len() as u64 - deferred;
        let digest = digest.finish(&module, &params, live.rules());
        let kinds = seen.iter().map(|Seen { plan, .. }| with_params(live, plan, schema_of(plan))).collect();
        Self { seen, division, digest, ineligible, deferred, kinds }
    }

    /// Datasets that are to be migrated, each with its kind.
    pub(super) fn to_migrate(&self) -> impl Iterator<Item = (&DatasetPlan, Blake3)> {
        let all = self.seen.iter().zip(&self.kinds).map(|(seen, kind)| (&seen.plan, *kind));
        all.filter(|(plan, _)| plan.verdict == Verdict::Eligible)
    }

    /// The kind of a dataset by its place.
    pub(super) fn kind_of(&self, seq: u64) -> Option<Blake3> {
        let at = self.seen.binary_search_by_key(&seq, |seen| seen.seq).ok()?;
        self.kinds.get(at).copied()
    }

    pub(super) fn wave_of(&self) -> BTreeMap<u64, u32> {
        let waves = (0..).zip(&self.division.waves);
        waves.flat_map(|(wave, runs): (u32, _)| runs.iter().map(move |seq| (*seq, wave))).collect()
    }

    pub(super) fn eligible(&self) -> impl Iterator<Item = &DatasetPlan> {
        let plans = self.seen.iter().map(|seen| &seen.plan);
        plans.filter(|plan| plan.verdict == Verdict::Eligible)
    }

    pub(super) fn sum(&self, of: impl Fn(&DatasetPlan) -> u64) -> u64 {
        self.eligible().map(of).sum()
    }
}

/// What makes a campaign's random choices.
pub(crate) fn seed(id: CampaignId) -> Seed {
    Seed::of(&Blake3::of(id.to_string().as_bytes()))
}

pub(super) fn nothing() -> Blake3 {
    Blake3::of(b"")
}

/// Of a dataset's schema, as its plan saw it.
pub(crate) fn schema_of(plan: &DatasetPlan) -> Blake3 {
    plan.schema.unwrap_or_else(nothing)
}

/// A kind of datasets: those with parameters of their own are another kind than those without.
pub(crate) fn with_params(live: &Live, plan: &DatasetPlan, kind: Blake3) -> Blake3 {
    match live.overrides.params(plan.dataset) {
        None => kind,
        Some(params) => Blake3::of(&[kind.0, params.0].concat()),
    }
}

/// What else holds for a dataset's run, in one spelling.
fn said(live: &Live, plan: &DatasetPlan, policy: &str) -> String {
    let params = live.overrides.params(plan.dataset).map(|params| params.to_string()).unwrap_or_default();
    let until = live.overrides.defer_until(plan.dataset).map_or(0, |until| until.0);
    format!("{} {params} {until} {policy}", plan.verdict)
}
