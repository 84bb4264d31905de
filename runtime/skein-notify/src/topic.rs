//! What can be told, as words.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::receiver::ReceiverError;

/// What kind of thing happened. Its word is what people write to choose it; the type of the event is `dev.skein.` and the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A team is asked to approve its part of a plan.
    ApprovalAsked,
    /// The failure budget or a gate stopped a campaign.
    CampaignHalted,
    /// Every run of a campaign is published or over.
    CampaignPublished,
    /// A campaign came to its end; what it did, in figures.
    CampaignCompleted,
    /// What a campaign had published was undone.
    CampaignRolledBack,
    /// Soon nothing of a campaign can be undone any more.
    WindowEnding,
    /// A run failed, and is not tried again by itself.
    RunFailed,
    /// A result is kept back, because a rule is broken or nobody knows whether it is.
    RunHeld,
    /// A rule that a team has at a dataset which it reads is broken, or nobody knows whether it is.
    RuleBroken,
    /// Something is wrong with what a run published.
    RunAlarm,
    /// A version of a dataset is not what its log says.
    DatasetDamaged,
    /// A module may not run any more, because of what it did.
    ModuleSuspended,
    /// A module may not run any more, because a person says so.
    ModuleBanned,
    /// A node is gone.
    NodeLost,
    /// Somebody wants to see whether a receiver is told.
    WebhookTest,
}

impl Topic {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 15] = [
        Self::ApprovalAsked,
        Self::CampaignHalted,
        Self::CampaignPublished,
        Self::CampaignCompleted,
        Self::CampaignRolledBack,
        Self::WindowEnding,
        Self::RunFailed,
        Self::RunHeld,
        Self::RuleBroken,
        Self::RunAlarm,
        Self::DatasetDamaged,
        Self::ModuleSuspended,
        Self::ModuleBanned,
        Self::NodeLost,
        Self::WebhookTest,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalAsked => "approval.asked",
            Self::CampaignHalted => "campaign.halted",
            Self::CampaignPublished => "campaign.published",
            Self::CampaignCompleted => "campaign.completed",
            Self::CampaignRolledBack => "campaign.rolled_back",
            Self::WindowEnding => "campaign.window_ending",
            Self::RunFailed => "run.failed",
            Self::RunHeld => "run.held",
            Self::RuleBroken => "rule.broken",
            Self::RunAlarm => "run.alarm",
            Self::DatasetDamaged => "dataset.damaged",
            Self::ModuleSuspended => "module.suspended",
            Self::ModuleBanned => "module.banned",
            Self::NodeLost => "node.lost",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// Whether a campaign may have thousands of them in a minute.
    pub const fn is_about_one_run(self) -> bool {
        matches!(self, Self::RunFailed | Self::RunHeld | Self::RuleBroken)
    }

    /// The type of the event.
    pub fn event_type(self) -> String {
        format!("dev.skein.{self}")
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = ReceiverError;
    fn from_str(word: &str) -> Result<Self, ReceiverError> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word).ok_or_else(|| unknown(word))
    }
}

/// What somebody wants to be told of: a topic, or a beginning and `*` for any rest (`campaign.*`, `*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest(String);

impl Interest {
    /// Whether a topic is among it. A test is sent to whom it is meant for and not by interest.
    pub fn covers(&self, topic: Topic) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => topic.as_str().starts_with(beginning),
            None => topic.as_str() == self.0,
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Interest {
    type Err = ReceiverError;
    /// Refuses what no topic can ever fit: nobody would be told, and nobody would know.
    fn from_str(pattern: &str) -> Result<Self, ReceiverError> {
        let interest = Self(pattern.chars().take(64).collect());
        if Topic::ALL.into_iter().any(|topic| interest.covers(topic)) {
            Ok(interest)
        } else {
            Err(unknown(pattern))
        }
    }
}

fn unknown(word: &str) -> ReceiverError {
    ReceiverError::Topic {
        word: word.chars().take(64).collect(),
        nearest: skein_types::nearest(word, Topic::ALL.iter().map(|topic| topic.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Interest, Topic};

    #[test]
    fn every_topic_is_parsed_back_from_its_word_and_has_one_of_its_own() {
        for topic in Topic::ALL {
            assert_eq!(topic.as_str().parse::<Topic>().unwrap(), topic);
        }
        assert_eq!(Topic::CampaignPublished.event_type(), "dev.skein.campaign.published");
    }

    #[test]
    fn an_interest_is_a_topic_or_the_beginning_of_some() {
        let covered = |pattern: &str| {
            let interest: Interest = pattern.parse().unwrap();
            Topic::ALL
                .into_iter()
                .filter(|topic| interest.covers(*topic))
                .map(Topic::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!(covered("run.failed"), ["run.failed"]);
        assert_eq!(covered("campaign.r*"), ["campaign.rolled_back"]);
        assert_eq!(covered("campaign.*").len(), 5);
        assert_eq!(covered("*").len(), Topic::ALL.len());
    }

    #[test]
    fn an_interest_in_what_never_happens_is_refused_with_what_may_be_meant() {
        let refused = |pattern: &str| pattern.parse::<Interest>().unwrap_err().to_string();
        assert_eq!(refused("campaign.halt"), r#"no topic fits "campaign.halt"; is campaign.halted meant?"#);
        assert_eq!(refused(""), r#"no topic fits """#);
        assert_eq!(refused("campaign"), r#"no topic fits "campaign""#);
        assert_eq!(refused("*.failed"), r#"no topic fits "*.failed"; is run.failed meant?"#);
    }
}
