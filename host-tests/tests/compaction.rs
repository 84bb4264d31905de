//! Small files that become few, and row groups of another size: what every reader sees stays the same, in the same order.
//!
//! What the datasets hold and how they are compared stands in `host-tests/foreign/compaction.py`.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::fs::File;
use std::path::{Path, PathBuf};

use host_tests::guard::tree;
use host_tests::{Call, Guard, Site, fixture, guests, python};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use skein_types::codes;

/// A site with the datasets of the script, as they were and to be worked on.
fn written() -> (Site, PathBuf, PathBuf) {
    let site = Site::new();
    let (before, data) = (site.directory("before"), site.path("data"));
    python::run("compaction.py", &[Path::new("write"), &before]);
    fixture::copy(&before, &data);
    (site, before, data)
}

fn compact(site: &Site, dataset: &Path, options: &[&str]) -> Call {
    let call = site.run(&guests::component("columns"), dataset).params(&json!({ "name": "compact" }));
    options.iter().fold(call.arg("-o").arg("json"), |call, option| call.arg(option))
}

#[track_caller]
fn read_the_same(before: &Path, after: &Path) {
    python::run("compaction.py", &[Path::new("compare"), before, after]);
}

/// Data files by path below the dataset.
fn files(dataset: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open = vec![dataset.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

fn row_groups(file: &Path) -> Vec<i64> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect()
}

fn keys(file: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let keys = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let mut keys: Vec<String> = keys.iter().map(|pair| pair.key.clone()).collect();
    keys.sort();
    keys
}

#[test]
fn two_hundred_small_files_become_fourteen_that_every_reader_reads_the_same() {
    let (site, before, data) = written();
    let (before, dataset) = (before.join("small"), data.join("small"));
    let old = tree(&dataset);
    let would = compact(&site, &dataset, &["--file-size", "128KiB", "--dry-run"]).finish().succeeded().json();
    assert_eq!((&would["work"]["files"], &would["work"]["files_after"]), (&json!(201), &json!(14)));
    let report = compact(&site, &dataset, &["--file-size", "128KiB"]).finish().succeeded().json();
    read_the_same(&before, &dataset);
    assert_eq!((&report["files"], &report["cost"]["fuel"]), (&json!(14), &json!(0)), "no sandbox runs");
    assert_eq!((&report["rows"]["read"], &report["rows"]["written"]), (&json!(29_000), &json!(29_000)));
    assert_eq!(report["metadata_dropped"], json!(["number"]));
    let after = files(&dataset);
    assert_eq!(after.len(), 14);
    let large: Vec<_> = after.iter().filter(|file| file.to_string_lossy().contains("large")).collect();
    assert_eq!(row_groups(large[0]), [2_500, 2_500, 2_500, 1_500], "a large file is copied as it is");
    let full = after.iter().filter(|file| row_groups(file) == [1_800]).count();
    assert_eq!(full, 9, "of 18 files each");
    for file in &after {
        assert!(file.metadata().unwrap().len() < 128 << 10 || file == large[0], "{}", file.display());
        assert_eq!(keys(file), ["ARROW:schema", "origin"]);
    }
    let again = compact(&site, &dataset, &["--file-size", "128KiB"]).finish().succeeded().json();
    assert_eq!(again["outcome"], "already_migrated");
    let history = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert!(history.to_string().contains("compact"), "{history}");
    site.skein("rollback").arg(&dataset).arg("--yes").finish().succeeded();
    assert_eq!(tree(&dataset), old);
}

#[test]
fn a_dry_run_says_of_how_much_a_run_copies_as_it_is() {
    let (site, _, data) = written();
    let spliced = |dataset: &Path, options: &[&str]| {
        let dry = [options, &["--dry-run"]].concat();
        let would = compact(&site, dataset, &dry).finish().succeeded().json();
        let report = compact(&site, dataset, options).finish().succeeded().json();
        site.skein("rollback").arg(dataset).arg("--yes").finish().succeeded();
        let bytes = |of: &Value| of["bytes_spliced"].as_u64().unwrap();
        (bytes(&would["estimate"]), bytes(&report))
    };
    let (would, did) = spliced(&data.join("orders"), &[]);
    assert!(did > 0 && would.abs_diff(did) * 20 < did, "{would} against {did}");
    for option in ["--file-size", "--row-group-size"] {
        assert_eq!(spliced(&data.join("orders"), &[option, "1MiB"]), (0, 0), "{option}");
    }
    // One file of many stays as it is.
    let (would, did) = spliced(&data.join("small"), &["--file-size", "128KiB"]);
    assert!(did > 0 && would.abs_diff(did) * 4 < did, "{would} against {did}");
}

#[test]
fn small_files_become_few_elsewhere_too_and_the_dataset_stays_as_it_is() {
    let (site, before, data) = written();
    let (before, dataset, to) = (before.join("small"), data.join("small"), site.path("elsewhere"));
    let guard = Guard::over(&dataset);
    let output = to.to_str().unwrap();
    let report =
        compact(&site, &dataset, &["--file-size", "128KiB", "--output", output]).finish().succeeded().json();
    assert_eq!((&report["outcome"], &report["files"]), (&json!("written"), &json!(14)));
    read_the_same(&before, &to);
    let (after, names) = (files(&to), tree(&before));
    assert_eq!(after.len(), 14);
    for file in &after {
        let name = file.strip_prefix(&to).unwrap().to_str().unwrap();
        assert!(names.contains_key(name), "{name} is not called after its first source");
    }
    guard.untouched();
}

#[test]
fn the_log_names_the_sources_of_each_file() {
    let (site, _, data) = written();
    let dataset = data.join("orders");
    compact(&site, &dataset, &["--file-size", "1MiB"]).finish().succeeded();
    let log = std::fs::read_dir(data.join(".skein/orders/log")).unwrap();
    let records: Vec<String> = log
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .map(|b| String::from_utf8_lossy(&b).into())
        .collect();
    let sources = (0..9).map(|number| format!("part-{number}.parquet")).collect::<Vec<_>>();
    let expected = format!("\"sources\":{}", serde_json::to_string(&sources).unwrap());
    assert!(records.iter().any(|record| record.contains(&expected)), "{records:?}");
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let (site, _, data) = written();
    let other = site.path("other");
    fixture::copy(&data.join("small"), &other);
    let options = |threads| ["--file-size", "100KiB", "--row-group-rows", "700", "--threads", threads];
    compact(&site, &data.join("small"), &options("1")).finish().succeeded();
    compact(&site, &other, &options("4")).finish().succeeded();
    assert_eq!(tree(&data.join("small")), tree(&other));
    for file in files(&other) {
        let groups = row_groups(&file);
        let (last, others) = groups.split_last().unwrap();
        assert!(others.iter().all(|rows| *rows == 700) && (1..=700).contains(last), "{groups:?}");
    }
    read_the_same(&site.path("before/small"), &other);
}

#[test]
fn row_groups_are_cut_anew_by_their_size_in_memory_without_combining_files() {
    let (site, before, data) = written();
    let dataset = data.join("small");
    let report = compact(&site, &dataset, &["--row-group-size", "100KiB"]).finish().succeeded().json();
    assert_eq!(report["files"], json!(201));
    let large = files(&dataset).into_iter().find(|file| file.to_string_lossy().contains("large")).unwrap();
    let groups = row_groups(&large);
    assert!(groups.len() > 4 && groups[..groups.len() - 1].iter().all(|rows| rows % 1024 == 0), "{groups:?}");
    read_the_same(&before.join("small"), &dataset);
}

#[test]
fn columns_stay_what_they_were_to_duckdb() {
    let (site, before, data) = written();
    let report = compact(&site, &data.join("kinds"), &["--file-size", "1MiB"]).finish().succeeded().json();
    assert_eq!(report["files"], json!(1));
    read_the_same(&before.join("kinds"), &data.join("kinds"));
}

#[test]
fn files_that_cannot_be_written_anew_stay_as_they_are() {
    let (site, before, data) = written();
    let options = ["--file-size", "1MiB", "--row-group-rows", "1"];
    let report = compact(&site, &data.join("int96"), &options).finish().succeeded().json();
    assert_eq!((&report["files"], &report["columns"]["spliced"]), (&json!(3), &json!(1)));
    read_the_same(&before.join("int96"), &data.join("int96"));
}

#[test]
fn a_module_gives_the_same_rows_whether_files_become_one_or_not() {
    let (site, _, data) = written();
    let jobs: [(&str, &str, Value); 2] = [
        ("small", "keep-recent", json!({ "column": "moment", "since": "2020-09-15T12:00:00" })),
        ("orders", "flatten-nested", json!({ "explode": "lines", "position": "line", "keep_empty": true })),
    ];
    for (name, module, params) in jobs {
        let (dataset, apart) = (data.join(name), site.path(name));
        fixture::copy(&dataset, &apart);
        let run = |dataset: &Path| {
            site.run(&guests::component(module), dataset).params(&params).arg("-o").arg("json")
        };
        let one = run(&apart).finish().succeeded().json();
        let combined = run(&dataset).arg("--file-size").arg("256KiB").finish().succeeded().json();
        assert_eq!(one["rows"], combined["rows"]);
        assert!(files(&dataset).len() * 8 < files(&apart).len(), "{combined}");
        read_the_same(&apart, &dataset);
    }
}

#[test]
fn rejected_rows_are_named_by_the_file_that_they_were_in() {
    let site = Site::new();
    let (dataset, apart) = (site.path("data/orders"), site.path("data/apart"));
    fixture::orders_directory(&dataset, 6);
    fixture::copy(&dataset, &apart);
    let params = json!({ "name": "typed", "steps": [{ "cast": "amount", "to": "decimal(12,2)" }] });
    let rejects = |dataset: &Path, options: &[&str]| {
        let call = site.run(&guests::component("columns"), dataset).params(&params).arg("-o").arg("json");
        let report = options.iter().fold(call, |call, option| call.arg(option)).finish().succeeded().json();
        assert_eq!(report["rows"]["rejected"], json!(60));
        (fixture::read(Path::new(report["quarantine"].as_str().unwrap())), report["files"].clone())
    };
    let (alone, _) = rejects(&apart, &[]);
    let (combined, written) = rejects(&dataset, &["--file-size", "1MiB"]);
    assert_eq!((combined, written), (alone, json!(1)));
    read_the_same(&apart, &dataset);
}

#[test]
fn files_of_differing_schemas_become_one_of_the_schema_of_all() {
    let site = Site::new();
    let dataset = site.directory("data/orders");
    let orders = |from, to| fixture::orders(from, to);
    fixture::write(&dataset.join("a.parquet"), &orders(0, 300), 100);
    fixture::write(&dataset.join("b.parquet"), &orders(300, 600).project(&[2, 0, 1]).unwrap(), 100);
    fixture::write(&dataset.join("c.parquet"), &orders(600, 900).project(&[4, 1, 2, 0]).unwrap(), 100);
    let before = site.path("before");
    fixture::copy(&dataset, &before);
    let report = compact(&site, &dataset, &["--file-size", "1MiB"]).finish().succeeded().json();
    assert_eq!(report["files"], json!(1));
    read_the_same(&before, &dataset);
}

#[test]
fn files_that_have_not_been_through_the_same_migrations_are_not_combined() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 3);
    let params = json!({ "name": "shorter", "steps": [{ "drop": "note" }] });
    let shorter = || site.run(&guests::component("columns"), &dataset).params(&params).arg("-o").arg("json");
    shorter().finish().succeeded();
    for number in 0..2 {
        let later = fixture::orders(3_000 + number * 10, 3_010 + number * 10).project(&[0, 1, 2, 4]).unwrap();
        fixture::write(&dataset.join(format!("z-{number}.parquet")), &later, 400);
    }
    compact(&site, &dataset, &["--file-size", "10MiB"]).finish().succeeded();
    assert_eq!(files(&dataset).len(), 2);
    // The two become one beside those of the first night.
    let more = fixture::orders(4_000, 4_010).project(&[0, 1, 2, 4]).unwrap();
    fixture::write(&dataset.join("zz-0.parquet"), &more, 400);
    fixture::write(&dataset.join("zz-1.parquet"), &more, 400);
    let report = compact(&site, &dataset, &["--file-size", "10MiB"]).finish().succeeded().json();
    assert_eq!((&report["files"], &report["rows"]["read"]), (&json!(1), &json!(20)));
    assert_eq!(files(&dataset).len(), 3);
    let all = compact(&site, &dataset, &["--file-size", "10MiB", "--again"]).finish().succeeded().json();
    assert_eq!((&all["files"], &all["rows"]["read"]), (&json!(2), &json!(3_040)));
}

#[test]
fn a_module_that_remembers_rows_is_refused_another_size() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 2);
    let guard = Guard::over(&dataset);
    let call = site.run(&guests::component("dedupe-keys"), &dataset).params(&json!({ "keys": ["id"] }));
    call.arg("--file-size").arg("1MiB").finish().refused(codes::USAGE);
    guard.untouched();
}

#[test]
fn files_of_different_rights_are_not_combined() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 5);
    let private = dataset.join("part-00002.parquet");
    std::fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let rows = fixture::read(&private);
    let report = compact(&site, &dataset, &["--file-size", "1MiB"]).finish().succeeded().json();
    assert_eq!(report["files"], 3);
    let mode = |file: &PathBuf| std::os::unix::fs::MetadataExt::mode(&file.metadata().unwrap()) & 0o777;
    let closed: Vec<PathBuf> = files(&dataset).into_iter().filter(|file| mode(file) == 0o600).collect();
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!(fixture::read(&closed[0]), rows);
}

#[test]
fn files_with_different_labels_are_not_combined() {
    let site = Site::new();
    let dataset = site.path("data/orders");
    fixture::orders_directory(&dataset, 5);
    let label = |file: &Path| {
        let mut value = [0; 64];
        let read = rustix::fs::getxattr(file, "user.class", &mut value[..]);
        read.map_or_else(|_| String::new(), |length| String::from_utf8_lossy(&value[..length]).into_owned())
    };
    for (file, class) in [("part-00002.parquet", "secret"), ("part-00003.parquet", "public")] {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(dataset.join(file), "user.class", class.as_bytes(), flags).unwrap();
    }
    let report = compact(&site, &dataset, &["--file-size", "1MiB"]).finish().succeeded().json();
    assert_eq!(report["files"], 4);
    let mut labels: Vec<String> = files(&dataset).iter().map(|file| label(file)).collect();
    labels.sort();
    assert_eq!(labels, ["", "", "public", "secret"]);
}
