//! From what a machine decides to what the ledger records, and back into the machine when it is on the disk.
//!
//! One unit holds all that follows from one or several inputs, with the guard that nothing moved the campaign since. The
//! machine that decides is a clone; it takes the place of the other only when the ledger has the unit. If the ledger
//! refuses, somebody else moved it: the campaign is read again.

use skein_campaign::{Campaign, Decision, Input, Moved, RunReport};
use skein_ledger::{
    CampaignMoved, CampaignRolledOut, Entry, Event, Found, Guard, Text, Unit, UnitOutcome, WaveMoved,
};
use skein_types::{CampaignId, CampaignState, Timestamp, codes};

use crate::access::Principal;
use crate::error::ServiceError;

/// Something that a campaign is told, with the event that records a run's move.
#[derive(Debug)]
pub(crate) struct Told {
    input: Input,
    /// Of a run that moves: what stands in the ledger for it.
    event: Option<Event>,
}

impl Told {
    /// A command or an observation that is about no run.
    pub(crate) fn of(input: impl Into<Input>) -> Self {
        Self { input: input.into(), event: None }
    }

    /// A run moves.
    pub(crate) fn run(report: RunReport, event: impl Into<Event>) -> Self {
        Self { input: report.into(), event: Some(event.into()) }
    }
}

/// A unit on its way: what the machine is when the ledger has it.
#[derive(Debug)]
pub(crate) struct Drafted {
    pub(crate) machine: Campaign,
    pub(crate) unit: Unit,
}

/// What several inputs lead to, together. What is refused by itself is left out; `refused` hears of it.
pub(crate) fn draft(
    (id, machine): (CampaignId, &Campaign),
    told: impl IntoIterator<Item = Told>,
    (who, now, reason): (&Principal, Timestamp, &str),
    mut refused: impl FnMut(usize, skein_campaign::Refused),
) -> Drafted {
    let mut ahead = machine.clone();
    let mut unit = who.unit().if_(Guard::CampaignAt { campaign: id, epoch: machine.epoch() });
    for (index, Told { input, mut event }) in told.into_iter().enumerate() {
        let decisions = match ahead.decide(input, now) {
            Ok(decisions) => decisions,
            Err(error) => {
                refused(index, error);
                continue;
            }
        };
        for decision in &decisions {
            ahead.apply(decision);
            unit = recorded(unit, id, decision, (reason, &mut event));
        }
    }
    Drafted { machine: ahead, unit }
}

fn recorded(
    unit: Unit,
    campaign: CampaignId,
    decision: &Decision,
    (reason, event): (&str, &mut Option<Event>),
) -> Unit {
    match decision {
        Decision::Run(_) => match event.take() {
            Some(event) => unit.decide(event),
            None => unit,
        },
        Decision::Wave(moved) => unit.decide(WaveMoved {
            campaign,
            wave: moved.wave,
            from: moved.from,
            to: moved.to,
            reason: Text::clip(moved.reason.as_str()),
            budget: moved.budget,
        }),
        // The plan's own event says it: see `planning`.
        Decision::Planned(_)
        | Decision::Moved(Moved { from: CampaignState::Planning, to: CampaignState::Planned, .. }) => unit,
        Decision::Moved(moved) => {
            let said = match reason {
                "" => moved.reason.as_str().to_owned(),
                said => format!("{}: {said}", moved.reason.as_str()),
            };
            let reason = Text::clip(&said);
            let unit = unit.decide(CampaignMoved { campaign, from: moved.from, to: moved.to, reason });
            match moved.to == CampaignState::Soaking {
                true => unit.decide(CampaignRolledOut { campaign }),
                false => unit,
            }
        }
    }
}

impl Drafted {
    /// Whether there is anything to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.unit.entries.is_empty()
    }

    /// With more to write in the same unit, before the rest: decisions may name blobs that come with them.
    pub(crate) fn with(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.unit.entries.splice(0..0, entries);
        self
    }
}

/// Why a unit was not written.
pub(crate) fn done(outcome: &UnitOutcome) -> Result<(), ServiceError> {
    match outcome {
        UnitOutcome::Applied(_) | UnitOutcome::Known(_) => Ok(()),
        UnitOutcome::Refused { found, .. } => Err(refused(found)),
    }
}

fn refused(found: &Found) -> ServiceError {
    ServiceError::new(codes::CAMPAIGN_STATE, format!("meanwhile {found}"))
        .hint(Some("look at it again and repeat what still makes sense"))
}
