//! Datasets with what made them, for catalogs of other programs.

use std::collections::BTreeMap;

use skein_api::{Dataset, Module, Page};
use skein_ledger::{DatasetFilter, Limit, Name};
use skein_types::{CampaignId, DatasetId, RunState};

use super::Desk;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;

/// A dataset, and what made its current version, if that was a campaign of this server with a module that whoever asks sees.
#[derive(Clone, Debug)]
pub struct Catalogued {
    /// The dataset.
    pub dataset: Dataset,
    /// The module.
    pub module: Option<Module>,
    /// The campaign that it ran in.
    pub campaign: Option<CampaignId>,
}

impl Desk<'_> {
    /// What links to this server begin with, without a slash at the end.
    pub fn address(&self) -> &str {
        self.control.address().trim_end_matches('/')
    }

    /// Datasets by name, with what made them: a page, so that all of them take no more memory than one.
    pub fn catalogued(&self, part: &ListPart) -> Result<Page<Catalogued>, ServiceError> {
        let (filter, after) = self.of_catalog(part)?;
        self.control.ledger.at_once(|| {
            let page = self.control.ledger.datasets(&filter, after.as_ref(), part.limit())?;
            // Most datasets of a page were made by a few campaigns.
            let mut modules = BTreeMap::new();
            shown::page(page.items, page.next.as_ref().map(Name::to_string), |row| {
                let campaign = self.made_by(row.id)?;
                let module = match campaign {
                    Some(id) => match modules.get(&id) {
                        Some(known) => Option::clone(known),
                        None => {
                            let found = self.module_of(id)?;
                            modules.insert(id, found.clone());
                            found
                        }
                    },
                    None => None,
                };
                let campaign = campaign.filter(|_| module.is_some());
                Ok(Catalogued { dataset: shown::dataset(row)?, module, campaign })
            })
        })?
    }

    /// Refuses what cannot be meant, before anything is looked up.
    pub fn may_be_catalogued(&self, part: &ListPart) -> Result<(), ServiceError> {
        self.of_catalog(part).map(|_| ())
    }

    fn of_catalog(&self, part: &ListPart) -> Result<(DatasetFilter, Option<Name>), ServiceError> {
        let some = |text: &Option<String>| {
            text.as_deref().map(|text| crate::control::name("filter", text)).transpose()
        };
        let (owner, prefix, owners) = (some(&part.owner)?, some(&part.prefix)?, self.who.sees());
        let filter = DatasetFilter { owner, prefix, owners, ..DatasetFilter::default() };
        Ok((filter, some(&part.after)?))
    }

    /// The campaign whose version of a dataset is the last one that was not undone.
    fn made_by(&self, dataset: DatasetId) -> Result<Option<CampaignId>, ServiceError> {
        let (mut last, mut after) = (None, None);
        loop {
            let page = self.control.ledger.runs_of_dataset(dataset, after, Limit::MAX)?;
            let made = page
                .items
                .iter()
                .filter(|run| matches!(run.state, RunState::Published | RunState::Finalized))
                .filter_map(|run| Some((run.version?, run.campaign)));
            last = last.into_iter().chain(made).max();
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(last.map(|(_, campaign)| campaign)),
            }
        }
    }

    fn module_of(&self, campaign: CampaignId) -> Result<Option<Module>, ServiceError> {
        let Some(row) = self.control.ledger.campaign(campaign)? else { return Ok(None) };
        let found = self.control.module_seen_by(self.who, row.module)?;
        Ok(found.as_ref().map(shown::module))
    }
}
