//! How files are called that a run writes: with a hash, or as their sources.

use std::path::{Path, PathBuf};

use host_tests::{Call, Site, fixture, guard, guests};
use serde_json::json;
use skein_types::codes;

use crate::{migrate, orders};

fn names(directory: &Path) -> Vec<String> {
    let found = guard::tree(directory).into_iter().filter(|(_, what)| what.starts_with("file"));
    found.map(|(name, _)| name).collect()
}

/// Two partitions with a file each.
fn partitioned(site: &Site) -> PathBuf {
    let dataset = site.path("data/orders");
    for part in ["year=2023", "year=2024"] {
        fixture::orders_directory(&dataset.join(part), 1);
    }
    dataset
}

const PLAIN: [&str; 2] = ["year=2023/part-00000.parquet", "year=2024/part-00000.parquet"];

#[test]
fn kept_names_are_those_of_the_sources_and_so_they_are_after_a_rollback() {
    let site = Site::new();
    let dataset = partitioned(&site);
    let before = guard::tree(&dataset);
    migrate(&site, &dataset).arg("--names").arg("keep").finish().succeeded();
    assert_eq!(names(&dataset), PLAIN);
    assert_eq!(fixture::read(&dataset.join(PLAIN[0])).schema().field(1).name(), "client");
    // Late files too, and those that join keep what they have.
    fixture::write(&dataset.join("year=2024/late.parquet"), &fixture::orders(0, 10), 10);
    migrate(&site, &dataset).arg("--names").arg("keep").finish().succeeded();
    assert_eq!(names(&dataset), [PLAIN[0], "year=2024/late.parquet", PLAIN[1]]);
    site.skein("rollback")
        .arg(&dataset)
        .arg("--to")
        .arg("0")
        .arg("--later-writes")
        .arg("keep")
        .arg("--yes")
        .finish()
        .succeeded();
    assert_eq!(guard::tree(&dataset), before);
}

#[test]
fn one_who_listed_the_old_version_misses_a_hashed_name_and_reads_the_new_version_under_a_kept_one() {
    for (rule, late) in [("hash", None), ("keep", Some("client"))] {
        let (site, dataset) = orders(2);
        let listed = dataset.join("part-00001.parquet");
        migrate(&site, &dataset).arg("--names").arg(rule).finish().succeeded();
        let found = listed.exists().then(|| fixture::read(&listed).schema().field(1).name().clone());
        assert_eq!(found.as_deref(), late, "{rule}");
    }
}

#[test]
fn the_settings_of_the_machine_say_it_for_all_or_below_a_directory_and_the_option_wins() {
    let run = |toml: &str, more: &[&str]| {
        let site = Site::new();
        let dataset = partitioned(&site);
        let toml = toml.replace("DATA", site.path("data").to_str().unwrap());
        let config = site.file("skein.toml", toml);
        let call = migrate(&site, &dataset).arg("--config").arg(config);
        more.iter().fold(call, Call::arg).finish().succeeded();
        names(&dataset) == PLAIN
    };
    let below = "[[names]]\nbelow = \"DATA\"\nas = \"keep\"\n";
    assert!(run("names = \"keep\"", &[]));
    assert!(run(below, &[]));
    assert!(!run(&below.replace("DATA", "/elsewhere"), &[]));
    assert!(!run(below, &["--names", "hash"]));
    assert!(!run("", &[]));
}

#[test]
fn a_list_of_datasets_and_files_that_become_one_follow_the_rule() {
    let (site, dataset) = orders(3);
    let list = site.file("list.csv", format!("dataset\n{}\n", dataset.display()));
    let params = json!({ "name": "compact" });
    let call =
        site.skein("run").arg(guests::component("columns")).arg("--manifest").arg(list).params(&params);
    call.arg("--file-size").arg("10MiB").arg("--names").arg("keep").finish().succeeded();
    assert_eq!(names(&dataset), ["part-00000.parquet"]);
    assert_eq!(fixture::read(&dataset.join("part-00000.parquet")).num_rows(), 3_000);
}

#[test]
fn a_rule_that_is_none_and_one_for_an_output_are_refused() {
    let (site, dataset) = orders(1);
    for (options, said) in [
        (["--names=kept"].as_slice(), "invalid value 'kept'"),
        (&["--names=keep", "--output=new"], "cannot be used with"),
    ] {
        let outcome = options.iter().fold(migrate(&site, &dataset), Call::arg).finish();
        assert_eq!(outcome.status.code(), Some(64));
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
    let config = site.file("skein.toml", "names = \"kept\"");
    migrate(&site, &dataset).arg("--config").arg(config).finish().refused(codes::SETTINGS_INVALID);
}
