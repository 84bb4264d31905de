//! A line per dataset: what a campaign's report says of each, page by page.

use skein_api::{Message, Page, ReportLine, Text, Time};
use skein_attest::{Envelope, Provenance, Statement};
use skein_ledger::{Limit, Run, RunFilter};
use skein_types::CampaignId;

use crate::campaigns::REMOVED;
use crate::control::Control;
use crate::error::ServiceError;
use crate::list::{ListPart, number};
use crate::shown;

impl Control {
    /// Lines of a report, in the order of runs.
    pub(crate) fn report_lines(
        &self,
        id: CampaignId,
        part: &ListPart,
    ) -> Result<Page<ReportLine>, ServiceError> {
        let after = part.after.as_deref().map(number).transpose()?;
        let filter = RunFilter { state: part.state, wave: None };
        self.ledger.at_once(|| {
            let page = self.ledger.runs(id, filter, after, Limit::new(part.items()))?;
            shown::page(page.items, page.next.map(|seq| seq.to_string()), |run| self.report_line(&run))
        })?
    }

    fn report_line(&self, run: &Run) -> Result<ReportLine, ServiceError> {
        let dataset = self.ledger.dataset(run.dataset)?;
        let attempt = run.door.as_ref().map(|door| self.ledger.attempt(door.attempt)).transpose()?.flatten();
        let took = attempt.and_then(|attempt| Some(shown::since(attempt.began?, attempt.ended)));
        let said = self.said_of(run)?;
        let (rows, meters) = shown::worked(&run.meters).unzip();
        let failed = run.failure.as_ref();
        Ok(ReportLine {
            seq: run.seq,
            run: run.id,
            dataset: run.dataset,
            name: shown::text(dataset.as_ref().map_or(REMOVED, |dataset| dataset.name.as_str())),
            owner: dataset.as_ref().map(|dataset| shown::text(&dataset.owner)),
            wave: run.wave,
            state: run.state,
            verdict: run.verdict,
            since: Time(run.since),
            base: run.door.as_ref().map(|door| door.base),
            version: run.version,
            rows,
            bytes_read: meters.map(|meters| meters.bytes_read),
            bytes_written: meters.map(|meters| meters.bytes_written),
            took_ms: took,
            cpu_ms: meters.map(|meters| meters.cpu_ms),
            fuel: meters.map(|meters| meters.fuel),
            attempts: run.meters.attempts,
            input: said.as_ref().map(|said| said.input.tree),
            output: said.as_ref().map(|said| said.output.tree),
            checks: said.as_ref().and_then(checks),
            statement: run.statement,
            code: failed.map(|failure| shown::text(&failure.code)),
            why: Some(run.reason.as_str()).filter(|why| !why.is_empty()).map(Message::escaped),
        })
    }

    /// What the run's own statement says. It is ours and in our ledger: its signature is for others, and `skein audit verify`.
    fn said_of(&self, run: &Run) -> Result<Option<Provenance>, ServiceError> {
        let Some(digest) = run.statement else { return Ok(None) };
        let Some(bytes) = self.ledger.blob(digest)? else { return Ok(None) };
        let unreadable = |error: String| ServiceError::bug(format!("the statement {digest}: {error}"));
        let envelope = Envelope::parse(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let payload = envelope.unverified().map_err(|error| unreadable(error.to_string()))?;
        let said: Statement<Provenance> =
            serde_json::from_slice(&payload).map_err(|error| unreadable(error.to_string()))?;
        Ok(Some(said.predicate))
    }
}

/// How closely it was looked at, and rules that did not pass.
fn checks(said: &Provenance) -> Option<Text<500>> {
    let level = said.checks.verified.clone();
    let not_passed = said.checks.rules.iter().filter(|rule| rule.verdict != "pass");
    let rules = not_passed.map(|rule| format!("{} {} ({})", rule.name, rule.verdict, rule.severity));
    let said: Vec<String> = level.into_iter().chain(rules).collect();
    (!said.is_empty()).then(|| Text::escaped(&said.join("; ")))
}
