//! What people see of a plan beyond its totals: its report, what was tried, and what that showed.

use skein_api::{PlanReport, PlanSample};
use skein_ledger::Campaign;
use skein_types::{CampaignId, codes};

use crate::control::Control;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::planning::Stored;
use crate::shown;

impl Control {
    /// The report of a campaign's plan.
    pub(crate) fn plan_report(&self, id: CampaignId) -> Result<PlanReport, ServiceError> {
        Ok(self.stored_report(&self.campaign_row(id)?)?.report)
    }

    /// Datasets that were tried while planning, by place.
    pub(crate) fn plan_samples(
        &self,
        id: CampaignId,
        part: &ListPart,
    ) -> Result<skein_api::Page<PlanSample>, ServiceError> {
        let number = |text: &str| {
            text.parse::<u64>()
                .map_err(|_| ServiceError::new(codes::BODY_INVALID, format!("{text:?} is no number")))
        };
        let after = part.after.as_deref().map(number).transpose()?;
        let mut samples = self.samples_of_plan(&self.campaign_row(id)?)?;
        samples.retain(|sample| after.is_none_or(|after| sample.seq > after));
        let more = samples.len() > part.items();
        samples.truncate(part.items());
        let next = samples.last().filter(|_| more).map(|sample| sample.seq.to_string());
        shown::page(samples, next, Ok)
    }

    /// A dataset that was tried while planning, by its place.
    pub(crate) fn sample_of_plan(&self, id: CampaignId, seq: &str) -> Result<PlanSample, ServiceError> {
        let samples = self.samples_of_plan(&self.campaign_row(id)?)?;
        let sample = samples.into_iter().find(|sample| sample.seq.to_string() == seq);
        sample.ok_or_else(|| ServiceError::absent("sample", seq))
    }

    /// What a sample showed, as the node wrote it: JSON that nobody here has read.
    pub(crate) fn sample_report(&self, sample: PlanSample) -> Result<Vec<u8>, ServiceError> {
        let absent = || ServiceError::absent("sample", &sample.seq.to_string());
        if let Some(why) = &sample.why {
            return Err(absent().hint(Some(format!("it failed: {} {}", why.code, why.message))));
        }
        let report = sample.report.map(|report| self.ledger.blob(report)).transpose()?.flatten();
        report.ok_or_else(|| absent().hint(Some("what samples showed is kept for 30 days; plan it again")))
    }

    pub(crate) fn campaign_row(&self, id: CampaignId) -> Result<Campaign, ServiceError> {
        self.ledger.campaign(id)?.ok_or_else(|| ServiceError::absent("campaign", &id.to_string()))
    }

    /// As it is kept; nothing, if there is no plan yet.
    pub(crate) fn stored_report(&self, row: &Campaign) -> Result<Stored, ServiceError> {
        let Some(plan) = row.plan else { return Ok(Stored::default()) };
        let Some(bytes) = self.ledger.blob(plan.report)? else { return Ok(Stored::default()) };
        serde_json::from_slice(&bytes)
            .map_err(|error| ServiceError::bug(format!("the report of {}: {error}", row.id)))
    }

    fn samples_of_plan(&self, row: &Campaign) -> Result<Vec<PlanSample>, ServiceError> {
        let Some(blob) = self.stored_report(row)?.samples else { return Ok(Vec::new()) };
        // Past their time: the counts of the report stay.
        let Some(bytes) = self.ledger.blob(blob)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes)
            .map_err(|error| ServiceError::bug(format!("the samples of {}: {error}", row.id)))
    }
}
