//! Every directory of `host-tests/scenarios/` is one case: see its README for the form.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_tests::{Call, Guard, Site, fixture, guests, project, text_table};
use serde::Deserialize;
use skein_types::{Code, codes};

/// `scenario.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// For the reader; shown when the case fails.
    about: String,
    /// Package of the module.
    module: String,
    /// Code of the refusal that is expected.
    refused: Option<String>,
    /// Secrets by name.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Rows per row group of the input; one group if it is left out.
    row_group_rows: Option<usize>,
}

fn directories() -> Vec<PathBuf> {
    let all = std::fs::read_dir(project::root().join("host-tests/scenarios")).unwrap();
    let mut directories: Vec<_> =
        all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    directories.sort();
    directories
}

fn code(id: &str) -> Code {
    *codes::ALL.iter().find(|code| code.id == id).unwrap_or_else(|| panic!("{id} is no code"))
}

/// The tables of a directory, by the path of their files without extension.
fn tables(directory: &Path) -> BTreeMap<String, String> {
    files(directory).into_iter().map(|(stem, path)| (stem, std::fs::read_to_string(path).unwrap())).collect()
}

/// All files below a directory, by their relative path without extension.
fn files(directory: &Path) -> BTreeMap<String, PathBuf> {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut found = BTreeMap::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, path)| (format!("{name}/{below}"), path)));
        } else {
            found.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), path);
        }
    }
    found
}

/// The dataset's files as tables. Their names carry eight digits of their content's hash.
fn migrated(dataset: &Path) -> BTreeMap<String, String> {
    let table = |(stem, path): (String, PathBuf)| {
        let stem = stem.rsplit_once('-').unwrap_or_else(|| panic!("{stem} has no hash")).0;
        (stem.to_owned(), text_table::show(&fixture::read(&path)))
    };
    files(dataset).into_iter().map(table).collect()
}

fn call(site: &Site, scenario: &Scenario, directory: &Path, dataset: &Path) -> Call {
    let mut call = site.run(&guests::component(&scenario.module), dataset).arg("-o").arg("json");
    let params = directory.join("params.toml");
    if params.exists() {
        call = call.arg("--params").arg(format!("@{}", params.display()));
    }
    for (name, value) in &scenario.secrets {
        let file = site.file(&format!("secrets/{name}"), value);
        call = call.arg("--secret").arg(format!("{name}=@{}", file.display()));
    }
    call
}

fn play(directory: &Path) {
    let text = std::fs::read_to_string(directory.join("scenario.toml")).unwrap();
    let scenario: Scenario =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    println!("{}: {}", directory.file_name().unwrap().display(), scenario.about);
    let site = Site::new();
    let dataset = site.directory("data");
    for (stem, table) in tables(&directory.join("input")) {
        let batch = text_table::parse(&table);
        let rows = scenario.row_group_rows.unwrap_or(batch.num_rows().max(1));
        let file = dataset.join(format!("{stem}.parquet"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        fixture::write(&file, &batch, rows);
    }
    let guard = Guard::over(&dataset);
    let outcome = call(&site, &scenario, directory, &dataset).finish();
    if let Some(id) = &scenario.refused {
        outcome.refused_json(code(id));
        return guard.untouched();
    }
    let report = outcome.succeeded().json();
    assert_eq!(migrated(&dataset), tables(&directory.join("expected")));
    let rejects = directory.join("rejects.txt");
    let quarantine = report["quarantine"].as_str().map(|path| rejects_of(Path::new(path)));
    assert_eq!(quarantine, rejects.exists().then(|| std::fs::read_to_string(&rejects).unwrap()));
    goes_back(&site, &dataset, &guard);
    // And forth again, without the module, before anybody counts on it.
    let again = call(&site, &scenario, directory, &dataset).arg("--round-trip").finish().succeeded().json();
    let trip = &again["round_trip"];
    assert_eq!(trip["forward"].as_u64(), trip["published"].as_u64().map(|published| published + 2), "{trip}");
    assert_eq!(again["version"], trip["forward"]);
    assert_eq!(migrated(&dataset), tables(&directory.join("expected")));
    goes_back(&site, &dataset, &guard);
}

/// The quarantine without the messages, which may change their wording.
fn rejects_of(path: &Path) -> String {
    let mut rows = fixture::read(path);
    rows.remove_column(rows.schema().index_of("skein_message").unwrap());
    text_table::show(&rows)
}

/// Each migration can be undone, to the byte.
fn goes_back(site: &Site, dataset: &Path, guard: &Guard) {
    site.skein("rollback").arg(dataset).arg("--yes").finish().succeeded();
    assert_eq!(&host_tests::guard::tree(dataset), guard.before());
}

#[test]
fn every_scenario_ends_as_it_says() {
    let directories = directories();
    assert!(directories.len() >= 10, "{directories:?}");
    for directory in directories {
        play(&directory);
    }
}
