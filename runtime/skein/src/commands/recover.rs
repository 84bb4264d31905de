//! `skein recover`: finish or undo what a killed process left behind.

use std::sync::Arc;

use serde::Serialize;
use skein_dataset::Step;
use skein_types::SystemClock;

use crate::args::{Output, RecoverArgs};
use crate::datasets;
use crate::failure::CommandResult;
use crate::render;
use crate::settings::Settings;

#[derive(Serialize)]
struct Summary {
    steps: Vec<String>,
    busy: bool,
}

pub(crate) fn recover(settings: &Settings, args: &RecoverArgs) -> CommandResult {
    let clock = Arc::new(SystemClock::start());
    let dataset = datasets::open(settings, &args.dataset, clock, datasets::default_threads())?;
    let done = skein_dataset::recover(&dataset).map_err(|error| datasets::from_state(&error))?;
    let summary = Summary { steps: done.steps.iter().map(told).collect(), busy: done.busy };
    match args.output {
        Output::Json => render::json(&summary),
        Output::Table => {
            if summary.steps.is_empty() {
                render::line("nothing to recover");
            }
            summary.steps.iter().for_each(|step| render::line(step));
            if summary.busy {
                render::line("a run is at work: its staged files were left alone");
            }
        }
    }
    Ok(())
}

/// What a step was, as a sentence.
pub(crate) fn told(step: &Step) -> String {
    match step {
        Step::Finished { version } => format!("finished the publish of version {version}"),
        Step::TakenBack { changes, set_aside } => {
            let kept =
                set_aside.as_ref().map_or_else(String::new, |dir| format!("; their files are in {dir}"));
            format!("took a publish back because others had made {} changes{kept}", changes.len())
        }
        Step::Refused { refusal, set_aside } => {
            let kept =
                set_aside.as_ref().map_or_else(String::new, |dir| format!("; others' files are in {dir}"));
            format!("took a publish back because the system refused it: {refusal}{kept}; {}", refusal.hint())
        }
        Step::Settled { version } => format!("recorded that version {version} is settled"),
        Step::Finalized { version } => format!("removed the rest of version {version}, which was given up"),
        Step::SetAside { at } => render::theirs(at),
        Step::Swept { attempt } => format!("removed what {attempt} had staged"),
    }
}
