//! What happens that is worth telling, with what is told of it.
//!
//! A type of event always has the same data (`docs/how-to/notifications.md` lists it; a test compares). Nothing of it comes from
//! rows: where a module said why, only the code goes out, because a module's words may quote what it read.

mod words;

use serde::Serialize;
use serde_json::Value;
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, Code, DatasetId, ErrorClass, Millis, ModuleDigest, NodeId,
    Rows, RunId, Timestamp, WebhookId,
};

use crate::envelope::rfc3339;
use crate::notice::Said;
use crate::topic::Topic;

/// The campaign that something happened to.
#[derive(Clone, Debug, Serialize)]
pub struct Of {
    /// Which.
    pub campaign: CampaignId,
    /// What it is called.
    pub name: String,
}

/// What a campaign did, in figures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "each is a sum over the campaign's runs")]
pub struct Account {
    pub published: u64,
    pub failed: u64,
    pub left_out: u64,
    pub rows_read: Rows,
    pub rows_written: Rows,
    pub rows_rejected: Rows,
    pub bytes_read: Bytes,
    pub bytes_written: Bytes,
    pub cpu_ms: Millis,
    /// From its start to its end.
    pub took_ms: Millis,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// [`Topic::ApprovalAsked`].
    ApprovalAsked {
        /// Whose plan it is a part of.
        #[serde(flatten)]
        of: Of,
        /// The plan that would be approved.
        plan: Blake3,
        /// The team that is asked.
        team: String,
        /// How many datasets of it are in the plan.
        datasets: u64,
        /// Their rows.
        rows: Rows,
        /// `low`, `moderate` or `high`.
        risk: String,
        /// How many approvals are needed.
        approvals: u32,
    },
    /// [`Topic::CampaignHalted`].
    CampaignHalted {
        /// What was halted.
        #[serde(flatten)]
        of: Of,
        /// Its wave that failed.
        wave: u32,
        /// Runs of that wave that failed.
        failed: u64,
        /// How many might have.
        budget: u64,
        /// Why it was halted: a word, `budget_spent` where that was it.
        reason: String,
    },
    /// [`Topic::CampaignPublished`].
    CampaignPublished {
        /// What is through.
        #[serde(flatten)]
        of: Of,
        /// What it did so far.
        #[serde(flatten)]
        account: Account,
        /// Until then it can be undone.
        #[serde(serialize_with = "rfc3339")]
        window_ends: Timestamp,
    },
    /// [`Topic::CampaignCompleted`].
    CampaignCompleted {
        /// What ended.
        #[serde(flatten)]
        of: Of,
        /// How.
        state: CampaignState,
        /// What it did.
        #[serde(flatten)]
        account: Account,
    },
    /// [`Topic::CampaignRolledBack`].
    CampaignRolledBack {
        /// What was undone.
        #[serde(flatten)]
        of: Of,
        /// Runs that were undone.
        reverted: u64,
        /// Runs that could not be, and that a person must look at.
        revert_failed: u64,
    },
    /// [`Topic::WindowEnding`].
    WindowEnding {
        /// What cannot be undone soon.
        #[serde(flatten)]
        of: Of,
        /// Runs whose old versions are still kept.
        published: u64,
        /// From then on they are not.
        #[serde(serialize_with = "rfc3339")]
        window_ends: Timestamp,
    },
    /// [`Topic::RunFailed`].
    RunFailed {
        /// Whose run.
        #[serde(flatten)]
        of: Of,
        /// Which.
        run: RunId,
        /// Its place in the campaign.
        seq: u64,
        /// The name of its dataset.
        dataset: String,
        /// Why.
        #[serde(serialize_with = "id")]
        code: Code,
        /// Whose fault that is.
        class: ErrorClass,
    },
    /// [`Topic::RunHeld`].
    RunHeld {
        /// Whose run.
        #[serde(flatten)]
        of: Of,
        /// Which.
        run: RunId,
        /// Its place in the campaign.
        seq: u64,
        /// The name of its dataset.
        dataset: String,
        /// Teams that read the dataset and whose rules keep the run back.
        consumers: Vec<String>,
        /// The rules, and what may be told of them.
        reason: String,
    },
    /// [`Topic::RuleBroken`]. Of the campaign nothing is told: it is others', and so are the other rules.
    RuleBroken {
        /// Which dataset.
        id: DatasetId,
        /// What it is called.
        dataset: String,
        /// Whose rules.
        team: String,
        /// Of what is current; else of a result that is kept back until somebody decides.
        current: bool,
        /// Its rules, and what may be told of them.
        reason: String,
    },
    /// [`Topic::RunAlarm`].
    RunAlarm {
        /// Whose run.
        #[serde(flatten)]
        of: Of,
        /// Which.
        run: RunId,
        /// Its place in the campaign.
        seq: u64,
        /// The name of its dataset.
        dataset: String,
        /// What is wrong.
        #[serde(serialize_with = "id")]
        code: Code,
        /// What found it: how long after the publish a check was due, or `scrub`.
        check: String,
        /// The version that it is about.
        version: u64,
        /// The file or the rule, where it is about one.
        path: Option<String>,
        /// In words.
        message: String,
    },
    /// [`Topic::DatasetDamaged`].
    DatasetDamaged {
        /// Which.
        id: DatasetId,
        /// What it is called.
        dataset: String,
        /// Which version.
        version: u64,
        /// Whether that is the current one; else it is kept.
        current: bool,
        /// The file.
        path: String,
        /// How it differs.
        message: String,
    },
    /// [`Topic::ModuleSuspended`].
    ModuleSuspended {
        /// Which.
        module: ModuleDigest,
        /// Its name and version.
        name: String,
        /// What it did.
        reason: String,
    },
    /// [`Topic::ModuleBanned`].
    ModuleBanned {
        /// Which.
        module: ModuleDigest,
        /// Its name and version.
        name: String,
        /// Why, in the words of whoever did it.
        reason: String,
    },
    /// [`Topic::NodeLost`].
    NodeLost {
        /// Which.
        node: NodeId,
        /// What it is called.
        name: String,
        /// How that is known.
        reason: String,
    },
    /// [`Topic::WebhookTest`].
    WebhookTest {
        /// The receiver that is tested.
        webhook: WebhookId,
        /// What it is called.
        name: String,
    },
}

fn id<S: serde::Serializer>(code: &Code, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(code.id)
}

impl Fact {
    /// What kind of thing it is.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::ApprovalAsked { .. } => Topic::ApprovalAsked,
            Self::CampaignHalted { .. } => Topic::CampaignHalted,
            Self::CampaignPublished { .. } => Topic::CampaignPublished,
            Self::CampaignCompleted { .. } => Topic::CampaignCompleted,
            Self::CampaignRolledBack { .. } => Topic::CampaignRolledBack,
            Self::WindowEnding { .. } => Topic::WindowEnding,
            Self::RunFailed { .. } => Topic::RunFailed,
            Self::RunHeld { .. } => Topic::RunHeld,
            Self::RuleBroken { .. } => Topic::RuleBroken,
            Self::RunAlarm { .. } => Topic::RunAlarm,
            Self::DatasetDamaged { .. } => Topic::DatasetDamaged,
            Self::ModuleSuspended { .. } => Topic::ModuleSuspended,
            Self::ModuleBanned { .. } => Topic::ModuleBanned,
            Self::NodeLost { .. } => Topic::NodeLost,
            Self::WebhookTest { .. } => Topic::WebhookTest,
        }
    }

    /// In the words of a notice.
    pub fn said(&self) -> Said {
        Said {
            topic: self.topic(),
            subject: self.subject(),
            data: self.data(),
            title: self.title(),
            lines: self.lines(),
        }
    }

    fn data(&self) -> Value {
        serde_json::to_value(self).expect("numbers and texts under names")
    }

    fn subject(&self) -> String {
        match self {
            Self::ApprovalAsked { of, .. }
            | Self::CampaignHalted { of, .. }
            | Self::CampaignPublished { of, .. }
            | Self::CampaignCompleted { of, .. }
            | Self::CampaignRolledBack { of, .. }
            | Self::WindowEnding { of, .. } => of.campaign.to_string(),
            Self::RunFailed { run, .. } | Self::RunHeld { run, .. } | Self::RunAlarm { run, .. } => {
                run.to_string()
            }
            Self::RuleBroken { id, .. } | Self::DatasetDamaged { id, .. } => id.to_string(),
            Self::ModuleSuspended { module, .. } | Self::ModuleBanned { module, .. } => module.to_string(),
            Self::NodeLost { node, .. } => node.to_string(),
            Self::WebhookTest { webhook, .. } => webhook.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use skein_types::{
        Blake3, Bytes, CampaignState, ErrorClass, Millis, ModuleDigest, Rows, Timestamp, codes,
    };

    use super::{Account, Fact, Of};
    use crate::notice::Notice;
    use crate::notice::tests::head;
    use crate::topic::Topic;

    const HEX: &str = "0198c0de000070008000000000000001";

    fn of() -> Of {
        Of { campaign: format!("cmp_{HEX}").parse().unwrap(), name: "no-phone".to_owned() }
    }

    fn account() -> Account {
        Account {
            published: 4_990,
            failed: 7,
            left_out: 3,
            rows_read: Rows(41_000_000),
            rows_written: Rows(40_999_990),
            rows_rejected: Rows(10),
            bytes_read: Bytes::mib(2_048),
            bytes_written: Bytes::mib(1_536),
            cpu_ms: Millis(61_500),
            took_ms: Millis(40_100),
        }
    }

    fn campaigns() -> Vec<Fact> {
        let window_ends = Timestamp(1_795_392_000_000);
        vec![
            Fact::ApprovalAsked {
                of: of(),
                plan: Blake3::of(b""),
                team: "shop".to_owned(),
                datasets: 120,
                rows: Rows(3_000_000),
                risk: "moderate".to_owned(),
                approvals: 1,
            },
            Fact::CampaignHalted {
                of: of(),
                wave: 1,
                failed: 4,
                budget: 3,
                reason: "budget_spent".to_owned(),
            },
            Fact::CampaignPublished { of: of(), account: account(), window_ends },
            Fact::CampaignCompleted {
                of: of(),
                state: CampaignState::PartiallySucceeded,
                account: account(),
            },
            Fact::CampaignRolledBack { of: of(), reverted: 290, revert_failed: 0 },
            Fact::WindowEnding { of: of(), published: 290, window_ends },
        ]
    }

    fn others() -> Vec<Fact> {
        vec![
            Fact::RunFailed {
                of: of(),
                run: format!("run_{HEX}").parse().unwrap(),
                seq: 17,
                dataset: "orders-017".to_owned(),
                code: codes::GUEST_FAILURE,
                class: ErrorClass::Fault,
            },
            Fact::RunHeld {
                of: of(),
                run: format!("run_{HEX}").parse().unwrap(),
                seq: 18,
                dataset: "orders-018".to_owned(),
                consumers: vec!["bi".to_owned()],
                reason: "rule no-gap of bi is broken".to_owned(),
            },
            Fact::RuleBroken {
                id: format!("dts_{HEX}").parse().unwrap(),
                dataset: "orders-018".to_owned(),
                team: "bi".to_owned(),
                current: false,
                reason: "rule no-gap of bi is broken".to_owned(),
            },
            Fact::RunAlarm {
                of: of(),
                run: format!("run_{HEX}").parse().unwrap(),
                seq: 17,
                dataset: "orders-017".to_owned(),
                code: codes::OLD_SCHEMA_WRITTEN,
                check: "1h".to_owned(),
                version: 6,
                path: Some("late.parquet".to_owned()),
                message: "1 file with the columns of before the migration arrived".to_owned(),
            },
            Fact::DatasetDamaged {
                id: format!("dts_{HEX}").parse().unwrap(),
                dataset: "orders-017".to_owned(),
                version: 3,
                current: false,
                path: "part-1.parquet".to_owned(),
                message: "it is not what the log says".to_owned(),
            },
            Fact::ModuleSuspended {
                module: ModuleDigest::of(b""),
                name: "evil@1".to_owned(),
                reason: "it ended three nodes".to_owned(),
            },
            Fact::ModuleBanned {
                module: ModuleDigest::of(b""),
                name: "evil@1".to_owned(),
                reason: "found out".to_owned(),
            },
            Fact::NodeLost {
                node: format!("nod_{HEX}").parse().unwrap(),
                name: "node-2".to_owned(),
                reason: "its process ended".to_owned(),
            },
            Fact::WebhookTest { webhook: format!("whk_{HEX}").parse().unwrap(), name: "ops".to_owned() },
        ]
    }

    fn all() -> Vec<Fact> {
        campaigns().into_iter().chain(others()).collect()
    }

    #[test]
    fn every_topic_has_a_fact_that_can_be_told() {
        let told: BTreeSet<_> = all().iter().map(|fact| Notice::of(head(), fact).unwrap().topic()).collect();
        assert_eq!(told, BTreeSet::from(Topic::ALL));
    }

    #[test]
    fn people_read_sentences() {
        let said = Fact::said(&campaigns()[3]);
        assert_eq!(said.title, "no-phone ended: partially succeeded");
        assert_eq!(
            said.lines,
            [
                "4,990 runs published, 7 failed, 3 left out.",
                "Rows: 41,000,000 read, 40,999,990 written, 10 rejected.",
                "Bytes: 2GiB read, 1.5GiB written.",
                "It took 40 s, and 61 s of CPU.",
            ]
        );
        let said = Fact::said(&others()[0]);
        assert_eq!(said.title, "no-phone: the run over orders-017 failed");
        assert_eq!(said.lines, ["Run 17: SK0302: the module reported a failure."]);
    }

    #[test]
    fn a_halt_says_how_many_failed_or_what_else_it_was() {
        let halted = |reason: &str| {
            let (reason, of) = (reason.to_owned(), of());
            Fact::CampaignHalted { of, wave: 1, failed: 4, budget: 3, reason }.said().lines[0].clone()
        };
        assert_eq!(halted("budget_spent"), "4 runs of wave 1 failed; 3 might.");
        assert_eq!(halted("module_suspended"), "Wave 1, with 4 runs failed: module suspended.");
    }

    /// The rows of the page's table: a topic, when it happens, the keys of its data.
    fn listed() -> BTreeMap<String, BTreeSet<String>> {
        let page = include_str!("../../../docs/how-to/notifications.md");
        let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let rows = page.lines().filter_map(|line| match line.split('|').collect::<Vec<_>>()[..] {
            ["", topic, _, keys, ""] => Some((quoted(topic), quoted(keys))),
            _ => None,
        });
        let topics = rows.filter(|(topic, _)| topic.first().is_some_and(|word| word.contains('.')));
        topics.map(|(topic, keys)| (topic[0].clone(), keys.into_iter().collect())).collect()
    }

    #[test]
    fn the_page_lists_each_topic_with_the_keys_of_its_data() {
        let keys = |fact: &Fact| fact.data().as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let have: BTreeMap<_, _> = all().iter().map(|fact| (fact.topic().to_string(), keys(fact))).collect();
        assert_eq!(listed(), have);
    }
}
