//! What a sample of a dataset would take is rehearsed: staged as its run would stage it, measured, and thrown away. Of a small dataset
//! that is all of it, of a larger one a part from its middle. The few batches that a dry run looks at say little of either: most of
//! what a small run takes is not in its rows, and what the first batch of a row group takes (dictionaries, the first decoded page,
//! an encoder) is not in the others. And a module that fails in rows that were not sampled is found out before anything runs.

use std::sync::Arc;
use std::time::Duration;

use skein_api::SampleCosts;
use skein_dataset::Dataset;
use skein_sandbox::Module;
use skein_types::{AttemptId, Bytes, Clock, ErrorClass, Fuel, codes};

use crate::cpu;
use crate::dry_run::{Forecast, sealing};
use crate::error::RunError;
use crate::managed::prepare_attempt;
use crate::part::{Part, PartDone};
use crate::pieces::Resumption;
use crate::progress::Progress;
use crate::run::{Preparation, Prepared, RunRequest};

/// Larger datasets are rehearsed in part, about as large.
const WHOLE_UP_TO: Bytes = Bytes::mib(16);
/// A part has a row group at least; larger ones are not rehearsed.
const ROW_GROUP_UP_TO: Bytes = Bytes::mib(64);

/// What the run takes; nothing if it cannot be told just now. A module's own failure is the sample's.
pub(super) fn rehearse(
    (dataset, attempt): (Dataset, AttemptId),
    module: &Module,
    (request, clock): (RunRequest, Arc<dyn Clock>),
    (forecast, progress): (&Forecast, &Progress),
) -> Result<Option<SampleCosts>, RunError> {
    let guess = &forecast.costs;
    let Some(parts) = parts(guess) else { return Ok(None) };
    // What it says was said by the dry run already.
    let apart = progress.apart();
    let watch = Watch { begun: cpu::exactly_of_this_thread(), progress: &apart };
    let prepared = prepare_attempt((dataset, attempt), module, request, clock, &apart);
    let made = prepared.and_then(|prepared| match (prepared, parts) {
        (Preparation::AlreadyMigrated { .. }, _) => Ok(None),
        (Preparation::Ready(prepared), 1) => whole(*prepared, guess, &watch).map(Some),
        (Preparation::Ready(prepared), parts) => middle(*prepared, parts, guess, &watch),
    });
    progress.meters().fuel(apart.meters().reading().fuel);
    match made {
        Err(error) if !is_the_modules(&error) => {
            tracing::debug!(code = error.code().id, "not rehearsed");
            Ok(None)
        }
        made => made,
    }
}

/// In how many parts one is rehearsed; nothing if even a part would take long.
fn parts(guess: &SampleCosts) -> Option<u32> {
    let row_groups = guess.row_groups.max(1);
    if guess.bytes <= WHOLE_UP_TO {
        return Some(1);
    }
    let fit = guess.bytes.0 / row_groups <= ROW_GROUP_UP_TO.0;
    let parts = guess.bytes.0.div_ceil(WHOLE_UP_TO.0).min(row_groups);
    fit.then(|| u32::try_from(parts).unwrap_or(u32::MAX))
}

/// Processor time since a rehearsal began, in microseconds.
struct Watch<'a> {
    begun: Duration,
    progress: &'a Progress,
}

impl Watch<'_> {
    fn read(&self) -> u64 {
        let own = cpu::exactly_of_this_thread().saturating_sub(self.begun);
        micros(own + self.progress.meters().reading().helpers)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn whole(prepared: Prepared, guess: &SampleCosts, watch: &Watch<'_>) -> Result<SampleCosts, RunError> {
    let staged = prepared.stage(watch.progress)?;
    let (report, all) = (staged.report(), watch.read());
    let rows = guess.cpu_us.min(all);
    Ok(SampleCosts {
        rows_written: report.rows.written,
        bytes_written: report.bytes_written,
        fuel: Fuel(report.cost.fuel.0.saturating_sub(guess.fuel_opening.0)),
        cpu_fixed_us: all - rows,
        cpu_us: rows,
        ..*guess
    })
}

/// What all parts take if they are like the one in the middle, and putting their results together.
fn middle(
    prepared: Prepared,
    parts: u32,
    guess: &SampleCosts,
    watch: &Watch<'_>,
) -> Result<Option<SampleCosts>, RunError> {
    let looking = watch.read();
    let prepared = prepared.resumable(Resumption { earlier: Vec::new(), from: Bytes(0) });
    let made = prepared.try_part(Part { number: parts / 2, of: parts }, watch.progress)?;
    let PartDone::Kept { rows, .. } = made else { return Ok(None) };
    let (took, read) = (watch.read() - looking, rows.read.0);
    if read == 0 {
        return Ok(None);
    }
    let all = u128::from(took) * u128::from(guess.rows.0) / u128::from(read);
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    let cpu_us = all.saturating_add(micros(sealing(guess.bytes_written)));
    Ok(Some(SampleCosts { cpu_fixed_us: looking, cpu_us, ..*guess }))
}

/// Whether the canary would end so too. What the policy bears is not for a rehearsal to refuse.
fn is_the_modules(error: &RunError) -> bool {
    let borne = [codes::GUEST_REJECTS, codes::NOTHING_LEFT].contains(&error.code());
    error.class() == ErrorClass::Fault && !borne
}

#[cfg(test)]
mod tests {
    use super::parts;
    use skein_api::SampleCosts;
    use skein_types::Bytes;

    #[test]
    fn small_ones_are_rehearsed_whole_large_ones_in_part_and_huge_row_groups_not_at_all() {
        let of = |bytes, row_groups| parts(&SampleCosts { bytes, row_groups, ..SampleCosts::default() });
        assert_eq!([of(Bytes(0), 0), of(Bytes::mib(16), 40)], [Some(1), Some(1)]);
        assert_eq!([of(Bytes::mib(17), 40), of(Bytes::mib(160), 40)], [Some(2), Some(10)]);
        assert_eq!(of(Bytes::mib(160), 4), Some(4), "a part has a row group");
        assert_eq!([of(Bytes::mib(64), 1), of(Bytes::mib(65), 1)], [Some(1), None]);
    }
}
