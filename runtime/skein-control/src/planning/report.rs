//! What a plan says: what becomes of all datasets and why, what was tried and how it went, how much can go wrong, what it takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_api::node::Sampled;
use skein_api::{
    Determinism, Difference, IdempotenceSeen, LISTED_MAX, List, Meters, Name, PlanReason, PlanReport,
    PlanRules, PlanSample, PlannedModule, PlannedSchema, RunRows, SLICES_MAX, SampleFacts, Samples, Text,
    Uncovered, Why,
};
use skein_campaign::Sample;
use skein_ledger::Guard;
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, Fuel, Millis, ModuleDigest, Rows, Verdict, codes};

use super::estimate::estimate;
use super::precautions::Ways;
use super::risk::{Tier, risk};
use super::slices::{Catalogue, Known, slices, whole};
use super::{Draft, Seen};
use crate::control::Control;
use crate::error::ServiceError;
use crate::sampling::Tried;

/// The label that says how much depends on a dataset.
const TIER: &str = "tier";

/// What it says.
pub(crate) fn tier(labels: &skein_ledger::Labels) -> Option<Tier> {
    let (_, word) = labels.iter().find(|(key, _)| key.as_str() == TIER)?;
    Tier::of(word.as_str())
}

/// A report as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stored {
    pub(crate) report: PlanReport,
    /// The blob with the list of samples.
    pub(crate) samples: Option<Blake3>,
    /// Where the log was when its making began; 0, if that is not known.
    pub(crate) as_of: u64,
}

/// All that a report is made of.
pub(super) struct Looked<'a> {
    pub(super) module: ModuleDigest,
    pub(super) draft: &'a Draft<'a>,
    pub(super) sample: &'a Sample,
    pub(super) tried: &'a [Tried],
    pub(super) agents: u64,
    pub(super) as_of: u64,
    pub(super) ways: Ways<'a>,
}

impl Control {
    /// The bytes of the report. Its list of samples is kept here; a plan that is not written after that leaves it to its time.
    pub(super) fn reported(
        &self,
        (campaign, epoch): (CampaignId, u64),
        looked: &Looked<'_>,
    ) -> Result<Vec<u8>, ServiceError> {
        let bug = |error: serde_json::Error| ServiceError::bug(error.to_string());
        let samples: Vec<PlanSample> =
            looked.tried.iter().map(|tried| self.sample_of(tried)).collect::<Result<_, _>>()?;
        let samples = serde_json::to_vec(&samples).map_err(bug)?;
        let digest = Blake3::of(&samples);
        let guarded = self.itself.unit().if_(Guard::CampaignAt { campaign, epoch });
        self.write(guarded.then(self.kept_blob(samples)))?;
        let report = self.report(looked)?;
        serde_json::to_vec(&Stored { report, samples: Some(digest), as_of: looked.as_of }).map_err(bug)
    }

    fn report(&self, looked: &Looked<'_>) -> Result<PlanReport, ServiceError> {
        let Looked { draft, sample, .. } = looked;
        let known = self.catalogue(draft)?;
        let count = |verdict| draft.seen.iter().filter(|seen| seen.plan.verdict == verdict).count() as u64;
        let (canary_uncovered, more_uncovered) = self.uncovered(draft, &draft.division.uncovered)?;
        let slices = slices(looked, &known);
        if slices.len() > SLICES_MAX {
            let message = format!("its datasets are those of {} teams, more than {SLICES_MAX}", slices.len());
            return Err(ServiceError::new(codes::LEDGER_INVALID, message));
        }
        let ahead = canary_uncovered.len() as u64 + more_uncovered;
        let mut signs = whole(looked, &known);
        signs.canary_uncovered = ahead;
        let (risk, because) = risk(&signs);
        let report =
            PlanReport {
                risk,
                because: List::first(because.iter().map(|text| Text::escaped(text)).collect()).0,
                slices: List::first(slices).0,
                module: self.planned_module(looked.module)?,
                eligible: count(Verdict::Eligible),
                already_migrated: count(Verdict::AlreadyMigrated),
                not_applicable: count(Verdict::NotApplicable),
                refused: count(Verdict::Refused),
                deferred: draft.deferred,
                reasons: self.reasons(draft.seen.iter().filter_map(|Seen { plan, .. }| {
                    Some((plan.verdict, plan.dataset, plan.why.as_ref()?))
                }))?,
                waves: List::first(draft.division.sizes()).0,
                canary_uncovered,
                more_uncovered,
                samples: self.samples_of(looked, sample)?,
                schemas: self.schemas(looked)?,
                estimate: estimate(looked),
                // They are looked up for whoever asks.
                rules: PlanRules::default(),
            };
        Ok(report)
    }

    /// What the catalogue says of the datasets of a plan.
    fn catalogue(&self, draft: &Draft<'_>) -> Result<Catalogue, ServiceError> {
        let mut known = Catalogue::new();
        for Seen { plan, .. } in draft.seen {
            let Some(row) = self.ledger.dataset(plan.dataset)? else { continue };
            let tier = tier(&row.labels);
            let one = Known { name: row.name.to_string(), owner: row.owner.to_string(), tier };
            known.insert(plan.dataset, one);
        }
        Ok(known)
    }

    /// What runs, and where it is from.
    fn planned_module(&self, digest: ModuleDigest) -> Result<Option<PlannedModule>, ServiceError> {
        Ok(self.ledger.module(digest)?.map(|row| PlannedModule {
            digest,
            name: Text::escaped(row.name.as_str()),
            version: Text::escaped(row.version.as_str()),
            source: row.source.as_ref().map(|source| Text::escaped(source.as_str())),
            commit: row.commit.as_ref().map(|commit| Text::escaped(commit.as_str())),
        }))
    }

    /// The kinds of datasets of which one was tried and did not fail, those with the most datasets first.
    fn schemas(&self, looked: &Looked<'_>) -> Result<List<PlannedSchema, LISTED_MAX>, ServiceError> {
        let mut datasets: BTreeMap<Blake3, u64> = BTreeMap::new();
        looked.draft.to_migrate().for_each(|(_, kind)| *datasets.entry(kind).or_default() += 1);
        let mut first: BTreeMap<Blake3, (&Tried, &Sampled)> = BTreeMap::new();
        for tried in looked.tried {
            let (Some(kind), Ok(sampled)) = (looked.draft.kind_of(tried.job.seq), &tried.outcome) else {
                continue;
            };
            first.entry(kind).or_insert((tried, sampled));
        }
        let mut kinds: Vec<_> =
            first.into_iter().map(|(kind, one)| (datasets.get(&kind).copied().unwrap_or(0), one)).collect();
        kinds.sort_by_key(|(datasets, (tried, _))| (std::cmp::Reverse(*datasets), tried.job.seq));
        kinds.truncate(LISTED_MAX);
        let schema = |(datasets, (tried, sampled)): (u64, (&Tried, &Sampled))| {
            let example = self.called(tried.job.dataset)?;
            let (schema, sample) = (tried.job.schema, tried.job.seq);
            let facts = named(&sampled.facts, &example);
            Ok::<_, ServiceError>(PlannedSchema { schema, datasets, sample, example, facts })
        };
        Ok(List::first(kinds.into_iter().map(schema).collect::<Result<_, _>>()?).0)
    }

    fn samples_of(&self, looked: &Looked<'_>, sample: &Sample) -> Result<Samples, ServiceError> {
        let failed =
            looked.tried.iter().filter_map(|tried| Some((&tried.job, tried.outcome.as_ref().err()?)));
        let failures = failed.clone().map(|(job, why)| (Verdict::Eligible, job.dataset, why));
        let good = looked.tried.iter().filter_map(|tried| tried.outcome.as_ref().ok());
        let (uncovered, more_uncovered) = self.uncovered(looked.draft, &sample.uncovered)?;
        let (mut determinism, mut idempotence) = (Determinism::default(), IdempotenceSeen::default());
        for tried in looked.tried {
            let Ok(sampled) = &tried.outcome else { continue };
            let facts = &sampled.facts;
            facts.idempotence.iter().for_each(|one| idempotence.add(*one));
            let name = self.called(tried.job.dataset)?;
            determinism = determinism.and(&named(facts, &name).determinism);
        }
        Ok(Samples {
            datasets: sample.coverage.datasets,
            of_datasets: sample.coverage.of_datasets,
            groups: sample.coverage.groups,
            of_groups: sample.coverage.of_groups,
            rows: good.clone().fold(RunRows::default(), |sum, one| plus(sum, one.rows)),
            of_rows: Rows(looked.draft.sum(|plan| plan.rows.0)),
            determinism,
            idempotence,
            meters: good.fold(Meters::default(), |sum, one| together(sum, one.meters)),
            failed: failed.count() as u64,
            failures: self.reasons(failures)?,
            uncovered,
            more_uncovered,
        })
    }

    fn sample_of(&self, tried: &Tried) -> Result<PlanSample, ServiceError> {
        let good = tried.outcome.as_ref().ok();
        let name = self.called(tried.job.dataset)?;
        Ok(PlanSample {
            seq: tried.job.seq,
            dataset: tried.job.dataset,
            facts: good.map(|sampled| named(&sampled.facts, &name)).unwrap_or_default(),
            name,
            schema: tried.job.schema,
            rows: good.map(|sampled| sampled.rows),
            meters: good.map(|sampled| sampled.meters),
            report: good.map(|sampled| sampled.report),
            why: tried.outcome.as_ref().err().cloned(),
        })
    }

    /// By verdict and code, the most frequent first, each with its first dataset.
    fn reasons<'w>(
        &self,
        of: impl Iterator<Item = (Verdict, DatasetId, &'w Why)>,
    ) -> Result<List<PlanReason, LISTED_MAX>, ServiceError> {
        let mut by_code: BTreeMap<(Verdict, &str), (u64, DatasetId, &Why)> = BTreeMap::new();
        for (verdict, dataset, why) in of {
            by_code.entry((verdict, &*why.code)).or_insert((0, dataset, why)).0 += 1;
        }
        let mut counted: Vec<_> = by_code.into_iter().collect();
        counted.sort_by_key(|(key, (datasets, ..))| (std::cmp::Reverse(*datasets), *key));
        counted.truncate(LISTED_MAX);
        let reason = |((verdict, _), (datasets, example, why)): ((Verdict, &str), (u64, DatasetId, &Why))| {
            let (code, message) = (why.code.clone(), why.message.clone());
            Ok::<_, ServiceError>(PlanReason {
                verdict,
                code,
                datasets,
                example: self.called(example)?,
                message,
            })
        };
        Ok(List::first(counted.into_iter().map(reason).collect::<Result<_, _>>()?).0)
    }

    /// The first of the kinds, and how many there are beside them.
    fn uncovered(
        &self,
        draft: &Draft<'_>,
        kinds: &[skein_campaign::Uncovered],
    ) -> Result<(List<Uncovered, LISTED_MAX>, u64), ServiceError> {
        let listed = kinds.iter().take(LISTED_MAX).map(|kind| {
            let at = draft.seen.binary_search_by_key(&kind.smallest, |seen| seen.seq);
            let example = match at {
                Ok(at) => self.called(draft.seen[at].plan.dataset)?,
                Err(_) => Text::escaped(""),
            };
            Ok::<_, ServiceError>(Uncovered { group: kind.group, datasets: kind.datasets, example })
        });
        let listed = listed.collect::<Result<Vec<_>, _>>()?;
        Ok((List::first(listed).0, kinds.len().saturating_sub(LISTED_MAX) as u64))
    }

    fn called(&self, dataset: DatasetId) -> Result<Name, ServiceError> {
        let row = self.ledger.dataset(dataset)?;
        Ok(Text::escaped(row.as_ref().map_or("(removed)", |row| row.name.as_str())))
    }
}

pub(super) fn plus(sum: RunRows, one: RunRows) -> RunRows {
    let rows = |a: Rows, b: Rows| Rows(a.0.saturating_add(b.0));
    RunRows {
        read: rows(sum.read, one.read),
        written: rows(sum.written, one.written),
        rejected: rows(sum.rejected, one.rejected),
        filtered: rows(sum.filtered, one.filtered),
    }
}

fn together(sum: Meters, one: Meters) -> Meters {
    Meters {
        fuel: Fuel(sum.fuel.0.saturating_add(one.fuel.0)),
        cpu_ms: Millis(sum.cpu_ms.0.saturating_add(one.cpu_ms.0)),
        wall_ms: Millis(sum.wall_ms.0.saturating_add(one.wall_ms.0)),
        memory_peak: sum.memory_peak.max(one.memory_peak),
        bytes_read: Bytes(sum.bytes_read.0.saturating_add(one.bytes_read.0)),
        bytes_written: Bytes(sum.bytes_written.0.saturating_add(one.bytes_written.0)),
        bytes_spliced: Bytes(sum.bytes_spliced.0.saturating_add(one.bytes_spliced.0)),
    }
}

/// With the dataset's name where a node could not say it.
fn named(facts: &SampleFacts, name: &Name) -> SampleFacts {
    let mut facts = facts.clone();
    let difference = facts.determinism.difference.take();
    facts.determinism.difference = difference.map(|one| Difference { dataset: Some(name.clone()), ..one });
    facts
}
