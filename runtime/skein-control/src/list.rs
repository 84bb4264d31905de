//! Which part of a list somebody asks for.

mod active;

use std::str::FromStr;

use serde::Deserialize;
use skein_api::Time;
use skein_ledger::{CampaignsFrom, Limit, Name};
use skein_types::{CampaignState, ModuleDigest, RunState, codes};

use crate::error::ServiceError;

/// Items of a page where nothing is said.
const ITEMS: usize = 100;

/// A part of a list, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListPart {
    /// Those that come after this key, as a page before gave it.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Of runs: in this state.
    pub state: Option<RunState>,
    /// Of runs in a state: of this team's part of the plan.
    pub slice: Option<String>,
    /// Of attempts: failed ones alone.
    pub failed: bool,
    /// Of datasets: whose names begin so.
    pub prefix: Option<String>,
    /// Of datasets: of this team.
    pub owner: Option<String>,
    /// Of versions, attempts and notices: in which order.
    pub order: ListOrder,
}

/// Which campaigns, as a query says it; all that is said holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CampaignPart {
    /// Those that come after this key, as a page before gave it.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// In this state.
    pub state: Option<CampaignState>,
    /// Of this team.
    pub owner: Option<String>,
    /// Whose names begin so.
    pub prefix: Option<String>,
    /// Of this module: its digest.
    pub module: Option<ModuleDigest>,
    /// In which order.
    pub order: CampaignOrder,
}

/// In which order campaigns are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignOrder {
    /// As they were made.
    #[default]
    Oldest,
    /// What was made last first.
    Newest,
    /// By name.
    Name,
    /// Those with the most failed runs first.
    Failed,
    /// What moved to another state last first.
    Moved,
}

impl CampaignOrder {
    /// All.
    pub const ALL: [Self; 5] = [Self::Oldest, Self::Newest, Self::Name, Self::Failed, Self::Moved];

    /// As a query says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
            Self::Name => "name",
            Self::Failed => "failed",
            Self::Moved => "moved",
        }
    }

    fn begin(self) -> CampaignsFrom {
        match self {
            Self::Oldest => CampaignsFrom::Oldest(None),
            Self::Newest => CampaignsFrom::Newest(None),
            Self::Name => CampaignsFrom::Named(None),
            Self::Failed => CampaignsFrom::Failed(None),
            Self::Moved => CampaignsFrom::Moved(None),
        }
    }
}

/// In which order a list is that has one in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    /// As it was made.
    #[default]
    Oldest,
    /// What was made last first.
    Newest,
}

impl CampaignPart {
    /// What is said of the page.
    pub(crate) fn page(&self) -> ListPart {
        ListPart { after: self.after.clone(), limit: self.limit, ..ListPart::default() }
    }

    /// Where it begins, and in which order it goes on.
    pub(crate) fn from(&self) -> Result<CampaignsFrom, ServiceError> {
        let begin = self.order.begin();
        self.after.as_deref().map_or(Ok(begin.clone()), |key| begin.at(key).ok_or_else(|| no_key(key)))
    }
}

/// Which of what waits, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WaitPart {
    /// Those that come after this key, as a page before gave it.
    pub after: Option<String>,
    /// Of at most so many campaigns.
    pub limit: Option<usize>,
    /// `me`: for whoever asks; else for anybody.
    pub waiting_for: Option<String>,
}

/// Which events, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventPart {
    /// Those that come after this position.
    pub after: Option<u64>,
    /// At most so many; a stream has no most.
    pub limit: Option<usize>,
    /// Of these kinds, with commas between them, or of all kinds that begin so: `campaign.,run.failed`.
    pub kind: Option<String>,
    /// About this campaign and its runs.
    pub campaign: Option<String>,
    /// Of a stream: that there were some is told, and not what.
    pub tick: bool,
}

/// A part of the audit trail, as a query says it; all that is said holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditPart {
    /// Those that come after this position.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Decided by this one.
    pub actor: Option<String>,
    /// With this token.
    pub token: Option<String>,
    /// About this team: it, what is its, and campaigns and datasets of it.
    pub team: Option<String>,
    /// About this campaign and its runs.
    pub campaign: Option<String>,
    /// Of these kinds, with commas between them, or of all kinds that begin so: `campaign.`.
    pub kind: Option<String>,
    /// About this: an id, or `team:NAME` and the like, as events show it.
    pub subject: Option<String>,
    /// Not before this time.
    #[serde(alias = "since")]
    pub from: Option<Time>,
    /// Before this time.
    #[serde(alias = "until")]
    pub to: Option<Time>,
    /// In which order: against that of positions, `after` is a position that they come before.
    pub order: ListOrder,
}

/// Which records, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordPart {
    /// Those that come after this position.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What the record is verified against, as a query says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyPart {
    /// A head that was kept elsewhere, as `POSITION:HASH`.
    pub against: Option<String>,
    /// Whether to look at what follows from it and lies beside it, too: tables, blobs, modules, statements.
    pub deep: bool,
}

impl ListPart {
    /// How many items.
    pub(crate) fn items(&self) -> usize {
        self.limit.unwrap_or(ITEMS).clamp(1, skein_api::PAGE_ITEMS_MAX)
    }

    /// The key that it comes after. One that cannot be a key of the list is nothing that a page gave: it is not that a thing
    /// of that name were missing.
    pub(crate) fn key<T: FromStr>(&self) -> Result<Option<T>, ServiceError> {
        let Some(after) = &self.after else { return Ok(None) };
        after.parse().map(Some).map_err(|_| no_key(after))
    }

    /// The team whose part of a plan is meant, and the state that its runs are to be in: no other lists of a part are there.
    pub(crate) fn of_slice(&self) -> Result<Option<(Name, RunState)>, ServiceError> {
        match (&self.slice, self.state) {
            (None, _) => Ok(None),
            (Some(team), Some(state)) => Ok(Some((crate::control::name("slice", team)?, state))),
            (Some(_), None) => Err(ServiceError::new(
                codes::BODY_INVALID,
                "`slice` goes with `state`: runs of a part of the plan that are in one state",
            )),
        }
    }

    pub(crate) fn limit(&self) -> Limit {
        Limit::new(self.limit.unwrap_or(ITEMS))
    }
}

/// What is refused as `after`.
fn no_key(after: &str) -> ServiceError {
    let shown: String = after.chars().take(200).collect();
    ServiceError::new(codes::BODY_INVALID, format!("`after` is {shown:?}, which is no key of this list"))
        .hint(Some("give `next` of the page before, as it was answered, and ask in the same order"))
}

/// A key that counts.
pub(crate) fn number(text: &str) -> Result<u64, ServiceError> {
    text.parse().map_err(|_| ServiceError::new(codes::BODY_INVALID, format!("{text:?} is no number")))
}

#[cfg(test)]
mod tests {
    use super::{CampaignOrder, CampaignPart, CampaignsFrom, ListPart};
    use skein_types::{CampaignId, codes};

    #[test]
    fn what_is_no_key_is_not_what_is_not_there() {
        let after = |text: &str| ListPart { after: Some(text.to_owned()), ..ListPart::default() };
        let id = "cmp_00000000000000000000000000000001";
        assert_eq!(after(id).key::<CampaignId>().unwrap(), Some(id.parse().unwrap()));
        assert_eq!(ListPart::default().key::<CampaignId>().unwrap(), None);
        assert_eq!(after("0").key::<CampaignId>().unwrap_err().code, codes::BODY_INVALID);
    }

    #[test]
    fn a_key_of_campaigns_leads_back_to_where_it_was_taken_in_its_order_alone() {
        let id: CampaignId = "cmp_00000000000000000000000000000001".parse().unwrap();
        let name = "a:b".parse().unwrap();
        let places = [
            CampaignsFrom::Oldest(Some(id)),
            CampaignsFrom::Newest(Some(id)),
            CampaignsFrom::Named(Some((name, id))),
            CampaignsFrom::Failed(Some((7, id))),
            CampaignsFrom::Moved(Some((skein_types::Timestamp(7), id))),
        ];
        let at = |order, after: String| {
            CampaignPart { order, after: Some(after), ..CampaignPart::default() }.from()
        };
        for (order, place) in CampaignOrder::ALL.into_iter().zip(places) {
            assert_eq!(at(order, place.to_string()).unwrap(), place);
            for bad in ["", "0", ":", "7:7", &format!("{id}:7x\n")] {
                assert_eq!(
                    at(order, bad.to_owned()).unwrap_err().code,
                    codes::BODY_INVALID,
                    "{order:?} {bad:?}"
                );
            }
        }
        assert!(at(CampaignOrder::Failed, id.to_string()).is_err());
        assert!(at(CampaignOrder::Newest, format!("{id}:7")).is_err());
    }
}
