//! What it takes to draw a campaign, and what to offer beside it.

use skein_api::CampaignVerb;

use super::Desk;
use super::campaigns::takes;
use crate::access::Act;
use crate::error::ServiceError;
use crate::map::{CoursePoint, RunMap};

impl Desk<'_> {
    /// Where the runs of a campaign are: all of them, or those about which something was decided behind a position, if these are few.
    pub fn run_map(&self, named: &str, after: Option<u64>) -> Result<RunMap, ServiceError> {
        self.control.run_map(self.seen_by(named, Act::See)?, after)
    }

    /// Whether a move may be asked for at all, so that a page offers no other; what is asked for is looked at again.
    pub fn may_ask(&self, named: &str, verb: CampaignVerb) -> Result<(), ServiceError> {
        self.seen_by(named, takes(verb)).map(|_| ())
    }

    /// How many runs of a campaign were left at which time.
    pub fn course(&self, named: &str) -> Result<Vec<CoursePoint>, ServiceError> {
        self.control.course(self.seen_by(named, Act::See)?)
    }
}
