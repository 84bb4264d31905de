//! The rules that a campaign follows, as its policy TOML says:
//!
//! ```toml
//! budget = "2%"            # failed runs that a wave after the canary may have: a number, or a share and at least 3
//! admission = "slow-start" # or "strict": the door's rule for every run that is under way
//! waves = ["10%"]          # of all datasets, between the canary and the rest
//! gate = "95%"             # of a wave's runs, published or at rest, before the next begins
//! pin = "schema"           # or "snapshot": a dataset whose data moved since the plan is stale, too
//! names = "hash"           # or "keep": how output files are called
//! rollback_window = "7d"   # how long published runs can be undone
//! round_trip = true        # canary runs go back and forth once before they count as published
//! verify = "fingerprint"   # or "counts", "readback": how far a result is verified before it is published
//!
//! [approvals]
//! expires = "7d"           # how long an approval holds before the start
//! promote = "automatic"    # or "approval": a person lets each further wave begin
//!
//! [canary]                 # the smallest dataset per kind, then a random few
//! share = "1%"
//! datasets = 20
//! bytes = "10GiB"
//!
//! [dry_run]                # samples while planning
//! share = "1%"
//! datasets = 200
//!
//! [retries]                # of what passes; a fault is tried once more elsewhere
//! transient = 5
//! wait = "1s"
//! longest = "1m"
//!
//! [[rules]]                # what must hold of each dataset before its result is published
//! name = "ids"
//! unique = ["id"]
//!
//! [soak]                   # after each publish
//! checks = ["5m", "1h", "24h"]
//! on_failure = "tell"      # or "revert"
//! ```
//!
//! All of it stands in the plan's digest, in one canonical form, whether it was written or left to its default.

mod allowance;
mod share;
mod soak;
mod span;
mod text;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use skein_types::{Bytes, Rule, VerifyLevel};

pub use allowance::Allowance;
pub use share::{Share, ShareParseError};
pub use soak::{OnFailure, SoakRule};
pub use span::{Span, SpanParseError};
pub use text::{CHECKS_MAX, PolicyError};

/// What a campaign's author decides about how it goes. Fields stand in the order of their names, which makes what serde
/// writes canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "Policy::standard")]
pub struct Policy {
    /// How fast runs may start.
    pub admission: Admission,
    /// How long people's approvals hold, and what needs one.
    pub approvals: ApprovalRule,
    /// How many runs of a wave after the canary may fail.
    pub budget: Allowance,
    /// What is tried first.
    pub canary: CanaryRule,
    /// What is sampled while planning.
    pub dry_run: SampleRule,
    /// How much of a wave has to be published or at rest before the next one begins.
    pub gate: Share,
    /// How output files are called.
    pub names: Names,
    /// What must not have moved since the plan.
    pub pin: Pin,
    /// How often and when runs are tried again.
    pub retries: RetryRule,
    /// How long published runs can be undone.
    pub rollback_window: Span,
    /// Whether canary runs go back and forth once before they count as published.
    pub round_trip: bool,
    /// What must hold of each dataset before what was made of it is published.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What is looked at after a publish.
    pub soak: SoakRule,
    /// How far a result is verified before it becomes visible.
    pub verify: VerifyLevel,
    /// Shares of all datasets, one per wave between the canary and the rest.
    pub waves: Vec<Share>,
}

/// How fast runs may start before the publish door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// As many as one more than may still fail, doubled with each window of successes.
    SlowStart,
    /// Never more under way than one more than may still fail.
    Strict,
}

/// How long approvals hold, and what needs one besides the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "ApprovalRule::standard")]
pub struct ApprovalRule {
    /// How long an approval holds in which nothing was started; [`ApprovalRule::LONGEST`] at most.
    pub expires: Span,
    /// What lets a wave begin behind one that is through its gate.
    pub promote: Promote,
}

/// What lets a wave begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promote {
    /// The gate of the one before.
    Automatic,
    /// A person, after the gate.
    Approval,
}

/// What must not have moved between plan and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pin {
    /// A dataset's schema; its data may.
    Schema,
    /// Its data neither.
    Snapshot,
}

/// How output files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// With a part of their content's hash in datasets of several files.
    Hash,
    /// As the files that they are made from.
    Keep,
}

/// What the canary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "CanaryRule::standard")]
pub struct CanaryRule {
    /// Most bytes of its datasets together.
    #[serde(with = "size")]
    pub bytes: Bytes,
    /// Most datasets.
    pub datasets: u64,
    /// Share of all datasets up to which random ones are added.
    pub share: Share,
}

/// What is tried on samples while planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "SampleRule::standard")]
pub struct SampleRule {
    /// Most datasets.
    pub datasets: u64,
    /// Share of all datasets up to which random ones are added.
    pub share: Share,
}

/// When something that passes is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default = "RetryRule::standard")]
pub struct RetryRule {
    /// Longest wait between two tries.
    pub longest: Span,
    /// Tries after the first.
    pub transient: u32,
    /// Wait before the second try; doubled before each further one.
    pub wait: Span,
}

impl Policy {
    /// What holds where a policy says nothing.
    pub fn standard() -> Self {
        Self {
            admission: Admission::SlowStart,
            approvals: ApprovalRule::standard(),
            budget: Allowance::Share(Share::percent(2)),
            canary: CanaryRule::standard(),
            dry_run: SampleRule::standard(),
            gate: Share::percent(95),
            names: Names::Hash,
            pin: Pin::Schema,
            retries: RetryRule::standard(),
            rollback_window: Span::days(7),
            round_trip: true,
            rules: Vec::new(),
            soak: SoakRule::standard(),
            verify: VerifyLevel::STANDARD,
            waves: vec![Share::percent(10)],
        }
    }

    /// JSON with sorted keys, no spaces and no floats but the bounds of rules: the bytes that are digested and stored. serde reads it back.
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("a policy holds numbers and text, which JSON can say")
    }
}

impl ApprovalRule {
    /// Whoever approved more than a month ago has not seen what is there.
    pub const LONGEST: Span = Span::days(30);

    const fn standard() -> Self {
        Self { expires: Span::days(7), promote: Promote::Automatic }
    }
}

impl CanaryRule {
    const fn standard() -> Self {
        Self { bytes: Bytes(10 << 30), datasets: 20, share: Share::percent(1) }
    }
}

impl SampleRule {
    const fn standard() -> Self {
        Self { datasets: 200, share: Share::percent(1) }
    }
}

impl RetryRule {
    const fn standard() -> Self {
        Self { longest: Span::seconds(60), transient: 5, wait: Span::seconds(1) }
    }
}

/// Sizes as people write them.
mod size {
    use super::{Bytes, Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Bytes(u64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, s: S) -> Result<S::Ok, S::Error> {
        bytes.0.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Bytes, D::Error> {
        match Written::deserialize(d)? {
            Written::Bytes(bytes) => Ok(Bytes(bytes)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Allowance, Names, OnFailure, Pin, Policy, Promote, Share, Span};

    #[test]
    fn the_defaults_are_those_of_the_design_in_one_canonical_form() {
        let canonical = concat!(
            r#"{"admission":"slow-start","approvals":{"expires":"7d","promote":"automatic"},"budget":"2%","canary":{"bytes":10737418240,"datasets":20,"#,
            r#""share":"1%"},"dry_run":{"datasets":200,"share":"1%"},"gate":"95%","names":"hash","pin":"schema","#,
            r#""retries":{"longest":"1m","transient":5,"wait":"1s"},"rollback_window":"7d","round_trip":true,"#,
            r#""soak":{"checks":["5m","1h","1d"],"on_failure":"tell"},"verify":"fingerprint","waves":["10%"]}"#
        );
        assert_eq!(Policy::standard().canonical(), canonical);
        assert_eq!(Policy::parse(""), Ok(Policy::standard()));
        assert_eq!(serde_json::from_str::<Policy>(canonical).unwrap(), Policy::standard());
    }

    #[test]
    fn the_canonical_form_does_not_depend_on_how_it_was_written() {
        let one =
            Policy::parse("rollback_window = \"48h\"\n[canary]\nbytes = \"2GiB\"\nshare = \"1.0%\"").unwrap();
        let other =
            Policy::parse("canary = {share = \"1%\", bytes = 2147483648}\nrollback_window = \"2d\"\n");
        assert_eq!(Ok(one.canonical()), other.map(|policy| policy.canonical()));
        assert!(one.canonical().contains(r#""canary":{"bytes":2147483648,"datasets":20,"share":"1%"}"#));
    }

    #[test]
    fn every_key_is_read() {
        let text = "admission = \"strict\"\nbudget = 7\nwaves = [\"5%\", \"20.5%\"]\ngate = \"80%\"\npin = \"snapshot\"\n\
                    names = \"keep\"\nrollback_window = \"1h\"\nround_trip = false\nverify = \"readback\"\n[soak]\nchecks = [\"1s\"]\n\
                    on_failure = \"revert\"\n[canary]\nshare = \"2%\"\ndatasets = 5\nbytes = 9\n\
                    [dry_run]\nshare = \"3%\"\ndatasets = 6\n[retries]\ntransient = 1\nwait = \"250ms\"\nlongest = \"2s\"\n\
                    [approvals]\nexpires = \"36h\"\npromote = \"approval\"\n";
        let policy = Policy::parse(text).unwrap();
        assert_eq!(
            (policy.admission, policy.pin, policy.names),
            (Admission::Strict, Pin::Snapshot, Names::Keep)
        );
        assert_eq!(
            (policy.approvals.expires.to_string(), policy.approvals.promote),
            ("36h".to_owned(), Promote::Approval)
        );
        assert_eq!(policy.verify, skein_types::VerifyLevel::Readback);
        assert_eq!((policy.budget, policy.gate), (Allowance::Runs(7), Share::percent(80)));
        assert_eq!(policy.waves, ["5%", "20.5%"].map(|share| share.parse().unwrap()));
        assert_eq!(
            (policy.canary.share, policy.canary.datasets, policy.canary.bytes.0),
            (Share::percent(2), 5, 9)
        );
        assert_eq!((policy.dry_run.share, policy.dry_run.datasets), (Share::percent(3), 6));
        let soak = (policy.soak.checks, policy.soak.on_failure);
        assert_eq!((policy.round_trip, soak), (false, (vec![Span::seconds(1)], OnFailure::Revert)));
        assert_eq!((policy.retries.transient, policy.rollback_window), (1, Span::seconds(3_600)));
        assert_eq!(
            (policy.retries.wait.to_string(), policy.retries.longest),
            ("250ms".to_owned(), Span::seconds(2))
        );
    }
}
