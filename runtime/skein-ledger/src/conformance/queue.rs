//! Tasks, leases and blobs.

use skein_types::{LONGEST_WAIT, Millis, TaskId, Timestamp};

use super::Places;
use super::scene::{self, CONTENT, Scene, by, campaign, claim, content, enqueue, node, task, token};
use crate::entry::{Entry, Release, Renew, Stage};
use crate::event::node::{NodeLeft, NodeLost};
use crate::guard::{Found, Guard};
use crate::ledger::{Retention, Swept};
use crate::page::Limit;
use crate::task::{Checkpoint, Holder, Phase, PhaseName, SizeClass, Task};
use crate::unit::{RefusedAt, UnitOutcome};
use crate::view::{Lease, NodeState, Ready, TaskFilter};

fn read(scene: &Scene, id: TaskId) -> Task {
    scene.ledger().task(id).expect("read").expect("there is one")
}

fn refuses(scene: &Scene, entry: Entry, found: Found) {
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found };
    assert_eq!(scene.commit(by().then(entry)), refused);
}

fn release(epoch: u64, deaths: u32, from_start: bool) -> Entry {
    Entry::Release(Release {
        task: task(1),
        token: token(1, epoch),
        not_before: Timestamp(5),
        deaths,
        alone: deaths > 0,
        from_start,
    })
}

fn checkpoint(epoch: u64, by: u64, number: u64) -> Entry {
    let checkpoint = Checkpoint { number, blob: content() };
    Entry::Checkpoint { task: task(1), token: token(1, epoch), node: (node(by), 1), checkpoint }
}

fn stage(epoch: u64, by: u64) -> Entry {
    Entry::Stage(Stage {
        task: task(1),
        token: token(1, epoch),
        node: node(by),
        incarnation: 1,
        result: "[1]".to_owned(),
        blob: Some(content()),
    })
}

fn here(epoch: u64, phase: PhaseName, by: Option<u64>, checkpoint: u64) -> Found {
    Found::Task { token: token(1, epoch), phase, node: by.map(|by| (node(by), 1)), checkpoint }
}

/// Ready, claimed, released, claimed by another; whoever comes with an old token is told the new one.
pub fn a_task_has_one_owner_and_each_claim_fences_the_one_before(places: Places<'_>) {
    let mut scene = Scene::set(places);
    scene.applied(by().then(Entry::Enqueue(enqueue(1))));
    let fresh = Found::Task { token: token(0, 0), phase: PhaseName::Ready, node: None, checkpoint: 0 };
    refuses(&scene, Entry::Enqueue(enqueue(1)), fresh.clone());
    refuses(&scene, claim(1, token(0, 1), 1, 1), fresh);
    refuses(&scene, claim(9, token(0, 0), 1, 1), Found::Nothing);
    scene.applied(by().then(claim(1, token(0, 0), 1, 1)));
    let holder = Holder { node: node(1), incarnation: 1, attempt: scene::attempt(0) };
    assert_eq!(
        (read(&scene, task(1)).token, read(&scene, task(1)).phase),
        (token(1, 1), Phase::Claimed(holder))
    );
    refuses(&scene, claim(1, token(1, 1), 2, 1), here(1, PhaseName::Claimed, Some(1), 0));
    let held = |epoch, by: u64| Guard::TaskHeld {
        task: task(1),
        token: token(1, epoch),
        node: node(by),
        incarnation: 1,
    };
    scene.applied(by().if_(held(1, 1)));
    scene.applied(by().then(release(1, 1, false)));
    scene.reopen();
    let released = read(&scene, task(1));
    assert_eq!((released.deaths, released.alone), (1, true));
    assert_eq!(released.phase, Phase::Ready { not_before: Timestamp(5) });
    refuses(&scene, release(1, 0, false), here(2, PhaseName::Ready, None, 0));
    scene.applied(by().then(claim(1, token(1, 2), 2, 1)));
    let now = here(3, PhaseName::Claimed, Some(2), 0);
    refuses(&scene, checkpoint(1, 1, 1), now.clone());
    refuses(&scene, stage(1, 1), now.clone());
    refuses(&scene, release(1, 0, false), now.clone());
    refuses(&scene, Entry::Remove { task: task(1), token: token(1, 1) }, now.clone());
    let refused = UnitOutcome::Refused { at: RefusedAt::Guard(0), found: now };
    assert_eq!(scene.commit(by().if_(held(1, 1))), refused);
    assert_eq!(scene.commit(by().if_(Guard::TaskGone { task: task(1) })), refused);
    scene.applied(by().then(Entry::Remove { task: task(1), token: token(1, 3) }).if_(held(3, 2)));
    scene.applied(by().if_(Guard::TaskGone { task: task(1) }));
    assert_eq!(scene.ledger().task(task(1)).expect("read"), None);
}

/// One after the other, by the owner alone; the next owner goes on from the last.
pub fn checkpoints_follow_each_other_and_survive_their_owner(places: Places<'_>) {
    let scene = Scene::set(places);
    scene.applied(by().then(Entry::Enqueue(enqueue(1))).then(claim(1, token(0, 0), 1, 1)));
    refuses(&scene, checkpoint(1, 1, 2), here(1, PhaseName::Claimed, Some(1), 0));
    scene.applied(by().then(checkpoint(1, 1, 1)));
    refuses(&scene, checkpoint(1, 1, 1), here(1, PhaseName::Claimed, Some(1), 1));
    refuses(&scene, checkpoint(1, 2, 2), here(1, PhaseName::Claimed, Some(1), 1));
    scene.applied(by().then(checkpoint(1, 1, 2)).then(release(1, 0, false)));
    let kept = Some(Checkpoint { number: 2, blob: content() });
    assert_eq!(read(&scene, task(1)).checkpoint, kept);
    scene.applied(by().then(claim(1, token(1, 2), 2, 1)).then(checkpoint(3, 2, 3)));
    scene.applied(by().then(release(3, 0, true)));
    assert_eq!(read(&scene, task(1)).checkpoint, None);
    scene.applied(by().then(claim(1, token(1, 4), 1, 1)).then(checkpoint(5, 1, 1)));
}

/// Lost or left, or back as another: claims and renewals of the old life are refused, and its lease is gone.
pub fn a_node_that_is_gone_changes_nothing(places: Places<'_>) {
    let scene = Scene::set(places);
    let renew = |number, incarnation, until| {
        Entry::Renew(Renew {
            node: node(number),
            incarnation,
            until: Timestamp(until),
            usage: "{}".to_owned(),
        })
    };
    let lease = |number| scene.ledger().node(node(number)).expect("read").expect("there is one").lease;
    scene.applied(by().then(renew(1, 1, 100)).then(renew(1, 1, 200)));
    assert_eq!(lease(1), Some(Lease { until: Timestamp(200), usage: "{}".to_owned() }));
    let gone = |state, incarnation| Found::Node { state, incarnation };
    refuses(&scene, renew(1, 2, 300), gone(NodeState::Joined, 1));
    refuses(&scene, renew(9, 1, 300), Found::Nothing);
    scene.applied(by().then(Entry::Enqueue(enqueue(1))).then(claim(1, token(0, 0), 1, 1)));
    let lost = NodeLost { node: node(1), incarnation: 1, reason: scene::text("waitpid") };
    let tasks = scene.ledger().tasks_of_node(node(1), 0, Limit::MAX).expect("read").items;
    assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [task(1)]);
    scene.applied(by().decide(lost.clone()).then(release(1, 1, false)));
    assert_eq!(lease(1), None);
    refuses(&scene, renew(1, 1, 300), gone(NodeState::Lost, 1));
    refuses(&scene, claim(1, token(1, 2), 1, 1), gone(NodeState::Lost, 1));
    refuses(&scene, Entry::Decide(lost.into()), gone(NodeState::Lost, 1));
    refuses(&scene, Entry::Decide(scene::joined(1, 1).into()), gone(NodeState::Lost, 1));
    scene.applied(by().decide(scene::joined(1, 2)).then(renew(1, 2, 300)).then(claim(1, token(1, 2), 1, 2)));
    refuses(
        &scene,
        checkpoint(3, 1, 1),
        Found::Task {
            token: token(1, 3),
            phase: PhaseName::Claimed,
            node: Some((node(1), 2)),
            checkpoint: 0,
        },
    );
    scene.applied(by().decide(NodeLeft { node: node(2), incarnation: 1 }));
    let nodes = scene.ledger().nodes(None, Limit::MAX).expect("read").items;
    let states: Vec<_> = nodes.iter().map(|node| (node.state, node.incarnation)).collect();
    assert_eq!(states, [(NodeState::Joined, 2), (NodeState::Left, 1)]);
    scene.is_sound();
}

/// Staged is not claimed: nobody stages it again, and its node may go.
pub fn a_staged_result_waits_until_it_is_removed(places: Places<'_>) {
    let mut scene = Scene::set(places);
    scene.applied(by().then(Entry::Enqueue(enqueue(1))).then(claim(1, token(0, 0), 1, 1)).then(stage(1, 1)));
    refuses(&scene, stage(1, 1), here(1, PhaseName::Staged, Some(1), 0));
    refuses(&scene, checkpoint(1, 1, 1), here(1, PhaseName::Staged, Some(1), 0));
    scene.reopen();
    let holder = Holder { node: node(1), incarnation: 1, attempt: scene::attempt(0) };
    let staged = Phase::Staged { holder, result: "[1]".to_owned(), blob: Some(content()) };
    assert_eq!(read(&scene, task(1)).phase, staged);
    let is = Guard::TaskIs { task: task(1), token: token(1, 1), phase: PhaseName::Staged };
    scene.applied(by().if_(is).then(release(1, 0, false)));
    assert_eq!(read(&scene, task(1)).phase.name(), PhaseName::Ready);
}

/// Backoff.
pub fn a_task_that_is_not_due_is_not_listed(places: Places<'_>) {
    let scene = Scene::set(places);
    let late = crate::entry::Enqueue { not_before: Timestamp(1_000), ..enqueue(2) };
    scene.applied(by().then(Entry::Enqueue(enqueue(1))).then(Entry::Enqueue(late)));
    let due = |now| {
        let filter = TaskFilter {
            campaign: Some(campaign(1)),
            phase: Some(PhaseName::Ready),
            class: None,
            due: Some(Timestamp(now)),
        };
        let page = scene.ledger().tasks(filter, 0, Limit::MAX).expect("read");
        page.items.iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(due(999), [task(1)]);
    assert_eq!(due(1_000), [task(1), task(2)]);
    let count = |of: &[u64], now, most| {
        let of: Vec<_> = of.iter().map(|number| campaign(*number)).collect();
        scene.ledger().tasks_ready(&of, Timestamp(now), most).expect("read")
    };
    let small = |tasks| Ready::from([((campaign(1), SizeClass::Small), tasks)]);
    assert_eq!(count(&[1], 999, 9), small(1));
    assert_eq!(count(&[2, 1], 1_000, 9), small(2));
    assert_eq!(count(&[1], 1_000, 1), small(1));
    assert_eq!(count(&[2], 1_000, 9), Ready::new());
    let large = crate::entry::Enqueue { class: SizeClass::Large, ..enqueue(3) };
    scene.applied(by().then(Entry::Enqueue(large)).then(claim(1, token(0, 0), 1, 1)));
    let both = [SizeClass::Small, SizeClass::Large].map(|class| ((campaign(1), class), 1));
    assert_eq!(count(&[1], 1_000, 9), Ready::from(both), "what is claimed waits no more");
}

/// Backoff, and a clock that was put back since: what is left is more than any backoff is.
pub fn a_wait_is_over_when_the_clock_was_put_back_by_more_than_any_wait(places: Places<'_>) {
    let scene = Scene::set(places);
    let (day, longest) = (24 * LONGEST_WAIT.0, LONGEST_WAIT.0);
    let wait = Release {
        task: task(1),
        token: token(1, 1),
        not_before: Timestamp(day),
        deaths: 0,
        alone: false,
        from_start: false,
    };
    let later = crate::entry::Enqueue { not_before: Timestamp(day), ..enqueue(2) };
    scene.applied(by().then(Entry::Enqueue(enqueue(1))).then(claim(1, token(0, 0), 1, 1)));
    scene.applied(by().then(Entry::Release(wait)).then(Entry::Enqueue(later)));
    let due = |now| {
        let filter =
            TaskFilter { phase: Some(PhaseName::Ready), due: Some(Timestamp(now)), ..TaskFilter::default() };
        let page = scene.ledger().tasks(filter, 0, Limit::MAX).expect("read");
        page.items.iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(due(day), [task(1), task(2)]);
    assert_eq!(due(day - 1), []);
    assert_eq!(due(day - longest), []);
    assert_eq!(due(day - longest - 1), [task(1)], "and not what was queued for later");
    assert_eq!(due(0), [task(1)]);
}

/// A checkpoint's blob goes when its task is gone and its time is over, whichever comes last.
pub fn blobs_are_kept_while_they_are_named_or_not_yet_due(places: Places<'_>) {
    let scene = Scene::set(places);
    let put = |bytes: &[u8], more: u64| {
        let keep_until = Timestamp(scene::START.0 + more);
        Entry::PutBlob { bytes: bytes.to_vec(), keep_until }
    };
    let [named, long, short] = [&b"named"[..], b"long", b"short"];
    let digest = skein_types::Blake3::of;
    scene.applied(by().then(put(named, 0)).then(put(long, 10)).then(put(long, 0)).then(put(short, 0)));
    let mut with_input = enqueue(1);
    with_input.input = Some(digest(named));
    scene.applied(by().then(Entry::Enqueue(with_input)));
    let sweep = |more| {
        scene.clock.set(Timestamp(scene::START.0 + more));
        scene
            .ledger()
            .sweep(Retention { causes: Millis(u64::MAX), charges: Millis(u64::MAX) })
            .expect("swept")
    };
    let there = |bytes| scene.ledger().blob(digest(bytes)).expect("read").is_some();
    assert_eq!(sweep(0), Swept { causes: 0, blobs: 0, ..Swept::default() });
    assert_eq!(sweep(5), Swept { causes: 0, blobs: 1, ..Swept::default() });
    assert_eq!([there(named), there(long), there(short), there(CONTENT)], [true, true, false, true]);
    scene.applied(by().then(Entry::Remove { task: task(1), token: token(0, 0) }));
    assert_eq!(sweep(11), Swept { causes: 0, blobs: 2, ..Swept::default() });
    // A campaign's policy is never swept.
    assert_eq!([there(named), there(long), there(CONTENT)], [false, false, true]);
}

/// Whoever names a blob has to bring it.
pub fn what_names_a_blob_that_is_not_there_is_refused(places: Places<'_>) {
    let scene = Scene::set(places);
    let digest = skein_types::Blake3::of(b"nowhere");
    let missing = Found::NoBlob { digest };
    let mut with_input = enqueue(1);
    with_input.input = Some(digest);
    refuses(&scene, Entry::Enqueue(with_input), missing.clone());
    let mut created = scene::created(campaign(2));
    created.policy = digest;
    refuses(&scene, Entry::Decide(created.into()), missing.clone());
    scene.applied(by().decide(scene::planned(1, 1)));
    let mut intended = scene::intended(1);
    intended.descriptor = digest;
    refuses(&scene, Entry::Decide(intended.clone().into()), missing.clone());
    let is = by().if_(Guard::BlobIs { digest });
    assert_eq!(scene.commit(is.clone()), UnitOutcome::Refused { at: RefusedAt::Guard(0), found: missing });
    let bring = Entry::PutBlob { bytes: b"nowhere".to_vec(), keep_until: scene::START };
    scene.applied(by().then(bring).decide(intended));
    scene.applied(is);
}
