//! How a fleet is to be divided, as people set it: what somebody is promised, what they may take at most, and what they may
//! lend. Pure data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::CampaignId;
use crate::text::Name;
use crate::unit::{Fuel, Millis};
use crate::word::words;

words! {
    /// What is divided. Each has one unit, the same in every number about it.
    Resource {
        /// Processors, in thousandths of one.
        Cpu = "cpu",
        /// Memory, in bytes.
        Memory = "memory",
        /// Agents at one time.
        Slots = "slots",
        /// Reading, in bytes a second.
        Read = "read",
        /// Writing, in bytes a second.
        Write = "write",
    }
}

words! {
    /// What becomes of work that would take more than it may.
    Excess {
        /// It is refused when it is asked for.
        Reject = "reject",
        /// It waits.
        Throttle = "throttle",
        /// It is ended.
        Terminate = "terminate",
    }
}

/// How much of one resource, in the unit of that resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// What is there for it whenever it is wanted.
    pub guaranteed: u64,
    /// What it may take at most; none: all that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How much of what is guaranteed others may have while it is not wanted; none: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lendable: Option<u64>,
}

/// How much guests may compute in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FuelBudget {
    /// So much,
    pub fuel: Fuel,
    /// in each such time.
    pub per: Millis,
}

/// Whose quota it is. Printed and parsed as `org`, `default`, `team:<name>` or `campaign:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuotaOf {
    /// All of the fleet.
    Org,
    /// Of every team that has none of its own.
    Default,
    /// Of one team.
    Team(Name),
    /// Of one campaign, inside its team's.
    Campaign(CampaignId),
}

/// Text that says nobody's quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of org, default, team:<name>, campaign:<id>")]
pub struct QuotaOfParseError {
    text: String,
}

impl fmt::Display for QuotaOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org => f.write_str("org"),
            Self::Default => f.write_str("default"),
            Self::Team(team) => write!(f, "team:{team}"),
            Self::Campaign(campaign) => write!(f, "campaign:{campaign}"),
        }
    }
}

impl FromStr for QuotaOf {
    type Err = QuotaOfParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = match text.split_once(':') {
            None if text == "org" => Some(Self::Org),
            None if text == "default" => Some(Self::Default),
            Some(("team", name)) => name.parse().ok().map(Self::Team),
            Some(("campaign", id)) => id.parse().ok().map(Self::Campaign),
            None | Some(_) => None,
        };
        of.ok_or_else(|| QuotaOfParseError { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, QuotaOf, Resource};
    use std::collections::BTreeMap;

    #[test]
    fn whose_a_quota_is_prints_and_parses_back() {
        for text in ["org", "default", "team:a:b", "campaign:cmp_00000000000000000000000000000001"] {
            assert_eq!(text.parse::<QuotaOf>().unwrap().to_string(), text);
        }
        for bad in ["", "team:", "team", "campaign:shop", "Org"] {
            assert!(bad.parse::<QuotaOf>().is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds_of_resources_are_an_object_by_their_words() {
        let bounds = Bounds { guaranteed: 1_500, limit: Some(4_000), lendable: None };
        let text = serde_json::to_string(&BTreeMap::from([(Resource::Cpu, bounds)])).unwrap();
        assert_eq!(text, r#"{"cpu":{"guaranteed":1500,"limit":4000}}"#);
        assert_eq!(
            serde_json::from_str::<BTreeMap<Resource, Bounds>>(&text).unwrap()[&Resource::Cpu],
            bounds
        );
        assert_eq!(serde_json::to_string(&QuotaOf::Org).unwrap(), r#""org""#);
        let team = QuotaOf::Team("shop".parse().unwrap());
        assert_eq!(serde_json::to_string(&team).unwrap(), r#"{"team":"shop"}"#);
    }
}
