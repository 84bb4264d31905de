//! What is said of a dataset, and said anew: its labels, and the team that it belongs to. Both are of one version.
//!
//! Labels decide: which columns are shown to nobody, and how much can go wrong. Whose a dataset is decides who has to approve. So a
//! plan that was made by what was said before is out of date at once, where nobody has started it yet; `membership` looks once more
//! at the start. What runs goes on as it was approved, with each lease from now on as the labels are now.

use std::collections::BTreeSet;
use std::path::Path;

use skein_api::{DatasetLabels, DatasetLabelsPut, DatasetOwner, DatasetOwnerPut};
use skein_campaign::Observation;
use skein_ledger::{Dataset, DatasetChanged, Event, Labels, Limit, Subject};
use skein_types::{CampaignId, CampaignState, DatasetId, Reason};

use crate::access::Principal;
use crate::audit::SAID_OF_DATASETS;
use crate::control::{Control, name};
use crate::decide::Told;
use crate::error::ServiceError;
use crate::planning::tier;
use crate::settings::Seen;
use crate::shown;
use crate::work::sensitive;

impl Control {
    /// The labels of a dataset.
    pub(crate) fn labels_of(&self, row: Dataset) -> Result<DatasetLabels, ServiceError> {
        let version = row.version;
        let skein_api::Dataset { dataset, name, labels, .. } = shown::dataset(row)?;
        Ok(DatasetLabels { dataset, name, labels, version })
    }

    /// The team of a dataset.
    pub(crate) fn owner_of(&self, row: Dataset) -> Result<DatasetOwner, ServiceError> {
        let version = row.version;
        let skein_api::Dataset { dataset, name, owner, .. } = shown::dataset(row)?;
        Ok(DatasetOwner { dataset, name, owner, version })
    }

    /// Gives a dataset these labels and no others.
    pub(crate) fn put_labels(
        &self,
        who: &Principal,
        (row, seen): (Dataset, Seen),
        asked: &DatasetLabelsPut,
    ) -> Result<DatasetLabels, ServiceError> {
        let mut labels = Labels::new();
        for (key, value) in asked.labels.iter() {
            labels.insert(name("a label", key)?, name("a label", value)?);
        }
        let decides = decided_by(&labels) != decided_by(&row.labels);
        let what = decides.then(|| format!("{} has other labels than when the plan was made", row.name));
        let changed = DatasetChanged { labels, ..as_it_is(&row) };
        self.labels_of(self.said(who, (row, seen), changed, what)?)
    }

    /// Hands a dataset over to a team. Its files have to be where data of that team may be.
    pub(crate) fn put_owner(
        &self,
        who: &Principal,
        (row, seen): (Dataset, Seen),
        asked: &DatasetOwnerPut,
    ) -> Result<DatasetOwner, ServiceError> {
        self.may_be_of(who, &asked.owner, Path::new(row.location.as_str()))?;
        if !self.is_team(&asked.owner)? {
            return Err(ServiceError::absent("team", &asked.owner));
        }
        let owner = name("owner", &asked.owner)?;
        let what = format!("{} went to another team than had it when the plan was made", row.name);
        let changed = DatasetChanged { owner, ..as_it_is(&row) };
        self.owner_of(self.said(who, (row, seen), changed, Some(what))?)
    }

    /// Writes what is said of a dataset now, if nobody said something else meanwhile; `what` is told to campaigns whose plan is out of
    /// date by it. The lock is held, so none of them starts in between.
    fn said(
        &self,
        who: &Principal,
        (row, seen): (Dataset, Seen),
        changed: DatasetChanged,
        what: Option<String>,
    ) -> Result<Dataset, ServiceError> {
        let called = format!("what is said of dataset {}", row.name);
        let version = seen.against(&called, Some(row.version))?;
        if changed == as_it_is(&row) {
            return Ok(row);
        }
        let mut state = self.state();
        self.set((&called, Subject::Dataset(row.id), version), who.unit().decide(changed))?;
        if let Some(what) = what {
            for campaign in self.not_started_over(row.id)? {
                let told = vec![Told::of(Observation::OutOfDate(Reason::MembershipMoved))];
                self.tell(&mut state, campaign, told, (&self.itself, &what, Vec::new()))?;
            }
        }
        drop(state);
        self.ledger.dataset(row.id)?.ok_or_else(|| ServiceError::absent("dataset", row.name.as_str()))
    }

    /// Campaigns with a plan over a dataset that nobody has started.
    fn not_started_over(&self, dataset: DatasetId) -> Result<Vec<CampaignId>, ServiceError> {
        let (mut campaigns, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.ledger.runs_of_dataset(dataset, after, Limit::MAX)?;
            campaigns.extend(page.items.iter().map(|run| run.campaign));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let mut waiting = Vec::new();
        for campaign in campaigns {
            if matches!(
                self.campaign_row(campaign)?.state,
                CampaignState::Planned | CampaignState::AwaitingApproval | CampaignState::Approved
            ) {
                waiting.push(campaign);
            }
        }
        Ok(waiting)
    }

    /// Whether labels by which a plan is made are others than they were at this position of the log.
    pub(crate) fn relabelled_since(&self, row: &Dataset, position: u64) -> Result<bool, ServiceError> {
        if row.version <= position {
            return Ok(false);
        }
        let subject = Subject::Dataset(row.id);
        let then = self.ledger.event_before(position.saturating_add(1), &subject, SAID_OF_DATASETS)?;
        let then = then.and_then(|recorded| said_by(recorded.event));
        Ok(then.is_some_and(|labels| decided_by(&labels) != decided_by(&row.labels)))
    }
}

fn as_it_is(row: &Dataset) -> DatasetChanged {
    let (name, owner, labels) = (row.name.clone(), row.owner.clone(), row.labels.clone());
    DatasetChanged { dataset: row.id, name, owner, labels }
}

/// What of labels a plan is made by.
fn decided_by(labels: &Labels) -> impl PartialEq + use<> {
    (tier(labels), sensitive(labels))
}

fn said_by(event: Event) -> Option<Labels> {
    if let Event::DatasetRegistered(registered) = event {
        Some(registered.labels)
    } else if let Event::DatasetChanged(changed) = event {
        Some(changed.labels)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{as_it_is, decided_by};
    use crate::control::{Control, name};
    use crate::scene::{HandClock, PLAN, campaign, open, planning};
    use skein_ledger::{CampaignPlanned, DatasetChanged, Entry, Labels};
    use skein_types::{Blake3, Bytes, Rows, Timestamp, codes};

    fn labels(of: &[(&str, &str)]) -> Labels {
        of.iter().map(|(key, value)| (name("l", key).unwrap(), name("l", value).unwrap())).collect()
    }

    /// The dataset of the scene is labelled by a process that died before it told the campaign; answers why that may not start.
    fn relabelled(
        as_of: impl Fn(&Control) -> u64,
        of: &[(&str, &str)],
    ) -> Option<(skein_types::Code, String)> {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open(place.path(), &clock);
        planning(&control);
        let report = format!("{{\"as_of\":{}}}", as_of(&control)).into_bytes();
        let planned = CampaignPlanned {
            campaign: campaign(),
            plan: PLAN,
            report: Blake3::of(&report),
            runs: 1,
            bytes: Bytes(1),
            rows: Rows(1),
        };
        let blob = Entry::PutBlob { bytes: report, keep_until: Timestamp(u64::MAX >> 12) };
        control.write(control.itself.unit().then(blob).decide(planned)).unwrap();
        let row = control.find_dataset("d0").unwrap();
        let changed = DatasetChanged { labels: labels(of), ..as_it_is(&row) };
        control.write(control.itself.unit().decide(changed)).unwrap();
        let mut state = control.state();
        let refused = control.still_as_planned(&mut state, campaign()).err()?;
        Some((refused.code, refused.message))
    }

    #[test]
    fn the_start_finds_labels_that_a_plan_was_made_by_and_that_are_others_since() {
        let here = |control: &Control| control.ledger.head().unwrap().position;
        let (code, why) = relabelled(here, &[("tier", "critical")]).unwrap();
        assert_eq!(code, codes::PLAN_MOVED);
        assert!(why.ends_with("and 1 have other labels of those that it was made by"), "{why}");
        assert!(relabelled(here, &[("sensitive", "email")]).is_some());
        assert_eq!(relabelled(here, &[("region", "eu")]), None);
        // Of a plan that was made before this was kept nothing is known.
        assert_eq!(relabelled(|_| 0, &[("tier", "critical")]), None);
    }

    #[test]
    fn a_plan_is_made_by_the_tier_and_by_what_is_sensitive_and_by_no_other_label() {
        let decides = |of: &[(&str, &str)], others: &[(&str, &str)]| {
            decided_by(&labels(of)) != decided_by(&labels(others))
        };
        assert!(decides(&[], &[("sensitive", "email")]));
        assert!(decides(&[("sensitive", "email")], &[("sensitive", "email,phone")]));
        assert!(decides(&[("tier", "gold")], &[("tier", "critical")]));
        assert!(!decides(&[("tier", "silver")], &[("region", "eu")]), "neither says anything");
        assert!(!decides(
            &[("sensitive", "email, phone")],
            &[("sensitive", "email"), ("sensitive.2", "phone")]
        ));
    }
}
