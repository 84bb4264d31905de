//! What a plan says: what becomes of all datasets and why, what was tried and how it went, how much can go wrong, what it takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_api::{
    LISTED_MAX, List, Meters, Name, PlanEstimate, PlanReason, PlanReport, PlanSample, Risk, RunRows, Samples,
    Text, Uncovered, Why,
};
use skein_campaign::Sample;
use skein_ledger::Guard;
use skein_types::{Blake3, Bytes, CampaignId, DatasetId, Fuel, Millis, Rows, Verdict};

use super::{Draft, Seen, schema_of};
use crate::control::Control;
use crate::error::ServiceError;
use crate::sampling::Tried;

/// Publishing one dataset of many costs about as much.
const PUBLISH: Millis = Millis(4);
/// What is carried is copied as fast, by one agent.
const COPY_BYTES_PER_MS: u64 = (400 << 20) / 1_000;

/// A report as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stored {
    pub(crate) report: PlanReport,
    /// The blob with the list of samples.
    pub(crate) samples: Option<Blake3>,
}

/// All that a report is made of.
pub(super) struct Looked<'a> {
    pub(super) draft: &'a Draft<'a>,
    pub(super) sample: &'a Sample,
    pub(super) tried: &'a [Tried],
    pub(super) agents: u64,
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
        serde_json::to_vec(&Stored { report, samples: Some(digest) }).map_err(bug)
    }

    fn report(&self, looked: &Looked<'_>) -> Result<PlanReport, ServiceError> {
        let Looked { draft, sample, .. } = looked;
        let count = |verdict| draft.seen.iter().filter(|seen| seen.plan.verdict == verdict).count() as u64;
        let (canary_uncovered, more_uncovered) = self.uncovered(draft, &draft.division.uncovered)?;
        let mut report =
            PlanReport {
                risk: Risk::Low,
                because: List::EMPTY,
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
                estimate: estimate(looked),
            };
        let (risk, because) = risk(&report);
        report.risk = risk;
        report.because = List::first(because.into_iter().map(|text| Text::escaped(&text)).collect()).0;
        Ok(report)
    }

    fn samples_of(&self, looked: &Looked<'_>, sample: &Sample) -> Result<Samples, ServiceError> {
        let failed =
            looked.tried.iter().filter_map(|tried| Some((&tried.job, tried.outcome.as_ref().err()?)));
        let failures = failed.clone().map(|(job, why)| (Verdict::Eligible, job.dataset, why));
        let good = looked.tried.iter().filter_map(|tried| tried.outcome.as_ref().ok());
        let (uncovered, more_uncovered) = self.uncovered(looked.draft, &sample.uncovered)?;
        Ok(Samples {
            datasets: sample.coverage.datasets,
            of_datasets: sample.coverage.of_datasets,
            groups: sample.coverage.groups,
            of_groups: sample.coverage.of_groups,
            rows: good.clone().fold(RunRows::default(), |sum, one| plus(sum, one.rows)),
            meters: good.fold(Meters::default(), |sum, one| together(sum, one.meters)),
            failed: failed.count() as u64,
            failures: self.reasons(failures)?,
            uncovered,
            more_uncovered,
        })
    }

    fn sample_of(&self, tried: &Tried) -> Result<PlanSample, ServiceError> {
        let good = tried.outcome.as_ref().ok();
        Ok(PlanSample {
            seq: tried.job.seq,
            dataset: tried.job.dataset,
            name: self.called(tried.job.dataset)?,
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

/// How much can go wrong, and why it is not low. Pure.
fn risk(report: &PlanReport) -> (Risk, Vec<String>) {
    let samples = &report.samples;
    let (mut risk, mut because) = (Risk::Low, Vec::new());
    let mut says = |one: Risk, holds: bool, text: String| {
        if holds {
            risk = risk.max(one);
            because.push(text);
        }
    };
    let (failed, tried) = (samples.failed, samples.datasets);
    says(Risk::High, failed > 0, format!("{failed} of {tried} samples failed"));
    let wanted = report.eligible > 0 || (report.refused > 0 && report.already_migrated == 0);
    says(Risk::High, tried == 0 && wanted, "nothing was tried".to_owned());
    let lost = samples.rows.rejected;
    says(
        Risk::Moderate,
        lost.0 > 0,
        format!("the module rejected {} of {} sampled rows", lost.0, samples.rows.read.0),
    );
    let filtered = samples.rows.filtered;
    says(
        Risk::Moderate,
        filtered.0 > 0,
        format!("the module leaves {} of {} sampled rows out", filtered.0, samples.rows.read.0),
    );
    let untried = samples.of_groups.saturating_sub(samples.groups);
    says(
        Risk::Moderate,
        untried > 0,
        format!("nothing was tried of {untried} of {} schemas", samples.of_groups),
    );
    let ahead = report.canary_uncovered.len() as u64 + report.more_uncovered;
    says(Risk::Moderate, ahead > 0, format!("{ahead} kinds of datasets have none in the canary"));
    let refused = report.refused;
    says(Risk::Moderate, refused > 0, format!("{refused} datasets are refused and stay as they are"));
    (risk, because)
}

/// What it takes, schema by schema as the samples of it took per row; those of schemas that were not tried, as all.
fn estimate(looked: &Looked<'_>) -> PlanEstimate {
    let mut took: BTreeMap<Blake3, Took> = BTreeMap::new();
    let mut all = Took::default();
    for tried in looked.tried {
        let (Ok(sampled), schema) = (&tried.outcome, tried.job.schema) else { continue };
        let one =
            Took { rows: sampled.rows.read.0, cpu: sampled.meters.cpu_ms.0, fuel: sampled.meters.fuel.0 };
        all.add(one);
        took.entry(schema.unwrap_or_else(super::draft::nothing)).or_default().add(one);
    }
    let (mut cpu, mut fuel, mut bytes) = (0_u128, 0_u128, 0_u64);
    for plan in looked.draft.eligible() {
        let like = took.get(&schema_of(plan)).filter(|took| took.rows > 0).copied().unwrap_or(all);
        let rows = u128::from(plan.rows.0);
        let per_row = |what: u64| u128::from(what) * rows / u128::from(like.rows.max(1));
        cpu += per_row(like.cpu) + u128::from(plan.bytes.0 / COPY_BYTES_PER_MS.max(1) + PUBLISH.0);
        fuel += per_row(like.fuel);
        bytes = bytes.saturating_add(plan.bytes.0);
    }
    let short = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    PlanEstimate {
        cpu_ms: Millis(short(cpu)),
        time_ms: Millis(short(cpu / u128::from(looked.agents.max(1)))),
        fuel: Fuel(short(fuel)),
        room: Bytes(bytes.saturating_add(bytes / 5)),
        agents: looked.agents,
    }
}

/// What samples of a kind took together.
#[derive(Clone, Copy, Default)]
struct Took {
    rows: u64,
    cpu: u64,
    fuel: u64,
}

impl Took {
    const fn add(&mut self, one: Self) {
        self.rows = self.rows.saturating_add(one.rows);
        self.cpu = self.cpu.saturating_add(one.cpu);
        self.fuel = self.fuel.saturating_add(one.fuel);
    }
}

fn plus(sum: RunRows, one: RunRows) -> RunRows {
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

#[cfg(test)]
mod tests {
    use super::{PlanReport, Risk, Samples, risk};
    use skein_types::Rows;

    #[test]
    fn the_risk_is_the_highest_of_what_was_seen_and_says_why() {
        let fine = Samples { datasets: 2, of_datasets: 9, groups: 1, of_groups: 1, ..Samples::default() };
        let report = |samples: Samples| PlanReport { eligible: 9, samples, ..PlanReport::default() };
        assert_eq!(risk(&report(fine.clone())), (Risk::Low, vec![]));
        let mut rejected = fine;
        (rejected.rows.read, rejected.rows.rejected) = (Rows(10), Rows(1));
        let said = "the module rejected 1 of 10 sampled rows".to_owned();
        assert_eq!(risk(&report(rejected.clone())), (Risk::Moderate, vec![said]));
        let failed = Samples { failed: 1, of_groups: 3, ..rejected };
        let (high, because) = risk(&report(failed));
        assert_eq!((high, because.len()), (Risk::High, 3));
        assert_eq!(because[0], "1 of 2 samples failed");
        assert_eq!(risk(&report(Samples::default())).1, ["nothing was tried"]);
        let refused = PlanReport { refused: 1, ..PlanReport::default() };
        assert_eq!(risk(&refused).1, ["nothing was tried", "1 datasets are refused and stay as they are"]);
        assert_eq!(risk(&refused).0, Risk::High);
        // There is nothing to try where nothing is to be done.
        assert_eq!(risk(&PlanReport { already_migrated: 1, ..refused }).0, Risk::Moderate);
        assert_eq!(risk(&PlanReport::default()).0, Risk::Low);
    }
}
