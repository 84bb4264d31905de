//! `skein run MODULE --manifest FILE`: many datasets through one module in one process.
//!
//! The list and all parameters are checked before anything runs. Then each dataset is on its own: what refuses one is
//! reported with its line and stops no other. Called again, the command goes on where it stopped, because what was
//! migrated before is left as it is.

mod lots;
mod tally;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use skein_dataset::ProbeCache;
use skein_node::{Params, Preparation, Progress, RunOutcome, RunRequest, Step, prepare, run_batch};
use skein_sandbox::Module;
use skein_types::{Clock, RunId, SystemClock};

use crate::args::{Output, RunArgs};
use crate::commands::run;
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::interrupt;
use crate::manifest::{self, Entry};
use crate::modules;
use crate::onlookers::Onlookers;
use crate::secrets;
use crate::selection;
use crate::settings::Settings;
use tally::Tally;

pub(crate) fn run_manifest(settings: &Settings, args: &RunArgs, list: &Path) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let entries = manifest::read(list)?;
    let params = all_params(args, &home, &entries).map_err(|failure| failure.about(list))?;
    let module = modules::load(&args.module, &home, &clock)?;
    let progress = Arc::new(Progress::default());
    interrupt::cancels(&progress);
    let workers = args.threads.map_or_else(datasets::default_threads, usize::from);
    let errand = Errand {
        settings,
        args,
        module,
        clock: Arc::clone(&clock),
        probes: Arc::default(),
        progress: &progress,
        onlookers: Onlookers::default(),
    };
    let mut tally = Tally::start(&entries, args.output, settings.interactive, clock);
    run_batch(
        entries.len(),
        lots::shape(workers),
        &progress,
        |number| errand.stage(&entries[number], &params[number]),
        |number, outcome| tally.add(number, outcome),
    );
    if args.output == Output::Table {
        errand.onlookers.tell();
    }
    tally.end()
}

/// The parameters of each dataset, those of all with its own on top. Equal ones are made once.
fn all_params(args: &RunArgs, home: &Home, entries: &[Entry]) -> Result<Vec<Arc<Params>>, Failure> {
    let given = secrets::given(&args.with, home)?;
    let mut made: BTreeMap<String, Arc<Params>> = BTreeMap::new();
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        let value = overridden(given.value.clone(), entry.params.clone());
        let text = value.to_string();
        if !made.contains_key(&text) {
            let params = given.params(value).map_err(|failure| failure.in_line(entry.line))?;
            made.insert(text.clone(), Arc::new(params));
        }
        all.push(Arc::clone(&made[&text]));
    }
    Ok(all)
}

/// The keys of `own` replace those of the same name.
fn overridden(mut value: Value, own: Option<Map<String, Value>>) -> Value {
    match (value.as_object_mut(), own) {
        (_, None) => value,
        (Some(all), Some(own)) => {
            all.extend(own);
            value
        }
        (None, Some(own)) => Value::Object(own),
    }
}

/// What is done to each dataset.
struct Errand<'a> {
    settings: &'a Settings,
    args: &'a RunArgs,
    module: Module,
    clock: Arc<dyn Clock>,
    /// A file system is probed once and not once for each dataset.
    probes: Arc<ProbeCache>,
    progress: &'a Progress,
    onlookers: Onlookers,
}

impl Errand<'_> {
    fn stage(&self, entry: &Entry, params: &Params) -> Result<Step, Failure> {
        // The workers are for the datasets; one dataset has one.
        let clock = Arc::clone(&self.clock);
        let dataset =
            datasets::open_with(self.settings, &entry.dataset, (Arc::clone(&clock), 1), &self.probes)?;
        self.onlookers.look(&dataset);
        let request = RunRequest {
            run: RunId::new(uuid::Uuid::now_v7()),
            params: params.clone(),
            name: self.args.name.clone(),
            again: self.args.again,
            threads: 1,
            limits: run::limits(self.args),
            rejects_max: self.args.max_rejects,
            allow_empty: self.args.allow_empty,
            verify: self.args.verify,
            files: selection::choice(&self.args.selection)?,
            checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
            resize: self.args.sizes.resize(),
            names: self.settings.names_for(&dataset.path(), self.args.names),
            sensitive: Vec::new(),
        };
        let failed = |error| run::failed(&error);
        match prepare(dataset, &self.module, request, clock, self.progress).map_err(failed)? {
            Preparation::AlreadyMigrated { version, migration } => {
                Ok(Step::Ended(RunOutcome::AlreadyMigrated { version, migration }))
            }
            Preparation::Ready(prepared) => {
                Ok(Step::Staged(Box::new(prepared.stage(self.progress).map_err(failed)?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::overridden;
    use serde_json::json;

    #[test]
    fn own_parameters_replace_those_of_the_same_name_and_leave_the_others() {
        let all = json!({ "zone": "UTC", "steps": [1, 2] });
        let own = |value: serde_json::Value| Some(value.as_object().unwrap().clone());
        assert_eq!(overridden(all.clone(), None), all);
        assert_eq!(overridden(all.clone(), own(json!({}))), all);
        assert_eq!(
            overridden(all, own(json!({ "steps": [3], "day": 1 }))),
            json!({ "zone": "UTC", "steps": [3], "day": 1 })
        );
    }
}
