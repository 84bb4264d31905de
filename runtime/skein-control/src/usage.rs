//! What was used, by team, campaign, module or hour.

use std::collections::BTreeMap;

use serde::Deserialize;
use skein_api::{List, Text, Time, UsageBy, UsageReport, UsageSum};
use skein_ledger::{Limit, Name, UsageBy as By, UsageFilter, UsageOf, Used};
use skein_types::{Bytes, CampaignId};

use crate::campaigns::campaign_id;
use crate::control::{Control, name};
use crate::error::ServiceError;

/// Sums of one answer.
const SUMS_MAX: usize = 1_000;

/// Which use, as a query says it; all that is said holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsagePart {
    /// What it is summed by.
    pub by: UsageBy,
    /// In hours that begin from then on.
    pub from: Option<Time>,
    /// In hours that begin before then.
    pub to: Option<Time>,
    /// Of this team.
    pub team: Option<String>,
    /// In this campaign.
    pub campaign: Option<String>,
}

impl Control {
    /// What was used by these teams; by all, if none are said.
    pub(crate) fn usage(
        &self,
        part: &UsagePart,
        teams: Option<Vec<Name>>,
    ) -> Result<UsageReport, ServiceError> {
        let campaign = part.campaign.as_deref().map(campaign_id).transpose()?;
        let (from, to) = (part.from.map(|time| time.0), part.to.map(|time| time.0));
        let filter = |team| UsageFilter { team, campaign, module: None, from, to };
        let said = part.team.as_deref().map(|team| name("team", team)).transpose()?;
        let filters: Vec<UsageFilter> = match (said, teams) {
            (Some(team), _) => vec![filter(Some(team))],
            (None, None) => vec![filter(None)],
            (None, Some(teams)) => teams.into_iter().map(|team| filter(Some(team))).collect(),
        };
        let (mut sums, mut whole) = (BTreeMap::<UsageOf, Used>::new(), true);
        for filter in filters {
            let usage = self.ledger.usage(&filter, by(part.by), Limit::new(SUMS_MAX))?;
            whole &= usage.whole;
            for (of, used) in usage.sums {
                let sum = sums.entry(of).or_default();
                *sum = sum.plus(used);
            }
        }
        let mut sums: Vec<(UsageOf, Used)> = sums.into_iter().collect();
        if part.by != UsageBy::Hour {
            sums.sort_by_key(|(_, used)| std::cmp::Reverse(used.cpu));
        }
        whole &= sums.len() <= SUMS_MAX;
        let kept = match part.by {
            UsageBy::Team | UsageBy::Campaign => self.kept_by(part.by)?,
            UsageBy::Module | UsageBy::Hour => BTreeMap::new(),
        };
        let shown = sums.iter().map(|(of, used)| self.sum(of, used));
        let shown = shown.map(|sum| UsageSum { kept: kept.get(sum.of.as_str()).copied(), ..sum }).collect();
        Ok(UsageReport {
            by: part.by,
            from: part.from,
            to: part.to,
            sums: List::first(shown).0,
            whole,
            currency: self.prices.as_ref().map(|prices| Text::escaped(&prices.currency)),
        })
    }

    /// What old versions take, by team or campaign.
    fn kept_by(&self, by: UsageBy) -> Result<BTreeMap<String, Bytes>, ServiceError> {
        let open: Vec<CampaignId> = self.state().open.iter().copied().collect();
        let mut kept = BTreeMap::<String, Bytes>::new();
        for id in open {
            let Some(row) = self.ledger.campaign(id)?.filter(|row| row.kept.0 > 0) else { continue };
            let of = if by == UsageBy::Team { row.owner.to_string() } else { id.to_string() };
            *kept.entry(of).or_default() += row.kept;
        }
        Ok(kept)
    }

    fn sum(&self, of: &UsageOf, used: &Used) -> UsageSum {
        let of = match of {
            UsageOf::Team(team) => team.to_string(),
            UsageOf::Campaign(campaign) => campaign.map(|id| id.to_string()).unwrap_or_default(),
            UsageOf::Module(module) => module.map(|digest| digest.to_string()).unwrap_or_default(),
            UsageOf::Hour(at) => at.to_string(),
        };
        UsageSum {
            of: Text::escaped(&of),
            cpu_ms: used.cpu,
            slot_ms: used.slot,
            fuel: used.fuel,
            bytes_read: used.bytes_read,
            bytes_written: used.bytes_written,
            attempts: used.attempts,
            kept: None,
            cost: self.prices.as_ref().map(|prices| prices.of(used)),
        }
    }
}

const fn by(by: UsageBy) -> By {
    match by {
        UsageBy::Team => By::Team,
        UsageBy::Campaign => By::Campaign,
        UsageBy::Module => By::Module,
        UsageBy::Hour => By::Hour,
    }
}
