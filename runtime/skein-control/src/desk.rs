//! The service functions: what people and their tools may ask of a server, whichever face they come through.
//!
//! Each looks up what it is about, checks the principal's role in the team that the thing belongs to, and hands over to
//! [`Control`], which asks nobody. So this is the one place where rights are looked at; nodes come in another way.

mod access;
mod approvals;
mod attempts;
mod audit;
mod campaigns;
mod care;
mod catalogue;
mod datasets;
mod entities;
mod events;
mod fleet;
mod looked_up;
mod map;
mod quotas;
mod rules;
mod scans;
mod secrets;
mod settings;
mod webhooks;

use std::sync::Arc;

use crate::access::Principal;
pub use crate::approvals::{Stance, Stances};
use crate::control::Control;
pub use crate::import::ImportAsk;

pub use care::{Care, LastBackup, OpenAlarm};
pub use entities::Catalogued;
pub use looked_up::{Back, DatasetListed, DatasetPart, LastRun, Migration, ModuleSaid, Selected};

/// Control as one principal may use it.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    control: &'a Arc<Control>,
    who: &'a Principal,
}

impl Control {
    /// As this principal may use it.
    pub const fn desk<'a>(self: &'a Arc<Self>, who: &'a Principal) -> Desk<'a> {
        Desk { control: self, who }
    }
}
