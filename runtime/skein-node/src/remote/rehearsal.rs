//! A sample of a small dataset is rehearsed: all of it is staged as its run would stage it, measured, and thrown away. Sampled rows say
//! little of what a small run takes, most of which is not in its rows; and a module that fails in rows that were not sampled is
//! found out before anything runs.

use std::sync::Arc;

use skein_api::SampleCosts;
use skein_dataset::Dataset;
use skein_sandbox::Module;
use skein_types::{AttemptId, Bytes, Clock, ErrorClass, Fuel, codes};

use crate::cpu;
use crate::dry_run::Forecast;
use crate::error::RunError;
use crate::managed::prepare_attempt;
use crate::progress::Progress;
use crate::run::{Preparation, RunRequest};

/// Larger datasets are not.
pub(super) const UP_TO: Bytes = Bytes::mib(16);

/// What the run takes; nothing if it cannot be told just now. A module's own failure is the sample's.
pub(super) fn rehearse(
    (dataset, attempt): (Dataset, AttemptId),
    module: &Module,
    (request, clock): (RunRequest, Arc<dyn Clock>),
    (forecast, progress): (&Forecast, &Progress),
) -> Result<Option<SampleCosts>, RunError> {
    // What it says was said by the dry run already.
    let apart = progress.apart();
    let before = cpu::exactly_of_this_thread();
    let staged =
        prepare_attempt((dataset, attempt), module, request, clock, &apart).and_then(
            |prepared| match prepared {
                Preparation::Ready(prepared) => prepared.stage(&apart).map(Some),
                Preparation::AlreadyMigrated { .. } => Ok(None),
            },
        );
    let own = cpu::exactly_of_this_thread().saturating_sub(before);
    progress.meters().fuel(apart.meters().reading().fuel);
    let staged = match staged {
        Ok(staged) => staged,
        Err(error) if is_the_modules(&error) => return Err(error),
        Err(error) => {
            tracing::debug!(code = error.code().id, "not rehearsed");
            return Ok(None);
        }
    };
    let Some(staged) = staged else { return Ok(None) };
    let helpers = apart.meters().reading().helpers;
    let all = u64::try_from((own + helpers).as_micros()).unwrap_or(u64::MAX);
    let (report, guess) = (staged.report(), &forecast.costs);
    let rows = guess.cpu_us.min(all);
    Ok(Some(SampleCosts {
        rows_written: report.rows.written,
        bytes_written: report.bytes_written,
        fuel: Fuel(report.cost.fuel.0.saturating_sub(guess.fuel_opening.0)),
        cpu_fixed_us: all - rows,
        cpu_us: rows,
        ..*guess
    }))
}

/// Whether the canary would end so too. What the policy bears is not for a rehearsal to refuse.
fn is_the_modules(error: &RunError) -> bool {
    let borne = [codes::GUEST_REJECTS, codes::NOTHING_LEFT].contains(&error.code());
    error.class() == ErrorClass::Fault && !borne
}
