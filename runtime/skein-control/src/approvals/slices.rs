//! The slices of a plan, when it is made: one for each team that datasets of it belong to.

use std::collections::BTreeMap;

use skein_ledger::{Guard, Name, SlicePlanned, Unit};
use skein_types::{Bytes, CampaignId, DatasetId, Risk, Rows, Verdict};

use crate::control::Control;
use crate::error::ServiceError;
use crate::planning::Seen;

/// Slices that are written in one unit.
const CHUNK: usize = 500;

/// Whose the datasets of a plan are that are to be migrated.
pub(crate) type Owners = BTreeMap<DatasetId, Name>;

impl Control {
    /// Whose they are now. One that was removed since has none, and its run finds that out.
    pub(crate) fn owners_among(&self, seen: &[Seen]) -> Result<Owners, ServiceError> {
        let mut owners = Owners::new();
        for one in seen.iter().filter(|one| one.plan.verdict == Verdict::Eligible) {
            if let Some(row) = self.ledger.dataset(one.plan.dataset)? {
                owners.insert(row.id, row.owner);
            }
        }
        Ok(owners)
    }

    /// Writes them. Nothing of it counts before the plan is written.
    pub(crate) fn write_slices(
        &self,
        (campaign, epoch): (CampaignId, u64),
        (seen, owners): (&[Seen], &Owners),
        risk: impl Fn(&Name) -> Risk,
    ) -> Result<(), ServiceError> {
        let mut slices: BTreeMap<&Name, SlicePlanned> = BTreeMap::new();
        for plan in seen.iter().map(|one| &one.plan).filter(|plan| plan.verdict == Verdict::Eligible) {
            let Some(team) = owners.get(&plan.dataset) else { continue };
            let slice = slices.entry(team).or_insert_with(|| SlicePlanned {
                campaign,
                team: team.clone(),
                risk: risk(team),
                datasets: 0,
                bytes: Bytes(0),
                rows: Rows(0),
            });
            slice.datasets += 1;
            slice.bytes = Bytes(slice.bytes.0.saturating_add(plan.bytes.0).min(super::UNTIL_RESUMED));
            slice.rows = Rows(slice.rows.0.saturating_add(plan.rows.0).min(super::UNTIL_RESUMED));
        }
        let slices: Vec<SlicePlanned> = slices.into_values().collect();
        for some in slices.chunks(CHUNK) {
            let unit = self.itself.unit().if_(Guard::CampaignAt { campaign, epoch });
            self.write(some.iter().cloned().fold(unit, Unit::decide))?;
        }
        Ok(())
    }
}
