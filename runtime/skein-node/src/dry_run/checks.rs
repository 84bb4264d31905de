//! What is done with sampled rows beyond showing them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skein_api::{Determinism, Idempotence};
use skein_types::Shape;

use super::influence::{self, Moves};
use super::probe::{Probe, Prober};
use super::{again, own_output};
use crate::error::RunError;
use crate::lineage::Lineage;
use crate::run::{Asked, Work};

/// Dependencies that are named.
const NAMED_MAX: usize = 64;

/// What else was seen of the sampled rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Whether the same rows gave the same result.
    pub determinism: Determinism,
    /// What the module says of its own output; nothing, if it could not be asked.
    pub idempotence: Option<Idempotence>,
    /// Columns that moved with a source column that the plan does not name as theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<Undeclared>,
}

/// A dependency that the plan does not tell of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Undeclared {
    /// The target column.
    pub column: String,
    /// The source column.
    pub from: String,
}

/// Checks as they are made.
#[derive(Debug, Default)]
pub(super) struct Checking {
    pub(super) told: Checks,
    /// By plan.
    moves: BTreeMap<usize, Moves>,
    asked_of_own: bool,
}

impl Checking {
    /// A probe of a module without state.
    pub(super) fn alone(
        &mut self,
        asked: &Asked<'_>,
        prober: &Prober<'_>,
        probe: &Probe,
    ) -> Result<(), RunError> {
        let again = again::alone(prober, probe)?;
        self.told.determinism = std::mem::take(&mut self.told.determinism).and(&again);
        let place = prober.work.plans.group_of[probe.pick.file];
        let plan = &prober.group(probe.pick).plan;
        // Under `free` a row that comes out is no row that went in.
        if plan.shape() != Shape::Free && !self.moves.contains_key(&place) {
            self.moves.extend(influence::moves(prober, probe)?.map(|moves| (place, moves)));
        }
        self.own_output(asked, prober, probe)
    }

    /// The head of a dataset, of which `all` rows is all.
    pub(super) fn head(
        &mut self,
        asked: &Asked<'_>,
        prober: &Prober<'_>,
        (probes, all): (&[Probe], u64),
    ) -> Result<(), RunError> {
        let seen: u64 = probes.iter().map(|probe| probe.kept.rows() as u64).sum();
        self.told.determinism = again::head(prober, probes, seen == all)?;
        match probes.iter().find(|probe| probe.kept.rows() > 0) {
            Some(probe) => self.own_output(asked, prober, probe),
            None => Ok(()),
        }
    }

    /// Once: all plans have one target.
    fn own_output(&mut self, asked: &Asked<'_>, prober: &Prober<'_>, probe: &Probe) -> Result<(), RunError> {
        if !std::mem::replace(&mut self.asked_of_own, true) {
            self.told.idempotence = own_output::verdict(asked, prober, probe)?;
        }
        Ok(())
    }

    /// Says with each column what is known of where its values come from.
    pub(super) fn prove(&mut self, work: &Work, plans: &mut [Lineage]) {
        for (place, moves) in &self.moves {
            let plan = &work.plans.groups[*place].plan;
            plans[*place].moved(plan, moves);
            for (column, from) in influence::undeclared(plan, moves) {
                let found = Undeclared { column, from };
                if self.told.undeclared.len() < NAMED_MAX && !self.told.undeclared.contains(&found) {
                    self.told.undeclared.push(found);
                }
            }
        }
    }
}
