//! A task's ownership under random moves, and the choice of tasks for a node under random inputs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed; the lint knows only functions with the attribute"
)]

use proptest::prelude::*;
use skein_campaign::task::{
    Claim, End, Ownership, Phase, ReadyTask, Release, Room, SizeClass, StagedBy, TASKS_MAX, TaskRefused,
    UNSTARTED_MAX, assign, invariant, may_collect, share,
};
use skein_types::{AttemptId, Blake3, Millis, NodeId, Token};
use uuid::Uuid;

fn node(number: u128) -> NodeId {
    NodeId::new(Uuid::from_u128(number))
}

fn attempt(number: u128) -> AttemptId {
    AttemptId::new(Uuid::from_u128(number))
}

fn blob(number: u128) -> Blake3 {
    Blake3::of(&number.to_le_bytes())
}

fn claimed(task: &Ownership, number: u128) -> (Ownership, Claim) {
    let next = task.claim(node(1), 1, attempt(number)).unwrap();
    (next, next.holder().unwrap())
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Claim,
    Checkpoint { by: usize, ahead: u64 },
    Stage { by: usize },
    Finish { by: usize },
    Fail { by: usize },
    Release { by: usize, why: Release },
    Intend,
    Publish { of: usize },
    Shut,
    Cancel,
    Redo,
    Reopen,
}

/// `by` and `of` count back from the newest claim: 0 has the task if anybody has.
fn moves() -> impl Strategy<Value = Vec<Move>> {
    let by = || prop_oneof![4 => Just(0_usize), 1 => 0_usize..4];
    let why = prop_oneof![
        Just(Release::Expired),
        Just(Release::GivenBack),
        any::<bool>().prop_map(|running| Release::Died { running }),
    ];
    let one = prop_oneof![
        4 => Just(Move::Claim),
        2 => (by(), 0_u64..3).prop_map(|(by, ahead)| Move::Checkpoint { by, ahead }),
        2 => by().prop_map(|by| Move::Stage { by }),
        1 => by().prop_map(|by| Move::Finish { by }),
        1 => by().prop_map(|by| Move::Fail { by }),
        3 => (by(), why).prop_map(|(by, why)| Move::Release { by, why }),
        1 => Just(Move::Intend),
        1 => by().prop_map(|of| Move::Publish { of }),
        1 => Just(Move::Shut),
        1 => Just(Move::Cancel),
        1 => Just(Move::Redo),
        2 => Just(Move::Reopen),
    ];
    prop::collection::vec(one, 1..80)
}

struct History {
    task: Ownership,
    claims: Vec<Claim>,
}

impl History {
    /// A claim that there was, or one that there never was.
    fn claim(&self, back: usize) -> Claim {
        let token = Token { generation: 1, epoch: 99 };
        let never = Claim { token, node: node(9), incarnation: 9, attempt: attempt(999) };
        self.claims.iter().rev().nth(back).copied().unwrap_or(never)
    }

    fn make(&mut self, made: Move) -> Result<Option<Claim>, TaskRefused> {
        let (task, number) = (self.task, self.claims.len() as u128 + 1);
        let (by, next) = match made {
            Move::Claim => (None, task.claim(node(number % 3), 1, attempt(number))),
            Move::Checkpoint { by, ahead } => {
                let by = self.claim(by);
                let last = task.checkpoint.map_or(0, |checkpoint| checkpoint.number);
                (Some(by), task.checkpoint(&by, last + ahead, blob(1)))
            }
            Move::Stage { by } => (Some(self.claim(by)), task.stage(&self.claim(by), blob(by as u128))),
            Move::Finish { by } => (Some(self.claim(by)), task.finish(&self.claim(by))),
            Move::Fail { by } => (Some(self.claim(by)), task.fail(&self.claim(by))),
            Move::Release { by, why } => {
                (Some(self.claim(by)), task.release(&self.claim(by), why).map(|released| released.task))
            }
            Move::Intend => (None, task.intend()),
            Move::Publish { of } => (None, task.publish(blob(of as u128))),
            Move::Shut => (None, task.shut()),
            Move::Cancel => (None, task.cancel()),
            Move::Redo => (None, task.redo()),
            Move::Reopen => (None, task.reopen()),
        };
        self.task = next?;
        if let Some(claim) = self.task.holder().filter(|_| matches!(made, Move::Claim)) {
            self.claims.push(claim);
        }
        Ok(by)
    }
}

proptest! {
    #[test]
    fn whatever_is_tried_in_whatever_order_no_record_follows_another_that_it_may_not_follow(moves in moves()) {
        let mut history = History { task: Ownership::new(1), claims: Vec::new() };
        for made in moves {
            let before = history.task;
            if let Ok(by) = history.make(made) {
                prop_assert_eq!(invariant::change(&before, &history.task, by.as_ref()), Ok(()));
            } else {
                prop_assert_eq!(history.task, before);
            }
        }
    }

    #[test]
    fn what_is_named_by_who_has_it_by_a_checkpoint_or_by_a_result_is_never_swept(moves in moves()) {
        let mut history = History { task: Ownership::new(1), claims: Vec::new() };
        for made in moves {
            let _refused = history.make(made);
            let task = history.task;
            let goes_on = matches!(task.phase, Phase::Ready | Phase::Claimed { .. });
            let resumes = task.checkpoint.filter(|_| goes_on).map(|checkpoint| checkpoint.attempt);
            let staged = if let Phase::Staged(staged) = task.phase { Some(staged) } else { task.intended() };
            let staged = staged.map(|staged| staged.attempt);
            let needed = [task.holder().map(|claim| claim.attempt), resumes, staged];
            for number in 1..=history.claims.len() as u128 {
                let kept = needed.contains(&Some(attempt(number)));
                prop_assert_eq!(may_collect(&task, attempt(number)), !kept, "{:?}", task);
            }
        }
    }
}

#[test]
fn a_report_counts_only_from_the_attempt_that_has_the_task() {
    let (task, old) = claimed(&Ownership::new(1), 1);
    let free = task.release(&old, Release::Expired).unwrap().task;
    let (task, present) = claimed(&free, 2);
    assert!(present.token > old.token);
    let fenced = TaskRefused::Fenced { given: old.token, current: present.token };
    assert_eq!(task.stage(&old, blob(1)), Err(fenced));
    assert_eq!(task.checkpoint(&old, 1, blob(1)), Err(fenced));
    assert_eq!(task.release(&old, Release::GivenBack), Err(fenced));
    // The right token is not enough: another node, incarnation or attempt with it is nobody.
    for stranger in [
        Claim { node: node(2), ..present },
        Claim { incarnation: 2, ..present },
        Claim { attempt: attempt(1), ..present },
    ] {
        assert!(task.finish(&stranger).is_err(), "{stranger:?}");
    }
    assert_eq!(task.stage(&present, blob(1)).unwrap().phase.as_str(), "staged");
    assert_eq!(fenced.code().id, "SK0668");
}

#[test]
fn checkpoints_follow_each_other_over_all_attempts() {
    let (task, first) = claimed(&Ownership::new(1), 1);
    assert_eq!(task.checkpoint(&first, 2, blob(2)), Err(TaskRefused::Checkpoint { given: 2, last: 0 }));
    let task = task.checkpoint(&first, 1, blob(1)).unwrap();
    assert_eq!(task.checkpoint(&first, 1, blob(1)), Err(TaskRefused::Checkpoint { given: 1, last: 1 }));
    let (task, second) = claimed(&task.release(&first, Release::GivenBack).unwrap().task, 2);
    assert!(!may_collect(&task, first.attempt), "the second goes on from what the first wrote");
    let task = task.checkpoint(&second, 2, blob(2)).unwrap();
    assert!(may_collect(&task, first.attempt));
}

#[test]
fn after_two_deaths_a_task_runs_alone_and_the_third_suspends_its_module() {
    let mut task = Ownership::new(1);
    for (number, running, alone) in [(1, true, false), (2, false, false), (3, true, true)] {
        let (held, claim) = claimed(&task, number);
        let released = held.release(&claim, Release::Died { running }).unwrap();
        assert!(!released.suspend);
        task = released.task;
        assert_eq!(task.alone(), alone, "after node {number}");
    }
    let (held, claim) = claimed(&task, 4);
    let lost = held.release(&claim, Release::Expired).unwrap();
    assert!(!lost.suspend, "silence proves nothing");
    let (held, claim) = claimed(&lost.task, 5);
    let died = held.release(&claim, Release::Died { running: true }).unwrap();
    assert_eq!((died.suspend, died.task.phase), (true, Phase::Done(End::Failed)));
    let reopened = died.task.reopen().unwrap();
    assert_eq!((reopened.alone(), reopened.phase), (false, Phase::Ready));
}

#[test]
fn after_the_intent_a_task_is_published_as_intended_or_shut_and_nothing_else() {
    let (task, claim) = claimed(&Ownership::new(1), 1);
    assert!(task.cancel().is_err(), "a node has it");
    let intended = task.stage(&claim, blob(1)).unwrap().intend().unwrap();
    assert!(
        intended.cancel().is_err()
            && intended.redo().is_err()
            && intended.release(&claim, Release::Expired).is_err()
    );
    assert_eq!(intended.publish(blob(2)), Err(TaskRefused::NotIntended));
    let published = StagedBy { attempt: claim.attempt, descriptor: blob(1) };
    assert_eq!(intended.publish(blob(1)).unwrap().phase, Phase::Done(End::Published(published)));
    assert_eq!(intended.shut().unwrap().phase, Phase::Done(End::Failed));
}

#[test]
fn the_last_epoch_is_not_followed_by_a_smaller_one() {
    let last = Ownership { token: Token { generation: 1, epoch: u64::MAX }, ..Ownership::new(1) };
    assert_eq!(last.claim(node(1), 1, attempt(1)), Err(TaskRefused::Exhausted));
}

fn ready(from: u64) -> impl Strategy<Value = Vec<ReadyTask<u64>>> {
    let task = (0_u64..3_000, prop::bool::weighted(0.1));
    prop::collection::vec(task, 0..100).prop_map(move |tasks| {
        let numbered = (from..).zip(tasks);
        numbered.map(|(task, (ms, alone))| ReadyTask { task, estimate: Millis(ms), alone }).collect()
    })
}

fn room() -> impl Strategy<Value = Room> {
    let last = prop_oneof![Just(None), Just(Some(SizeClass::Small)), Just(Some(SizeClass::Large))];
    let wants = (0_usize..80, 0_usize..5, 1_usize..5);
    (wants, 0_usize..70, 0_usize..5, 0_u64..3_000, last, prop::bool::weighted(0.1)).prop_map(
        |((small, large, slots), holds, holds_large, unstarted, last, emptying)| Room {
            small,
            large,
            slots,
            holds,
            holds_large: holds_large.min(holds),
            unstarted: Millis(if holds == 0 { 0 } else { unstarted }),
            last,
            emptying,
        },
    )
}

const LARGE: u64 = 1_000;

proptest! {
    #[test]
    fn a_node_gets_no_more_than_it_has_room_for(room in room(), small in ready(0), large in ready(LARGE)) {
        let given = assign(&room, &small, &large);
        let (larges, smalls): (Vec<u64>, Vec<u64>) = given.iter().partition(|task| **task >= LARGE);
        let of = |task: &u64| small.iter().chain(&large).find(|ready| ready.task == *task).copied().unwrap();
        if given.iter().any(|task| of(task).alone) {
            prop_assert_eq!((given.len(), room.holds), (1, 0));
            return Ok(());
        }
        prop_assert!(given.is_empty() || !room.emptying);
        prop_assert!(given.is_empty() || room.holds + given.len() <= TASKS_MAX);
        prop_assert!(smalls.len() <= room.small && larges.len() <= room.large);
        let begun: Vec<u64> = smalls.iter().map(|task| of(task).estimate.0).collect();
        let unstarted = room.unstarted.0 + begun.iter().sum::<u64>();
        // One that alone is more than the bound is given to a node that has nothing else to begin with.
        let first_alone = room.unstarted.0 + begun.iter().rev().skip(1).sum::<u64>() == 0;
        prop_assert!(smalls.is_empty() || unstarted <= UNSTARTED_MAX.0 || first_alone, "{} ms", unstarted);
    }

    #[test]
    fn none_is_overtaken_by_a_later_one_of_its_class(room in room(), small in ready(0), large in ready(LARGE)) {
        let given = assign(&room, &small, &large);
        if given.iter().any(|task| small.iter().chain(&large).any(|r| r.task == *task && r.alone)) {
            return Ok(());
        }
        for class in [&small, &large] {
            let waiting: Vec<u64> = class.iter().filter(|ready| !ready.alone).map(|ready| ready.task).collect();
            let taken: Vec<u64> = given.iter().copied().filter(|task| waiting.contains(task)).collect();
            prop_assert_eq!(&waiting[..taken.len()], &taken[..]);
        }
    }

    #[test]
    fn a_node_with_room_and_something_to_do_is_never_left_without(small in ready(0), large in ready(LARGE), slots in 1_usize..5, last in any::<bool>()) {
        let last = Some(if last { SizeClass::Small } else { SizeClass::Large });
        let room = Room { small: 64, large: slots, slots, holds: 0, holds_large: 0, unstarted: Millis(0), last, emptying: false };
        prop_assert_eq!(assign(&room, &small, &large).is_empty(), small.is_empty() && large.is_empty());
    }

    /// Nodes ask in turns until nothing waits, and none gives up what it has.
    #[test]
    fn what_is_less_than_nodes_want_is_dealt_evenly(
        waits in 0_usize..64, has in prop::collection::vec(0_usize..64, 1..6), first in 0_usize..6
    ) {
        let (mut has, mut left, nodes) = (has.clone(), waits, has.len());
        let even = (waits + has.iter().sum::<usize>()).div_ceil(nodes);
        for turn in first..first + nodes {
            let others = has.iter().enumerate().filter(|(other, _)| *other != turn % nodes).map(|(_, has)| *has);
            let (before, given) = (has[turn % nodes], share(left, has[turn % nodes], others));
            prop_assert!(given <= left);
            prop_assert!(before + given <= even.max(before).max(1), "{} and {} of {}", before, given, even);
            prop_assert!(given > 0 || before > 0 || left == 0, "a node with nothing is left without");
            has[turn % nodes] += given;
            left -= given;
        }
        // Each has asked once, and nothing is left over.
        prop_assert_eq!(left, 0);
    }

    /// Endless work of both classes: a node finishes what it holds, some large ones take as long as they like.
    #[test]
    fn neither_class_starves(slots in 1_usize..5, finishes in prop::collection::vec(any::<bool>(), 40)) {
        let task = |task| ReadyTask { task, estimate: Millis(100), alone: false };
        let (small, large) = ([0; 64].map(task), [LARGE; 8].map(task));
        let (mut holds_large, mut last, mut longest, mut waited) = (0, None, [0, 0], [0, 0]);
        for finished in finishes {
            if finished {
                holds_large = 0;
            }
            let free = slots - holds_large;
            let room = Room {
                small: 64 * free, large: free, slots, holds: holds_large, holds_large, unstarted: Millis(0), last,
                emptying: false,
            };
            let given = assign(&room, &small, &large);
            let larges = given.iter().filter(|task| **task == LARGE).count();
            holds_large += larges;
            last = match (larges, given.len()) {
                (_, 0) => last,
                (0, _) => Some(SizeClass::Small),
                _ => Some(SizeClass::Large),
            };
            // Waiting counts when a slot was free.
            for (class, got) in [larges, given.len() - larges].into_iter().enumerate() {
                waited[class] = if got > 0 || free == 0 || (class == 0 && holds_large > 0) { 0 } else { waited[class] + 1 };
                longest[class] = longest[class].max(waited[class]);
            }
        }
        prop_assert!(longest.into_iter().all(|rounds| rounds <= 1), "{:?}", longest);
    }
}

#[test]
fn a_task_that_runs_alone_goes_first_to_a_node_that_holds_nothing() {
    let task = |task, alone| ReadyTask { task, estimate: Millis(10), alone };
    let small = [task(1, false), task(2, true), task(3, false)];
    let empty = Room {
        small: 64,
        large: 1,
        slots: 2,
        holds: 0,
        holds_large: 0,
        unstarted: Millis(0),
        last: None,
        emptying: true,
    };
    assert_eq!(assign(&empty, &small, &[]), [2]);
    let busy = Room { holds: 1, ..empty };
    assert_eq!(assign(&busy, &small, &[]), [0_u64; 0], "it is being emptied");
    assert_eq!(assign(&Room { emptying: false, ..busy }, &small, &[]), [1, 3]);
}
