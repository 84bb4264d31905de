//! Attempts, their logs, and what is needed to repeat one. An attempt is its campaign's: who may see that may see it.

use skein_api::{Attempt, Page, Replay};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;

/// Lines as their node wrote them, and the number of the next one if there are more.
type LinesOf = (Vec<u8>, Option<u64>);

impl Desk<'_> {
    /// Attempts of a campaign.
    pub fn attempts(&self, campaign: &str, part: &ListPart) -> Result<Page<Attempt>, ServiceError> {
        self.control.attempts(self.seen_by(campaign, Act::See)?, None, part)
    }

    /// Attempts at a run.
    pub fn attempts_at(
        &self,
        campaign: &str,
        run: &str,
        part: &ListPart,
    ) -> Result<Page<Attempt>, ServiceError> {
        self.control.attempts(self.seen_by(campaign, Act::See)?, Some(run), part)
    }

    /// An attempt.
    pub fn attempt(&self, named: &str) -> Result<Attempt, ServiceError> {
        self.control.shown_attempt(&self.attempt_seen(named)?)
    }

    /// What was said in an attempt: JSON that nobody here has read.
    pub fn attempt_log(&self, named: &str, part: &ListPart) -> Result<LinesOf, ServiceError> {
        self.control.lines(self.rows_of_attempt_seen(named)?.log, part)
    }

    /// Some of the rows that an attempt's module refused: the like.
    pub fn attempt_rejects(&self, named: &str, part: &ListPart) -> Result<LinesOf, ServiceError> {
        self.control.lines(self.rows_of_attempt_seen(named)?.rejects, part)
    }

    /// All that is needed to repeat an attempt elsewhere.
    pub fn attempt_replay(&self, named: &str) -> Result<Replay, ServiceError> {
        self.control.replay(&self.attempt_seen(named)?)
    }

    /// The bytes of the module that an attempt ran.
    pub fn attempt_module(&self, named: &str) -> Result<Vec<u8>, ServiceError> {
        self.control.module_of(&self.attempt_seen(named)?)
    }

    /// The like for what may show rows: those of its dataset have to be seen too.
    fn rows_of_attempt_seen(&self, named: &str) -> Result<skein_ledger::Attempt, ServiceError> {
        let row = self.attempt_seen(named)?;
        if let Some(dataset) = self.control.dataset_of_attempt(&row)? {
            self.rows_seen(dataset)?;
        }
        Ok(row)
    }

    fn attempt_seen(&self, named: &str) -> Result<skein_ledger::Attempt, ServiceError> {
        let row = self.control.attempt_row(named)?;
        self.seen_as(row.campaign, Act::See, ("attempt", named))?;
        Ok(row)
    }
}
