//! Registered datasets: where they are, whose they are, and that this server manages them.

pub(crate) mod rules;
mod said;

use std::path::Path;
use std::sync::Arc;

use skein_api::{
    DRIVER_FILES, DatasetAdd, DatasetAdded, DatasetsAdd, DatasetsAdded, List, Page, Text as ApiText, Why,
};
use skein_dataset::{Dataset, Manager, Options, Place, manage_many, release};
use skein_ledger::{
    DatasetFilter, DatasetRegistered, DatasetRemoved, Found, Limit, Name, Run, Text, Unit, UnitOutcome,
};
use skein_types::{Code, DatasetId, codes};
use uuid::Uuid;

use crate::access::{Act, Principal};
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::points::point;
use crate::shown;

/// How long control waits for another process that is at a dataset's log. Short: all that it does for datasets is done again
/// later where one was busy, and others wait meanwhile.
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_millis(250);

impl Control {
    /// Registers datasets, each by itself. The place of each is looked at, never what is in its files.
    pub(crate) fn add_datasets(
        &self,
        who: &Principal,
        asked: DatasetsAdd,
    ) -> Result<DatasetsAdded, ServiceError> {
        let asked = asked.datasets.into_vec();
        let mut answers: Vec<Option<DatasetAdded>> = Vec::with_capacity(asked.len());
        let mut opened: Vec<(usize, DatasetAdd, Dataset)> = Vec::new();
        for (index, add) in asked.into_iter().enumerate() {
            match self.open_new(who, &add) {
                Ok(dataset) => {
                    answers.push(None);
                    opened.push((index, add, dataset));
                }
                Err(error) => answers.push(Some(refused(&error))),
            }
        }
        // The list that is imported was looked through: nobody takes a name or a place of it meanwhile.
        let _others = self.registering.try_read().map_err(|_| {
            ServiceError::new(codes::SERVER_BUSY, "a list of datasets is being registered")
                .hint(Some("ask again when it is done"))
        })?;
        // What cannot be registered is not taken over either: nobody could give it back.
        let mut fit = Vec::with_capacity(opened.len());
        for (index, add, dataset) in &opened {
            match self.registered(add, dataset, who) {
                Ok((id, unit)) => fit.push((*index, id, unit, dataset)),
                Err(error) => answers[*index] = Some(refused(&error)),
            }
        }
        let datasets: Vec<&Dataset> = fit.iter().map(|(_, _, _, dataset)| *dataset).collect();
        point!("dataset.before-managed")?;
        let managed = manage_many(&datasets, &self.manager());
        point!("dataset.after-managed")?;
        let (mut units, mut of) = (Vec::new(), Vec::new());
        for ((index, id, unit, dataset), managed) in fit.into_iter().zip(managed) {
            match managed {
                Ok(()) => {
                    units.push(unit);
                    of.push((index, id, dataset));
                }
                Err(error) => {
                    answers[index] = Some(refused(&from_dataset(error.code(), &error, error.hint())));
                }
            }
        }
        let outcomes = self.ledger.commit(units)?;
        point!("dataset.after-registered")?;
        for ((index, id, dataset), outcome) in of.into_iter().zip(outcomes) {
            answers[index] = Some(match outcome {
                UnitOutcome::Applied(_) | UnitOutcome::Known(_) => DatasetAdded::Added(id),
                UnitOutcome::Refused { found, .. } => {
                    self.give_back(dataset, &found)?;
                    self.known_or_refused(who, opened.iter().find(|(of, _, _)| *of == index), &found)?
                }
            });
        }
        let answers: Option<Vec<DatasetAdded>> = answers.into_iter().collect();
        let answers = answers.ok_or_else(|| ServiceError::bug("a dataset without an answer"))?;
        Ok(DatasetsAdded { datasets: List::first(answers).0 })
    }

    /// A dataset that was taken over and could not be registered is given back, unless it is this server's under another name.
    fn give_back(&self, dataset: &Dataset, found: &Found) -> Result<(), ServiceError> {
        if let Found::Dataset { dataset: there } = found {
            let there = self.ledger.dataset(*there)?;
            if there.is_some_and(|there| dataset.path().to_str() == Some(there.location.as_str())) {
                return Ok(());
            }
        }
        release(dataset).map_err(|error| from_dataset(error.code(), &error, error.hint()))
    }

    fn open_new(&self, who: &Principal, add: &DatasetAdd) -> Result<Dataset, ServiceError> {
        if &*add.driver != DRIVER_FILES {
            let message = format!("there is no driver {:?}", add.driver.as_str());
            return Err(ServiceError::new(codes::BODY_INVALID, message).hint(Some("known: files")));
        }
        if add.state.is_some() {
            let message = "a server finds the state of a dataset beside its data, and nowhere else yet";
            return Err(ServiceError::new(codes::BODY_INVALID, message));
        }
        let place = self.place_of(who, &add.owner, &add.location)?;
        if !self.is_team(&add.owner)? {
            return Err(ServiceError::absent("team", &add.owner));
        }
        let dataset = self.open_at(&place)?;
        self.may_be_of(who, &add.owner, &dataset.path())?;
        Ok(dataset)
    }

    /// Looks at what lies at a place. Whoever asks for that may: it takes a walk through all of it.
    pub(crate) fn open_at(&self, location: &Path) -> Result<Dataset, ServiceError> {
        let place =
            Place::resolve(location).map_err(|error| from_dataset(error.code(), &error, error.hint()))?;
        let options = Options { lock_wait: LOCK_WAIT, threads: 1, probes: Arc::clone(&self.probes) };
        let dataset = Dataset::open(place, Arc::clone(&self.clock), options)
            .map_err(|error| from_dataset(error.code(), &error, error.hint()))?;
        Ok(dataset.managed_by(self.server))
    }

    /// A registered dataset, for its log.
    pub(crate) fn open_dataset(&self, id: DatasetId) -> Result<Dataset, ServiceError> {
        let row = self.ledger.dataset(id)?.ok_or_else(|| ServiceError::absent("dataset", &id.to_string()))?;
        let dataset = self.open_at(Path::new(row.location.as_str()))?;
        // Not whatever a link leads to that was put there since.
        if dataset.path().to_str() != Some(row.location.as_str()) {
            let message = format!("{} is a link to {} now", row.location, dataset.path().display());
            return Err(ServiceError::new(codes::DATASET_NOT_FOUND, message));
        }
        Ok(dataset)
    }

    pub(crate) fn manager(&self) -> Manager {
        Manager { server: self.server, address: self.address().to_string() }
    }

    fn registered(
        &self,
        add: &DatasetAdd,
        dataset: &Dataset,
        who: &Principal,
    ) -> Result<(DatasetId, Unit), ServiceError> {
        let id = DatasetId::new(Uuid::now_v7());
        let mut labels = skein_ledger::Labels::new();
        for (key, value) in add.labels.iter() {
            labels.insert(name("a label", key)?, name("a label", value)?);
        }
        // The real path: two names for one place are one dataset.
        let path = dataset.path();
        let location = path.to_str().ok_or_else(|| {
            ServiceError::new(codes::BODY_INVALID, format!("{} is no text", path.display()))
        })?;
        let location = Text::new(location).map_err(|error| ServiceError::unfit("location", &error))?;
        let registered = DatasetRegistered {
            dataset: id,
            name: name("name", &add.name)?,
            driver: name("driver", &add.driver)?,
            location,
            owner: name("owner", &add.owner)?,
            labels,
        };
        Ok((id, who.unit().decide(registered)))
    }

    fn known_or_refused(
        &self,
        who: &Principal,
        asked: Option<&(usize, DatasetAdd, Dataset)>,
        found: &Found,
    ) -> Result<DatasetAdded, ServiceError> {
        if let (Found::Dataset { dataset }, Some((_, add, opened))) = (found, asked) {
            let Some(there) = self.ledger.dataset(*dataset)? else {
                return Ok(refused(&ServiceError::new(codes::DATASET_TAKEN, found.to_string())));
            };
            let location = opened.path().display().to_string();
            if is_just_so(&there, add, &location) {
                return Ok(DatasetAdded::Known(*dataset));
            }
            let same = there.name.as_str() == &*add.name && there.location.as_str() == location;
            return Ok(refused(&taken(who, &there, same)));
        }
        Ok(refused(&ServiceError::new(codes::DATASET_TAKEN, found.to_string())))
    }

    /// Datasets by name.
    pub(crate) fn datasets(
        &self,
        part: &ListPart,
        owners: Option<Vec<Name>>,
    ) -> Result<Page<skein_api::Dataset>, ServiceError> {
        let some = |text: &Option<String>| text.as_deref().map(|text| name("filter", text)).transpose();
        let filter = DatasetFilter {
            owner: some(&part.owner)?,
            prefix: some(&part.prefix)?,
            owners,
            labels: skein_ledger::Labels::new(),
            driver: None,
        };
        let after = some(&part.after)?;
        let page = self.ledger.datasets(&filter, after.as_ref(), part.limit())?;
        shown::page(page.items, page.next.map(|name| name.to_string()), shown::dataset)
    }

    /// A dataset by its id or its name.
    pub(crate) fn find_dataset(&self, named: &str) -> Result<skein_ledger::Dataset, ServiceError> {
        let found = match named.parse::<DatasetId>() {
            Ok(id) => self.ledger.dataset(id)?,
            Err(_) => self
                .ledger
                .dataset_named(&Name::new(named).map_err(|error| ServiceError::unfit("name", &error))?)?,
        };
        found.ok_or_else(|| ServiceError::absent("dataset", named))
    }

    /// Runs of a dataset that are not at rest.
    pub(crate) fn under_way(&self, id: DatasetId) -> Result<Vec<Run>, ServiceError> {
        let (mut runs, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.runs_of_dataset(id, after, Limit::MAX)?;
            runs.extend(page.items.into_iter().filter(|run| !run.state.is_at_rest()));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(runs),
            }
        }
    }

    /// Forgets a dataset and gives it back; its files and its log stay.
    pub(crate) fn remove_dataset(
        &self,
        who: &Principal,
        row: skein_ledger::Dataset,
    ) -> Result<skein_api::Dataset, ServiceError> {
        let opened = self.open_dataset(row.id);
        // Whoever removes one that is not there says that it does not come back: its runs end with that.
        let is_gone = opened.as_ref().is_err_and(|error| error.code == codes::DATASET_NOT_FOUND);
        if let Some(run) = self.under_way(row.id)?.first().filter(|_| !is_gone) {
            let message = format!("{} is part of {}", row.name, run.campaign);
            return Err(ServiceError::new(codes::CAMPAIGN_STATE, message)
                .hint(Some("skip its run, or wait for the end of the campaign")));
        }
        match opened {
            Ok(dataset) => {
                release(&dataset).map_err(|error| from_dataset(error.code(), &error, error.hint()))?
            }
            // There is nothing to give back.
            Err(error) => tracing::info!(dataset = %row.name, %error, "removed without being given back"),
        }
        point!("dataset.after-released")?;
        let removed = DatasetRemoved { dataset: row.id, reason: Text::clip("asked") };
        self.write(who.unit().decide(removed))?;
        point!("dataset.after-removed")?;
        shown::dataset(row)
    }
}

/// Whether a dataset is registered as somebody wants it to be.
pub(crate) fn is_just_so(there: &skein_ledger::Dataset, add: &DatasetAdd, location: &str) -> bool {
    let labels = there.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    there.name.as_str() == &*add.name
        && there.location.as_str() == location
        && there.owner.as_str() == &*add.owner
        && labels.eq(add.labels.iter())
}

/// Another dataset is where one was to be registered, or that one itself with something else about it. Which one it is is told to who
/// sees it.
pub(crate) fn taken(who: &Principal, there: &skein_ledger::Dataset, same: bool) -> ServiceError {
    let taken = |message: &str| ServiceError::new(codes::DATASET_TAKEN, message);
    if !who.may(Act::See, Some(there.owner.as_str())) {
        return taken("the name or the place is taken").hint(Some("choose another name"));
    }
    if same {
        return taken("it is registered already, with another owner or other labels").hint(Some(
            "`skein dataset show` says with which; `skein dataset label` and `skein dataset owner` set them",
        ));
    }
    taken(&format!("the name or the place is that of {}", there.id))
        .hint(Some("list the datasets, and choose another name"))
}

fn refused(error: &ServiceError) -> DatasetAdded {
    DatasetAdded::Refused(Why::new(error.code, &error.message, error.hint.as_deref()))
}

pub(crate) fn from_dataset(code: Code, error: &dyn std::error::Error, hint: Option<&str>) -> ServiceError {
    ServiceError::new(code, ApiText::<2000>::escaped(&error.to_string()).as_str()).hint(hint)
}
