//! Places that cannot be worked in: empty, linked, locked, full, read-only, forbidden.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use host_tests::{Call, Guard, Outcome, Site, fixture, guard, guests, project};
use serde_json::json;
use skein_types::codes;

use crate::{goes_through, orders, refused_by_columns, rename};

/// Nobody's uid, by convention.
const NOBODY: u32 = 65_534;

#[test]
fn a_dataset_that_does_not_exist_is_refused() {
    let site = Site::new();
    let outcome = site.run(&guests::component("columns"), &site.path("nowhere")).params(&rename()).finish();
    outcome.refused(codes::DATASET_NOT_FOUND);
    assert!(!site.path(".skein").exists());
}

#[test]
fn an_empty_directory_is_refused() {
    let site = Site::new();
    refused_by_columns(&site, &site.directory("data/empty"), codes::DATASET_EMPTY);
}

#[test]
fn a_directory_of_other_files_is_refused() {
    let site = Site::new();
    site.file("data/notes/readme.txt", "no tables here");
    refused_by_columns(&site, &site.path("data/notes"), codes::DATASET_EMPTY);
}

#[test]
fn a_link_out_of_the_dataset_is_refused() {
    let (site, dataset) = orders();
    let outside = site.file("elsewhere/secret.parquet", "not yours");
    symlink(outside, dataset.join("part-00009.parquet")).unwrap();
    refused_by_columns(&site, &dataset, codes::SYMLINK_OUTSIDE);

    std::fs::remove_file(dataset.join("part-00009.parquet")).unwrap();
    goes_through(&site, &dataset);
}

#[test]
fn a_file_system_that_stores_no_files_is_refused_by_its_type() {
    let site = Site::new();
    let own = format!("/proc/{}/task", std::process::id());
    let call = || site.run(&guests::component("columns"), Path::new(&own)).params(&rename());
    let outcome = call().finish();
    outcome.refused(codes::FILESYSTEM_UNSUPPORTED);
    assert!(outcome.stderr.contains("the file system proc does not store files"), "{}", outcome.stderr);
    call().arg("-o").arg("json").finish().refused_json(codes::FILESYSTEM_UNSUPPORTED);
}

#[test]
fn a_special_file_is_refused() {
    let (site, dataset) = orders();
    let status = Command::new("mkfifo").arg(dataset.join("part-00009.parquet")).status().unwrap();
    assert!(status.success());
    refused_by_columns(&site, &dataset, codes::SPECIAL_FILE);
}

#[test]
fn a_table_of_another_system_is_refused() {
    let (site, dataset) = orders();
    std::fs::create_dir(dataset.join("_delta_log")).unwrap();
    refused_by_columns(&site, &dataset, codes::PLACE_REFUSED);
}

#[test]
fn a_dataset_inside_another_is_refused() {
    let (site, dataset) = orders();
    goes_through(&site, &dataset);
    let inner = dataset.join("inner");
    fixture::orders_directory(&inner, 1);
    let guard = Guard::over(&dataset);
    let outcome = site.run(&guests::component("columns"), &inner).params(&rename()).finish();
    outcome.refused(codes::PLACE_REFUSED);
    guard.untouched();
}

#[test]
fn a_dataset_that_another_process_holds_is_refused() {
    let (site, dataset) = orders();
    goes_through(&site, &dataset);
    let lock = File::open(guard::state_directory(&dataset).join("run.lock")).unwrap();
    lock.lock().unwrap();
    let guard = Guard::over(&dataset);
    let again = || {
        site.run(&guests::component("columns"), &dataset)
            .params(&json!({ "name": "second", "steps": [{ "drop": "note" }] }))
    };
    again().finish().refused(codes::DATASET_LOCKED);
    guard.untouched();

    drop(lock);
    again().finish().succeeded();
}

#[test]
fn of_two_runs_at_the_same_time_one_migrates_and_the_other_says_so() {
    let (site, dataset) = orders();
    let start = || site.run(&guests::component("columns"), &dataset).params(&rename()).start();
    let both = [start(), start()].map(host_tests::call::Running::finish);
    let winners = both.iter().filter(|outcome| outcome.status.success()).count();
    assert!(winners >= 1, "{both:#?}");
    for outcome in both.iter().filter(|outcome| !outcome.status.success()) {
        outcome.refused(codes::DATASET_LOCKED);
    }
    let versions = site.skein("history").arg(&dataset).arg("-o").arg("json").finish().succeeded().json();
    assert_eq!(
        versions["versions"].as_array().map(Vec::len),
        Some(2),
        "adopted and migrated once: {versions}"
    );
}

/// Runs a shell script in a mount namespace of its own, with `$SKEIN`, `$DATA`, `$MODULE` and `$PARAMS` set.
pub(crate) fn in_own_mounts(site: &Site, data: &Path, script: &str) -> Outcome {
    Call::behind("unshare", &["--mount", "sh", "-euc", script], site.home())
        .env("SKEIN", project::skein())
        .env("DATA", data)
        .env("MODULE", guests::component("columns"))
        .env("PARAMS", rename().to_string())
        .finish()
}

#[test]
fn a_full_disk_is_refused_before_anything_is_written() {
    let site = Site::new();
    let mount = site.directory("disk");
    let dataset = site.path("source");
    std::fs::create_dir_all(&dataset).unwrap();
    fixture::write(&dataset.join("a.parquet"), &fixture::orders(0, 50_000), 10_000);
    // The dataset fits once, but not twice.
    let size = std::fs::metadata(dataset.join("a.parquet")).unwrap().len() * 3 / 2;
    let script = format!(
        "mount -t tmpfs -o size={size} none '{0}'; cp -r '{1}' '{0}/orders'; before=$(find '{0}' -type f | sort | xargs sha256sum)
         code=0; \"$SKEIN\" run \"$MODULE\" '{0}/orders' --params \"$PARAMS\" || code=$?
         rm -f '{0}/.skein/orders/lock' '{0}/.skein/orders/run.lock'; after=$(find '{0}' -type f | sort | xargs sha256sum)
         [ \"$before\" = \"$after\" ] || {{ echo \"$before -- $after\" >&2; exit 99; }}; exit $code",
        mount.display(),
        dataset.display()
    );
    in_own_mounts(&site, &mount, &script).refused(codes::NO_SPACE);
}

#[test]
fn a_disk_that_fills_up_on_the_way_leaves_the_old_version() {
    let site = Site::new();
    let mount = site.directory("disk");
    let source = site.path("a.parquet");
    // A column of one repeated word is small; its keyed hash, one per row, is not smaller than its digits.
    fixture::write(&source, &fixture::orders(0, 60_000), 20_000);
    let size = std::fs::metadata(&source).unwrap().len() * 5 / 2;
    let params = json!({ "name": "swell", "steps": [{ "hash": "id", "key": { "$secret": "pepper" } }] });
    let key = site.file("pepper", "a key that nobody else has");
    let script = format!(
        "mount -t tmpfs -o size={size} none '{0}'; mkdir '{0}/orders'; cp '{1}' '{0}/orders/a.parquet'
         before=$(find '{0}' -type f | sort | xargs sha256sum)
         code=0; \"$SKEIN\" run \"$MODULE\" '{0}/orders' --params '{params}' --secret 'pepper=@{2}' || code=$?
         rm -f '{0}/.skein/orders/lock' '{0}/.skein/orders/run.lock'; after=$(find '{0}' -type f | sort | xargs sha256sum)
         [ \"$before\" = \"$after\" ] || {{ echo \"$before -- $after\" >&2; exit 99; }}; exit $code",
        mount.display(),
        source.display(),
        key.display()
    );
    in_own_mounts(&site, &mount, &script).refused(codes::NO_SPACE);
}

#[test]
fn a_read_only_place_is_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let parent = dataset.parent().unwrap().display();
    let script = format!(
        "mount --bind '{parent}' '{parent}'; mount -o remount,ro,bind '{parent}'
         exec \"$SKEIN\" run \"$MODULE\" \"$DATA\" --params \"$PARAMS\""
    );
    in_own_mounts(&site, &dataset, &script).refused(codes::READ_ONLY);
    guard.untouched();
    goes_through(&site, &dataset);
}

#[test]
fn a_mount_point_is_no_dataset() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let script =
        "mount --bind \"$DATA\" \"$DATA\"; exec \"$SKEIN\" run \"$MODULE\" \"$DATA\" --params \"$PARAMS\"";
    in_own_mounts(&site, &dataset, script).refused(codes::PLACE_REFUSED);
    guard.untouched();
}

/// `skein run` as a user without rights.
fn as_nobody(site: &Site, dataset: &Path) -> impl Fn() -> Call {
    site.open_to_all();
    let (skein, module) = (site.borrow(project::skein()), site.borrow(&guests::component("columns")));
    let home = site.directory("nobody");
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let dataset = dataset.to_owned();
    move || {
        let skein = skein.to_str().unwrap();
        let call = Call::behind(skein, &["run"], &home).arg(&module).arg(&dataset).params(&rename());
        call.as_user(NOBODY)
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_user_without_permission_is_refused() {
    let (site, dataset) = orders();
    let guard = Guard::over(&dataset);
    let call = as_nobody(&site, &dataset);
    call().finish().refused(codes::PERMISSION);
    guard.untouched();

    // Not even readable.
    chmod(&dataset, 0o700);
    call().finish().refused(codes::PERMISSION);
}

#[test]
fn owners_that_cannot_be_kept_are_named_in_the_summary() {
    for json in [false, true] {
        let (site, dataset) = orders();
        let call = as_nobody(&site, &dataset);
        let parent = dataset.parent().unwrap();
        for path in [parent, &dataset] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let names = parquet_names(&dataset);
        if json {
            let report = call().arg("-o").arg("json").finish().succeeded().json();
            let lost: Vec<String> = names.iter().map(|name| format!("owner of {name}")).collect();
            assert_eq!(report["attributes_lost"], serde_json::json!(lost));
        } else {
            let said = call().finish().succeeded().stdout;
            let shown: Vec<String> = names.iter().take(3).map(|name| format!("owner of {name}")).collect();
            let more = match names.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let line = format!("  not kept {}{more}", shown.join(", "));
            assert!(said.lines().any(|said| said == line), "wanted {line:?}:\n{said}");
        }
    }
}

fn parquet_names(dataset: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dataset).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn an_exchange_that_the_system_refuses_leaves_a_dataset_that_can_be_used() {
    let (site, dataset) = orders();
    let call = as_nobody(&site, &dataset);
    // Everybody may write here, but only owners may rename: no look at modes tells that beforehand.
    chmod(dataset.parent().unwrap(), 0o1777);
    chmod(&dataset, 0o777);
    std::os::unix::fs::chown(&dataset, Some(1), Some(1)).unwrap();
    let before = guard::tree(&dataset);
    for _ in 0..2 {
        let refused = call().finish();
        refused.refused(codes::PERMISSION);
        let said = "not published: cannot exchange orders: Operation not permitted (os error 1)";
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert!(refused.stderr.contains("  hint: to exchange old and new"), "{}", refused.stderr);
        assert_eq!(guard::tree(&dataset), before);
    }
    // What somebody else made beside it is theirs: its owner looks at it and takes it away.
    site.skein("recover").arg(&dataset).finish().refused(codes::STATE_UNTRUSTED);
    std::fs::remove_dir_all(dataset.parent().unwrap().join(".skein")).unwrap();
    goes_through(&site, &dataset);
}

/// Nobody's run over nobody's dataset, from which `taken` takes rights when the run has come to a point.
fn with_rights_taken(point: &str, taken: impl FnOnce(&Path)) {
    let (site, dataset) = orders();
    let call = as_nobody(&site, &dataset);
    for path in [dataset.parent().unwrap(), &dataset] {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let run = call().env("SKEIN_STOP_AT", point).start();
    assert!(run.has_stopped(), "{:#?}", run.finish());
    taken(&dataset);
    let before = guard::tree(&dataset);
    run.goes_on();
    let outcome = run.finish();
    outcome.refused(codes::PERMISSION);
    assert!(outcome.stderr.contains("ermission denied"), "{}", outcome.stderr);
    assert_eq!(guard::tree(&dataset), before);
    let stage = guard::state_directory(&dataset).join("stage");
    assert_eq!(parquet_names(&stage), [""; 0], "nothing is left behind");
    // Whoever has the rights, and the state with them, goes on as if nothing had been.
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&dataset).unwrap());
    let states = dataset.parent().unwrap().join(".skein");
    let given = Command::new("chown").arg("-R").arg(owner.to_string()).arg(states).status();
    assert!(given.unwrap().success());
    let said = goes_through(&site, &dataset).stdout;
    assert!(said.contains("version 1"), "{said}");
}

#[test]
fn rights_that_are_taken_away_on_the_way_end_the_run_and_nothing_changes() {
    let to_root = |path: &Path| std::os::unix::fs::chown(path, Some(0), Some(0)).unwrap();
    // To read a source.
    with_rights_taken("stage.after-create", |dataset| {
        chmod(&dataset.join("part-00001.parquet"), 0o600);
    });
    // To write what is staged.
    with_rights_taken("stage.after-create", |dataset| {
        let attempt =
            guard::state_directory(dataset).join("stage").read_dir().unwrap().next().unwrap().unwrap();
        to_root(&attempt.path().join("data/orders"));
    });
    // To rename the dataset.
    with_rights_taken("publish.before-data-sync", |dataset| {
        to_root(dataset);
        to_root(dataset.parent().unwrap());
    });
}
