//! A server is killed around each of its durable steps, and what it made and had not synced goes with it.

use host_tests::guard::state_directory;
use host_tests::service::Service;
use host_tests::{dice, guests};
use serde_json::json;

use crate::story::Story;

/// Few, so that a campaign takes a second or two; more than one wave.
const DATASETS: i64 = 5;

/// Kinds of points that a campaign meets when it is planned, run and rolled back.
const OF_CAMPAIGNS: [&str; 7] = ["node", "campaign", "act", "plan", "admit", "exchange", "door"];
/// Points of datasets' own steps that a server meets then. A dataset is adopted once, so that comes first.
const OF_PUBLISHES: [&str; 11] = [
    "publish.after-adopt",
    "handed.before-check",
    "publish.after-data-sync",
    "publish.after-intent",
    "publish.after-intent-sync",
    "swap.after-slot",
    "swap.after-exchange",
    "swap.after-decision",
    "publish.after-last-sync",
    "settle.after-done",
    "revert.before-records",
];
/// And that its nodes meet.
const OF_NODES: [&str; 6] = [
    "stage.after-create",
    "stage.before-file-rename",
    "stage.after-file-rename",
    "hand.before-descriptor",
    "hand.after-descriptor",
    "hand.after-sync",
];
/// Commits of the ledger at which it dies, counted from the start of the process.
const COMMITS: [u64; 6] = [1, 2, 4, 7, 12, 20];

fn kind(point: &str) -> &str {
    point.split('.').next().unwrap_or_default()
}

fn of_control(kinds: &[&str]) -> Vec<&'static str> {
    skein_control::CRASH_POINTS.iter().copied().filter(|point| kinds.contains(&kind(point))).collect()
}

#[test]
fn a_server_that_dies_around_any_durable_step_of_a_campaign_does_everything_once() {
    let mut points: Vec<String> = of_control(&OF_CAMPAIGNS).into_iter().map(str::to_owned).collect();
    points.extend(["undo.before-reverting", "undo.after-reverting"].map(str::to_owned));
    points.extend(["undo.after-rolled-back", "undo.after-reverted"].map(str::to_owned));
    killed_at(&points);
}

#[test]
fn a_server_or_node_that_dies_within_a_publish_or_a_commit_of_the_ledger_does_everything_once() {
    let mut points: Vec<String> = OF_PUBLISHES.iter().chain(&OF_NODES).map(ToString::to_string).collect();
    for commit in COMMITS {
        points.push(format!("ledger.before-commit:{commit}"));
        points.push(format!("ledger.after-commit:{commit}"));
    }
    points.extend(["ledger.before-sweep", "ledger.after-sweep"].map(str::to_owned));
    killed_at(&points);
}

/// Campaigns until somebody has died at each point; in later rounds deeper in.
fn killed_at(points: &[String]) {
    let nth = |point: &String, round| match point.contains(':') {
        true => point.clone(),
        false => format!("{point}:{round}"),
    };
    let rounds = dice::setting("SKEIN_SOAK_ROUNDS", 1);
    let all = (1..=rounds).flat_map(|round| points.iter().map(move |point| nth(point, round)));
    let mut story = Story::of(Service::start(DATASETS).with_module_and_datasets(), all);
    let mut campaigns = 0;
    while story.goes_on() {
        campaigns += 1;
        story.undone_once(campaigns);
        story.is_over();
    }
    println!("{} deaths in {campaigns} campaigns: {:?}", story.met.len(), story.met);
    // Deeper in, nobody may come by.
    let missed: Vec<&String> =
        story.missed.iter().filter(|point| points.contains(point) || point.ends_with(":1")).collect();
    assert_eq!(missed, [""; 0], "never met");
}

#[test]
fn a_server_that_dies_while_it_cancels_or_finalizes_does_so_once() {
    let points = ["undo.before-cancelled", "undo.after-cancelled"].map(str::to_owned);
    let mut story = Story::of(Service::start(DATASETS).with_module_and_datasets(), points);
    let before = story.service.trees();
    let campaign = story.made("cancelled");
    story.bring(&campaign, "cancelled");
    let runs = story.service.runs(&campaign);
    assert!(runs.iter().all(|run| run["state"] == "cancelled"), "{runs:#?}");
    assert_eq!((story.service.trees(), story.met.len()), (before, 2));

    let points =
        ["undo.after-given-up", "finalize.after-record", "finalize.after-remove", "undo.after-finalized"];
    let mut story = Story::of(story.service, points.map(str::to_owned));
    let campaign = story.made("finalized");
    story.bring(&campaign, "soaking");
    let after = story.service.trees();
    story.bring(&campaign, "succeeded");
    assert_eq!((story.service.trees(), story.met.len()), (after, points.len()), "{:?}", story.met);
    story.published(1);
    for dataset in &story.service.datasets {
        let kept = state_directory(dataset).join("kept").read_dir().unwrap().count();
        assert_eq!(kept, 0, "what was displaced is given up");
    }
}

#[test]
fn a_server_that_dies_while_it_takes_modules_and_datasets_takes_them_when_it_is_asked_again() {
    let columns = guests::component("columns");
    let service = Service::start(2);
    // As if it were started for the first time.
    std::fs::remove_dir_all(service.site.path("server")).unwrap();
    service.gets_artifacts();
    let before = service.trees();
    let mut points = vec!["server.after-id"];
    points.extend(of_control(&["module", "dataset"]));
    points.extend(["manage.before-sync", "manage.after-marker", "manage.after-release"]);
    let mut story = Story::of(service, points.iter().map(ToString::to_string));
    while story.goes_on() {
        for step in ["submit", "add", "remove"] {
            story.done(step, |service| asked(service, step, "columns@1", &columns).then_some(()));
        }
        let module = story.done("its module", |service| {
            let shown = service.call("module").arg("list").finish();
            let listed = shown.status.success().then(|| shown.json())?;
            listed.as_array().unwrap().iter().find(|module| module["version"] == "1").cloned()
        });
        assert_eq!(module["state"], "ready");
        story.is_over();
    }
    println!("{} deaths: {:?}", story.met.len(), story.met);
    assert_eq!((story.met.len(), story.missed.len()), (points.len(), 0), "{:?}", story.missed);
    assert_eq!(story.service.call("dataset").arg("list").finish().succeeded().json(), json!([]));
    assert_eq!(story.service.trees(), before);
    // Nobody manages them any more.
    let params = json!({ "name": "mine", "steps": [{ "drop": "note" }] });
    for dataset in &story.service.datasets {
        story.service.site.run(&columns, dataset).params(&params).finish().succeeded();
    }
}

/// Whether a step was done, by this call or by one before it that was not answered.
fn asked(service: &Service, step: &str, version: &str, columns: &std::path::Path) -> bool {
    match step {
        "submit" => {
            let answer = service.call("module").arg("submit").arg(version).arg(columns).finish();
            if !answer.status.success() {
                println!("not submitted: {}{}", answer.stdout, answer.stderr);
            }
            answer.status.success()
        }
        "add" => {
            let add = service
                .datasets
                .iter()
                .fold(service.call("dataset").arg("add"), |call, dataset| call.arg(dataset));
            add.finish().status.success()
        }
        _ => {
            let listed = service.call("dataset").arg("list").finish();
            let Some(listed) = listed.status.success().then(|| listed.json()) else { return false };
            listed.as_array().unwrap().iter().all(|dataset| {
                let name = dataset["name"].as_str().unwrap();
                service.call("dataset").arg("remove").arg("--yes").arg(name).finish().status.success()
            })
        }
    }
}
