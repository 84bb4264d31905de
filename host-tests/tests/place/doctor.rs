//! `skein doctor`: every trouble of a place at once, with the code that a run would be refused with; and nothing written.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use host_tests::{Call, Guard, Outcome, Site, fixture, guard, project};
use serde_json::Value;
use skein_types::codes;

use crate::{migrate, orders};

const NOBODY: u32 = 65_534;

fn doctor(site: &Site, dataset: &Path) -> Outcome {
    site.skein("doctor").arg(dataset).arg("-o").arg("json").finish()
}

/// `check`, grade and code of each finding about the one dataset.
fn found(outcome: &Outcome) -> Vec<(String, String, String)> {
    let report = outcome.json();
    let findings = report["datasets"][0]["findings"].as_array().unwrap().clone();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings.iter().map(|f| (text(f, "check"), text(f, "grade"), text(f, "code"))).collect()
}

fn said(outcome: &Outcome, check: &str) -> String {
    let report = outcome.json();
    let findings = report["datasets"][0]["findings"].as_array().unwrap().clone();
    let finding = findings.iter().find(|finding| finding["check"] == check);
    finding.unwrap_or_else(|| panic!("{report}"))["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_place_that_is_fit_is_all_ok_and_untouched() {
    let (site, dataset) = orders(2);
    site.file("data/orders/README.md", "hello");
    let parent = guard::tree(dataset.parent().unwrap());
    let outcome = doctor(&site, &dataset).succeeded();
    let expected = [
        "place",
        "device",
        "file system",
        "probe",
        "permissions",
        "contents",
        "space",
        "files",
        "sidecars",
        "state",
        "onlookers",
    ];
    let all_ok = expected.map(|check| (check.to_owned(), "ok".to_owned(), String::new()));
    assert_eq!(found(&outcome), all_ok);
    assert_eq!(guard::tree(dataset.parent().unwrap()), parent);
    let files = said(&outcome, "files");
    assert!(files.starts_with("2 files of ") && files.ends_with(", 2000 rows, 5 columns"), "{files}");
    let machine: Vec<Value> = outcome.json()["machine"].as_array().unwrap().clone();
    let checks: Vec<_> =
        machine.iter().map(|f| (f["check"].as_str().unwrap(), f["grade"].as_str())).collect();
    let ok = |check| (check, Some("ok"));
    assert_eq!(checks, ["version", "processors", "home", "settings", "jail"].map(ok));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_the_first_decides_the_exit_code() {
    let (site, dataset) = orders(1);
    site.file("data/orders/_delta_log/0.json", "{}");
    site.file("data/orders/metadata/v1.metadata.json", "{}");
    site.file("data/orders/damaged.parquet", "PAR1 is not all");
    site.file("data/orders/_metadata", "old");
    fixture::notes_directory(&dataset.join("other"), 1);
    symlink("/etc/passwd", dataset.join("z.parquet")).unwrap();
    assert!(Command::new("mkfifo").arg(dataset.join("pipe")).status().unwrap().success());
    let guard = Guard::over(&dataset);
    let outcome = doctor(&site, &dataset);
    let wrong: Vec<_> = found(&outcome).into_iter().filter(|(_, grade, _)| grade != "ok").collect();
    let line = |check: &str, grade: &str, code: &str| (check.to_owned(), grade.to_owned(), code.to_owned());
    assert_eq!(
        wrong,
        [
            line("contents", "problem", "SK0511"),
            line("contents", "problem", "SK0511"),
            line("contents", "problem", "SK0510"),
            line("contents", "problem", "SK0509"),
            line("schemas", "warning", ""),
            line("files", "problem", "SK0504"),
            line("left out", "warning", ""),
        ]
    );
    assert_eq!(outcome.code(), i32::from(codes::PLACE_REFUSED.exit_code()));
    guard.untouched();

    let table = site.skein("doctor").arg(&dataset).finish();
    assert_eq!(table.code(), outcome.code());
    assert!(table.stderr.is_empty(), "{}", table.stderr);
    assert!(table.stdout.contains(&format!("\n\n{}\n", dataset.display())), "{}", table.stdout);
    for told in [
        "  problem  contents     [SK0511] _delta_log belongs to Delta Lake\n",
        "  problem  contents     [SK0511] metadata/v1.metadata.json belongs to Apache Iceberg\n",
        "hint: a table format's own log decides what it holds",
        "see `skein explain SK0511`\n",
        "  warning  schemas      2 different: ",
    ] {
        assert!(table.stdout.contains(told), "wanted {told:?}:\n{}", table.stdout);
    }
}

#[test]
fn a_place_that_is_not_there_is_one_problem() {
    let site = Site::new();
    let outcome = doctor(&site, &site.path("nowhere"));
    assert_eq!(found(&outcome), [("place".to_owned(), "problem".to_owned(), "SK0501".to_owned())]);
    assert_eq!(outcome.code(), i32::from(codes::DATASET_NOT_FOUND.exit_code()));
}

#[test]
fn the_state_is_told_and_a_damaged_log_is_a_problem() {
    let (site, dataset) = orders(1);
    migrate(&site, &dataset).finish().succeeded();
    let outcome = doctor(&site, &dataset).succeeded();
    assert_eq!(said(&outcome, "log"), "4 records and 2 versions, every hash checked");
    let kept = said(&outcome, "kept");
    assert!(kept.contains("kept ") && kept.contains("log "), "{kept}");

    let record = guard::state_directory(&dataset).join("log/00000000000000000001.json");
    let damaged = std::fs::read_to_string(&record).unwrap().replace("columns", "kolumns");
    std::fs::write(&record, damaged).unwrap();
    let outcome = doctor(&site, &dataset);
    assert!(found(&outcome).contains(&("log".to_owned(), "problem".to_owned(), "SK0522".to_owned())));
    assert_eq!(outcome.code(), i32::from(codes::LOG_DAMAGED.exit_code()));
}

#[test]
fn what_is_held_is_told() {
    let (site, dataset) = orders(1);
    migrate(&site, &dataset).arg("--publish").arg("hold").finish().succeeded();
    let held = said(&doctor(&site, &dataset).succeeded(), "held");
    assert!(held.starts_with("1 waiting for `skein publish` or `skein discard`: run_"), "{held}");
    site.skein("discard").arg(&dataset).arg("--yes").finish().succeeded();
    assert!(!found(&doctor(&site, &dataset)).iter().any(|(check, ..)| check == "held"));
}

#[test]
fn what_others_did_since_the_last_version_is_a_warning_that_names_it() {
    let (site, dataset) = orders(3);
    migrate(&site, &dataset).finish().succeeded();
    assert_eq!(said(&doctor(&site, &dataset).succeeded(), "drift"), "the files are those of version 1");

    let mut files: Vec<_> = dataset.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |at: usize| files[at].file_name().unwrap().to_str().unwrap().to_owned();
    fixture::write(&dataset.join("late.parquet"), &fixture::orders(0, 10), 10);
    fixture::write(&files[0], &fixture::orders(0, 10), 10);
    std::fs::remove_file(&files[1]).unwrap();
    // New times and the same bytes are no change.
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(&files[2]).unwrap().set_modified(now).unwrap();
    let guard = Guard::over(&dataset);
    let outcome = doctor(&site, &dataset).succeeded();
    guard.untouched();
    let expected =
        format!("3 changes since version 1: added late.parquet, modified {}, removed {}", name(0), name(1));
    assert_eq!(said(&outcome, "drift"), expected);
    assert!(found(&outcome).contains(&("drift".to_owned(), "warning".to_owned(), String::new())));
}

#[test]
fn what_a_killed_run_left_is_a_warning_until_it_is_recovered() {
    let (site, dataset) = orders(1);
    for (point, business) in [
        ("stage.after-create", "1 attempts were left staged by a dead process"),
        ("publish.after-intent", "a publish or rollback is not over"),
    ] {
        assert!(migrate(&site, &dataset).env("SKEIN_CRASH_AT", point).finish().was_killed());
        let outcome = doctor(&site, &dataset).succeeded();
        assert_eq!(said(&outcome, "business"), business);
        site.skein("recover").arg(&dataset).finish().succeeded();
        assert!(!found(&doctor(&site, &dataset)).iter().any(|(check, ..)| check == "business"));
    }
}

#[test]
fn too_little_space_is_a_problem_before_the_run() {
    let (site, dataset) = orders(1);
    let size = std::fs::metadata(dataset.join("part-00000.parquet")).unwrap().len() * 3 / 2;
    let mount = site.directory("disk");
    let script = format!(
        "mount -t tmpfs -o size={size} none '{0}'; cp -r '{1}' '{0}/orders'; \
         exec '{2}' doctor '{0}/orders' -o json",
        mount.display(),
        dataset.display(),
        project::skein().display()
    );
    let outcome = Call::behind("unshare", &["--mount", "sh", "-euc", &script], site.home()).finish();
    assert!(found(&outcome).contains(&("space".to_owned(), "problem".to_owned(), "SK0515".to_owned())));
}

#[test]
fn a_user_without_rights_is_told_so() {
    let (site, dataset) = orders(1);
    site.open_to_all();
    let skein = site.borrow(project::skein());
    let home = site.directory("nobody");
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    let guard = Guard::over(&dataset);
    let call = Call::behind(skein.to_str().unwrap(), &["doctor", "-o", "json"], &home).arg(&dataset);
    let outcome = call.as_user(NOBODY).finish();
    let problems: Vec<_> = found(&outcome).into_iter().filter(|(_, grade, _)| grade == "problem").collect();
    let denied = |check: &str| (check.to_owned(), "problem".to_owned(), "SK0517".to_owned());
    assert_eq!(problems, [denied("probe"), denied("permissions")]);
    guard.untouched();
}

#[test]
fn a_state_that_somebody_else_made_is_a_problem_and_no_command_acts_on_it() {
    let (site, dataset) = orders(1);
    let (parent, all) = (dataset.parent().unwrap().to_owned(), site.path("data/.skein"));
    std::fs::set_permissions(&parent, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    // What an attempt that died leaves, made up.
    for part in ["log", "stage/x.0/data", "kept", "quarantine"] {
        std::fs::create_dir_all(all.join("orders").join(part)).unwrap();
    }
    let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(&all).status();
    assert!(given.unwrap().success());
    let guard = Guard::over(&parent);
    let outcome = doctor(&site, &dataset);
    let all = all.canonicalize().unwrap();
    let problem = format!("{} was made by user {NOBODY}, who may not change the dataset", all.display());
    assert_eq!(said(&outcome, "place"), problem);
    assert_eq!(outcome.status.code(), Some(7));
    for command in ["recover", "gc", "history", "export"] {
        site.skein(command).arg(&dataset).finish().refused(codes::STATE_UNTRUSTED);
    }
    guard.untouched();
}
