//! A whole list of datasets is registered, or none of it.
//!
//! ```text
//! look       every line: its words, its team, its place. Nothing changed yet, and others go on
//! hold       nobody else registers anything from here on: whether each name and place is free is looked up
//! note       the datasets, with their ids, beside the ledger
//! take over  each dataset is marked as this server's; one that cannot be: all are given back, the note goes
//! decide     a second note says so: from here on all of it is registered, whatever happens
//! register   a part at a time; then the notes go
//! ```
//! Whoever dies, or finds the disk full, before the decision is followed by a process, or by the next list, that gives everything
//! back, and after it by one that registers what is missing; both before anything else. Others register nothing while a list is in
//! hand, so what was looked at stays so. Only where a decided one was left may somebody take a name of it meanwhile: that dataset
//! is not registered, which the server's log says. Between two parts a list shows the first of them already, and the server goes on.
//!
//! Only one list is registered at a time, and of it no more is held open than [`CHUNK`] datasets.

mod look;

use std::path::Path;
use std::sync::PoisonError;

use skein_api::{DatasetLine, DatasetsImported, Line, Slips};
use skein_dataset::{Dataset, manage_many, release};
use skein_ledger::{Actor, DatasetRegistered, UnitOutcome};
use skein_types::{Bytes, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::datasets::from_dataset;
use crate::error::ServiceError;
use crate::points::point;

/// Datasets that are open at a time, and that are registered with one wait for the disk.
const CHUNK: usize = 500;
/// Largest note: the longest list of datasets with long names and many labels.
pub(crate) const NOTED_MAX: Bytes = Bytes::mib(1_024);
/// What is to be registered, and that it is.
const NOTE: &str = "list";
const DECIDED: &str = "decided";

/// What is said of a whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportAsk {
    /// Of datasets whose line does not say to which team they belong.
    pub owner: Option<String>,
    /// Only look.
    pub dry_run: bool,
}

/// A list that is being registered.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Note {
    /// Another one for each list.
    id: String,
    /// Who asked.
    actor: Actor,
    datasets: Vec<DatasetRegistered>,
}

impl Control {
    /// Registers all of a list, or refuses it with what is wrong by line.
    pub(crate) fn import_datasets(
        &self,
        who: &Principal,
        lines: Vec<Line<DatasetLine>>,
        asked: &ImportAsk,
    ) -> Result<DatasetsImported, ServiceError> {
        let all = lines.len() as u64;
        let looked = self.looked_through(who, lines, asked)?;
        // Only now: the look at all places is long, and nobody else could register anything meanwhile.
        let _alone = self.registering.write().unwrap_or_else(PoisonError::into_inner);
        // One that was decided, and that the ledger could not take then.
        self.resume_import()?;
        let (new, known) = self.still_free(looked)?;
        let added = new.len() as u64;
        if !asked.dry_run && !new.is_empty() {
            let numbers: Vec<u64> = new.iter().map(|new| new.line).collect();
            let id = uuid::Uuid::now_v7().simple().to_string();
            let datasets = new.into_iter().map(|new| new.item).collect();
            let note = Note { id, actor: who.actor.clone(), datasets };
            self.register_noted(who, &note, &numbers)?;
        }
        Ok(DatasetsImported { datasets: all, added, known, dry_run: asked.dry_run })
    }

    fn register_noted(&self, who: &Principal, note: &Note, lines: &[u64]) -> Result<(), ServiceError> {
        let bytes = serde_json::to_vec(note).map_err(|error| ServiceError::bug(error.to_string()))?;
        self.shelf_of_imports.put(NOTE, &bytes)?;
        point!("import.after-noted")?;
        let mut slips = Slips::default();
        for (some, lines) in note.datasets.chunks(CHUNK).zip(lines.chunks(CHUNK)) {
            self.manage_some(some, lines, &mut slips);
        }
        if !slips.is_empty() {
            self.give_all_back(note);
            self.shelf_of_imports.remove(NOTE)?;
            return Err(refused(&slips));
        }
        point!("import.after-managed")?;
        self.shelf_of_imports.put(DECIDED, note.id.as_bytes())?;
        point!("import.after-decided")?;
        self.register_all(who, note)
    }

    /// Marks some as this server's.
    fn manage_some(&self, some: &[DatasetRegistered], lines: &[u64], slips: &mut Slips) {
        let (mut opened, mut of): (Vec<Dataset>, Vec<u64>) = (Vec::new(), Vec::new());
        for (one, line) in some.iter().zip(lines) {
            match self.open_noted(one) {
                Ok(dataset) => {
                    opened.push(dataset);
                    of.push(*line);
                }
                Err(error) => slips.add(*line, &error.message),
            }
        }
        let all: Vec<&Dataset> = opened.iter().collect();
        for (line, managed) in of.into_iter().zip(manage_many(&all, &self.manager())) {
            if let Err(error) = managed {
                slips.add(line, &error.to_string());
            }
        }
    }

    fn open_noted(&self, one: &DatasetRegistered) -> Result<Dataset, ServiceError> {
        let dataset = self.open_at(Path::new(one.location.as_str()))?;
        if dataset.path().to_str() != Some(one.location.as_str()) {
            let message = format!("{} became a link", one.location);
            return Err(ServiceError::new(codes::DATASET_NOT_FOUND, message));
        }
        Ok(dataset)
    }

    /// What was taken over for a list that is not registered is nobody's again.
    fn give_all_back(&self, note: &Note) {
        for one in &note.datasets {
            let given = self.open_noted(one).and_then(|dataset| {
                release(&dataset).map_err(|error| from_dataset(error.code(), &error, error.hint()))
            });
            if let Err(error) = given {
                tracing::warn!(dataset = %one.name, %error, "not given back");
            }
        }
    }

    /// Writes down what is not written down yet, and forgets the list.
    fn register_all(&self, who: &Principal, note: &Note) -> Result<(), ServiceError> {
        for some in note.datasets.chunks(CHUNK) {
            let mut units = Vec::with_capacity(some.len());
            for one in some {
                if self.ledger.dataset(one.dataset)?.is_none() {
                    units.push(who.unit().decide(one.clone()));
                }
            }
            for outcome in self.ledger.commit(units)? {
                match outcome {
                    UnitOutcome::Applied(_) | UnitOutcome::Known(_) => {}
                    // Somebody registered its name or its place while the list was left. The rest of it is what was asked for.
                    UnitOutcome::Refused { found, .. } => {
                        tracing::error!(%found, "a dataset of a list is not registered");
                    }
                }
            }
            point!("import.after-part")?;
        }
        // The list first: without it the decision is about nothing.
        self.shelf_of_imports.remove(NOTE)?;
        Ok(self.shelf_of_imports.remove(DECIDED)?)
    }

    /// At the start: the list that the process before had in hand is registered if that was decided, and given back if not.
    pub(crate) fn resume_import(&self) -> Result<(), ServiceError> {
        let Some(bytes) = self.shelf_of_imports.get(NOTE)? else { return Ok(()) };
        let note: Note = serde_json::from_slice(&bytes)
            .map_err(|error| ServiceError::bug(format!("the list of an import: {error}")))?;
        let decided = self.shelf_of_imports.get(DECIDED)?;
        if decided.as_deref() == Some(note.id.as_bytes()) {
            tracing::info!(datasets = note.datasets.len(), "a list of datasets is registered to its end");
            return self.register_all(&Principal::with(note.actor.clone(), Vec::new()), &note);
        }
        tracing::info!(datasets = note.datasets.len(), "a list of datasets is given back");
        self.give_all_back(&note);
        Ok(self.shelf_of_imports.remove(NOTE)?)
    }
}

/// Nothing of the list was taken.
pub(crate) fn refused(slips: &Slips) -> ServiceError {
    ServiceError::new(codes::LIST_REFUSED, slips.to_string())
        .hint(Some("mend these lines and send the whole list again: nothing of it was taken"))
}

#[cfg(test)]
mod tests;
