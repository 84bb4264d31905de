//! What carrying a plan out takes: for each dataset as much per row, row group and byte as samples of its kind took that were most
//! nearly as large, or, where none of its kind was tried, as others. What a small dataset takes is hardly in its rows. Pure.

use std::collections::BTreeMap;

use skein_api::{PlanEstimate, RunRows, SampleCosts};
use skein_types::{Blake3, Bytes, Fuel, Millis, Rows, reject_bounds};

use super::report::Looked;

/// Publishing one dataset of many takes control about as long, whatever nodes do meanwhile.
const PUBLISH_US: u64 = 4_000;
/// Until the last runs of a wave are heard of and the next begins; measured on two cores.
const WAVE_US: u64 = 300_000;

/// What samples took and came to, together.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    samples: u64,
    costs: SampleCosts,
    tried: RunRows,
}

impl Took {
    fn add(&mut self, (one, tried): (&SampleCosts, RunRows)) {
        self.samples += 1;
        let sum = &mut self.costs;
        let plus = |sum: &mut u64, one: u64| *sum = sum.saturating_add(one);
        plus(&mut sum.rows.0, one.rows.0);
        plus(&mut sum.row_groups, one.row_groups);
        plus(&mut sum.bytes.0, one.bytes.0);
        plus(&mut sum.rows_written.0, one.rows_written.0);
        plus(&mut sum.bytes_written.0, one.bytes_written.0);
        plus(&mut sum.fuel_opening.0, one.fuel_opening.0);
        plus(&mut sum.fuel.0, one.fuel.0);
        plus(&mut sum.cpu_fixed_us, one.cpu_fixed_us);
        plus(&mut sum.cpu_us, one.cpu_us);
        self.tried = super::report::plus(self.tried, tried);
    }
}

/// Samples of one kind, and those of them that are about as large.
#[derive(Clone, Debug, Default)]
struct Kind {
    all: Took,
    by_size: BTreeMap<u32, Took>,
}

impl Kind {
    fn add(&mut self, one: (&SampleCosts, RunRows)) {
        self.all.add(one);
        // Per row means nothing where there was none.
        if one.0.rows.0 > 0 {
            self.by_size.entry(size(one.0.rows.0)).or_default().add(one);
        }
    }

    /// Those that are most nearly as large.
    fn like(&self, rows: u64) -> Option<&Took> {
        let wanted = size(rows);
        self.by_size.iter().min_by_key(|(size, _)| size.abs_diff(wanted)).map(|(_, took)| took)
    }
}

/// Datasets of one size have at most four times as many rows as each other.
const fn size(rows: u64) -> u32 {
    match rows.checked_ilog2() {
        Some(log) => log / 2,
        None => 0,
    }
}

/// Sums over all datasets, wide enough for all of them.
#[derive(Default)]
struct Sum {
    cpu_us: u128,
    fuel: u128,
    rows_written: u128,
    bytes_written: u128,
    bytes: u128,
    datasets: u64,
}

pub(super) fn estimate(looked: &Looked<'_>) -> PlanEstimate {
    let (mut by_kind, mut all) = (BTreeMap::<Blake3, Kind>::new(), Kind::default());
    for tried in looked.tried {
        let Ok(sampled) = &tried.outcome else { continue };
        let one = (&sampled.facts.costs, sampled.rows);
        all.add(one);
        if let Some(kind) = looked.draft.kind_of(tried.job.seq) {
            by_kind.entry(kind).or_default().add(one);
        }
    }
    let (mut sum, mut of_kinds) = (Sum::default(), BTreeMap::<Blake3, u64>::new());
    for (plan, kind) in looked.draft.to_migrate() {
        let (rows, groups, bytes) = (plan.rows.0, plan.row_groups.max(1), plan.bytes.0);
        let like = by_kind.get(&kind).and_then(|of_kind| of_kind.like(rows)).or_else(|| all.like(rows));
        let like = like.copied().unwrap_or_default();
        let costs = &like.costs;
        sum.cpu_us +=
            share(costs.cpu_us, rows, costs.rows.0) + u128::from(costs.cpu_fixed_us / like.samples.max(1));
        sum.fuel +=
            share(costs.fuel.0, rows, costs.rows.0) + share(costs.fuel_opening.0, groups, costs.row_groups);
        sum.rows_written += share(costs.rows_written.0, rows, costs.rows.0);
        sum.bytes_written += share(costs.bytes_written.0, bytes, costs.bytes.0);
        sum.bytes += u128::from(bytes);
        sum.datasets += 1;
        let of_kind = of_kinds.entry(kind).or_default();
        *of_kind = of_kind.saturating_add(rows);
    }
    let rejects = of_kinds.iter().map(|(kind, rows)| {
        let tried = by_kind.get(kind).map(|of_kind| of_kind.all.tried).filter(|tried| tried.read.0 > 0);
        let tried = tried.unwrap_or(all.all.tried);
        let (read, rejected) = (tried.read.0, tried.rejected.0);
        let about = u64::try_from(share(rejected, *rows, read)).unwrap_or(u64::MAX);
        let [least, most] = reject_bounds((read, rejected), *rows);
        [least, about, most]
    });
    let rejects =
        rejects.fold([0_u64; 3], |sum, one| std::array::from_fn(|at| sum[at].saturating_add(one[at])));
    told(&sum, rejects, (looked.agents.max(1), looked.draft.division.waves.len() as u64))
}

fn told(sum: &Sum, [least, rejected, most]: [u64; 3], (agents, waves): (u64, u64)) -> PlanEstimate {
    let short = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    let publishing = u128::from(PUBLISH_US) * u128::from(sum.datasets);
    PlanEstimate {
        cpu_ms: Millis(short(sum.cpu_us.div_ceil(1_000))),
        time_ms: Millis(short(
            (sum.cpu_us + publishing).div_ceil(1_000 * u128::from(agents))
                + u128::from(WAVE_US.saturating_mul(waves)) / 1_000,
        )),
        fuel: Fuel(short(sum.fuel)),
        room: Bytes(short(sum.bytes_written)),
        agents,
        rows_written: Rows(short(sum.rows_written)),
        rows_rejected: Rows(rejected),
        rows_rejected_least: Rows(least),
        rows_rejected_most: Rows(most),
        bytes_read: Bytes(short(sum.bytes)),
        bytes_written: Bytes(short(sum.bytes_written)),
    }
}

/// `part` of `seen`, for `whole`.
fn share(part: u64, whole: u64, seen: u64) -> u128 {
    u128::from(part) * u128::from(whole) / u128::from(seen.max(1))
}
