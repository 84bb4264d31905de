//! What the whole would take, from what the sample took. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use skein_api::SampleCosts;
use skein_types::{Bytes, Fuel, Millis, Rows, reject_bounds};

/// Copying, hashing and writing encoded chunks on one slow core; what this machine does is usually a multiple of it.
const COPY_BYTES_PER_SECOND: u64 = 400 << 20;
/// Where rows are dropped, where row groups are cut anew and where a file has a column narrower than the dataset, carried
/// chunks are decoded and encoded again.
const ENCODE_BYTES_PER_SECOND: u64 = 80 << 20;
/// Until written data is on the disk.
const SYNC_BYTES_PER_SECOND: u64 = 300 << 20;
/// Files and records that each publish makes and syncs.
const PUBLISH: Duration = Duration::from_millis(50);

/// What was seen of the sampled row groups.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) row_groups: u64,
    pub(super) rows: u64,
    pub(super) rows_out: u64,
    pub(super) rejected: u64,
    pub(super) filtered: u64,
    /// Opening agents.
    pub(super) fuel_open: u64,
    pub(super) opens: u64,
    /// Everything after.
    pub(super) fuel: u64,
    /// Reading what the module reads, the module, and encoding what it made.
    pub(super) cpu: Duration,
    /// What the module made, encoded.
    pub(super) made_bytes: u64,
    /// Size of the files that row groups were taken from, of the chunks in them that would be carried, and of what is
    /// around chunks: footers, indexes.
    pub(super) file_bytes: u64,
    pub(super) carried_bytes: u64,
    pub(super) frame_bytes: u64,
    /// Of that, files whose row groups stay what they are, and the chunks in them that the host need not widen.
    pub(super) left_file_bytes: u64,
    pub(super) left_spliced_bytes: u64,
}

/// What is known of the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) row_groups: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Of these, bytes of files whose row groups are cut anew: nothing of them is copied as it is.
    pub(super) recut_bytes: u64,
    /// Agents at work at the same time.
    pub(super) workers: u64,
    /// One agent for all of it.
    pub(super) sequential: bool,
}

/// What a run over the whole would take and write, extrapolated from the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Rows that went through the module for it, or were looked at if no module is needed.
    pub rows_sampled: Rows,
    /// Rows of the whole.
    pub rows: Rows,
    /// Row groups that the sampled rows are from.
    pub row_groups_sampled: u64,
    /// Row groups of the whole.
    pub row_groups: u64,
    /// Rows of the new version.
    pub rows_written: Rows,
    /// Rejected rows.
    pub rows_rejected: Rows,
    /// Rows that the module lets go.
    pub rows_filtered: Rows,
    /// Fuel of all agents.
    pub fuel: Fuel,
    /// CPU time of all workers.
    pub cpu: Millis,
    /// Time from start to published.
    pub time: Millis,
    /// Size of the source files.
    pub bytes_read: Bytes,
    /// Size of the new files.
    pub bytes_written: Bytes,
    /// Of that, bytes that are copied as they are.
    pub bytes_spliced: Bytes,
    /// Rejected rows: no fewer and no more, as far as the sample can say.
    pub rows_rejected_bounds: [Rows; 2],
    /// CPU time, to the microsecond.
    #[serde(skip)]
    pub(super) exactly: Duration,
}

impl Estimate {
    pub(super) fn of(seen: &Seen, whole: &Whole) -> Self {
        let rows = |part: u64| scale(part, whole.rows, seen.rows);
        let (rejected, filtered) = (rows(seen.rejected), rows(seen.filtered));
        // Where every row has a fate the whole adds up too; three numbers that were rounded each for itself would not.
        let all_fates = seen.rows_out + seen.rejected + seen.filtered == seen.rows && seen.rows > 0;
        let rows_written = match all_fates {
            true => whole.rows.saturating_sub(rejected).saturating_sub(filtered),
            false => rows(seen.rows_out),
        };
        let stored = |part: u64| scale(part, whole.bytes, seen.file_bytes);
        let drops = seen.rejected + seen.filtered > 0;
        let carried = stored(seen.carried_bytes);
        let kept = if drops { scale(carried, seen.rows_out, seen.rows) } else { carried };
        let left = whole.bytes.saturating_sub(whole.recut_bytes);
        // One dropped row in a row group is enough, and they are everywhere as far as the sample knows.
        let spliced =
            if drops { 0 } else { scale(seen.left_spliced_bytes, left, seen.left_file_bytes).min(kept) };
        let encoded = carried - spliced;
        let frames = stored(seen.frame_bytes);
        let made = scale(seen.made_bytes, rows_written, seen.rows_out);
        let bytes_written = made.saturating_add(kept).saturating_add(frames);
        let bounds = reject_bounds((seen.rows, seen.rejected), whole.rows);
        let fuel = scale(seen.fuel_open, opens(seen, whole), seen.opens).saturating_add(rows(seen.fuel));
        let computing = micros(rows(u64::try_from(seen.cpu.as_micros()).unwrap_or(u64::MAX)));
        let carrying = at_rate(spliced, COPY_BYTES_PER_SECOND) + at_rate(encoded, ENCODE_BYTES_PER_SECOND);
        let cpu = computing + carrying + sealing(Bytes(bytes_written));
        let workers = if whole.sequential { 1 } else { whole.workers.min(whole.row_groups).max(1) };
        let workers = u32::try_from(workers).unwrap_or(u32::MAX);
        let time = cpu / workers + at_rate(bytes_written, SYNC_BYTES_PER_SECOND) + PUBLISH;
        Self {
            rows_sampled: Rows(seen.rows),
            rows: Rows(whole.rows),
            row_groups_sampled: seen.row_groups,
            row_groups: whole.row_groups,
            rows_written: Rows(rows_written),
            rows_rejected: Rows(rejected),
            rows_filtered: Rows(filtered),
            fuel: Fuel(fuel),
            cpu: millis(cpu),
            time: millis(time),
            bytes_read: Bytes(whole.bytes),
            bytes_written: Bytes(bytes_written),
            bytes_spliced: Bytes(spliced),
            rows_rejected_bounds: bounds.map(Rows),
            exactly: cpu,
        }
    }

    /// The same for whoever reckons with many datasets: what goes with rows apart from what does not. `looking` is what it took
    /// before the first row was read.
    pub(super) fn costs(&self, seen: &Seen, whole: &Whole, looking: Duration) -> SampleCosts {
        let opening = scale(seen.fuel_open, opens(seen, whole), seen.opens);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        SampleCosts {
            rows: Rows(whole.rows),
            row_groups: whole.row_groups,
            bytes: Bytes(whole.bytes),
            rows_written: self.rows_written,
            bytes_written: self.bytes_written,
            fuel_opening: Fuel(opening),
            fuel: Fuel(self.fuel.0.saturating_sub(opening)),
            cpu_fixed_us: micros(looking),
            cpu_us: micros(self.exactly),
        }
    }
}

/// Processor time of writing and hashing what is encoded already.
pub(crate) fn sealing(bytes: Bytes) -> Duration {
    at_rate(bytes.0, COPY_BYTES_PER_SECOND)
}

/// Agents that are opened.
fn opens(seen: &Seen, whole: &Whole) -> u64 {
    if whole.sequential { seen.opens } else { whole.row_groups.min(whole.rows) }
}

/// `part` of `seen`, for `whole`. Exact where all was seen.
fn scale(part: u64, whole: u64, seen: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(whole) / u128::from(seen.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

fn at_rate(bytes: u64, per_second: u64) -> Duration {
    micros(scale(bytes, 1_000_000, per_second))
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn millis(time: Duration) -> Millis {
    Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Estimate, Seen, Whole};
    use skein_types::{Bytes, Fuel, Rows};
    use std::time::Duration;

    fn seen() -> Seen {
        Seen {
            row_groups: 2,
            rows: 2_000,
            rows_out: 2_000,
            fuel_open: 200,
            opens: 2,
            fuel: 40_000,
            cpu: Duration::from_millis(4),
            made_bytes: 8_000,
            file_bytes: 100_000,
            carried_bytes: 60_000,
            frame_bytes: 1_000,
            left_file_bytes: 50_000,
            left_spliced_bytes: 30_000,
            ..Seen::default()
        }
    }

    fn whole() -> Whole {
        Whole { row_groups: 10, rows: 10_000, bytes: 500_000, recut_bytes: 0, workers: 2, sequential: false }
    }

    #[test]
    fn the_whole_is_the_sample_times_its_share() {
        let estimate = Estimate::of(&seen(), &whole());
        assert_eq!((estimate.rows, estimate.rows_sampled), (Rows(10_000), Rows(2_000)));
        assert_eq!(estimate.fuel, Fuel(200 * 5 + 40_000 * 5));
        assert_eq!(
            (estimate.bytes_spliced, estimate.bytes_written),
            (Bytes(300_000), Bytes(300_000 + 40_000 + 5_000))
        );
        assert_eq!(estimate.cpu.0, 20 + 1, "computing, and copying 645 kB");
    }

    #[test]
    fn where_rows_go_nothing_is_spliced_and_less_is_written() {
        let seen = Seen { rows_out: 1_000, rejected: 10, filtered: 990, made_bytes: 4_000, ..seen() };
        let estimate = Estimate::of(&seen, &whole());
        let rows = [estimate.rows_written, estimate.rows_rejected, estimate.rows_filtered];
        assert_eq!(rows, [Rows(5_000), Rows(50), Rows(4_950)]);
        assert_eq!(
            (estimate.bytes_spliced, estimate.bytes_written),
            (Bytes(0), Bytes(150_000 + 20_000 + 5_000))
        );
    }

    #[test]
    fn what_the_host_writes_anew_is_written_and_not_spliced_and_costs_what_encoding_costs() {
        let half = Seen { left_spliced_bytes: 15_000, ..seen() };
        let big = Whole { bytes: 500_000_000, ..whole() };
        let (half, all) = (Estimate::of(&half, &big), Estimate::of(&seen(), &big));
        assert_eq!((half.bytes_spliced, all.bytes_spliced), (Bytes(150_000_000), Bytes(300_000_000)));
        assert_eq!(half.bytes_written, all.bytes_written);
        let encoding = 150_000_000 * 1_000 / (80 << 20) - 150_000_000 * 1_000 / (400 << 20);
        let dearer = half.cpu.0 - all.cpu.0;
        assert!(dearer.abs_diff(encoding) <= 2, "{dearer} ms, not {encoding}");
    }

    #[test]
    fn what_is_cut_anew_is_not_spliced_and_takes_longer() {
        let part = Whole { recut_bytes: 125_000, ..whole() };
        let (some, none) = (Estimate::of(&seen(), &part), Estimate::of(&seen(), &whole()));
        assert_eq!(some.bytes_spliced, Bytes(225_000));
        assert_eq!(some.bytes_written, none.bytes_written);
        let all = Whole { recut_bytes: 50_000_000, bytes: 50_000_000, ..whole() };
        let copied = Estimate::of(&seen(), &Whole { recut_bytes: 0, ..all });
        let all = Estimate::of(&seen(), &all);
        assert_eq!(all.bytes_spliced, Bytes(0));
        assert!(all.cpu.0 > 2 * copied.cpu.0, "{all:?} {copied:?}");
    }

    #[test]
    fn rows_add_up_whatever_is_rounded() {
        let seen = Seen { rows: 3, rows_out: 1, rejected: 1, filtered: 1, ..seen() };
        let estimate = Estimate::of(&seen, &whole());
        let rows = [estimate.rows_written, estimate.rows_rejected, estimate.rows_filtered];
        assert_eq!(rows, [Rows(3_334), Rows(3_333), Rows(3_333)]);
    }

    #[test]
    fn one_agent_is_opened_once_and_works_alone() {
        let sequential = Whole { sequential: true, ..whole() };
        let (alone, both) = (Estimate::of(&seen(), &sequential), Estimate::of(&seen(), &whole()));
        assert_eq!(alone.fuel, Fuel(200 + 200_000));
        assert!(alone.time > both.time);
    }

    #[test]
    fn nothing_seen_is_nothing_and_not_a_division_by_zero() {
        let estimate = Estimate::of(&Seen::default(), &whole());
        assert_eq!(
            (estimate.fuel, estimate.rows_written, estimate.bytes_written),
            (Fuel(0), Rows(0), Bytes(0))
        );
    }

    #[test]
    fn numbers_beyond_reason_do_not_wrap() {
        let seen = Seen { fuel: u64::MAX, cpu: Duration::from_secs(1 << 40), ..seen() };
        let whole = Whole { rows: u64::MAX, row_groups: u64::MAX, bytes: u64::MAX, ..whole() };
        assert_eq!(Estimate::of(&seen, &whole).fuel, Fuel(u64::MAX));
    }
}
