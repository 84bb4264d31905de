//! Quotas, and what was used. Admins of all teams set them; whoever may look at a team sees its own, and what is for everybody.

use skein_api::{Page, Quota, QuotaExplained, QuotaPut, QuotasApplied, QuotasApply, UsageReport};
use skein_types::QuotaOf;

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::quotas::quota_of;
use crate::settings::Seen;
use crate::usage::UsagePart;

impl Desk<'_> {
    /// Sets somebody's quota.
    pub fn put_quota(&self, of: &str, seen: Seen, asked: &QuotaPut) -> Result<Quota, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.put_quota(self.who, (&quota_of(of)?, seen), asked)
    }

    /// Removes somebody's quota.
    pub fn remove_quota(&self, of: &str, seen: Seen) -> Result<Quota, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.remove_quota(self.who, (&quota_of(of)?, seen))
    }

    /// Sets many quotas, all of them or none.
    pub fn apply_quotas(&self, asked: &QuotasApply) -> Result<QuotasApplied, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.apply_quotas(self.who, asked)
    }

    /// Somebody's quota.
    pub fn quota(&self, of: &str) -> Result<Quota, ServiceError> {
        self.control.quota(&self.quota_seen(of)?)
    }

    /// What somebody has of the fleet now, and why not more.
    pub fn explain_quota(&self, of: &str) -> Result<QuotaExplained, ServiceError> {
        self.control.explain_quota(&self.quota_seen(of)?)
    }

    /// Quotas by the words for whose they are.
    pub fn quotas(&self, part: &ListPart) -> Result<Page<Quota>, ServiceError> {
        self.control.quotas(part, self.who.sees().as_deref())
    }

    /// What was used: by the teams that the principal sees.
    pub fn usage(&self, part: &UsagePart) -> Result<UsageReport, ServiceError> {
        if let Some(team) = &part.team {
            self.who.check(Act::See, Some(team), ("team", team))?;
        }
        if let Some(campaign) = &part.campaign {
            self.seen_by(campaign, Act::See)?;
        }
        self.control.usage(part, self.who.sees())
    }

    /// Refuses another team's as one that is not there.
    fn quota_seen(&self, text: &str) -> Result<QuotaOf, ServiceError> {
        let of = quota_of(text)?;
        match &of {
            QuotaOf::Org | QuotaOf::Default => {}
            QuotaOf::Team(team) => self.who.check(Act::See, Some(team.as_str()), ("quota", text))?,
            QuotaOf::Campaign(id) => drop(self.seen_by(&id.to_string(), Act::See)?),
        }
        Ok(of)
    }
}
