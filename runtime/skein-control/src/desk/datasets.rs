//! Datasets.

use skein_api::{Dataset, DatasetsAdd, DatasetsAdded, Page};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;

impl Desk<'_> {
    /// Registers datasets, each by itself: of the teams for which the principal may, where their data may be.
    pub fn add_datasets(&self, asked: DatasetsAdd) -> Result<DatasetsAdded, ServiceError> {
        self.control.add_datasets(self.who, asked)
    }

    /// Datasets by name.
    pub fn datasets(&self, part: &ListPart) -> Result<Page<Dataset>, ServiceError> {
        self.control.datasets(part, self.who.sees())
    }

    /// A dataset by its id or its name.
    pub fn dataset(&self, named: &str) -> Result<Dataset, ServiceError> {
        shown::dataset(self.dataset_seen(named, Act::See)?)
    }

    /// Forgets a dataset and gives it back; its files and its log stay.
    pub fn remove_dataset(&self, named: &str) -> Result<Dataset, ServiceError> {
        let row = self.dataset_seen(named, Act::Register)?;
        self.control.remove_dataset(self.who, row)
    }

    /// A dataset that there is, and in whose team the principal may do this.
    pub(super) fn dataset_seen(&self, named: &str, act: Act) -> Result<skein_ledger::Dataset, ServiceError> {
        let row = self.control.find_dataset(named)?;
        self.who.check(act, Some(row.owner.as_str()), ("dataset", named))?;
        Ok(row)
    }
}
