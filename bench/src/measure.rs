//! From a command to its answers.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use skein_bench::file_row::{self, Row, Settings};
use skein_bench::pair::{Way, ratio};
use skein_bench::report::Report;
use skein_bench::rounds::MIN_ROUNDS;
use skein_bench::rows;
use skein_types::{Clock, SystemClock, VerifyLevel};

use crate::Tell;
use crate::arguments::{Measurement, Surroundings};
use crate::campaign::Campaigns;
use crate::contender::{NativeAgents, Skein, params};
use crate::fingerprints;
use crate::fleet;
use crate::load::Load;
use crate::many::{self, Many};
use crate::native;
use crate::portal;
use crate::scale::Scale;
use crate::small_times;
use crate::workshop::Workshop;

/// Small times of a millisecond or so are measured more often than rows of seconds.
const SMALL_TIME_ROUNDS: usize = 10;
/// A campaign takes a minute with all that is around it, and its time is a sum over thousands of runs.
const CAMPAIGN_ROUNDS: usize = 3;

/// One measurement about to be made.
pub(crate) struct Bench<'a> {
    measurement: &'a Measurement,
    surroundings: Surroundings,
    workshop: Workshop,
    data: PathBuf,
}

impl<'a> Bench<'a> {
    /// Finds everything that takes part.
    pub(crate) fn new(measurement: &'a Measurement) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let surroundings = Surroundings::find()?;
        let workshop = Workshop::new(surroundings.skein.clone(), surroundings.guests.clone(), clock)?;
        let data = measurement.data()?;
        Ok(Self { measurement, surroundings, workshop, data })
    }

    pub(crate) fn lineitem(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(self.file_row(&rows::lineitem(&self.source()?), "lineitem-v2", json!({}))?)
    }

    pub(crate) fn rename(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(self.file_row(&rows::rename(&self.source()?), "columns", rows::rename_params())?)
    }

    pub(crate) fn free(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(self.file_row(&rows::free(&self.source()?), "lineitem-v2", rows::free_params())?)
    }

    pub(crate) fn native(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let work = rows::lineitem(&self.source()?).work;
        let sandboxed = self.skein("lineitem-v2", json!({}), None)?;
        let native = self.skein("lineitem-v2", json!({}), Some(native::agents))?;
        let outputs = [&sandboxed, &native].map(|skein| skein.digest(&work, &self.desk()));
        let [Ok(one), Ok(other)] = &outputs else { anyhow::bail!("{outputs:?}") };
        anyhow::ensure!(one == other, "sandboxed and native outputs differ");
        let out = self.desk().join("timed.parquet");
        let way = |name, skein: Skein| {
            let (work, out) = (&work, &out);
            let run = move || {
                let took = skein.run(work, out)?;
                std::fs::remove_file(out)?;
                Ok((took.staged.seconds, took.staged.bytes))
            };
            Way { name, run: Box::new(run) }
        };
        let ways = [way("sandboxed", sandboxed), way("native", native)];
        tell(ratio("native", ways, self.rounds(), rows::native())?)
    }

    pub(crate) fn fingerprint(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let work = rows::lineitem(&self.source()?).work;
        let out = self.desk().join("timed.parquet");
        let way = |name, verify| {
            let skein = Skein { verify, ..self.skein("lineitem-v2", json!({}), None)? };
            let (work, out) = (&work, &out);
            let run = move || {
                let took = skein.run(work, out)?;
                std::fs::remove_file(out)?;
                Ok((took.staged.seconds, took.staged.bytes))
            };
            Ok::<_, anyhow::Error>(Way { name, run: Box::new(run) })
        };
        tell(fingerprints::by_type(&self.workshop.clock)?)?;
        let ways = [way("fingerprint", VerifyLevel::Fingerprint)?, way("counts", VerifyLevel::Counts)?];
        tell(ratio("lineitem, fingerprint over counts", ways, self.rounds(), rows::fingerprint())?)?;
        let ways = [way("readback", VerifyLevel::Readback)?, way("counts", VerifyLevel::Counts)?];
        tell(ratio("lineitem, readback over counts", ways, self.rounds(), rows::readback())?)
    }

    pub(crate) fn instantiate(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(small_times::instantiate(&self.workshop)?)
    }

    pub(crate) fn compile(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let rounds = self.rounds() * SMALL_TIME_ROUNDS;
        tell(small_times::compile(&self.workshop, self.rounds())?)?;
        tell(small_times::first_batch(&self.workshop, &self.source()?, &self.desk(), rounds)?)
    }

    pub(crate) fn stop(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(small_times::stop(&self.workshop, self.rounds() * SMALL_TIME_ROUNDS)?)
    }

    pub(crate) fn small(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let desk = self.data.join("small-desk");
        std::fs::create_dir_all(&desk)?;
        let many = Many {
            sources: rows::small_sources(&self.data, self.measurement.sf)?,
            desk,
            skein: &self.surroundings.skein,
            component: self.surroundings.guests.join("lineitem_v2.wasm"),
            module: self.workshop.module(many::MODULE)?,
            params: params(json!({}))?,
            python: &self.surroundings.python,
            threads: self.measurement.threads(),
            clock: Arc::clone(&self.workshop.clock),
        };
        tell(many.measure(self.rounds())?)
    }

    pub(crate) fn campaign(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let (desk, sf) = (self.data.join("campaign-desk"), self.measurement.sf);
        std::fs::create_dir_all(&desk)?;
        let campaigns = Campaigns {
            sources: rows::small_sources(&self.data, sf)?,
            desk,
            skein: &self.surroundings.skein,
            component: self.surroundings.guests.join("lineitem_v2.wasm"),
            python: &self.surroundings.python,
            threads: self.measurement.threads(),
            clock: Arc::clone(&self.workshop.clock),
        };
        let rounds = self.measurement.rounds.map_or(CAMPAIGN_ROUNDS, usize::from);
        // Large means large whatever the scale: fewer of them, not smaller ones.
        let large = rows::source(&self.data, 1.0)?;
        tell(campaigns.measure(rounds)?)?;
        tell(campaigns.mixed(&large, sf)?)?;
        tell(campaigns.killed(&large)?)
    }

    pub(crate) fn scale(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let scale = Scale {
            sf: self.measurement.sf,
            desk: self.data.join("scale"),
            skein: &self.surroundings.skein,
            component: self.surroundings.guests.join("columns.wasm"),
            clock: Arc::clone(&self.workshop.clock),
        };
        tell(scale.measure()?)
    }

    pub(crate) fn portal(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let scale = Scale {
            sf: self.measurement.sf,
            desk: self.data.join("portal"),
            skein: &self.surroundings.skein,
            component: self.surroundings.guests.join("columns.wasm"),
            clock: Arc::clone(&self.workshop.clock),
        };
        tell(portal::measure(&scale, &self.surroundings.python)?)
    }

    pub(crate) fn load(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        let load = Load {
            desk: self.data.join("load"),
            skein: &self.surroundings.skein,
            component: self.surroundings.guests.join("columns.wasm"),
            clock: Arc::clone(&self.workshop.clock),
        };
        load.measure(tell)
    }

    pub(crate) fn fleet(&self, tell: Tell<'_>) -> anyhow::Result<()> {
        tell(fleet::measure(&self.workshop.clock)?)
    }

    fn file_row(&self, row: &Row, package: &str, parameters: Value) -> anyhow::Result<Report> {
        let skein = self.skein(package, parameters, None)?;
        let settings = Settings {
            python: self.surroundings.python.clone(),
            outputs: self.desk(),
            threads: self.measurement.threads(),
            rounds: self.rounds(),
        };
        file_row::measure(row, &settings, &mut |work, out| skein.run(work, out))
    }

    fn skein(&self, package: &str, parameters: Value, native: Option<NativeAgents>) -> anyhow::Result<Skein> {
        Ok(Skein {
            module: self.workshop.module(package)?,
            params: params(parameters)?,
            native,
            threads: self.measurement.threads(),
            verify: VerifyLevel::STANDARD,
            desk: self.desk(),
            clock: Arc::clone(&self.workshop.clock),
        })
    }

    fn source(&self) -> anyhow::Result<PathBuf> {
        rows::source(&self.data, self.measurement.sf)
    }

    fn desk(&self) -> PathBuf {
        self.data.join("outputs")
    }

    fn rounds(&self) -> usize {
        self.measurement.rounds.map_or(MIN_ROUNDS, usize::from)
    }
}
