//! Ids with a printed prefix, so that one kind never passes for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// An id that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {prefix}<32 hex digits>")]
pub struct IdParseError {
    text: String,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident, $prefix:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id. UUIDv7: sorts by the time it was made.
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| IdParseError { text: text.chars().take(64).collect(), prefix: $prefix })
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::described::text(
                    concat!($($doc),*),
                    concat!("^", $prefix, "[0-9a-f]{32}$"),
                    concat!($prefix, "0199c3f0a1b27c3d8e4f5a6b7c8d9e0f"),
                )
            }
        }

        impl utoipa::ToSchema for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// One dataset in one campaign, or one `skein run`. Stable over retries.
    RunId, "run_"
}
id! {
    /// A module with parameters over a selection of datasets.
    CampaignId, "cmp_"
}
id! {
    /// A registered dataset; stays when its name changes.
    DatasetId, "dts_"
}
id! {
    /// What a node claims. Stable over attempts.
    TaskId, "tsk_"
}
id! {
    /// One try at a task. Random, so that it is unique even where epochs repeat after a restored ledger.
    AttemptId, "att_"
}
id! {
    /// A process that runs agents.
    NodeId, "nod_"
}
id! {
    /// What manages datasets: a ledger and whoever writes it, wherever that runs.
    ServerId, "srv_"
}
id! {
    /// One thing that somebody asked for. Asked twice, it happens once.
    CauseId, "cau_"
}
id! {
    /// What somebody shows to be let in. The secret behind it is never written down.
    TokenId, "tok_"
}
id! {
    /// A receiver of notices.
    WebhookId, "whk_"
}
id! {
    /// One notice to one receiver. Stable over tries.
    DeliveryId, "dlv_"
}

#[cfg(test)]
mod tests {
    use super::{
        AttemptId, CampaignId, CauseId, DatasetId, DeliveryId, NodeId, RunId, ServerId, TaskId, TokenId,
        WebhookId,
    };
    use uuid::Uuid;

    #[test]
    fn ids_print_with_their_prefix_and_parse_back() {
        let id = RunId::new(Uuid::from_u128(0x1234));
        assert_eq!(id.to_string(), "run_00000000000000000000000000001234");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("tsk_00000000000000000000000000001234".parse::<RunId>().is_err());
        assert!("run_1234".parse::<RunId>().is_err());
    }

    #[test]
    fn every_kind_of_id_has_a_prefix_of_its_own() {
        let uuid = Uuid::from_u128(1);
        let printed = [
            RunId::new(uuid).to_string(),
            CampaignId::new(uuid).to_string(),
            DatasetId::new(uuid).to_string(),
            TaskId::new(uuid).to_string(),
            AttemptId::new(uuid).to_string(),
            NodeId::new(uuid).to_string(),
            ServerId::new(uuid).to_string(),
            CauseId::new(uuid).to_string(),
            TokenId::new(uuid).to_string(),
            WebhookId::new(uuid).to_string(),
            DeliveryId::new(uuid).to_string(),
        ];
        let prefixes = printed.map(|id| id[..4].to_owned());
        let expected =
            ["run_", "cmp_", "dts_", "tsk_", "att_", "nod_", "srv_", "cau_", "tok_", "whk_", "dlv_"];
        assert_eq!(prefixes, expected);
    }
}
