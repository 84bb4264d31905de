//! Skein's home: who may read the keys, two first runs at once, and compiled modules that somebody changed.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure here is a failed test, and files are changed as a stranger would"
)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use host_tests::call::Running;
use host_tests::{Call, Guard, Site, fixture, guests};
use serde_json::json;
use skein_types::codes;

const NOT_USED: &str = "kept artifact not used";

fn orders(site: &Site, name: &str) -> PathBuf {
    let dataset = site.path(name);
    fixture::notes_directory(&dataset, 1);
    dataset
}

/// A run of a small module with a home of its own.
fn run(site: &Site, dataset: &Path) -> Call {
    let call = site.run(&guests::component("guest-hostile"), dataset).env("SKEIN_HOME", site.path("home"));
    let secret = site.file("pepper", "hot");
    let call = call.arg("--secret").arg(format!("pepper=@{}", secret.display())).arg("--again");
    call.params(&json!({ "behave": "sleep", "shape": "same", "key": { "$secret": "pepper" } }))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn files(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn artifact(site: &Site) -> PathBuf {
    let artifacts = site.path("home/artifacts");
    let names = files(&artifacts);
    assert_eq!(names.len(), 1, "{names:?}");
    artifacts.join(&names[0])
}

#[test]
fn what_the_home_holds_is_its_owners_alone() {
    let site = Site::new();
    run(&site, &orders(&site, "data/orders")).finish().succeeded();
    let keys = site.path("home/keys");
    assert_eq!(files(&keys), ["artifact.key", "secret-digest.key"]);
    for path in [keys.join("artifact.key"), keys.join("secret-digest.key")] {
        assert_eq!((mode(&path), path.metadata().unwrap().len()), (0o600, 32), "{}", path.display());
    }
    assert_eq!(mode(&artifact(&site)), 0o600);
    for directory in ["home", "home/keys", "home/artifacts"] {
        assert_eq!(mode(&site.path(directory)), 0o700, "{directory}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused_and_works_again_once_it_is_private() {
    let site = Site::new();
    let dataset = orders(&site, "data/orders");
    run(&site, &dataset).finish().succeeded();
    for (name, open) in [("artifact.key", 0o640), ("secret-digest.key", 0o604)] {
        let key = site.path("home/keys").join(name);
        let guard = Guard::over(&dataset);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(open)).unwrap();
        let outcome = run(&site, &dataset).finish();
        outcome.refused(codes::PERMISSION);
        let said = format!("{name}: it can be read by others; make it private with chmod 600 or delete it");
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
        assert_eq!(mode(&key), open);
        guard.untouched();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        run(&site, &dataset).finish().succeeded();
    }
}

#[test]
fn two_first_runs_at_once_agree_on_the_keys() {
    let site = Site::new();
    let datasets = [orders(&site, "data/one"), orders(&site, "data/two")];
    let both = datasets.each_ref().map(|dataset| run(&site, dataset).start()).map(Running::finish);
    for outcome in both {
        assert_eq!(
            outcome.succeeded().stdout.lines().filter(|line| line.starts_with("published")).count(),
            1
        );
    }
    assert_eq!(files(&site.path("home/keys")), ["artifact.key", "secret-digest.key"]);
    // Whoever kept the module signed it with the key that both have.
    let kept = artifact(&site).metadata().unwrap();
    let third = run(&site, &datasets[0]).finish().succeeded();
    assert!(!third.stderr.contains(NOT_USED), "{}", third.stderr);
    assert_eq!(artifact(&site).metadata().unwrap().ino(), kept.ino(), "it was not compiled again");
}

#[test]
fn a_compiled_module_that_somebody_changed_is_not_loaded_but_made_again() {
    let site = Site::new();
    let dataset = orders(&site, "data/orders");
    run(&site, &dataset).finish().succeeded();
    let path = artifact(&site);
    let good = std::fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let (native, header) = (flipped(good.len() - 1), flipped(40));
    for (what, bytes) in
        [("native code", native.as_slice()), ("header", &header), ("end", &good[..good.len() - 1])]
    {
        std::fs::write(&path, bytes).unwrap();
        let outcome = run(&site, &dataset).finish().succeeded();
        assert!(outcome.stderr.contains(NOT_USED), "{what}: {}", outcome.stderr);
        assert!(std::fs::read(&path).unwrap() == good, "{what}: it was not made again");
    }
    let outcome = run(&site, &dataset).finish().succeeded();
    assert!(!outcome.stderr.contains(NOT_USED), "{}", outcome.stderr);
    // Signed, but by a key that is not this home's.
    std::fs::remove_file(site.path("home/keys/artifact.key")).unwrap();
    let outcome = run(&site, &dataset).finish().succeeded();
    assert!(outcome.stderr.contains(NOT_USED), "{}", outcome.stderr);
    assert!(std::fs::read(&path).unwrap() != good, "the new key signs anew");
}
