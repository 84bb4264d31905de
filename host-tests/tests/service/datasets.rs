//! Datasets that go away, become unreadable, become others or change their schema while a campaign has them.

use std::path::{Path, PathBuf};

use host_tests::service::Service;
use host_tests::{dice, fixture, guard, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// What others do to a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// It is removed, and with it all that is beside it.
    Removed,
    /// It is moved away.
    Moved,
    /// Its file cannot be read any more.
    Damaged,
    /// Another directory with the same files has its name.
    Replaced,
    /// Its files have other columns.
    Schema,
}

const HARMS: [Harm; 5] = [Harm::Removed, Harm::Moved, Harm::Damaged, Harm::Replaced, Harm::Schema];

fn moved_to(dataset: &Path) -> PathBuf {
    dataset.with_extension("away")
}

fn do_harm(dataset: &Path, harm: Harm) {
    match harm {
        Harm::Removed => {
            std::fs::remove_dir_all(dataset).unwrap();
            std::fs::remove_dir_all(guard::state_directory(dataset)).unwrap();
        }
        Harm::Moved => std::fs::rename(dataset, moved_to(dataset)).unwrap(),
        Harm::Damaged => std::fs::write(dataset.join("part.parquet"), "no longer Parquet").unwrap(),
        Harm::Replaced => {
            fixture::copy(dataset, &moved_to(dataset));
            std::fs::remove_dir_all(dataset).unwrap();
            std::fs::rename(moved_to(dataset), dataset).unwrap();
        }
        Harm::Schema => {
            let rows = fixture::with_copy_of(&fixture::orders(0, 40), "amount", "price");
            fixture::write(&dataset.join("part.parquet"), &rows, 30);
        }
    }
}

/// State and code of each run by the name of its dataset.
fn ends(service: &Service, campaign: &str) -> Vec<(String, String)> {
    let runs = service.runs(campaign);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    runs.iter().map(|run| (text(&run["state"]), text(&run["why"]["code"]))).collect()
}

fn planned(service: &Service) -> String {
    let campaign = service.campaign("without-note");
    service.act(&campaign, "plan").succeeded();
    crate::brought(service, &campaign, "planned");
    campaign
}

#[test]
fn what_happens_to_datasets_between_plan_and_run_ends_their_runs_with_a_reason_and_no_others() {
    let service = Service::start(8).with_module_and_datasets();
    let campaign = planned(&service);
    for (dataset, harm) in service.datasets.iter().zip(HARMS) {
        do_harm(dataset, harm);
    }
    let before = service.datasets[2..].iter().map(|dataset| guard::tree(dataset)).collect::<Vec<_>>();
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let ends = ends(&service, &campaign);
    let is = |at: usize, state: &str, code: &str| {
        assert_eq!(ends[at], (state.to_owned(), code.to_owned()), "{at}: {ends:?}")
    };
    is(0, "failed", "SK0501");
    is(1, "failed", "SK0501");
    is(2, "failed", "SK0503");
    // Data alone may move: the same files in another directory are the same dataset.
    is(3, "published", "");
    is(4, "stale", "");
    for at in 5..8 {
        is(at, "published", "");
        assert_eq!(service.published(&service.datasets[at]), 1);
    }
    assert_eq!(guard::tree(&service.datasets[2]), before[0], "nothing was changed");
    assert_eq!(guard::tree(&service.datasets[4]), before[2], "nothing was changed");
    // Moved back and tried again it goes through.
    std::fs::rename(moved_to(&service.datasets[1]), &service.datasets[1]).unwrap();
    service
        .call("campaign")
        .arg("act")
        .arg(&campaign)
        .arg("retry")
        .arg("--run")
        .arg("1")
        .finish()
        .succeeded();
    crate::brought(&service, &campaign, "soaking");
    assert_eq!(service.published(&service.datasets[1]), 1);
}

#[test]
fn a_dataset_that_its_server_may_not_read_any_more_fails_its_run_and_no_others() {
    use std::os::unix::fs::PermissionsExt;
    const NOBODY: u32 = 65_534;
    let mut service = Service::start(3).with_module_and_datasets();
    service.site.open_to_all();
    let home = service.site.directory("home").display().to_string();
    // The server's user may not do what root may.
    let mut chown = std::process::Command::new("chown");
    assert!(chown.arg("-R").arg(NOBODY.to_string()).arg(service.site.path(".")).status().unwrap().success());
    service.kill_and_start_again_as(|call, _| call.as_user(NOBODY).env("SKEIN_HOME", &home));
    let campaign = planned(&service);
    std::fs::set_permissions(service.datasets[1].join("part.parquet"), PermissionsExt::from_mode(0o0))
        .unwrap();
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let ends = ends(&service, &campaign);
    let end = |state: &str, code: &str| (state.to_owned(), code.to_owned());
    assert_eq!(ends, [end("published", ""), end("failed", "SK0517"), end("published", "")]);
}

/// A campaign whose server stands still after it has announced runs of the second wave. Answers it with the datasets that the
/// first wave has left alone, first those that are at the door.
fn at_the_door(service: &mut Service) -> (String, Vec<usize>) {
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_STOP_AT", "door.after-intend:2"));
    let campaign = planned(service);
    service.act(&campaign, "start").succeeded();
    assert!(service.running.has_stopped());
    // Nothing was ever written down of it.
    let log =
        |at: usize| guard::state_directory(&service.datasets[at]).join("log").read_dir().unwrap().count();
    let untouched = |at: &usize| log(*at) == 0;
    let mut open: Vec<usize> = (0..service.datasets.len()).filter(untouched).collect();
    // Which is at the door is a matter of the campaign's dice.
    let names =
        "SELECT dataset.name FROM run JOIN dataset ON dataset.id = run.dataset WHERE run.state = 'intended'";
    let announced = crate::ledger::asked(&service.site.path("server/ledger/ledger.db"), names);
    open.sort_by_key(|at| !announced.contains(service.datasets[*at].file_name().unwrap().to_str().unwrap()));
    (campaign, open)
}

#[test]
fn what_happens_to_datasets_between_intent_and_publish_fails_their_runs_and_no_others() {
    let mut service = Service::start(9).with_module_and_datasets();
    let (campaign, open) = at_the_door(&mut service);
    assert_eq!(open.len(), 8, "the canary is through");
    // The one at the door meets another harm each time.
    let first =
        usize::try_from(dice::setting("SKEIN_SEED", std::process::id().into())).unwrap() % HARMS.len();
    println!("harms from {first} on");
    let harms: Vec<Harm> = (0..HARMS.len()).map(|at| HARMS[(first + at) % HARMS.len()]).collect();
    for (at, harm) in open.iter().zip(&harms) {
        do_harm(&service.datasets[*at], *harm);
    }
    service.running.goes_on();
    crate::brought(&service, &campaign, "soaking");
    let ends = ends(&service, &campaign);
    for (at, harm) in open.iter().zip(harms) {
        let (state, code) = &ends[*at];
        // What was not announced yet finds out like any other run: data alone may move then.
        let may = match harm {
            // What was staged is gone with it.
            Harm::Removed => [("failed", "SK0549"), ("failed", "SK0501")],
            Harm::Moved => [("failed", "SK0514"), ("failed", "SK0501")],
            Harm::Damaged => [("failed", "SK0514"), ("failed", "SK0503")],
            Harm::Replaced => [("failed", "SK0514"), ("published", "")],
            Harm::Schema => [("failed", "SK0514"), ("stale", "")],
        };
        assert!(may.contains(&(state, code)), "{harm:?}: {state} {code}, {ends:?}");
    }
    for at in (0..9).filter(|at| !open[..HARMS.len()].contains(at)) {
        assert_eq!((ends[at].0.as_str(), service.published(&service.datasets[at])), ("published", 1), "{at}");
    }
    // Nobody but the door finds that; of one that is gone with all that is beside it, whoever looks for it may be first.
    let (at_the_door, is_gone) = (&ends[open[0]].1, first == 0);
    assert!(at_the_door == "SK0514" || is_gone, "{at_the_door}, {ends:?}");
}

#[test]
fn a_run_at_the_door_waits_where_its_dataset_may_come_back_and_ends_when_a_person_says_that_it_does_not() {
    let mut service = Service::start(2).with_module_and_datasets();
    let dies = |service: &mut Service, campaign: &str| {
        // Not answered, if it dies before.
        service.act(campaign, "start");
        crate::until("it has announced a run and died", || service.running.has_ended());
    };
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_CRASH_AT", "door.after-intend"));
    let campaign = planned(&service);
    dies(&mut service, &campaign);
    // All that is there goes away together, as when something is not mounted.
    let (data, away) = (service.site.path("data"), service.site.path("data.away"));
    std::fs::rename(&data, &away).unwrap();
    std::fs::create_dir(&data).unwrap();
    service.kill_and_start_again();
    crate::until("it is known to wait", || service.said("a run at the door waits"));
    let intended = ends(&service, &campaign).iter().filter(|(state, _)| state == "intended").count();
    assert_eq!(intended, 1);
    // It comes back, and the run is published.
    std::fs::remove_dir(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    crate::brought(&service, &campaign, "soaking");
    assert_eq!(service.datasets.iter().map(|dataset| service.published(dataset)).collect::<Vec<_>>(), [1, 1]);

    // Once more, and it never does.
    service.act(&campaign, "roll_back").succeeded();
    crate::brought(&service, &campaign, "rolled_back");
    service.kill_and_start_again_as(|call, _| call.env("SKEIN_CRASH_AT", "door.after-intend"));
    let campaign = service.campaign("once-more");
    service.act(&campaign, "plan").succeeded();
    crate::brought(&service, &campaign, "planned");
    dies(&mut service, &campaign);
    std::fs::rename(&data, &away).unwrap();
    service.kill_and_start_again();
    crate::until("it is known to wait", || service.said("a run at the door waits"));
    for name in ["orders-000", "orders-001"] {
        service.call("dataset").arg("remove").arg("--yes").arg(name).finish().succeeded();
    }
    crate::brought(&service, &campaign, "soaking");
    let ends = ends(&service, &campaign);
    assert!(ends.iter().all(|(state, _)| state == "failed"), "{ends:?}");
}

#[test]
fn a_link_in_the_place_of_a_dataset_leads_its_campaign_nowhere() {
    let service = Service::start(2).with_module_and_datasets();
    let campaign = planned(&service);
    let [mine, other] = [0, 1].map(|at| service.datasets[at].clone());
    std::fs::rename(&mine, moved_to(&mine)).unwrap();
    std::os::unix::fs::symlink(&other, &mine).unwrap();
    service.act(&campaign, "start").succeeded();
    crate::brought(&service, &campaign, "soaking");
    let ends = ends(&service, &campaign);
    assert_eq!(ends[0], ("failed".to_owned(), "SK0501".to_owned()), "{ends:?}");
    assert_eq!((ends[1].0.as_str(), service.published(&other)), ("published", 1));
    // Nor does giving it back give the other one back.
    service.call("dataset").arg("remove").arg("--yes").arg("orders-000").finish().succeeded();
    service.site.skein("recover").arg(&other).finish().refused(codes::DATASET_MANAGED);
}

#[test]
fn what_cannot_be_registered_is_not_taken_over() {
    let service = Service::start(1).with_module_and_datasets();
    let taken = service.site.directory("elsewhere").join("orders-000");
    fixture::copy(&service.datasets[0], &taken);
    let refused = service.call("dataset").arg("add").arg(&taken).finish();
    assert!(refused.stdout.contains(codes::DATASET_TAKEN.id), "{refused:?}");
    // It is nobody's, as it was before; the other one is the server's.
    service.site.run(&guests::component("columns"), &taken).params(&rename()).finish().succeeded();
    service.site.skein("recover").arg(&service.datasets[0]).finish().refused(codes::DATASET_MANAGED);
    // Under another name it is the same dataset, and stays the server's.
    let again = service.call("dataset").arg("add").arg(&service.datasets[0]).arg("--prefix").arg("other-");
    assert!(again.finish().stdout.contains(codes::DATASET_TAKEN.id));
    service.site.skein("recover").arg(&service.datasets[0]).finish().refused(codes::DATASET_MANAGED);
}

fn rename() -> Value {
    json!({ "name": "r", "steps": [{ "rename": "customer", "to": "client" }] })
}
