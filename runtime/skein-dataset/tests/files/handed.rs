//! The hand-over between a process that stages and one that publishes.

use std::collections::BTreeSet;

use skein_dataset::crash::{act_at, fail_at, waits_for_disk};
use skein_dataset::{
    Change, Conflict, Dataset, Handed, HandedOver, Outcome, PublishError, RejectedRows, VersionKind,
    finalize, hand_over_many, publish_handed, publish_many, remove_attempts, resolve, roll_back,
    staged_attempts,
};
use skein_types::{Blake3, Bytes, RunId};

use crate::managed::{attempt, managed, server};
use crate::world::{REJECTED, World, left, put, reject, staged};

/// What a node does: stages and hands over.
fn hand(dataset: &Dataset, run: RunId, number: u128, migration: &str) -> HandedOver {
    let lock = dataset.attempt(run, attempt(number)).unwrap();
    hand_over_many(vec![staged(dataset, &lock, migration)]).pop().unwrap().unwrap()
}

fn handed<'a>(dataset: &'a Dataset, over: &HandedOver) -> Handed<'a> {
    Handed { dataset, run: over.run, attempt: over.attempt, digest: over.digest }
}

/// What control does with one.
fn take(dataset: &Dataset, over: &HandedOver) -> Result<Outcome, PublishError> {
    publish_handed(&[handed(dataset, over)]).pop().unwrap()
}

fn problem(answer: Result<Outcome, PublishError>) -> String {
    let error = answer.unwrap_err();
    format!("{}: {error}", error.code().id)
}

#[test]
fn what_is_handed_over_is_what_a_run_of_its_own_would_have_published() {
    for (directory, name) in [(true, "t"), (false, "t.parquet")] {
        let published = [false, true].map(|by_hand| {
            let world = World::new();
            if directory {
                world.put("t/a.parquet", b"a");
                world.put("t/k=1/b.parquet", b"b");
                world.put("t/_SUCCESS", b"");
                world.put("t/_metadata", b"m");
            } else {
                world.put(name, b"a");
            }
            let mut last = Outcome::Held { base: 0 };
            let plain = world.dataset(name);
            for (nth, migration) in ["m1", "m2"].into_iter().enumerate() {
                let run = RunId::new(uuid::Uuid::from_u128(nth as u128));
                last = if by_hand {
                    let ours = managed(&world, name);
                    let lock = ours.attempt(run, attempt(nth as u128)).unwrap();
                    let ready = staged(&ours, &lock, migration);
                    reject(&ready);
                    let over = hand_over_many(vec![ready]).pop().unwrap().unwrap();
                    assert_eq!((over.base, over.version), (nth as u64, nth as u64 + 1));
                    let taken = take(&ours, &over).unwrap();
                    assert_eq!(left(&ours, "stage"), 0);
                    skein_dataset::release(&ours).unwrap();
                    taken
                } else {
                    let lock = plain.lock_run(run).unwrap();
                    let ready = staged(&plain, &lock, migration);
                    reject(&ready);
                    publish_many(vec![ready]).pop().unwrap().unwrap()
                };
            }
            let rejects = plain
                .state_path()
                .join(format!("quarantine/{}.parquet", RunId::new(uuid::Uuid::from_u128(1))));
            assert_eq!(std::fs::read(rejects).unwrap(), REJECTED);
            let history = world.dataset(name).history().unwrap();
            let versions: Vec<_> = history
                .versions()
                .iter()
                .map(|v| {
                    let files: Vec<_> = v
                        .files
                        .iter()
                        .map(|f| {
                            (
                                f.stat.path.clone(),
                                f.stat.role,
                                f.blake3,
                                f.rows,
                                f.stats.clone(),
                                f.applied.clone(),
                            )
                        })
                        .collect();
                    (v.kind.clone(), files, v.dirs.clone(), v.content)
                })
                .collect();
            (last, world.bytes(name), versions, history.next_number())
        });
        assert_eq!(published[0].0, Outcome::Committed { version: 2 });
        assert_eq!(published[0], published[1], "{name}");
    }
}

#[test]
fn many_are_handed_over_with_one_wait_and_published_with_three() {
    let world = World::new();
    let datasets: Vec<Dataset> = (0..8)
        .map(|i| {
            world.put(&format!("d{i}/a.parquet"), b"a");
            managed(&world, &format!("d{i}"))
        })
        .collect();
    for nth in 0..2 {
        let locks: Vec<_> = datasets.iter().map(|d| d.attempt(world.run(), attempt(nth)).unwrap()).collect();
        let ready: Vec<_> = datasets.iter().zip(&locks).map(|(d, lock)| staged(d, lock, "m")).collect();
        let before = waits_for_disk();
        let over: Vec<HandedOver> = hand_over_many(ready).into_iter().map(Result::unwrap).collect();
        assert_eq!(waits_for_disk() - before, 1);
        let all: Vec<Handed<'_>> = datasets.iter().zip(&over).map(|(d, over)| handed(d, over)).collect();
        let answers: Vec<_> = publish_handed(&all).into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, vec![Outcome::Committed { version: nth as u64 + 1 }; 8]);
        assert_eq!(waits_for_disk() - before, 4);
        assert_eq!(over[3].bytes, Bytes(if nth == 0 { 3 } else { 5 }));
    }
}

#[test]
fn of_two_attempts_of_a_run_one_becomes_current_and_the_other_is_removed() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let run = world.run();
    let (one, two) = (hand(&ours, run, 1, "m"), hand(&ours, run, 2, "m"));
    let prepared = |dataset: &Dataset| {
        let all = staged_attempts(dataset).unwrap();
        all.into_iter().map(|staged| (staged.attempt, staged.prepared)).collect::<Vec<_>>()
    };
    assert_eq!(prepared(&ours), [(attempt(1), true), (attempt(2), true)]);
    // Also in one call: the second waits for the first and not for its lock.
    let both = publish_handed(&[handed(&ours, &two), handed(&ours, &one)]);
    let both: Vec<_> = both.into_iter().map(Result::unwrap).collect();
    assert_eq!(both, [Outcome::Committed { version: 1 }, Outcome::Committed { version: 1 }]);
    assert_eq!(prepared(&ours), [(attempt(1), true)]);
    assert_eq!(resolve(&ours, run).unwrap(), Outcome::Committed { version: 1 });
    remove_attempts(&ours, &[attempt(1), attempt(3)]).unwrap();
    assert_eq!((prepared(&ours), left(&ours, "stage")), (Vec::new(), 0));
    assert_eq!(ours.history().unwrap().next_number(), 4, "adopt, intent, commit, done");
    assert_eq!(take(&ours, &one).unwrap(), Outcome::Committed { version: 1 }, "also when nothing is staged");
}

#[test]
fn an_attempt_that_writes_on_while_another_one_is_published_harms_nothing() {
    use std::io::Write as _;
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let run = world.run();
    let zombies_lock = ours.attempt(run, attempt(1)).unwrap();
    let zombie = staged(&ours, &zombies_lock, "zombie");
    let snapshot = ours.pin(&zombies_lock).unwrap();
    let mut rejects = zombie.staging.quarantine(&snapshot).unwrap();
    let over = hand(&ours, run, 2, "m");
    assert_eq!(take(&ours, &over).unwrap(), Outcome::Committed { version: 1 });
    rejects.write_all(b"late").unwrap();
    rejects.finish(skein_dataset::NameRule::Keep).unwrap();
    remove_attempts(&ours, &[attempt(1)]).unwrap();
    let late = hand_over_many(vec![zombie]).pop().unwrap();
    assert!(late.is_err(), "its directory is gone: {late:?}");
    assert_eq!(world.bytes("t").values().collect::<Vec<_>>(), [b"a+m"]);
    assert_eq!(left(&ours, "stage"), 0);

    // One that hands over after all has nothing that could become current either.
    let late = hand(&ours, world.run(), 3, "late");
    let other = hand(&ours, world.run(), 4, "other");
    assert_eq!(take(&ours, &other).unwrap(), Outcome::Committed { version: 2 });
    let moved = Outcome::Conflict { reason: Conflict::HeadMoved };
    assert_eq!(take(&ours, &late).unwrap(), moved);
    assert_eq!(take(&ours, &late).unwrap(), moved, "it stays until its server removes it");
}

#[test]
fn nothing_that_differs_from_what_was_handed_over_is_published() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let run = world.run();
    let stage = ours.state_path().join("stage");
    let over = hand(&ours, run, 1, "m");
    let dir = stage.join(attempt(1).to_string());
    let file = std::fs::read_dir(dir.join("data/t")).unwrap().next().unwrap().unwrap().path();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let att = attempt(1);

    let wrong = HandedOver { digest: Blake3::of(b"other"), ..over };
    let says =
        format!("SK0549: the descriptor of {att} cannot be used: it is not the one that was handed over");
    assert_eq!(problem(take(&ours, &wrong)), says);
    let other = HandedOver { run: world.run(), ..over };
    assert!(problem(take(&ours, &other)).contains("cannot be used: it is about run"));
    let missing = HandedOver { attempt: attempt(9), ..over };
    assert_eq!(problem(take(&ours, &missing)), format!("SK0549: {} has handed nothing over", attempt(9)));

    let changed = |what: &str| format!("SK0549: what {att} staged is not what it handed over: {what}");
    let bytes = std::fs::read(&file).unwrap();
    put(&dir.join("data/t/more.parquet"), b"x");
    assert_eq!(problem(take(&ours, &over)), changed("added more.parquet"));
    std::fs::remove_file(dir.join("data/t/more.parquet")).unwrap();
    put(&dir.join("quarantine.parquet"), b"x");
    assert_eq!(problem(take(&ours, &over)), changed("its rejected rows are others"));
    std::fs::remove_file(dir.join("quarantine.parquet")).unwrap();
    put(&file, &bytes);
    assert_eq!(problem(take(&ours, &over)), changed(&format!("modified {name}")));
    assert_eq!(world.bytes("t").len(), 1);
    assert_eq!(ours.history().unwrap().next_number(), 0, "nothing was recorded");
}

#[test]
fn a_descriptor_that_says_what_cannot_be_is_refused_before_anything_is_recorded() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let run = world.run();
    let over = hand(&ours, run, 1, "m");
    let path = ours.state_path().join("stage").join(attempt(1).to_string()).join("prepared.json");
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    type Spoil = fn(&mut serde_json::Value);
    let cases: [(&str, Spoil); 7] = [
        ("format 2 is not known here", |d| d["format"] = 2.into()),
        ("it is about server", |d| d["server"] = server(9).to_string().into()),
        ("it is about dataset \"u\"", |d| d["dataset"] = "u".into()),
        ("no files were staged", |d| d["staged"]["files"] = serde_json::json!([])),
        ("what was read is not in order", |d| d["read"]["dirs"] = serde_json::json!(["b", "a"])),
        ("a.parquet is not Sidecar", |d| d["read"]["files"][0]["role"] = "sidecar".into()),
        ("missing field `facts`", |d| drop(d.as_object_mut().unwrap().remove("facts"))),
    ];
    for (says, spoil) in cases {
        let mut spoilt = whole.clone();
        spoil(&mut spoilt);
        let bytes = serde_json::to_vec(&spoilt).unwrap();
        put(&path, &bytes);
        let answer = problem(take(&ours, &HandedOver { digest: Blake3::of(&bytes), ..over }));
        assert!(answer.starts_with("SK0549: the descriptor of att_") && answer.contains(says), "{answer}");
    }
    let mut lying = whole.clone();
    lying["read"]["version"] = 3.into();
    let bytes = serde_json::to_vec(&lying).unwrap();
    put(&path, &bytes);
    let lied = take(&ours, &HandedOver { digest: Blake3::of(&bytes), ..over }).unwrap();
    assert_eq!(lied, Outcome::Conflict { reason: Conflict::HeadMoved });
    let small = world.dataset("t").managed_by(server(1)).with_records_up_to(100);
    assert!(problem(take(&small, &over)).ends_with("more than 100 bytes"));
    assert_eq!(ours.history().unwrap().next_number(), 0);

    put(&path, &serde_json::to_vec(&whole).unwrap());
    let same = HandedOver { digest: Blake3::of(&serde_json::to_vec(&whole).unwrap()), ..over };
    assert_eq!(take(&ours, &same).unwrap(), Outcome::Committed { version: 1 });
}

#[test]
fn a_descriptor_that_nobody_would_read_is_not_handed_over() {
    let (world, _) = World::with_one_file();
    managed(&world, "t");
    let small = world.dataset("t").managed_by(server(1)).with_records_up_to(1000);
    let lock = small.attempt(world.run(), attempt(1)).unwrap();
    let error = hand_over_many(vec![staged(&small, &lock, "m")]).pop().unwrap().unwrap_err();
    assert_eq!(error.code().id, "SK0542");
    assert_eq!(left(&small, "stage"), 0);
}

#[test]
fn what_others_wrote_since_is_a_conflict_with_their_changes_and_the_dataset_is_theirs() {
    for (name, change) in [
        ("t/b.parquet", Change::Added("b.parquet".to_owned())),
        ("t/a.parquet", Change::Modified("a.parquet".to_owned())),
    ] {
        let (world, _) = World::with_one_file();
        let ours = managed(&world, "t");
        let over = hand(&ours, world.run(), 1, "m");
        world.put(name, b"theirs");
        let before = world.bytes("t");
        let conflict = Outcome::Conflict { reason: Conflict::Drift { changes: vec![change] } };
        assert_eq!(take(&ours, &over).unwrap(), conflict);
        // In the last moment, after the intent.
        let over = hand(&ours, world.run(), 2, "m");
        let late = world.path("t/late.parquet");
        act_at("publish.after-intent", move || put(&late, b"late"));
        let changes = vec![Change::Added("late.parquet".to_owned())];
        let conflict = Outcome::Conflict { reason: Conflict::Drift { changes } };
        assert_eq!(take(&ours, &over).unwrap(), conflict);
        assert_eq!(world.bytes("t").len(), before.len() + 1);
        let seen: BTreeSet<_> = staged_attempts(&ours).unwrap().into_iter().map(|a| a.attempt).collect();
        assert_eq!(seen, BTreeSet::from([attempt(1), attempt(2)]), "its server removes them");
        let again = hand(&ours, world.run(), 3, "m");
        assert!(matches!(take(&ours, &again).unwrap(), Outcome::Committed { .. }));
    }
}

#[test]
fn what_others_wrote_into_the_new_version_is_set_aside_and_the_attempt_stays_its_servers() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    take(&ours, &hand(&ours, world.run(), 1, "m1")).unwrap();
    let over = hand(&ours, world.run(), 2, "m2");
    // Somebody finishes a file in what was displaced in that moment, and somebody else begins one in what is live.
    let theirs = [ours.state_path().join("kept/1/late.parquet"), world.path("t/new.parquet")];
    act_at("swap.after-exchange", move || theirs.iter().for_each(|path| put(path, b"theirs")));
    let changes = vec![Change::Added("late.parquet".to_owned())];
    let conflict = Outcome::Conflict { reason: Conflict::Drift { changes } };
    assert_eq!(take(&ours, &over).unwrap(), conflict);
    assert!(world.bytes("t").contains_key("late.parquet"));
    assert_eq!(left(&ours, "aside"), 1);
    let seen: Vec<_> = staged_attempts(&ours).unwrap().into_iter().map(|staged| staged.attempt).collect();
    assert_eq!(seen, [attempt(2)]);
    assert_eq!(take(&ours, &over).unwrap_err().code().id, "SK0549", "of it nothing can become current");
}

#[test]
fn an_error_that_hides_the_answer_is_no_end_and_trying_again_is() {
    for point in
        ["publish.after-adopt", "publish.after-intent", "swap.after-exchange", "publish.after-last-sync"]
    {
        let (world, _) = World::with_one_file();
        let ours = managed(&world, "t");
        let over = hand(&ours, world.run(), 1, "m");
        fail_at(point);
        let hidden = take(&ours, &over);
        assert!(
            matches!(hidden, Ok(Outcome::Unknown { .. }) | Err(PublishError::Io(_))),
            "{point}: {hidden:?}"
        );
        assert_eq!(take(&ours, &over).unwrap(), Outcome::Committed { version: 1 }, "{point}");
        assert_eq!(world.bytes("t").values().collect::<Vec<_>>(), [b"a+m"], "{point}");
        assert_eq!(ours.history().unwrap().versions().len(), 2, "{point}");
    }
}

#[test]
fn what_is_no_change_of_the_dataset_does_not_stand_in_the_way() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    take(&ours, &hand(&ours, world.run(), 1, "m1")).unwrap();
    let over = hand(&ours, world.run(), 2, "m2");
    // Another record, and none that makes another version current.
    finalize(&ours, std::time::Duration::ZERO, RejectedRows::Keep).unwrap();
    assert_eq!(take(&ours, &over).unwrap(), Outcome::Committed { version: 2 });
    let over = hand(&ours, world.run(), 3, "m3");
    roll_back(&ours, None).unwrap();
    assert_eq!(take(&ours, &over).unwrap(), Outcome::Conflict { reason: Conflict::HeadMoved });
}

#[test]
fn a_node_publishes_nothing_itself_and_begins_nothing_under_an_exchange() {
    let (world, _) = World::with_one_file();
    let ours = managed(&world, "t");
    let lock = ours.attempt(world.run(), attempt(1)).unwrap();
    let refused = publish_many(vec![staged(&ours, &lock, "m")]).pop().unwrap().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the staged files are not those that were written: what a server's attempt stages is handed over to it"
    );
    let over = hand(&ours, world.run(), 2, "m");
    fail_at("publish.after-intent");
    assert!(matches!(take(&ours, &over).unwrap(), Outcome::Unknown { .. }));
    assert_eq!(ours.pin(&lock).unwrap_err().to_string(), "a publish or rollback is under way");
    assert_eq!(resolve(&ours, over.run).unwrap(), Outcome::Committed { version: 1 });
    assert_eq!(ours.pin(&lock).unwrap().version(), Some(1));
    let head = ours.head().unwrap().unwrap();
    assert!(matches!(&head.kind, VersionKind::Published(facts) if facts.run == over.run));
}
