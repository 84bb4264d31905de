//! The parts of a plan: the datasets of each team, with the risk that is theirs. What was tried of a kind of datasets counts for
//! every team that has some of it.

use std::collections::{BTreeMap, BTreeSet};

use skein_api::{List, PlanSlice, RunRows, Text};
use skein_types::{Blake3, Bytes, DatasetId, Rows, Verdict};

use super::precautions::done_without;
use super::report::{Looked, plus};
use super::risk::{Signs, Tier, risk};
use crate::sampling::Tried;

/// What the catalogue says of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) tier: Option<Tier>,
}

/// Of every dataset that is looked at. Those that were removed since have no entry.
pub(super) type Catalogue = BTreeMap<DatasetId, Known>;

/// What is known of the datasets of one team.
#[derive(Debug, Default)]
struct Part<'a> {
    datasets: u64,
    rows: u64,
    bytes: u64,
    refused: u64,
    already_migrated: u64,
    tier: Option<(Tier, u64)>,
    kinds: BTreeSet<Blake3>,
    /// Sensitive columns that are not there.
    hides_nothing: BTreeSet<&'a str>,
}

impl Part<'_> {
    fn tier(&mut self, tier: Tier) {
        self.tier = match self.tier {
            Some((known, datasets)) if known == tier => Some((known, datasets + 1)),
            Some((known, datasets)) if known > tier => Some((known, datasets)),
            Some(_) | None => Some((tier, 1)),
        };
    }
}

/// The signs of the whole plan, without what its canary leaves out.
pub(super) fn whole<'a>(looked: &'a Looked<'_>, known: &'a Catalogue) -> Signs<'a> {
    let mut all = Part::default();
    for part in parts(looked, known).into_values() {
        all.bytes = all.bytes.saturating_add(part.bytes);
        all.datasets += part.datasets;
        all.refused += part.refused;
        all.already_migrated += part.already_migrated;
        all.kinds.extend(part.kinds);
        all.hides_nothing.extend(part.hides_nothing);
        all.tier = match (all.tier, part.tier) {
            (Some((one, of_one)), Some((other, of_other))) if one == other => Some((one, of_one + of_other)),
            (one, other) => one.max(other),
        };
    }
    signs(looked, known, &all)
}

/// One for each team that has datasets which are to be migrated, by its name.
pub(super) fn slices(looked: &Looked<'_>, known: &Catalogue) -> Vec<PlanSlice> {
    let parts = parts(looked, known).into_iter().filter(|(_, part)| part.datasets > 0);
    parts
        .map(|(owner, part)| {
            let (risk, because) = risk(&signs(looked, known, &part));
            PlanSlice {
                owner: Text::escaped(owner),
                datasets: part.datasets,
                rows: Rows(part.rows),
                bytes: Bytes(part.bytes),
                risk,
                because: List::first(because.iter().map(|text| Text::escaped(text)).collect()).0,
            }
        })
        .collect()
}

fn parts<'a>(looked: &'a Looked<'_>, known: &'a Catalogue) -> BTreeMap<&'a str, Part<'a>> {
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for (seen, kind) in looked.draft.seen.iter().zip(&looked.draft.kinds) {
        let Some(known) = known.get(&seen.plan.dataset) else { continue };
        let part = parts.entry(&known.owner).or_default();
        match seen.plan.verdict {
            Verdict::Eligible => {
                part.datasets += 1;
                part.rows = part.rows.saturating_add(seen.plan.rows.0);
                part.bytes = part.bytes.saturating_add(seen.plan.bytes.0);
                part.kinds.insert(*kind);
                part.hides_nothing.extend(seen.plan.hides_nothing.iter().map(|name| &**name));
                known.tier.iter().for_each(|tier| part.tier(*tier));
            }
            Verdict::Refused => part.refused += 1,
            Verdict::AlreadyMigrated => part.already_migrated += 1,
            Verdict::NotApplicable => {}
        }
    }
    parts
}

fn signs<'a>(looked: &'a Looked<'_>, known: &'a Catalogue, part: &Part<'a>) -> Signs<'a> {
    let of_kind = |tried: &&Tried| {
        let kind = looked.draft.kind_of(tried.job.seq);
        kind.is_some_and(|kind| part.kinds.contains(&kind))
    };
    let tried: Vec<&Tried> = looked.tried.iter().filter(of_kind).collect();
    let kinds: BTreeSet<Blake3> =
        tried.iter().filter_map(|tried| looked.draft.kind_of(tried.job.seq)).collect();
    let good = tried.iter().filter_map(|tried| Some((tried.job.dataset, tried.outcome.as_ref().ok()?)));
    let called = |dataset: &DatasetId| known.get(dataset).map_or("(removed)", |known| known.name.as_str());
    let computed = good.clone().any(|(_, one)| one.facts.computed > 0);
    Signs {
        without: done_without(&looked.ways, computed),
        eligible: part.datasets,
        already_migrated: part.already_migrated,
        refused: part.refused,
        bytes: part.bytes,
        tier: part.tier,
        tried: tried.len() as u64,
        failed: tried.iter().filter(|tried| tried.outcome.is_err()).count() as u64,
        rows: good.clone().fold(RunRows::default(), |sum, (_, one)| plus(sum, one.rows)),
        kinds: part.kinds.len() as u64,
        kinds_tried: kinds.len() as u64,
        canary_uncovered: 0,
        hides_nothing: part.hides_nothing.iter().copied().collect(),
        facts: good.map(|(dataset, one)| (called(&dataset), &*one.facts)).collect(),
    }
}
