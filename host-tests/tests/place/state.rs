//! `--state` and `skein.toml`.

use host_tests::{Guard, Site, guard};
use skein_types::codes;

use crate::{migrate, orders};

#[test]
fn the_option_decides_at_the_first_run_and_later_commands_need_it_no_more() {
    let (site, dataset) = orders(1);
    let states = site.directory("states");
    migrate(&site, &dataset).arg("--state").arg(&states).finish().succeeded();
    let history = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    let state = guard::tree(&states);
    assert!(state.keys().any(|path| path.ends_with("/log/00000000000000000000.json")), "{:?}", state.keys());
    let beside = site.path("data/.skein/orders").read_dir().unwrap();
    let mut beside: Vec<_> = beside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    beside.sort();
    assert_eq!(beside, ["lock", "state"]);

    let other = site.directory("other");
    let refused = site.skein("history").arg(&dataset).arg("--state").arg(&other).finish();
    refused.refused(codes::STATE_ELSEWHERE);
    assert!(refused.stderr.contains("  hint: a dataset keeps the state that it has"), "{}", refused.stderr);
}

#[test]
fn the_machines_settings_decide_where_no_option_does() {
    let (site, dataset) = orders(1);
    let data = dataset.parent().unwrap().canonicalize().unwrap();
    let states = site.directory("states");
    let rule = format!("[[state]]\nbelow = {data:?}\nat = {states:?}\n");
    let home = site.directory("home");
    site.file("home/skein.toml", rule);
    let with_home = |call: host_tests::Call| call.env("SKEIN_HOME", &home);
    with_home(migrate(&site, &dataset)).finish().succeeded();
    assert_eq!(std::fs::read_dir(&states).unwrap().count(), 1);
    with_home(site.skein("history").arg(&dataset)).finish().succeeded();

    // A rule is for datasets without a state; only the option asks those that have one to be elsewhere.
    let beside = site.path("data/beside");
    host_tests::fixture::orders_directory(&beside, 1);
    migrate(&site, &beside).finish().succeeded();
    with_home(migrate(&site, &beside)).finish().succeeded();
    for command in ["history", "recover", "doctor"] {
        with_home(site.skein(command).arg(&beside)).finish().succeeded();
    }
    with_home(site.skein("rollback").arg(&beside).arg("--yes")).finish().succeeded();
    assert!(site.path("data/.skein/beside/log").is_dir());
    assert_eq!(std::fs::read_dir(&states).unwrap().count(), 1);
    let guard = Guard::over(&beside);
    let refused = with_home(migrate(&site, &beside)).arg("--again").arg("--state").arg(&states).finish();
    refused.refused(codes::STATE_ELSEWHERE);
    guard.untouched();
}

#[test]
fn a_dataset_that_is_made_beside_has_its_state_beside_itself() {
    let (site, dataset) = orders(1);
    let states = site.directory("states");
    let call = migrate(&site, &dataset).arg("--state").arg(&states).arg("--publish").arg("beside=new");
    call.finish().succeeded();
    assert!(site.path("data/.skein/new/log/00000000000000000000.json").is_file());
    assert_eq!(std::fs::read_dir(&states).unwrap().count(), 1, "that of the dataset that was read");
    let new = site.path("data/new");
    site.skein("history").arg(&new).finish().succeeded();
    let refused = site.skein("history").arg(&new).arg("--state").arg(&states).finish();
    refused.refused(codes::STATE_ELSEWHERE);
}

#[test]
fn what_was_made_beside_a_dataset_under_a_rule_has_its_state_beside_and_keeps_it() {
    let (site, dataset) = orders(1);
    let data = dataset.parent().unwrap().canonicalize().unwrap();
    let states = site.directory("states");
    let home = site.directory("home");
    site.file("home/skein.toml", format!("[[state]]\nbelow = {data:?}\nat = {states:?}\n"));
    let with_home = |call: host_tests::Call| call.env("SKEIN_HOME", &home);
    with_home(migrate(&site, &dataset)).arg("--publish").arg("beside=v2").finish().succeeded();
    let made = site.path("data/v2");
    let history =
        with_home(site.skein("history").arg(&made).arg("-o").arg("json")).finish().succeeded().json();
    assert_eq!(history["versions"].as_array().unwrap().len(), 1);
    with_home(migrate(&site, &made)).finish().succeeded();
    with_home(site.skein("recover").arg(&made)).finish().succeeded();
    assert!(site.path("data/.skein/v2/log").is_dir());
    assert_eq!(std::fs::read_dir(&states).unwrap().count(), 1, "that of the dataset that was read");
}

#[test]
fn a_state_on_another_device_is_refused() {
    let (site, dataset) = orders(1);
    let guard = Guard::over(&dataset);
    let refused = migrate(&site, &dataset).arg("--state").arg("/dev/shm").finish();
    refused.refused(codes::STATE_PLACE);
    assert!(refused.stderr.contains("/dev/shm is on another device or mount than the dataset"));
    guard.untouched();
}

#[test]
fn settings_that_cannot_be_used_are_refused_with_the_nearest_key() {
    let site = Site::new();
    let file = site.file("machine.toml", "stat = \"/states\"\n");
    let refused = site.skein("history").arg("nowhere").arg("--config").arg(&file).finish();
    refused.refused(codes::SETTINGS_INVALID);
    let said = format!("{}: unknown key `stat`, did you mean `state`?", file.display());
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    let missing = site.path("missing.toml");
    let refused = site.skein("history").arg("nowhere").arg("--config").arg(&missing).finish();
    refused.refused(codes::SETTINGS_INVALID);
}
