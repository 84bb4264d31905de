//! Attempts, their logs, and what is needed to repeat one. An attempt is its campaign's: who may see that may see that there was one.
//! What may be of rows is for who may see those of its dataset: what was said and refused, why it failed, how to repeat it.

use std::collections::BTreeMap;

use skein_api::{Attempt, List, Page, Replay, Text, Why};
use skein_types::{DatasetId, codes};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;

/// Lines as their node wrote them, and the number of the next one if there are more.
type LinesOf = (Vec<u8>, Option<u64>);

impl Desk<'_> {
    /// Attempts of a campaign.
    pub fn attempts(&self, campaign: &str, part: &ListPart) -> Result<Page<Attempt>, ServiceError> {
        self.as_seen(self.control.attempts(self.seen_by(campaign, Act::See)?, None, part)?)
    }

    /// Attempts at a run.
    pub fn attempts_at(
        &self,
        campaign: &str,
        run: &str,
        part: &ListPart,
    ) -> Result<Page<Attempt>, ServiceError> {
        self.as_seen(self.control.attempts(self.seen_by(campaign, Act::See)?, Some(run), part)?)
    }

    /// An attempt.
    pub fn attempt(&self, named: &str) -> Result<Attempt, ServiceError> {
        let attempt = self.control.shown_attempt(&self.attempt_seen(named)?)?;
        match attempt.dataset.map(|dataset| self.sees_rows(dataset)).transpose()? {
            Some(false) => Ok(without_rows(attempt)),
            Some(true) | None => Ok(attempt),
        }
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
        self.control.replay(&self.rows_of_attempt_seen(named)?)
    }

    /// The bytes of the module that an attempt ran.
    pub fn attempt_module(&self, named: &str) -> Result<Vec<u8>, ServiceError> {
        self.control.module_of(&self.rows_of_attempt_seen(named)?)
    }

    /// The like for what may show rows: those of its dataset have to be seen too.
    fn rows_of_attempt_seen(&self, named: &str) -> Result<skein_ledger::Attempt, ServiceError> {
        let row = self.attempt_seen(named)?;
        if let Some(dataset) = self.control.dataset_of_attempt(&row)? {
            self.rows_seen(dataset)?;
        }
        Ok(row)
    }

    /// Attempts without what is of rows that are not seen.
    fn as_seen(&self, mut page: Page<Attempt>) -> Result<Page<Attempt>, ServiceError> {
        if self.who.sees().is_none() {
            return Ok(page);
        }
        let mut seen: BTreeMap<DatasetId, bool> = BTreeMap::new();
        for attempt in page.items.iter() {
            if let Some(dataset) = attempt.dataset.filter(|dataset| !seen.contains_key(dataset)) {
                seen.insert(dataset, self.sees_rows(dataset)?);
            }
        }
        let hides = |attempt: &Attempt| attempt.dataset.is_some_and(|of| seen.get(&of) == Some(&false));
        let shown = |attempt: &Attempt| {
            let attempt = attempt.clone();
            if hides(&attempt) { without_rows(attempt) } else { attempt }
        };
        page.items = List::first(page.items.iter().map(shown).collect()).0;
        Ok(page)
    }

    /// Whether rows of a dataset may be seen.
    fn sees_rows(&self, dataset: DatasetId) -> Result<bool, ServiceError> {
        match self.rows_seen(dataset) {
            Ok(()) => Ok(true),
            Err(error) if [codes::ROLE_MISSING, codes::NOT_FOUND].contains(&error.code) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn attempt_seen(&self, named: &str) -> Result<skein_ledger::Attempt, ServiceError> {
        let row = self.control.attempt_row(named)?;
        self.seen_as(row.campaign, Act::See, ("attempt", named))?;
        Ok(row)
    }
}

/// Stands for what a failure says.
const NOT_SEEN: &str = "why is told to who may see the rows of its dataset";

/// An attempt for who may not see rows of its dataset: that there was one, how it ended, and with which code of the catalogue.
fn without_rows(attempt: Attempt) -> Attempt {
    let why = attempt.why.map(|why| Why { message: Text::escaped(NOT_SEEN), hint: None, ..why });
    Attempt { why, reject_codes: List::EMPTY, source: None, log: None, ..attempt }
}
