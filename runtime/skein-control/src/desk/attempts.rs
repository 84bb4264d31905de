//! Attempts, at work and over, their logs, and what is needed to repeat one. An attempt is its campaign's: who may see that may see that there was one.
//! What may be of rows is for who may see those of its dataset: what was said and refused, why it failed, how to repeat it.

use std::collections::BTreeMap;

use skein_api::{Attempt, List, Page, Replay, Text, Why};
use skein_types::{AttemptId, DatasetId, codes};

use super::Desk;
use crate::access::Act;
use crate::attempts::Found;
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
        let attempt = match self.attempt_seen(named)? {
            Found::Over(row) => self.control.shown_attempt(&row)?,
            Found::AtWork(working) => self.control.shown_at_work(&working)?,
        };
        self.without_unseen(attempt)
    }

    /// It without what is of rows that are not seen.
    fn without_unseen(&self, attempt: Attempt) -> Result<Attempt, ServiceError> {
        match attempt.dataset.map(|dataset| self.sees_rows(dataset)).transpose()? {
            Some(false) => Ok(without_rows(attempt)),
            Some(true) | None => Ok(attempt),
        }
    }

    /// Attempts at a run that are at work, at most so many.
    pub fn attempts_at_work(
        &self,
        campaign: &str,
        run: u64,
        most: usize,
    ) -> Result<Vec<Attempt>, ServiceError> {
        let campaign = self.seen_by(campaign, Act::See)?;
        let working = self.control.attempts_at_work(campaign, Some(run))?;
        let shown = working.iter().take(most).map(|working| {
            let attempt = self.control.shown_at_work(working)?;
            self.without_unseen(attempt)
        });
        shown.collect()
    }

    /// Runs of a campaign that attempts are at, each with one of these.
    pub fn runs_at_work(&self, campaign: &str) -> Result<BTreeMap<u64, AttemptId>, ServiceError> {
        Ok(self.control.runs_at_work(self.seen_by(campaign, Act::See)?))
    }

    /// What was said in an attempt: JSON that nobody here has read. Of one that is at work there is always a next line to ask for.
    pub fn attempt_log(&self, named: &str, part: &ListPart) -> Result<LinesOf, ServiceError> {
        match self.rows_of_attempt_seen(named)? {
            Found::Over(row) => self.control.lines(row.log, part),
            Found::AtWork(working) => self.control.said_at_work(&working, part),
        }
    }

    /// Some of the rows that an attempt's module refused: the like. Which they are is told when it is over.
    pub fn attempt_rejects(&self, named: &str, part: &ListPart) -> Result<LinesOf, ServiceError> {
        match self.rows_of_attempt_seen(named)? {
            Found::Over(row) => self.control.lines(row.rejects, part),
            Found::AtWork(_) => Ok((Vec::new(), None)),
        }
    }

    /// All that is needed to repeat an attempt elsewhere.
    pub fn attempt_replay(&self, named: &str) -> Result<Replay, ServiceError> {
        self.control.replay(&self.rows_of_attempt_seen(named)?.over(named)?)
    }

    /// The bytes of the module that an attempt ran.
    pub fn attempt_module(&self, named: &str) -> Result<Vec<u8>, ServiceError> {
        self.control.module_of(self.rows_of_attempt_seen(named)?.campaign())
    }

    /// The like for what may show rows: those of its dataset have to be seen too.
    fn rows_of_attempt_seen(&self, named: &str) -> Result<Found, ServiceError> {
        let found = self.attempt_seen(named)?;
        let dataset = match &found {
            Found::Over(row) => self.control.dataset_of_attempt(row)?,
            Found::AtWork(working) => self.control.dataset_at_work(working)?,
        };
        dataset.map_or(Ok(()), |dataset| self.rows_seen(dataset))?;
        Ok(found)
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

    fn attempt_seen(&self, named: &str) -> Result<Found, ServiceError> {
        let found = self.control.found_attempt(named)?;
        self.seen_as(found.campaign(), Act::See, ("attempt", named))?;
        Ok(found)
    }
}

/// Stands for what a failure says.
const NOT_SEEN: &str = "why is told to who may see the rows of its dataset";

/// An attempt for who may not see rows of its dataset: that there was one, how it ended, and with which code of the catalogue.
fn without_rows(attempt: Attempt) -> Attempt {
    let why = attempt.why.map(|why| Why { message: Text::escaped(NOT_SEEN), hint: None, ..why });
    Attempt { why, reject_codes: List::EMPTY, source: None, log: None, ..attempt }
}
