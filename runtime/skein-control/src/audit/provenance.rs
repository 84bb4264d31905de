//! Statements of published datasets: what was made of what, by what, and whose word it was, signed.
//!
//! A statement is made when a publish is confirmed, in the same unit: it lies in the ledger as a blob that is kept for ever, and
//! `run.published` names it. So it says at latest when it was said (the decision that names it is in the chain), and at earliest
//! (the head that it names was there: everything up to the intent to publish exactly this was decided before). It costs a signature and
//! a blob of some 3 KB, and neither a sync nor a unit of its own.
//!
//! What of it control cannot know, it takes from the dataset's log, where a node wrote it: hashes, rows, what checks said.

use std::collections::BTreeMap;

use serde_json::Value;
use skein_api::{SignedStatement, parse};
use skein_attest::{
    Approval, AttestError, Checks, DatasetRef, Envelope, LedgerHead, ModuleRef, PROVENANCE_TYPE, PassedOver,
    Provenance, Released, Rows, RuleResult, RunRef, Signer, Source, Statement, Subject, Version,
};
use skein_dataset::{Made, Tree};
use skein_ledger::{Campaign, Entry, Event, EventFilter, Head, INTEGER_MAX, Kind, Limit, Module, Run};
use skein_types::{AttemptId, Blake3, CampaignId, DatasetId, NodeId, RulesLead, RunId, Timestamp, codes};

use crate::access::NOBODYS;
use crate::control::Control;
use crate::error::ServiceError;

/// What names the files of a version together.
const TREE: &str = "blake3-tree";
const FILE: &str = "blake3";
/// Rules of one statement.
const RULES_MAX: usize = 256;

/// What was published, as far as the door knows.
pub(crate) struct Published<'a> {
    pub(crate) run: &'a Run,
    pub(crate) attempt: AttemptId,
    pub(crate) node: Option<NodeId>,
    pub(crate) made: &'a Made,
}

/// What all runs of a lot share.
pub(crate) struct Saying {
    campaign: Campaign,
    module: Option<Module>,
    approvals: Vec<Approval>,
    head: Head,
    signer: std::sync::Arc<Signer>,
    at: Timestamp,
    server: String,
}

impl Control {
    /// What every statement of a lot says.
    pub(crate) fn saying(&self, id: CampaignId) -> Result<Saying, ServiceError> {
        // The first one's key is a decision too: the head is read behind it.
        let (signer, at) = self.signer()?;
        let campaign = self.campaign_row(id)?;
        // Under its owner's own name for it: another team's is not this one's to know.
        let owners = [campaign.owner.clone(), crate::control::name("owner", NOBODYS)?];
        let module = self.ledger.module_among(campaign.module, Some(&owners))?;
        let approvals = self.words_for(id)?;
        let (head, server) = (self.ledger.head()?, self.server.to_string());
        Ok(Saying { campaign, module, approvals, head, signer, at, server })
    }

    /// Whose word a campaign's plan has.
    fn words_for(&self, id: CampaignId) -> Result<Vec<Approval>, ServiceError> {
        let of_wave = self.ledger.wave_approvals(id)?.into_iter().map(|one| Approval {
            person: one.person.to_string(),
            team: None,
            wave: Some(one.wave),
            broken_glass: false,
            at: one.at,
        });
        let of_slice = self.approvals(id)?.into_iter().map(|one| Approval {
            person: one.person.to_string(),
            team: Some(one.team.to_string()),
            wave: None,
            broken_glass: one.glass,
            at: one.at,
        });
        Ok(of_slice.chain(of_wave).collect())
    }

    /// The signed statement of a run that was published: the blob to keep, and its digest.
    pub(crate) fn statement(
        &self,
        saying: &Saying,
        published: &Published<'_>,
    ) -> Result<(Entry, Blake3), ServiceError> {
        let dataset = self.ledger.dataset(published.run.dataset)?;
        let (name, owner) = match &dataset {
            Some(row) => (row.name.to_string(), row.owner.to_string()),
            None => ("(removed)".to_owned(), String::new()),
        };
        let subject = subjects(&name, published.made);
        let mut said =
            saying.of(published, DatasetRef { id: published.run.dataset.to_string(), name, owner });
        said.checks.passed_over = self.passed_over(published, &said.checks.rules)?;
        said.checks.released = self.released(published)?;
        let envelope = Statement::new(subject, PROVENANCE_TYPE, said).sign(&saying.signer);
        let bytes = envelope.map_err(|error| ServiceError::bug(error.to_string()))?.to_json();
        let digest = Blake3::of(&bytes);
        Ok((Entry::PutBlob { bytes, keep_until: Timestamp(INTEGER_MAX) }, digest))
    }

    /// Readers' rules that are passed over. One that was looked at before that was said has its verdict.
    fn passed_over(
        &self,
        published: &Published<'_>,
        looked: &[RuleResult],
    ) -> Result<Vec<PassedOver>, ServiceError> {
        let rules = self.ledger.rules(published.run.dataset, Limit::MAX)?;
        let over = |rule: skein_ledger::Rule| {
            let (name, consumer, why) = (rule.name.to_string(), rule.consumer?.to_string(), rule.ignored?);
            let verdict = |one: &RuleResult| one.name == name && one.consumer.as_ref() == Some(&consumer);
            let looked = looked.iter().any(verdict);
            (!looked).then(|| PassedOver { name, consumer, why: clipped(why.as_str()) })
        };
        Ok(rules.into_iter().filter_map(over).take(RULES_MAX).collect())
    }

    /// Who let a result through that rules kept back, as the record has it.
    fn released(&self, published: &Published<'_>) -> Result<Option<Released>, ServiceError> {
        if !held_back(&published.made.ext) {
            return Ok(None);
        }
        let run = skein_ledger::Subject::Run(published.run.campaign, published.run.seq);
        let filter = EventFilter { of: Some(run), kinds: vec![Kind::RunReleased], ..EventFilter::default() };
        let (mut last, mut after) = (None, 0);
        loop {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            for recorded in page.items {
                let Event::RunReleased(said) = &recorded.event else { continue };
                last = Some(Released {
                    by: recorded.actor.to_string(),
                    why: clipped(said.reason.as_str()),
                    at: recorded.at,
                    position: recorded.position,
                });
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(last),
            }
        }
    }

    /// The statement of a run, if one was made of what it published last.
    pub(crate) fn statement_of(&self, run: &Run) -> Result<SignedStatement, ServiceError> {
        let none = || {
            ServiceError::new(codes::NO_STATEMENT, format!("nothing was said of run {} yet", run.id))
                .hint(Some("a statement is made when a run is published; runs from before that have none"))
        };
        let bytes = self.ledger.blob(run.statement.ok_or_else(none)?)?.ok_or_else(none)?;
        parse(&bytes, bytes.len()).map_err(|error| ServiceError::bug(format!("a statement: {error}")))
    }

    /// The run whose statement is meant: by the name of the run, or the last one of a dataset that has one, or the one that made a
    /// version. A canary's result has two numbers, that as which it was made and that as which it came back from its round trip;
    /// either means it.
    pub(crate) fn run_stated(&self, of: Stated, version: Option<u64>) -> Result<Run, ServiceError> {
        match of {
            Stated::Run(run) => {
                let found = self.ledger.run_named(run)?;
                found.ok_or_else(|| ServiceError::absent("run", &run.to_string()))
            }
            Stated::Dataset(dataset) => {
                let (mut found, mut after): (Option<Run>, _) = (None, None);
                loop {
                    let page = self.ledger.runs_of_dataset(dataset, after, Limit::MAX)?;
                    for run in page.items {
                        if !self.states(&run, version)? {
                            continue;
                        }
                        if found.as_ref().is_none_or(|found| found.since <= run.since) {
                            found = Some(run);
                        }
                    }
                    match page.next {
                        Some(next) => after = Some(next),
                        None => break,
                    }
                }
                found.ok_or_else(|| {
                    ServiceError::new(
                        codes::NO_STATEMENT,
                        format!("nothing that made {dataset} so has a statement"),
                    )
                })
            }
        }
    }

    /// Whether a run has a statement, of this version if one is meant.
    fn states(&self, run: &Run, version: Option<u64>) -> Result<bool, ServiceError> {
        let Some(digest) = run.statement else { return Ok(false) };
        let Some(version) = version.filter(|version| run.version != Some(*version)) else { return Ok(true) };
        // A number of before the round trip is smaller.
        if run.version.is_none_or(|forward| forward < version) {
            return Ok(false);
        }
        let Some(bytes) = self.ledger.blob(digest)? else { return Ok(false) };
        let wrong = |error: AttestError| ServiceError::bug(format!("a statement: {error}"));
        let payload = Envelope::parse(&bytes).and_then(|envelope| envelope.unverified()).map_err(wrong)?;
        let said: Statement<Provenance> = serde_json::from_slice(&payload)
            .map_err(|error| ServiceError::bug(format!("a statement: {error}")))?;
        Ok(said.predicate.output.version == version)
    }
}

/// What somebody wants the statement of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stated {
    Run(RunId),
    Dataset(DatasetId),
}

impl Saying {
    fn of(&self, published: &Published<'_>, dataset: DatasetRef) -> Provenance {
        let Published { run, attempt, node, made } = published;
        let campaign = &self.campaign;
        Provenance {
            server: self.server.clone(),
            tool: concat!("skein ", env!("CARGO_PKG_VERSION")).to_owned(),
            at: self.at,
            dataset,
            run: RunRef {
                id: run.id.to_string(),
                campaign: campaign.id.to_string(),
                campaign_name: campaign.name.to_string(),
                seq: run.seq,
                attempt: attempt.to_string(),
                node: node.map(|node| node.to_string()),
            },
            module: self.module_of(made),
            params: made.params.to_string(),
            plan: campaign.plan.map(|plan| plan.digest.to_string()),
            schema_plan: made.plan.to_string(),
            policy: campaign.policy.to_string(),
            approvals: self.approvals.iter().filter(|word| is_for(word, run)).cloned().collect(),
            input: version(made.base, made.input),
            output: version(made.version, made.output),
            rows: Rows {
                read: made.rows.read.0,
                written: made.rows.written.0,
                rejected: made.rows.rejected.0,
                filtered: made.rows.filtered.0,
            },
            checks: checks(&made.ext),
            ledger: LedgerHead { position: self.head.position, hash: self.head.hash },
        }
    }

    /// As the dataset's log names it; with its label, if it is the campaign's.
    fn module_of(&self, made: &Made) -> ModuleRef {
        let label = self.module.as_ref().filter(|module| module.digest == made.module);
        let source = label.and_then(|module| module.source.as_ref().map(|url| (url, &module.commit)));
        ModuleRef {
            digest: made.module.to_string(),
            migration: made.migration.0.clone(),
            version: made.migration.1.clone(),
            label: label.map(|module| format!("{}@{}", module.name, module.version)),
            source: source.map(|(url, commit)| Source {
                url: url.to_string(),
                commit: commit.as_ref().map(ToString::to_string),
            }),
        }
    }
}

/// Whether a word was about a run: its team's slice, or its wave.
fn is_for(word: &Approval, run: &Run) -> bool {
    let of_team =
        word.team.is_some() && word.team.as_deref() == run.team.as_ref().map(skein_ledger::Name::as_str);
    of_team || (word.wave.is_some() && word.wave == run.wave)
}

fn version(number: u64, tree: Tree) -> Version {
    Version { version: number, files: tree.files, bytes: tree.bytes.0, tree: tree.digest }
}

/// The dataset's files together, and each of them if there are not too many.
fn subjects(name: &str, made: &Made) -> Vec<Subject> {
    let mut all = vec![Subject::new(format!("{name}@{}", made.version), TREE, &made.output.digest.0)];
    let file = |(path, _, digest): &(String, _, Blake3)| Subject::new(path.clone(), FILE, &digest.0);
    all.extend(made.files.iter().map(file));
    all
}

/// What the log says of checks. Only words and digests are taken over: what a rule saw may be a row.
fn checks(ext: &Value) -> Checks {
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(clipped);
    let rules = ext.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rule = |rule: &Value| {
        Some(RuleResult {
            name: word(rule, "rule")?,
            consumer: word(rule, "consumer"),
            severity: word(rule, "severity").unwrap_or_default(),
            verdict: word(rule, "verdict")?,
        })
    };
    Checks {
        verified: word(ext, "verified"),
        fingerprint: ext.get("fingerprint").filter(|value| !value.is_null()).map(spelled),
        rules: rules.iter().filter_map(rule).take(RULES_MAX).collect(),
        ..Checks::default()
    }
}

/// Whether what rules found kept the result back until a person let it through.
fn held_back(ext: &Value) -> bool {
    let found = ext.get("rules").cloned().and_then(|found| serde_json::from_value(found).ok());
    RulesLead::of(&found.unwrap_or_else(Vec::<skein_types::RuleResult>::new)) == RulesLead::Hold
}

fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The digest of a value with its keys sorted, whatever order a map has.
fn spelled(value: &Value) -> Blake3 {
    Blake3::of(sorted(value).to_string().as_bytes())
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, Value> =
                fields.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(fields.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{checks, spelled};
    use serde_json::json;

    #[test]
    fn of_checks_only_words_and_digests_are_said() {
        let ext = json!({
            "verified": "fingerprint",
            "fingerprint": {"columns": [{"sum": 7}]},
            "rules": [{"rule": "no-nulls", "severity": "error", "verdict": "pass", "observed": "telltale"}, {"odd": 1}],
            "wall_ms": 3,
        });
        let said = checks(&ext);
        assert_eq!((said.verified.as_deref(), said.rules.len()), (Some("fingerprint"), 1));
        assert_eq!(said.fingerprint, Some(spelled(&ext["fingerprint"])));
        assert!(!serde_json::to_string(&said).unwrap().contains("telltale"));
        assert_eq!(checks(&json!(null)), skein_attest::Checks::default());
    }
}
