//! Runs that are too large for one task.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use host_tests::call::Stream;
use host_tests::guard::tree;
use host_tests::patience::until;
use host_tests::service::Service;
use host_tests::{Site, fixture, guests};
use serde_json::{Value, json};
use skein_types::codes;

/// 48 MB each.
const FILES: u64 = 3;

pub(crate) fn upper() -> Value {
    json!({ "name": "upper", "steps": [{ "case": "note", "to": "upper" }] })
}

/// A server with some small datasets and a large one.
pub(crate) fn service(small: i64) -> (Service, PathBuf) {
    let mut service = Service::start(small);
    let large = service.site.path("data").join("large");
    fixture::large_directory(&large, FILES);
    service.datasets.push(large.clone());
    (service.with_module_and_datasets(), large)
}

pub(crate) fn planned(service: &Service, select: &str) -> String {
    let call = service.call("campaign").arg("create").arg("upper").arg("--module").arg("columns@1");
    let call = call.arg("--migration").arg("upper").arg("--select").arg(select).params(&upper());
    let campaign = call.finish().succeeded().json()["campaign"].as_str().unwrap().to_owned();
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    campaign
}

/// Attempts of a dataset that have something staged, and how many checkpoints each has.
pub(crate) fn attempts(dataset: &Path) -> Vec<(String, usize)> {
    let stage = dataset.with_file_name(".skein").join(dataset.file_name().unwrap()).join("stage");
    let Ok(entries) = std::fs::read_dir(stage) else { return Vec::new() };
    let mut attempts: Vec<(String, usize)> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let pieces = std::fs::read_dir(entry.path().join("pieces")).map_or(0, Iterator::count);
            (entry.file_name().into_string().unwrap(), pieces)
        })
        .collect();
    attempts.sort();
    attempts
}

/// The files of a dataset as one run of the same module over the same source makes them.
fn expected() -> Vec<(String, String)> {
    let site = Site::new();
    let path = site.path("data").join("large");
    fixture::large_directory(&path, FILES);
    site.run(&guests::component("columns"), &path).params(&upper()).finish().succeeded();
    files(&path)
}

fn files(path: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, blake3::hash(&std::fs::read(path).unwrap()).to_string())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_large_run_is_made_in_parts_goes_on_after_kills_and_has_the_bytes_of_a_small_one() {
    let (mut service, large) = service(0);
    let before = tree(&large);
    let campaign = planned(&service, "large");
    assert_eq!(attempts(&large), [], "what was rehearsed for the plan is gone");
    service.act(&campaign, "start").succeeded();
    // Two nodes are killed when something is behind a checkpoint, and a third time the server.
    for kill in 0..3 {
        until("more checkpoints", || {
            (attempts(&large).iter().map(|(_, kept)| kept).sum::<usize>() > kill).then_some(())
        });
        match kill {
            2 => service.kill_and_start_again(),
            _ => {
                service.kill_a_node(kill as u64);
            }
        }
    }
    let done = service.watched(&campaign);
    assert_eq!((&done["state"], &done["runs"]["published"]), (&json!("soaking"), &json!(1)), "{done}");
    assert_eq!(service.published(&large), 1);
    assert_eq!(files(&large), expected());
    // What parts took is of the run that they are parts of.
    let of =
        |what: &str| service.get(&format!("/v1/campaigns/{campaign}/{what}?limit=1000"))["items"].clone();
    let took = |one: &Value| one["meters"]["cpu_ms"].as_u64().unwrap();
    let (attempts, run) = (of("attempts"), took(&of("runs")[0]));
    let parts = attempts.as_array().unwrap().iter().filter(|one| one["kind"] == "split");
    let most = parts.map(took).max().unwrap();
    assert!(run > most, "{run} ms for all of it, {most} ms for a part: {attempts}");

    service.running.says(Stream::Stderr, |text| text.contains("taken_over"));
    service.act(&campaign, "roll_back").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "rolled_back");
    assert_eq!(tree(&large), before);
}

#[test]
fn a_part_of_a_large_run_is_repeated_alone_and_ends_as_it_did_there() {
    let (service, large) = service(0);
    // The last rows are what no part but the last one meets.
    let batch = fixture::read(&large.join("part-000.parquet")).slice(0, 50);
    let mut columns = batch.columns().to_vec();
    columns[1] = Arc::new(StringArray::from(vec!["no number"; 50]));
    let bad = RecordBatch::try_new(batch.schema(), columns).unwrap();
    fixture::write(&large.join("part-999.parquet"), &bad, 50);
    let step = json!({ "cast": "note", "to": "decimal(20, 0)", "on_error": "fail" });
    let params = json!({ "name": "numbers", "steps": [step] });
    let campaign = service.campaign_of("columns@1", &params, &json!({}));
    service.act(&campaign, "plan").succeeded();
    assert_eq!(service.watched(&campaign)["state"], "planned");
    service.act(&campaign, "start").succeeded();
    service.watched(&campaign);

    let attempt = |verb: &str, of: &str| service.call("attempt").arg(verb).arg(of);
    let listed = attempt("list", &campaign).arg("large").finish().succeeded().json();
    let of_part = |one: &Value| one["part"]["part"].as_u64();
    let listed: Vec<Value> = listed.as_array().unwrap().clone();
    let first = listed.iter().find(|one| of_part(one) == Some(0)).unwrap();
    let last = listed.iter().find(|one| one["ending"] == "failed").unwrap();
    assert_eq!(of_part(last).map(|part| part + 1), last["part"]["parts"].as_u64(), "{last}");
    let before = tree(&large);
    let replayed =
        |one: &Value| attempt("replay", one["attempt"].as_str().unwrap()).finish().succeeded().json();
    let (last, first) = (replayed(last), replayed(first));
    assert_eq!(
        (&last["same"], &last["here"]["code"]),
        (&json!(true), &json!(codes::GUEST_FAILURE.id)),
        "{last}"
    );
    assert!(last["here"]["message"].as_str().unwrap().contains("part-999.parquet"), "{last}");
    // All of the dataset would have failed.
    let rows = first["rows"]["read"].as_u64().unwrap();
    assert!(first["same"] == true && rows > 0 && rows < FILES << 20, "{first}");
    assert_eq!(tree(&large), before);

    // A person is told what to type.
    let told = |verb: &str| {
        let call =
            service.site.skein("campaign").env("SKEIN_SERVER", &service.address).arg("-o").arg("table");
        call.arg(verb).arg(&campaign)
    };
    let run = told("run").arg("0").finish().succeeded().stdout;
    assert!(run.contains("next: skein attempt logs att_"), "{run}");
    let runs = told("runs").finish().succeeded().stderr;
    assert!(runs.contains("next: skein attempt logs att_"), "{runs}");
}
