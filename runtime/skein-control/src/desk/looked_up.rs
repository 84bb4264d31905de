//! What a page shows at once and the API answers in several requests. Each costs the same however much there is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::str::FromStr;

use skein_api::{Campaign as ApiCampaign, Dataset, Module, Name as ApiName, Page, Time};
use skein_ledger::{Campaign, CampaignFilter, CampaignsFrom, DatasetFilter, Limit, ModuleState, Name, Run};
pub use skein_sandbox::jail::Said as ModuleSaid;
use skein_types::{CampaignId, CampaignState, RunState, codes};

use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::{CampaignPart, ListPart};
use crate::shown;

/// Datasets that are looked at for a page of those in one state: no index leads to them.
const LOOKED_AT: usize = 1_000;
/// Pages of datasets that are looked at to count a selection.
const COUNTED_PAGES: usize = 20;
/// Selected datasets that are named.
const NAMED: usize = 5;

/// Which datasets, with how far each is; all that is said holds.
#[derive(Clone, Debug, Default)]
pub struct DatasetPart {
    /// Those that come after this name.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Of this team.
    pub owner: Option<String>,
    /// Whose names begin so.
    pub prefix: Option<String>,
    /// Of teams alone in which whoever asks has a grant.
    pub mine: bool,
    /// How far.
    pub migration: Option<Migration>,
}

/// How far a dataset is, by the run of it that was planned last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// No campaign had it.
    Never,
    /// That run is in this state.
    Run(RunState),
}

impl Migration {
    /// The word for none.
    pub const NEVER: &'static str = "never";

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => Self::NEVER,
            Self::Run(state) => state.as_str(),
        }
    }
}

impl FromStr for Migration {
    type Err = ServiceError;
    fn from_str(word: &str) -> Result<Self, ServiceError> {
        if word == Self::NEVER {
            return Ok(Self::Never);
        }
        let state = RunState::ALL.iter().find(|state| state.as_str() == word);
        let unknown = || ServiceError::new(codes::BODY_INVALID, format!("{word:?} is no state of a run"));
        state.map(|state| Self::Run(*state)).ok_or_else(unknown)
    }
}

/// A dataset with how far it is.
#[derive(Clone, Debug)]
pub struct DatasetListed {
    /// It.
    pub dataset: Dataset,
    /// The run of it that was planned last.
    pub last: Option<LastRun>,
}

/// The run of a dataset that was planned last.
#[derive(Clone, Debug)]
pub struct LastRun {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// What that is called.
    pub name: ApiName,
    /// Its place there.
    pub seq: u64,
    /// Where it is.
    pub state: RunState,
    /// Since when.
    pub since: Time,
    /// The dataset's version that it made or, undone, that followed.
    pub version: Option<u64>,
    /// Whether it can be undone.
    pub back: Back,
}

/// Until when a run can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// It published nothing that stands, or the version before is gone.
    No,
    /// The time begins when its campaign is rolled out.
    Open,
    /// Until then.
    Until(Time),
}

/// What a selection comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Datasets that are in it.
    pub datasets: u64,
    /// Whether all that could be in it were looked at; else there may be more.
    pub whole: bool,
    /// The first by name.
    pub names: Vec<String>,
    /// How many are of each team.
    pub teams: BTreeMap<String, u64>,
}

impl Control {
    /// Campaigns, in the order that is asked for.
    pub(crate) fn campaigns(
        &self,
        part: &CampaignPart,
        owners: Option<Vec<Name>>,
    ) -> Result<Page<ApiCampaign>, ServiceError> {
        let (from, limit) = (part.from()?, part.page().limit());
        let of = |text: &Option<String>| text.as_deref().map(|text| name("filter", text)).transpose();
        let owners = match (of(&part.owner)?, owners) {
            (None, owners) => owners,
            (Some(owner), None) => Some(vec![owner]),
            (Some(owner), Some(owners)) => Some(owners.into_iter().filter(|one| *one == owner).collect()),
        };
        let filter =
            CampaignFilter { owners, state: part.state, prefix: of(&part.prefix)?, module: part.module };
        self.ledger.at_once(|| {
            let page = self.ledger.campaigns(&filter, &from, limit)?;
            shown::page(page.items, page.next.map(|next| next.to_string()), |row| self.shown_campaign(row))
        })?
    }

    /// Those that were made last, the newest first, and whether there are older ones.
    pub(crate) fn newest_campaigns(
        &self,
        owners: Option<Vec<Name>>,
        most: usize,
    ) -> Result<(Vec<ApiCampaign>, bool), ServiceError> {
        let filter = CampaignFilter { owners, ..CampaignFilter::default() };
        self.ledger.at_once(|| {
            let page = self.ledger.campaigns(&filter, &CampaignsFrom::Newest(None), Limit::new(most))?;
            let shown = page.items.into_iter().map(|row| self.shown_campaign(row));
            Ok((shown.collect::<Result<_, _>>()?, page.next.is_some()))
        })?
    }

    /// Datasets by name, with how far each is, and where the next page begins. In one state there may be none on a page that is not the
    /// last.
    pub(crate) fn datasets_listed(
        &self,
        part: &DatasetPart,
        owners: Option<Vec<Name>>,
    ) -> Result<(Vec<DatasetListed>, Option<String>), ServiceError> {
        let some = |text: &Option<String>| text.as_deref().map(|text| name("filter", text)).transpose();
        let (owner, prefix, after) = (some(&part.owner)?, some(&part.prefix)?, some(&part.after)?);
        let filter = DatasetFilter { owner, prefix, owners, ..DatasetFilter::default() };
        let most = part.limit.unwrap_or(LOOKED_AT).clamp(1, LOOKED_AT);
        let looked_at = if part.migration.is_some() { LOOKED_AT } else { most };
        self.ledger.at_once(|| {
            let page = self.ledger.datasets(&filter, after.as_ref(), Limit::new(looked_at))?;
            let (mut listed, mut seen, mut known) = (Vec::new(), None, BTreeMap::new());
            for row in page.items {
                if listed.len() == most {
                    return Ok((listed, seen));
                }
                seen = Some(row.name.to_string());
                let run = self.ledger.last_run_of(row.id)?;
                let migration = run.as_ref().map_or(Migration::Never, |run| Migration::Run(run.state));
                if part.migration.is_none_or(|wanted| wanted == migration) {
                    listed.push(self.listed(row, run, &mut known)?);
                }
            }
            Ok((listed, page.next.map(|next| next.to_string())))
        })?
    }

    pub(crate) fn dataset_listed(&self, row: skein_ledger::Dataset) -> Result<DatasetListed, ServiceError> {
        let run = self.ledger.last_run_of(row.id)?;
        self.listed(row, run, &mut BTreeMap::new())
    }

    fn listed(
        &self,
        row: skein_ledger::Dataset,
        run: Option<Run>,
        known: &mut BTreeMap<CampaignId, (Campaign, Option<Time>)>,
    ) -> Result<DatasetListed, ServiceError> {
        let last = run.map(|run| self.last(&run, known)).transpose()?.flatten();
        Ok(DatasetListed { dataset: shown::dataset(row)?, last })
    }

    fn last(
        &self,
        run: &Run,
        known: &mut BTreeMap<CampaignId, (Campaign, Option<Time>)>,
    ) -> Result<Option<LastRun>, ServiceError> {
        let (campaign, until) = match known.entry(run.campaign) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let Some(row) = self.ledger.campaign(run.campaign)? else { return Ok(None) };
                let soaks = row.state == CampaignState::Soaking;
                let until =
                    soaks.then(|| self.window_of(&row)).transpose()?.map(|window| window.after(row.since));
                place.insert((row, until.map(Time)))
            }
        };
        Ok(Some(LastRun {
            campaign: run.campaign,
            name: shown::text(&campaign.name),
            seq: run.seq,
            state: run.state,
            since: Time(run.since),
            version: run.version,
            back: back(run.state, campaign.state, *until),
        }))
    }

    /// What a module says of itself.
    pub(crate) fn module_said(&self, row: &skein_ledger::Module) -> Result<Option<ModuleSaid>, ServiceError> {
        let Some(digest) = row.manifest else {
            return if row.state == ModuleState::Ready {
                self.modules.said_late(row.digest)
            } else {
                Ok(None)
            };
        };
        let gone = || ServiceError::bug(format!("what module {} says of itself is gone", row.digest));
        let bytes = self.ledger.blob(digest)?.ok_or_else(gone)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| ServiceError::bug(error.to_string()))
    }

    pub(crate) fn module_versions(
        &self,
        of: &str,
        part: &ListPart,
        owners: Option<Vec<Name>>,
    ) -> Result<Page<Module>, ServiceError> {
        let after = part.after.as_deref().map(|after| name("after", after)).transpose()?;
        let of = name("module", of)?;
        let page = self.ledger.module_versions(&of, owners.as_deref(), after.as_ref(), part.limit())?;
        shown::page(page.items, page.next.map(|next| next.to_string()), |row| Ok(shown::module(&row)))
    }

    /// Counts what a selection comes to.
    pub(crate) fn count_selected(&self, selection: &skein_api::Selection) -> Result<Selected, ServiceError> {
        let mut selected = Selected::default();
        selected.whole = self.some_selected(selection, COUNTED_PAGES, |row| {
            selected.datasets += 1;
            if selected.names.len() < NAMED {
                selected.names.push(row.name.to_string());
            }
            *selected.teams.entry(row.owner.to_string()).or_default() += 1;
        })?;
        Ok(selected)
    }
}

/// Whether a run can be undone, and until when.
fn back(run: RunState, campaign: CampaignState, until: Option<Time>) -> Back {
    if !matches!(run, RunState::Published | RunState::RevertFailed) {
        return Back::No;
    }
    match campaign {
        CampaignState::Soaking => until.map_or(Back::Open, Back::Until),
        CampaignState::Finalizing => Back::No,
        CampaignState::Draft
        | CampaignState::Planning
        | CampaignState::PlanFailed
        | CampaignState::Planned
        | CampaignState::AwaitingApproval
        | CampaignState::Stale
        | CampaignState::Approved
        | CampaignState::Running
        | CampaignState::Paused
        | CampaignState::Halted
        | CampaignState::RollingBack
        | CampaignState::RollbackIncomplete
        | CampaignState::Cancelling
        | CampaignState::Cancelled
        | CampaignState::Succeeded
        | CampaignState::PartiallySucceeded
        | CampaignState::RolledBack => Back::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::{Back, back};
    use skein_api::Time;
    use skein_types::{CampaignState, RunState, Timestamp};

    #[test]
    fn what_was_published_can_be_undone_until_its_campaign_gives_old_versions_up() {
        let until = Time(Timestamp(7));
        let of = |run, campaign| back(run, campaign, Some(until));
        assert_eq!(of(RunState::Published, CampaignState::Soaking), Back::Until(until));
        assert_eq!(of(RunState::Published, CampaignState::Running), Back::Open);
        assert_eq!(of(RunState::Published, CampaignState::Finalizing), Back::No);
        for state in [RunState::Planned, RunState::Failed, RunState::Reverted, RunState::Finalized] {
            assert_eq!(of(state, CampaignState::Soaking), Back::No, "{state}");
        }
    }
}
