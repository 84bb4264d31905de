//! What others wrote into a version that was live for a moment, or into one that they were shown, outlives that version.

use std::time::Duration;

use skein_dataset::{
    Change, Dataset, RejectedRows, Step, Swept, collect, crash, discard, finalize, publish_held, recover,
    roll_back,
};

use crate::world::{Bytes, World, bytes, put};

fn aside(dataset: &Dataset) -> Bytes {
    bytes(&dataset.state_path().join("aside"))
}

#[test]
fn what_others_wrote_into_a_held_version_while_it_was_live_outlives_its_discard() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    world.put("t/k=1/b.parquet", b"b");
    let dataset = world.dataset("t");
    let run = world.hold(&dataset, "m");
    crash::fail_at("swap.after-exchange");
    assert_eq!(publish_held(&dataset, None).unwrap_err().code().id, "SK0523");
    world.put("t/k=1/into new.parquet", b"theirs");
    let changed = world.bytes("t").into_keys().find(|path| path.starts_with("a-")).unwrap();
    world.put(&format!("t/{changed}"), b"z+m");
    put(&dataset.state_path().join("kept/0/into old.parquet"), b"theirs too");
    let taken_back = Step::TakenBack {
        changes: vec![Change::Added("into old.parquet".into())],
        set_aside: Some(format!("held/{run}/data/t")),
    };
    assert_eq!(recover(&dataset).unwrap().steps, [taken_back]);
    std::fs::remove_file(world.path("t/into old.parquet")).unwrap();
    let damaged = publish_held(&dataset, None).unwrap_err();
    assert_eq!(damaged.code().id, "SK0530");
    assert!(damaged.hint().unwrap().contains("discard it, which moves what is not of the run to `aside`"));

    let record = dataset.history().unwrap().next_number();
    let discarded = discard(&dataset, None).unwrap();
    assert_eq!(discarded.set_aside, [dataset.state_path().join(format!("aside/{record}"))]);
    let expected = [(changed, b"z+m".to_vec()), ("k=1/into new.parquet".to_owned(), b"theirs".to_vec())];
    assert_eq!(bytes(&discarded.set_aside[0]), expected.into());
    assert!(!dataset.state_path().join(format!("held/{run}")).exists());
    assert_eq!(world.bytes("t").len(), 2);
}

#[test]
fn what_others_write_into_a_held_version_outlives_the_publish_of_its_copy() {
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
    world.put("t/_SUCCESS", b"");
    let theirs = dataset.held_path(run).unwrap().unwrap().join("theirs.parquet");
    crash::act_at("publish.after-data-sync", move || put(&theirs, b"theirs"));
    let published = publish_held(&dataset, None).unwrap();
    assert_eq!(published.joined, ["_SUCCESS"]);
    assert_eq!(published.set_aside.len(), 1);
    assert_eq!(bytes(&published.set_aside[0]), [("theirs.parquet".to_owned(), b"theirs".to_vec())].into());
    assert!(!dataset.state_path().join(format!("held/{run}")).exists());
}

#[test]
fn what_others_write_into_a_held_version_outlives_its_copy_also_if_nobody_got_to_give_it_up() {
    let (world, dataset) = World::with_one_file();
    let run = world.hold(&dataset, "m");
    world.put("t/_SUCCESS", b"");
    let theirs = dataset.held_path(run).unwrap().unwrap().join("theirs.parquet");
    crash::act_at("publish.after-data-sync", move || put(&theirs, b"theirs"));
    crash::fail_at("held.after-done");
    assert_eq!(publish_held(&dataset, None).unwrap().set_aside.len(), 0);
    let steps = recover(&dataset).unwrap().steps;
    assert!(steps.iter().any(|step| matches!(step, Step::SetAside { .. })), "{steps:?}");
    assert_eq!(aside(&dataset).into_values().collect::<Vec<_>>(), [b"theirs"]);
    assert!(!dataset.state_path().join(format!("held/{run}")).exists());
}

#[test]
fn what_others_wrote_into_a_kept_version_while_it_was_live_outlives_its_removal() {
    for dies in [false, true] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("t/b.parquet", b"b");
        let dataset = world.dataset("t");
        world.migrate(&dataset, "m").unwrap();
        crash::fail_at("swap.after-exchange");
        assert_eq!(roll_back(&dataset, None).unwrap_err().code().id, "SK0523");
        world.put("t/into old.parquet", b"theirs");
        put(&dataset.state_path().join("kept/1/into new.parquet"), b"theirs too");
        let steps = recover(&dataset).unwrap().steps;
        assert!(
            matches!(&steps[..], [Step::TakenBack { set_aside: Some(at), .. }] if at == "kept/0"),
            "{steps:?}"
        );
        assert_eq!(roll_back(&dataset, Some(0)).unwrap_err().code().id, "SK0521");
        std::fs::remove_file(world.path("t/into new.parquet")).unwrap();
        assert_eq!(roll_back(&dataset, Some(0)).unwrap_err().code().id, "SK0524");

        let record = dataset.history().unwrap().next_number();
        let at = format!("aside/{record}");
        if dies {
            crash::fail_at("finalize.after-record");
            finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap_err();
            let swept = collect(&dataset).unwrap().into_iter().map(|Swept { step, bytes }| (step, bytes.0));
            let swept: Vec<_> = swept.collect();
            assert_eq!(swept, [(Step::Finalized { version: 0 }, 2), (Step::SetAside { at: at.clone() }, 0)]);
        } else {
            let done = finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap();
            assert_eq!((done.versions, done.set_aside), (vec![0], vec![dataset.state_path().join(&at)]));
        }
        assert_eq!(bytes(&dataset.state_path().join("kept")), Bytes::new());
        assert_eq!(aside(&dataset), [(format!("{record}/into old.parquet"), b"theirs".to_vec())].into());
    }
}

#[test]
fn a_discard_that_died_after_its_record_sets_aside_what_it_had_not_yet() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    let run = world.hold(&dataset, "m");
    let path = dataset.held_path(run).unwrap().unwrap();
    put(&path.join("theirs.parquet"), b"theirs");
    crash::fail_at("discard.after-record");
    discard(&dataset, None).unwrap_err();
    let steps = recover(&dataset).unwrap().steps;
    let number = dataset.history().unwrap().next_number() - 1;
    let at = format!("aside/{number}");
    assert_eq!(steps, [Step::Swept { attempt: run.to_string() }, Step::SetAside { at }]);
    assert_eq!(aside(&dataset), [(format!("{number}/theirs.parquet"), b"theirs".to_vec())].into());
}

#[test]
fn a_version_that_nobody_can_list_any_more_is_set_aside_whole() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m").unwrap();
    std::os::unix::fs::symlink("a.parquet", dataset.state_path().join("kept/0/link")).unwrap();
    let done = finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap();
    assert!(done.set_aside[0].join("t/link").is_symlink());
    assert_eq!(std::fs::read(done.set_aside[0].join("t/a.parquet")).unwrap(), b"a");
}

#[test]
fn a_held_or_kept_single_file_that_others_wrote_is_set_aside_and_an_untouched_one_is_removed() {
    let world = World::new();
    world.put("one.parquet", b"a");
    let dataset = world.dataset("one.parquet");
    world.migrate(&dataset, "m1").unwrap();
    let run = world.hold(&dataset, "m2");
    put(&dataset.held_path(run).unwrap().unwrap(), b"theirs");
    let set_aside = discard(&dataset, None).unwrap().set_aside;
    assert_eq!(std::fs::read(set_aside[0].join("one.parquet")).unwrap(), b"theirs");
    assert_eq!(
        finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap().set_aside,
        [] as [std::path::PathBuf; 0]
    );

    world.migrate(&dataset, "m3").unwrap();
    put(&dataset.state_path().join("kept/1"), b"theirs again");
    let done = finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap();
    assert_eq!(std::fs::read(done.set_aside[0].join("one.parquet")).unwrap(), b"theirs again");
    assert_eq!(aside(&dataset).len(), 2);
}

#[test]
fn a_changed_mode_makes_no_file_foreign() {
    let world = World::new();
    world.put("t/a.parquet", b"a");
    let dataset = world.dataset("t");
    world.migrate(&dataset, "m").unwrap();
    let kept = dataset.state_path().join("kept/0");
    std::fs::set_permissions(kept.join("a.parquet"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    std::fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    assert_eq!(
        finalize(&dataset, Duration::ZERO, RejectedRows::Keep).unwrap().set_aside,
        [] as [std::path::PathBuf; 0]
    );
    assert!(!kept.exists() && !dataset.state_path().join("aside").exists());
}
