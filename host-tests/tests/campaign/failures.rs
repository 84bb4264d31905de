//! Some datasets have a value that the module traps on. A round of the long form is a dataset.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use host_tests::dice::setting;
use host_tests::fixture;
use host_tests::patience::until;
use host_tests::service::{Fleet, Service, Stopped};
use serde_json::{Value, json};
use skein_ledger::PhaseName;
use skein_types::{AttemptId, CampaignId, CampaignState, RunState, codes};

use crate::datasets::versions;
use crate::record::Record;
use crate::story::Story;

/// Forty notes, one of which may be bad.
pub(crate) fn notes(path: &Path, bad: bool) {
    let note = |row: i64| if bad && row == 17 { "poison".to_owned() } else { format!("note {row}") };
    write(path, (0..40).map(note).collect());
}

/// Good ones, in hundreds of row groups.
fn many_notes(path: &Path) {
    write(path, (0..12_000).map(|row| format!("note {row}")).collect());
}

fn write(path: &Path, notes: Vec<String>) {
    let ids = 0..i64::try_from(notes.len()).unwrap();
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids)), false),
        ("note", Arc::new(StringArray::from(notes)), true),
    ];
    fixture::write(path, &RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 30);
}

/// What makes the module trap on a bad note.
pub(crate) fn params() -> Value {
    json!({ "behave": "trap-on-poison", "shape": "same" })
}

/// A server with so many datasets, of which every so many is bad, and a module that traps on those.
pub(crate) fn service(datasets: u64, one_in: u64) -> Service {
    over(Fleet::SMALL, (datasets, one_in), notes)
}

/// The like, with its datasets written by somebody who is told which is bad.
fn over(fleet: Fleet, (datasets, one_in): (u64, u64), write: impl Fn(&Path, bool)) -> Service {
    let is_bad = |number: i64| number.unsigned_abs() % one_in == one_in - 1;
    let datasets = i64::try_from(datasets).unwrap();
    let service = Service::over(fleet, datasets, |number, path| write(path, is_bad(number)));
    service.with_module("guest-hostile").with_datasets()
}

/// A campaign with this budget, from its start to its end; after each halt somebody accepts what has failed.
struct Trial {
    service: Service,
    campaign: String,
    id: CampaignId,
    /// What was staged and held at some halt, and whose work that was.
    held: BTreeMap<u64, AttemptId>,
    halts: usize,
}

impl Trial {
    fn begin(service: Service, budget: &Value) -> Self {
        let campaign = service.campaign_of("guest-hostile@1", &params(), &json!({ "budget": budget }));
        let id = campaign.parse().unwrap();
        service.act(&campaign, "plan").succeeded();
        assert_eq!(service.watched(&campaign)["state"], "planned");
        service.act(&campaign, "start").succeeded();
        Self { service, campaign, id, held: BTreeMap::new(), halts: 0 }
    }

    /// Until all is published that can be. The server rests at every halt, so that the ledger can be looked into.
    fn through(self) -> (Self, Story) {
        self.through_where(|_, _| None)
    }

    /// The like, with somebody stopped from the time when it goes on until it halts.
    fn through_where(mut self, stops: impl Fn(&Service, &str) -> Option<Stopped>) -> (Self, Story) {
        loop {
            let stopped = stops(&self.service, &self.campaign);
            let seen = self.service.watched(&self.campaign);
            drop(stopped);
            if seen["state"] != "halted" {
                assert_eq!(seen["state"], "soaking", "{seen}");
                break;
            }
            self.halts += 1;
            self.rest();
            self.service.act(&self.campaign, "resume").refused_json(codes::BUDGET_SPENT);
            self.service.acting(&self.campaign, "resume").arg("--now").finish().succeeded();
        }
        self.service.stop();
        let record = Record::of(&self.service);
        record.checked(None);
        let story = Story::of(&record.events(Some(self.id)));
        let strange = story.failures.iter().find(|(_, why)| !why.starts_with(codes::GUEST_TRAP.id));
        assert_eq!(strange, None, "nothing else than a bad note fails a run");
        (self, story)
    }

    /// What agents were at is finished, then nothing more happens; what is staged then is held over a restart, and shown.
    fn rest(&mut self) {
        until("agents to finish", || (self.service.progress(&self.campaign)["running"] == 0).then_some(()));
        self.service.stop();
        let record = Record::of(&self.service);
        assert_eq!(record.campaign(self.id).state, CampaignState::Halted);
        assert_eq!(record.tasks(self.id, PhaseName::Claimed), 0);
        let staged = record.staged(self.id);
        let intended = record.runs(self.id).iter().filter(|run| run.state == RunState::Intended).count();
        assert_eq!(intended, 0, "what was announced is confirmed");
        drop(record);
        self.service.start_again();
        let now = self.service.progress(&self.campaign);
        assert_eq!((&now["state"], &now["staged"]), (&json!("halted"), &json!(staged.len())), "{now}");
        self.held.extend(staged);
    }
}

#[test]
fn without_a_budget_each_failure_halts_and_what_is_staged_is_held_and_not_run_again() {
    let (datasets, one_in) = (setting("SKEIN_SOAK_ROUNDS", 200), 100);
    let bad = datasets / one_in;
    let (trial, story) = Trial::begin(service(datasets, one_in), &json!({ "runs": 0 })).through();
    println!("{} halts, {} runs were held", trial.halts, trial.held.len());
    assert_eq!((story.total(RunState::Failed), story.total(RunState::Published)), (bad, datasets - bad));
    assert_eq!(trial.halts, story.halts.len());
    assert!(trial.halts > 0 && trial.halts as u64 <= bad, "{} halts for {bad} failures", trial.halts);
    for (seq, attempt) in &trial.held {
        assert_eq!(story.intents[seq], [*attempt], "run {seq} was done again");
    }
    everything_good_is_published(&trial.service, one_in);
}

/// Whether anybody is at work when a campaign halts is chance. Here it is not: a node is stopped over a dataset until the two others
/// have met a bad one, which takes both of them, and then goes on.
#[test]
fn what_is_made_when_a_campaign_halts_is_staged_and_held_and_published_as_it_is() {
    let (datasets, one_in) = (16, 4);
    // So many good notes that there is time to stop a node over them.
    let write = |path: &Path, bad: bool| match bad {
        true => notes(path, bad),
        false => many_notes(path),
    };
    let service = over(Fleet { nodes: 3, slots: 1 }, (datasets, one_in), write);
    let good = |name: &str| {
        let number: u64 = name.rsplit('-').next().unwrap().parse().unwrap();
        number % one_in != one_in - 1
    };
    let stops = |service: &Service, campaign: &str| {
        until("a node over a good dataset, and another at work", || {
            // Whoever is stopped alone may keep the others from beginning.
            let stopped = service.stop_a_node_beside_another(good).map(Some);
            stopped.or_else(|| (service.progress(campaign)["state"] != "running").then_some(None))
        })
    };
    let (trial, story) = Trial::begin(service, &json!({ "runs": 0 })).through_where(stops);
    let bad = datasets / one_in;
    assert_eq!((story.total(RunState::Failed), story.total(RunState::Published)), (bad, datasets - bad));
    println!("{} halts, {} runs were held", trial.halts, trial.held.len());
    assert!(!trial.held.is_empty(), "no run was ever held");
    for (seq, attempt) in &trial.held {
        assert_eq!(story.intents[seq], [*attempt], "run {seq} was done again");
    }
    everything_good_is_published(&trial.service, one_in);
}

#[test]
fn a_share_of_failures_is_afforded_and_the_one_too_many_halts() {
    // One in ten and not one in a hundred: a wave of a small campaign affords three failures whatever its share is.
    let datasets = setting("SKEIN_SOAK_ROUNDS", 100);
    let one_in = if datasets > 100 { 30 } else { 10 };
    let bad = datasets / one_in;
    let (trial, story) = Trial::begin(service(datasets, one_in), &json!({ "percent": 2 })).through();
    println!("{} halts, {} runs were held", trial.halts, trial.held.len());
    assert_eq!((story.total(RunState::Failed), story.total(RunState::Published)), (bad, datasets - bad));
    // Of the largest wave more have failed than it began with, at least by one halt.
    let largest = story.waves.keys().max().unwrap();
    let affordable = (2 * story.size(*largest)).div_ceil(100).max(3);
    assert!(story.count(*largest, RunState::Failed) > affordable, "{story:?}");
    assert!(trial.halts > 0);
    for (seq, attempt) in &trial.held {
        assert_eq!(story.intents[seq], [*attempt], "run {seq} was done again");
    }
    everything_good_is_published(&trial.service, one_in);
}

#[test]
fn with_budget_enough_all_others_are_published_without_a_halt() {
    let (datasets, one_in) = (setting("SKEIN_SOAK_ROUNDS", 100), 100);
    let bad = datasets / one_in;
    let (trial, story) = Trial::begin(service(datasets, one_in), &json!({ "percent": 10 })).through();
    assert_eq!((story.total(RunState::Failed), story.total(RunState::Published)), (bad, datasets - bad));
    // The canary affords none, and chance may have put a bad one there.
    let in_canary = story.count(0, RunState::Failed);
    assert!(trial.halts as u64 <= in_canary, "{} halts, {in_canary} failures in the canary", trial.halts);
    everything_good_is_published(&trial.service, one_in);
}

fn everything_good_is_published(service: &Service, one_in: u64) {
    for (number, dataset) in (0_u64..).zip(&service.datasets) {
        let good = usize::from(number % one_in != one_in - 1);
        assert_eq!(versions(dataset), (good, 0), "{}", dataset.display());
    }
}
