//! Datasets.

use skein_api::{
    Dataset, DatasetExport, DatasetLabels, DatasetLabelsPut, DatasetOwner, DatasetOwnerPut, DatasetRollback,
    DatasetRolledBack, DatasetScrub, DatasetVersion, DatasetsAdd, DatasetsAdded, DatasetsImported,
    IMPORT_LINES_MAX, LinesKind, Page, lines,
};

use super::Desk;
use super::looked_up::{DatasetListed, DatasetPart};
use crate::access::Act;
use crate::error::ServiceError;
use crate::import::{self, ImportAsk};
use crate::list::ListPart;
use crate::settings::Seen;
use crate::shown;

impl Desk<'_> {
    /// Registers datasets, each by itself: of the teams for which the principal may, where their data may be.
    pub fn add_datasets(&self, asked: DatasetsAdd) -> Result<DatasetsAdded, ServiceError> {
        self.control.add_datasets(self.who, asked)
    }

    /// Refuses whoever may register nothing.
    pub fn may_import(&self) -> Result<(), ServiceError> {
        self.who.check_any(Act::Register)
    }

    /// Registers all datasets of a list, or none of them: of the teams for which the principal may, where their data may be.
    pub fn import_datasets(
        &self,
        (kind, text): (LinesKind, &str),
        asked: &ImportAsk,
    ) -> Result<DatasetsImported, ServiceError> {
        self.may_import()?;
        let lines = lines(kind, text, IMPORT_LINES_MAX).map_err(|slips| import::refused(&slips))?;
        self.control.import_datasets(self.who, lines, asked)
    }

    /// Datasets by name.
    pub fn datasets(&self, part: &ListPart) -> Result<Page<Dataset>, ServiceError> {
        self.control.datasets(part, self.who.sees())
    }

    /// Datasets by name, with how far each is.
    pub fn datasets_listed(
        &self,
        part: &DatasetPart,
    ) -> Result<(Vec<DatasetListed>, Option<String>), ServiceError> {
        let owners =
            if part.mine { self.who.teams_of().or_else(|| self.who.sees()) } else { self.who.sees() };
        self.control.datasets_listed(part, owners)
    }

    /// The run of a dataset that was planned last, as [`datasets_listed`](Self::datasets_listed) has it.
    pub fn dataset_listed(&self, named: &str) -> Result<DatasetListed, ServiceError> {
        self.control.dataset_listed(self.dataset_seen(named, Act::See)?)
    }

    /// A dataset by its id or its name.
    pub fn dataset(&self, named: &str) -> Result<Dataset, ServiceError> {
        let row = self.dataset_seen(named, Act::See)?;
        let kept = self.control.kept_of(&row);
        Ok(Dataset { kept, ..shown::dataset(row)? })
    }

    /// The labels of a dataset.
    pub fn dataset_labels(&self, named: &str) -> Result<DatasetLabels, ServiceError> {
        self.control.labels_of(self.dataset_seen(named, Act::See)?)
    }

    /// Gives a dataset other labels.
    pub fn put_dataset_labels(
        &self,
        (named, seen): (&str, Seen),
        asked: &DatasetLabelsPut,
    ) -> Result<DatasetLabels, ServiceError> {
        let row = self.dataset_seen(named, Act::Register)?;
        self.control.put_labels(self.who, (row, seen), asked)
    }

    /// The team of a dataset.
    pub fn dataset_owner(&self, named: &str) -> Result<DatasetOwner, ServiceError> {
        self.control.owner_of(self.dataset_seen(named, Act::See)?)
    }

    /// Hands a dataset over: for those who may register datasets in its team and in the one that it goes to.
    pub fn put_dataset_owner(
        &self,
        (named, seen): (&str, Seen),
        asked: &DatasetOwnerPut,
    ) -> Result<DatasetOwner, ServiceError> {
        let row = self.dataset_seen(named, Act::Register)?;
        self.control.put_owner(self.who, (row, seen), asked)
    }

    /// What was found when all versions of a dataset were last read.
    pub fn dataset_scrub(&self, named: &str) -> Result<DatasetScrub, ServiceError> {
        self.control.scrub_of(&self.dataset_seen(named, Act::See)?)
    }

    /// Has all versions of a dataset read now.
    pub fn scrub_dataset(&self, named: &str) -> Result<DatasetScrub, ServiceError> {
        self.control.scrub_now(&self.dataset_seen(named, Act::Restrain)?)
    }

    /// The versions that a dataset has had.
    pub fn dataset_history(
        &self,
        named: &str,
        part: &ListPart,
    ) -> Result<Page<DatasetVersion>, ServiceError> {
        self.control.history(&self.dataset_seen(named, Act::See)?, part)
    }

    /// Undoes the current version of a dataset. It is its team's, whoever's campaign had made the version.
    pub fn roll_back_dataset(
        &self,
        named: &str,
        asked: &DatasetRollback,
    ) -> Result<DatasetRolledBack, ServiceError> {
        self.control.roll_back_dataset(self.who, &self.dataset_seen(named, Act::Restrain)?, asked)
    }

    /// Where the files of a version are.
    pub fn export_dataset(&self, named: &str, version: Option<u64>) -> Result<DatasetExport, ServiceError> {
        self.control.export(&self.dataset_seen(named, Act::See)?, version)
    }

    /// Forgets a dataset and gives it back; its files and its log stay.
    pub fn remove_dataset(&self, named: &str) -> Result<Dataset, ServiceError> {
        let row = self.dataset_seen(named, Act::Register)?;
        self.control.remove_dataset(self.who, row)
    }

    /// Why whoever asks may not say anew what a dataset is, if so: for who is offered to.
    pub fn may_set_dataset(&self, team: &str) -> Result<(), ServiceError> {
        self.who.check_there(Act::Register, team)
    }

    /// Why whoever asks may not undo what was done to a dataset, have it read, or pass a reader's rule over, if so.
    pub fn may_restrain_dataset(&self, team: &str) -> Result<(), ServiceError> {
        self.who.check_there(Act::Restrain, team)
    }

    /// A dataset that there is, and in whose team the principal may do this.
    pub(super) fn dataset_seen(&self, named: &str, act: Act) -> Result<skein_ledger::Dataset, ServiceError> {
        let row = self.control.find_dataset(named)?;
        self.who.check(act, Some(row.owner.as_str()), ("dataset", named))?;
        Ok(row)
    }
}
