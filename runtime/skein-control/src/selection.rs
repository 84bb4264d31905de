//! Which datasets a campaign is over, and what its manifest says of single ones.
//!
//! A selection is resolved when the campaign is planned, and again when it starts: a plan over other datasets than are
//! selected by then is out of date. What is said of single datasets is read with the campaign and kept by dataset, so a run is
//! given its own parameters by its dataset's id and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde_json::Value;
use skein_api::node::Work;
use skein_api::{Chosen, List, Selection};
use skein_ledger::{Campaign, DatasetFilter, Entry, Ledger, Limit, Name, RunFilter};
use skein_types::{Blake3, CampaignId, CampaignState, DatasetId, RunState, Timestamp, Verdict, codes};

use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::live::Live;

/// Names that an error lists.
const NAMED: usize = 5;
/// Parameters of single runs are made again when they are gone, so this is about saving work.
const KEEP: u64 = 24 * 3_600_000;

/// What a manifest says of single datasets.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    of: BTreeMap<DatasetId, Own>,
    /// Moments at which some runs may start.
    due: BTreeSet<Timestamp>,
    /// The campaign's parameters. Those of single runs are made of them when they are needed: kept whole, a manifest of many
    /// lines would fill the memory.
    all: Value,
}

#[derive(Debug)]
struct Own {
    /// What takes the place of the campaign's, and the digest of the whole.
    params: Option<(Blake3, serde_json::Map<String, Value>)>,
    defer_until: Option<Timestamp>,
}

impl Overrides {
    pub(crate) fn load(ledger: &dyn Ledger, row: &Campaign) -> Result<Self, ServiceError> {
        let selection = read(ledger, row)?;
        let said = |chosen: &&Chosen| chosen.params.is_some() || chosen.defer_until.is_some();
        if !selection.manifest.iter().any(|chosen| said(&chosen)) {
            return Ok(Self::default());
        }
        let gone = || ServiceError::bug(format!("the parameters of {} are gone", row.id));
        let params = ledger.blob(row.params_blob)?.ok_or_else(gone)?;
        let params: Value =
            serde_json::from_slice(&params).map_err(|error| ServiceError::bug(error.to_string()))?;
        let mut all = Self { all: params, ..Self::default() };
        for chosen in selection.manifest.iter().filter(said) {
            // One that was removed since has no run.
            let Some(dataset) = ledger.dataset_named(&name("manifest", &chosen.dataset)?)? else { continue };
            let defer_until = chosen.defer_until.map(|time| time.0);
            all.due.extend(defer_until);
            let params = chosen.params.clone().map(|own| (Blake3::of(&all.whole(&own)), own));
            all.of.insert(dataset.id, Own { params, defer_until });
        }
        Ok(all)
    }

    /// The parameters of a run with some of its own.
    fn whole(&self, own: &serde_json::Map<String, Value>) -> Vec<u8> {
        overridden(self.all.clone(), own.clone()).to_string().into_bytes()
    }

    /// Of a dataset's own parameters; none if it has the campaign's.
    pub(crate) fn params(&self, dataset: DatasetId) -> Option<Blake3> {
        Some(self.of.get(&dataset)?.params.as_ref()?.0)
    }

    /// Whether its run may not start yet.
    pub(crate) fn defers(&self, dataset: DatasetId, now: Timestamp) -> bool {
        self.defer_until(dataset).is_some_and(|until| until > now)
    }

    pub(crate) fn defer_until(&self, dataset: DatasetId) -> Option<Timestamp> {
        self.of.get(&dataset)?.defer_until
    }

    /// Whether some run may start that could not before.
    pub(crate) fn falls_due(&self, after: Timestamp, until: Timestamp) -> bool {
        after < until && self.due.range((Bound::Excluded(after), Bound::Included(until))).next().is_some()
    }
}

/// Keys of `own` replace those of the same name.
fn overridden(mut all: Value, own: serde_json::Map<String, Value>) -> Value {
    match all.as_object_mut() {
        Some(params) => params.extend(own),
        None => return Value::Object(own),
    }
    all
}

/// The selection of a campaign.
pub(crate) fn read(ledger: &dyn Ledger, row: &Campaign) -> Result<Selection, ServiceError> {
    let gone = || ServiceError::bug(format!("the selection of {} is gone", row.id));
    let blob = ledger.blob(row.selection)?.ok_or_else(gone)?;
    Ok(skein_api::parse(&blob, 2 * skein_api::BODY_BYTES_MAX)?)
}

impl Control {
    /// Refuses a selection that cannot be meant.
    pub(crate) fn check_selection(&self, selection: &Selection) -> Result<(), ServiceError> {
        crate::glob::any_of(selection.names.iter().map(|name| &**name))?;
        if let Some(other) = selection.unfinished_of {
            self.at_rest_campaign(other)?;
        }
        let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
        for chosen in selection.manifest.iter() {
            if !seen.insert(&*chosen.dataset) {
                let message = format!("the manifest names {} twice", chosen.dataset);
                return Err(ServiceError::new(codes::BODY_INVALID, message));
            }
            let Some(there) = self.ledger.dataset_named(&name("manifest", &chosen.dataset)?)? else {
                unknown.push(chosen.dataset.as_str());
                continue;
            };
            if let Some(owner) = chosen.owner.as_ref().filter(|owner| owner.as_str() != there.owner.as_str())
            {
                let message =
                    format!("{} belongs to {}, not to {owner} as the manifest says", there.name, there.owner);
                return Err(ServiceError::new(codes::BODY_INVALID, message)
                    .hint(Some("a manifest does not change whose a dataset is")));
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let named = unknown[..unknown.len().min(NAMED)].join(", ");
        let more = unknown.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Err(ServiceError::new(codes::NOT_FOUND, format!("datasets that are not registered: {named}{more}"))
            .hint(Some("a manifest has names as `skein dataset list` shows them")))
    }

    /// A campaign whose runs are at rest, so that another one may have their datasets.
    pub(crate) fn at_rest_campaign(&self, id: CampaignId) -> Result<Campaign, ServiceError> {
        let row = self.campaign_row(id)?;
        let busy =
            row.runs.among(&[RunState::Planned, RunState::Held, RunState::Intended, RunState::Reverting]);
        let may_begin = matches!(
            row.state,
            CampaignState::Draft | CampaignState::Planning | CampaignState::Stale | CampaignState::Running
        );
        match busy > 0 || may_begin {
            false => Ok(row),
            true => Err(ServiceError::new(
                codes::CAMPAIGN_STATE,
                format!("{id} is {}, with {busy} runs that it may still do itself", row.state),
            )
            .hint(Some("wait for its end, or cancel it: what it published stays"))),
        }
    }

    /// Teams that datasets of a campaign's selection belong to.
    pub(crate) fn owners_of(&self, id: CampaignId) -> Result<BTreeSet<String>, ServiceError> {
        let mut owners = BTreeSet::new();
        let selection = read(&*self.ledger, &self.campaign_row(id)?)?;
        self.each_selected(&selection, |dataset| {
            if !owners.contains(dataset.owner.as_str()) {
                owners.insert(dataset.owner.to_string());
            }
        })?;
        Ok(owners)
    }

    /// Ids of the selected datasets by name, which is the order of runs.
    pub(crate) fn selected(&self, selection: &Selection) -> Result<Vec<DatasetId>, ServiceError> {
        let mut ids = Vec::new();
        self.each_selected(selection, |dataset| ids.push(dataset.id))?;
        Ok(ids)
    }

    pub(crate) fn each_selected(
        &self,
        selection: &Selection,
        of: impl FnMut(&skein_ledger::Dataset),
    ) -> Result<(), ServiceError> {
        self.some_selected(selection, usize::MAX, of).map(|_| ())
    }

    /// The like, of which datasets are looked at on so many pages at most; true if these were all.
    pub(crate) fn some_selected(
        &self,
        selection: &Selection,
        pages: usize,
        mut of: impl FnMut(&skein_ledger::Dataset),
    ) -> Result<bool, ServiceError> {
        let name = |text: &str| name("selection", text);
        let mut labels = BTreeMap::new();
        for (key, value) in selection.labels.iter() {
            labels.insert(name(key)?, name(value)?);
        }
        let owner = selection.owner.as_deref().map(name).transpose()?;
        let driver = selection.driver.as_deref().map(name).transpose()?;
        let names = |owners: &List<skein_api::Name, 64>| owners.iter().map(|owner| name(owner)).collect();
        let owners = selection.owners.as_ref().map(names).transpose()?;
        let filter = DatasetFilter { owner, owners, labels, prefix: None, driver };
        let wanted = crate::glob::any_of(selection.names.iter().map(|name| &**name))?;
        let listed: BTreeSet<&str> = selection.manifest.iter().map(|chosen| &*chosen.dataset).collect();
        let unfinished = selection.unfinished_of.map(|other| self.unfinished(other)).transpose()?;
        let mut after: Option<Name> = None;
        for _ in 0..pages {
            let page = self.ledger.datasets(&filter, after.as_ref(), Limit::MAX)?;
            page.items
                .iter()
                .filter(|dataset| wanted.fits(dataset.name.as_str()))
                .filter(|dataset| listed.is_empty() || listed.contains(dataset.name.as_str()))
                .filter(|dataset| unfinished.as_ref().is_none_or(|those| those.contains(&dataset.id)))
                .for_each(&mut of);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Datasets whose runs in a campaign did not come to an end that stays. What a person left out, or what had been through
    /// the migration before, is not among them.
    fn unfinished(&self, campaign: CampaignId) -> Result<BTreeSet<DatasetId>, ServiceError> {
        let states = [
            RunState::Planned,
            RunState::Held,
            RunState::Failed,
            RunState::Stale,
            RunState::Cancelled,
            RunState::Reverted,
            RunState::RevertFailed,
            RunState::Ineligible,
        ];
        let mut those = BTreeSet::new();
        for state in states {
            let (filter, mut after) = (RunFilter { state: Some(state), wave: None }, None);
            loop {
                let page = self.ledger.runs(campaign, filter, after, Limit::MAX)?;
                let runs = page.items.iter();
                let meant =
                    runs.filter(|run| state != RunState::Ineligible || run.verdict == Verdict::Refused);
                those.extend(meant.map(|run| run.dataset));
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(those)
    }

    /// The parameters of a campaign for one dataset, as its node got them.
    pub(crate) fn params_of(&self, live: &Live, dataset: DatasetId) -> Result<Vec<u8>, ServiceError> {
        let own = live.overrides.of.get(&dataset).and_then(|own| own.params.as_ref());
        if let Some((_, own)) = own {
            return Ok(live.overrides.whole(own));
        }
        let params = self.ledger.blob(live.params)?;
        params.ok_or_else(|| ServiceError::bug(format!("the blob {} is gone", live.params)))
    }

    /// What a campaign does with one dataset: with the parameters that its manifest gives it.
    pub(crate) fn work_of(&self, live: &Live, dataset: DatasetId, work: Work) -> Result<Work, ServiceError> {
        let own = live.overrides.of.get(&dataset).and_then(|own| own.params.as_ref());
        let Some((digest, own)) = own else { return Ok(work) };
        if self.ledger.blob(*digest)?.is_none() {
            let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
            let entry = Entry::PutBlob { bytes: live.overrides.whole(own), keep_until };
            self.write(self.itself.unit().then(entry))?;
        }
        Ok(Work { params: *digest, ..work })
    }
}

#[cfg(test)]
mod tests {
    use super::{Overrides, overridden};
    use serde_json::{Value, json};
    use skein_types::Timestamp;

    #[test]
    fn own_parameters_take_the_place_of_those_of_the_same_name() {
        let own = |value: Value| value.as_object().unwrap().clone();
        let all = json!({ "zone": "UTC", "day": { "a": 1 } });
        assert_eq!(
            overridden(all, own(json!({ "zone": "CET", "day": {} }))),
            json!({ "zone": "CET", "day": {} })
        );
        assert_eq!(overridden(Value::Null, own(json!({ "a": 1 }))), json!({ "a": 1 }));
    }

    #[test]
    fn a_moment_falls_due_once() {
        let all = Overrides { due: [Timestamp(10), Timestamp(20)].into(), ..Overrides::default() };
        let due = |after, until| all.falls_due(Timestamp(after), Timestamp(until));
        assert_eq!(
            [due(0, 9), due(9, 10), due(10, 19), due(10, 20), due(20, 99)],
            [false, true, false, true, false]
        );
        // The clock was set back.
        assert!(!due(15, 5));
    }
}
