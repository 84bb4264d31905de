//! Undoing many runs at once.

use skein_dataset::crash::{act_at, fail_at, waits_for_disk};
use skein_dataset::{
    Dataset, Outcome, Undo, publish_many, roll_back, roll_back_damaged_many, roll_back_many,
};
use skein_types::RunId;

use crate::world::{World, left, put, staged};

fn publish(dataset: &Dataset, run: RunId, migration: &str) -> Outcome {
    let lock = dataset.lock_run(run).unwrap();
    publish_many(vec![staged(dataset, &lock, migration)]).pop().unwrap().unwrap()
}

fn undo(dataset: &Dataset, run: RunId) -> Undo {
    roll_back_many(&[(dataset, run)]).pop().unwrap().unwrap()
}

#[test]
fn many_runs_are_undone_with_three_waits_and_every_byte_is_back() {
    let world = World::new();
    let runs: Vec<RunId> = (0..8).map(|_| world.run()).collect();
    let datasets: Vec<Dataset> = (0..8)
        .map(|i| {
            world.put(&format!("d{i}/a.parquet"), format!("{i}").as_bytes());
            world.put(&format!("d{i}/k=1/b.parquet"), b"b");
            world.dataset(&format!("d{i}"))
        })
        .collect();
    let all = |world: &World| (0..8).map(|i| world.bytes(&format!("d{i}"))).collect::<Vec<_>>();
    let before = all(&world);
    datasets.iter().zip(&runs).for_each(|(dataset, run)| drop(publish(dataset, *run, "m")));
    assert_ne!(all(&world), before);
    let these: Vec<_> = datasets.iter().zip(runs.iter().copied()).collect();
    let waits = waits_for_disk();
    for answer in roll_back_many(&these) {
        let Undo::Undone(back) = answer.unwrap() else { panic!("not undone") };
        assert_eq!((back.version, back.to, back.files, back.bytes.0, back.changed), (2, 0, 2, 2, true));
    }
    assert_eq!(waits_for_disk() - waits, 3);
    assert_eq!(all(&world), before);
    let again: Vec<_> = roll_back_many(&these).into_iter().map(Result::unwrap).collect();
    assert_eq!(again, vec![Undo::AlreadyUndone { version: 2 }; 8]);
    assert_eq!(again[0].code(), None);
    assert_eq!(left(&datasets[0], "stage"), 0);
}

#[test]
fn only_what_is_current_is_undone_and_the_answer_says_what_else_it_is() {
    for name in ["t", "t.parquet"] {
        let world = World::new();
        world.put(if name == "t" { "t/a.parquet" } else { name }, b"a");
        let dataset = world.dataset(name);
        let (one, two, never) = (world.run(), world.run(), world.run());
        assert_eq!(undo(&dataset, one), Undo::NotCurrent { published: None, head: None });
        publish(&dataset, one, "m1");
        let first = world.bytes(name);
        publish(&dataset, two, "m2");
        assert_eq!(undo(&dataset, never), Undo::NotCurrent { published: None, head: Some(2) });
        let not_current = undo(&dataset, one);
        assert_eq!(not_current, Undo::NotCurrent { published: Some(1), head: Some(2) });
        assert_eq!(not_current.code().map(|code| code.id), Some("SK0550"));
        // In one call, in this order: what makes the one current again is undone first.
        let both = roll_back_many(&[(&dataset, two), (&dataset, one)]);
        let both: Vec<_> = both.into_iter().map(Result::unwrap).collect();
        assert!(
            matches!(&both[..], [Undo::Undone(a), Undo::Undone(b)] if (a.to, b.to) == (1, 0)),
            "{both:?}"
        );
        for run in [one, two] {
            assert_eq!(undo(&dataset, run), Undo::AlreadyUndone { version: 4 });
        }
        // Forward again to what is kept: the same run is current again.
        roll_back(&dataset, Some(1)).unwrap();
        assert_eq!(world.bytes(name), first);
        assert_eq!(undo(&dataset, two), Undo::AlreadyUndone { version: 5 });
        assert!(matches!(undo(&dataset, one), Undo::Undone(back) if back.version == 6));
    }
}

#[test]
fn later_writes_are_not_undone_whether_the_log_knows_them_or_not() {
    let (world, dataset) = World::with_one_file();
    let (one, two) = (world.run(), world.run());
    publish(&dataset, one, "m1");
    world.put("t/late.parquet", b"late");
    let refused = |run| {
        let error = roll_back_many(&[(&dataset, run)]).pop().unwrap().unwrap_err();
        format!("{}: {error}", error.code().id)
    };
    let late = "SK0521: 1 later writes would be undone, the first: added late.parquet";
    assert_eq!(refused(one), late);
    // Recorded by a run that is undone itself.
    publish(&dataset, two, "m2");
    assert!(matches!(undo(&dataset, two), Undo::Undone(_)));
    assert_eq!(refused(one), late);
    assert_eq!(world.bytes("t").len(), 2);
}

/// As short as a Parquet file can be.
const WHOLE: &[u8] = b"PAR1\0\0\0\0PAR1";

#[test]
fn damage_of_what_a_run_published_is_in_nobodys_way_and_what_is_left_of_it_is_kept() {
    let undo = |dataset: &Dataset, run| roll_back_damaged_many(&[(dataset, run)]).pop().unwrap();
    for damage in
        [None, Some("half a file"), Some(""), Some("PAR1 and no end")].map(|text| text.map(str::as_bytes))
    {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("t/b.parquet", b"b");
        let dataset = world.dataset("t");
        let before = world.bytes("t");
        let run = world.run();
        publish(&dataset, run, "m");
        let file = std::fs::read_dir(world.path("t")).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_file(&file).unwrap();
        if let Some(bytes) = damage {
            put(&file, bytes);
        }
        assert!(dataset.written_since(run).unwrap().is_empty(), "{damage:?}");
        // Whoever does not know of the damage undoes nothing of it.
        let error = roll_back_many(&[(&dataset, run)]).pop().unwrap().unwrap_err();
        assert_eq!(error.code().id, "SK0521");
        // Dying on the way, the log has what was there: it is damage still.
        fail_at("publish.after-intent");
        undo(&dataset, run).unwrap_err();
        let undone = undo(&dataset, run).unwrap();
        assert!(matches!(undone, Undo::Undone(_) | Undo::AlreadyUndone { version: 3 }), "{undone:?}");
        assert_eq!(world.bytes("t"), before);
        assert_eq!(undo(&dataset, run).unwrap(), Undo::AlreadyUndone { version: 3 });
        let kept = dataset.state_path().join("kept/2").join(file.file_name().unwrap());
        assert_eq!(std::fs::read(kept).ok().as_deref(), damage);
    }
}

#[test]
fn who_adds_a_file_or_writes_a_whole_one_in_the_place_of_another_has_written() {
    let undo = |dataset: &Dataset, run| roll_back_damaged_many(&[(dataset, run)]).pop().unwrap();
    for (name, bytes) in [("late.parquet", &b"late"[..]), ("", WHOLE), ("note.txt", &b"x"[..])] {
        let world = World::new();
        world.put("t/a.parquet", b"a");
        world.put("t/b.parquet", b"b");
        let dataset = world.dataset("t");
        let run = world.run();
        publish(&dataset, run, "m");
        let mut files: Vec<_> =
            std::fs::read_dir(world.path("t")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        std::fs::remove_file(&files[0]).unwrap();
        let written = if name.is_empty() { files[1].clone() } else { world.path("t").join(name) };
        if name.is_empty() {
            std::fs::remove_file(&written).unwrap();
        }
        put(&written, bytes);
        let error = undo(&dataset, run).unwrap_err();
        assert_eq!(error.code().id, "SK0521", "{name}");
        // Only what somebody wrote is named.
        assert!(error.to_string().starts_with("1 later writes would be undone"), "{error}");
        assert_eq!(dataset.written_since(run).unwrap().len(), 1, "{name}");
        assert_eq!(world.bytes("t").len(), if name.is_empty() { 1 } else { 2 });
    }
}

#[test]
fn a_touch_is_no_later_write_and_one_in_the_last_moment_takes_it_back() {
    let (world, dataset) = World::with_one_file();
    let run = world.run();
    publish(&dataset, run, "m");
    let file = std::fs::read_dir(world.path("t")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    put(&file, &bytes);
    let late = world.path("t/late.parquet");
    let writes = late.clone();
    act_at("publish.after-intent", move || put(&writes, b"late"));
    let error = roll_back_many(&[(&dataset, run)]).pop().unwrap().unwrap_err();
    assert_eq!(error.code().id, "SK0521");
    assert_eq!(world.bytes("t").len(), 2);
    std::fs::remove_file(late).unwrap();
    assert!(matches!(undo(&dataset, run), Undo::Undone(back) if back.to == 0));
    assert_eq!(world.bytes("t").values().collect::<Vec<_>>(), [b"a"]);
}

#[test]
fn a_damaged_version_does_not_come_back_and_stops_nobody_else() {
    let world = World::new();
    let datasets = ["d", "e"].map(|name| {
        world.put(&format!("{name}/a.parquet"), b"a");
        world.dataset(name)
    });
    let runs = [world.run(), world.run()];
    (0..2).for_each(|i| drop(publish(&datasets[i], runs[i], "m")));
    put(&datasets[0].state_path().join("kept/0/a.parquet"), b"x");
    let answers = roll_back_many(&[(&datasets[0], runs[0]), (&datasets[1], runs[1])]);
    assert_eq!(answers[0].as_ref().unwrap_err().to_string(), "version 0 is damaged: a.parquet");
    assert!(matches!(answers[1], Ok(Undo::Undone(_))));
    assert_eq!(world.bytes("d").values().collect::<Vec<_>>(), [b"a+m"]);
}

#[test]
fn an_error_that_hides_the_answer_is_no_end_and_undoing_again_is() {
    for point in ["publish.after-intent", "swap.after-exchange", "publish.after-last-sync"] {
        let (world, dataset) = World::with_one_file();
        let run = world.run();
        publish(&dataset, run, "m");
        fail_at(point);
        let error = roll_back_many(&[(&dataset, run)]).pop().unwrap().unwrap_err();
        assert_eq!(error.code().id, "SK0523", "{point}");
        assert_eq!(undo(&dataset, run), Undo::AlreadyUndone { version: 2 }, "{point}");
        assert_eq!(world.bytes("t").values().collect::<Vec<_>>(), [b"a"], "{point}");
    }
}
