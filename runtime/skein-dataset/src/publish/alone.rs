//! One exchange by itself, for what is on disk already: a kept version that comes back, a held one that becomes current.
//! From the intent on it is the protocol of a publish; the lock must be held all the time.

use crate::crash_point;
use crate::dataset::{Dataset, State, StateError};
use crate::fault::During as _;
use crate::log;
use crate::log::machine::{UndoneBy, Unsettled};
use crate::log::record::Intent;
use crate::publish::swap::{Decision, Swap};
use crate::recover;

/// From the announced intent to done; `Err` inside if others wrote in the very last moment or the system refused.
/// `number` is that of the intent's record.
pub(crate) fn carry_out(
    dataset: &Dataset,
    state: &State,
    intent: &Intent,
    number: u64,
) -> Result<Result<u64, UndoneBy>, StateError> {
    let history = log::read(&state.log)?;
    let base = history.version(intent.base).expect("the machine checked that an intent's base is the head");
    let swap = Swap { dataset, state, intent, number, base: &base.files };
    if let Decision::Back(back) = swap.run()? {
        recover::append(dataset, state, &history, back.record())?;
        return Ok(Err(back.by));
    }
    recover::append(dataset, state, &history, recover::decision(intent))?;
    crash_point!("swap.after-decision").during("exchange", &dataset.place.name)?;
    let history = log::read(&state.log)?;
    if let Some(Unsettled::Decided(intent)) = history.unsettled() {
        recover::end_decided(dataset, state, &history, intent)?;
    }
    Ok(Ok(intent.version))
}
