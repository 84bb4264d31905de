//! Which act is killed at which point, and how the dataset is recovered.

use std::collections::{BTreeMap, BTreeSet};

use host_tests::dice::Dice;
use skein_dataset::CRASH_POINTS;

/// Reached only if somebody writes between two looks at the dataset.
pub(crate) const TAKEN_BACK: [&str; 2] = ["swap.after-exchange-back", "swap.after-take-back"];
/// Met only where others wrote into a version that is given up, or where rejected rows are of one: what these runs reject is
/// of versions that stay. The tests of the crate that has them die there.
const ELSEWHERE: [&str; 2] = ["aside.after-move", "finalize.after-rejects"];
/// Kinds that only a server and its nodes meet, and not `skein`: they die in the tests of the crate, and of the library.
const OF_SERVERS: [&str; 6] = ["manage", "hand", "handed", "attempts", "revert", "piece"];
/// Those of recovery: it is killed after something else was.
const RECOVERY: &str = "recover";
/// Who comes after a crash is not for us to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recovery {
    Once,
    TwoAtOnce,
    KilledBeforeSettle,
    KilledBeforeSweep,
    KilledAfterSweep,
    /// No `skein recover` at all: the next run settles what an earlier one left.
    NextRun,
}

pub(crate) const RECOVERIES: [Recovery; 6] = [
    Recovery::Once,
    Recovery::KilledBeforeSettle,
    Recovery::NextRun,
    Recovery::KilledBeforeSweep,
    Recovery::TwoAtOnce,
    Recovery::KilledAfterSweep,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disturbance {
    Overwrite,
    Remove,
}

/// What is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// The very first run over a dataset, which also registers it.
    FirstRun,
    Run,
    Rollback,
    Hold,
    PublishHeld,
    Discard,
    Beside,
    /// A run while which others add a file.
    CatchUp,
    Finalize,
    Forget,
    /// A rollback over what others added.
    RollbackOver,
    /// A run that others disturb when old and new are about to change places: it is taken back.
    Disturbed(Disturbance),
}

/// What a point belongs to: the part of its name before the dot.
fn kind(point: &str) -> &str {
    point.split('.').next().unwrap_or_default()
}

/// The acts that meet a point, by its name.
pub(crate) fn acts(point: &str) -> &'static [Act] {
    match kind(point) {
        "register" => &[Act::FirstRun],
        "rollback" | "store" => &[Act::Rollback],
        "hold" => &[Act::Hold],
        "held" => &[Act::PublishHeld],
        "discard" => &[Act::Discard],
        "beside" => &[Act::Beside],
        "finalize" => &[Act::Finalize],
        "forget" => &[Act::Forget],
        "later" => &[Act::RollbackOver],
        _ if TAKEN_BACK.contains(&point) => {
            &[Act::Disturbed(Disturbance::Overwrite), Act::Disturbed(Disturbance::Remove)]
        }
        "swap" | "settle" => &[Act::Run, Act::Rollback, Act::FirstRun, Act::PublishHeld, Act::CatchUp],
        _ if point == "stage.after-extend" => &[Act::CatchUp],
        "stage" => &[Act::Run, Act::FirstRun, Act::Hold, Act::Beside],
        _ if point == "publish.after-adopt" => &[Act::FirstRun],
        _ if point == "publish.before-data-sync" => &[Act::Run, Act::FirstRun],
        _ => &[Act::Run, Act::FirstRun, Act::CatchUp],
    }
}

/// The points that an act of these rounds can die at.
pub(crate) fn points() -> Vec<&'static str> {
    let elsewhere = |point: &str| ELSEWHERE.contains(&point) || OF_SERVERS.contains(&kind(point));
    let met = |point: &&str| kind(point) != RECOVERY && !elsewhere(point);
    CRASH_POINTS.iter().copied().filter(met).collect()
}

/// What is killed where in the short form: every point once, by the act that has met fewest of its kind; then once more
/// where an act has met none of a kind. A function of the points alone.
pub(crate) fn schedule(points: &[&'static str]) -> Vec<(Act, &'static str)> {
    let mut planned: Vec<(Act, &'static str)> = Vec::new();
    for point in points {
        let times = |act: &Act| {
            let of_kind = planned.iter().filter(|(a, p)| a == act && kind(p) == kind(point)).count();
            (of_kind, planned.iter().filter(|(a, _)| a == act).count())
        };
        let act = *acts(point).iter().min_by_key(|act| times(act)).unwrap();
        planned.push((act, point));
    }
    for point in points.iter().rev() {
        for act in acts(point) {
            if !planned.iter().any(|(a, p)| a == act && kind(p) == kind(point)) {
                planned.push((*act, point));
            }
        }
    }
    planned
}

#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) act: Act,
    pub(crate) point: &'static str,
    pub(crate) nth: u64,
    pub(crate) single_file: bool,
    pub(crate) recovery: Recovery,
}

impl Round {
    /// As planned at first: points at their first occurrence, recoveries and kinds of datasets in turn. Later rounds go
    /// deeper, by chance.
    pub(crate) fn new(number: usize, planned: &[(Act, &'static str)], dice: &mut Dice) -> Self {
        let mut any = |sides: usize| usize::try_from(dice.roll(sides as u64)).unwrap();
        let (mut act, point) = planned[number % planned.len()];
        let first = number < planned.len();
        if !first {
            act = acts(point)[any(acts(point).len())];
        }
        let nth = if first { 1 } else { 1 + any(3) as u64 };
        let directory = matches!(act, Act::CatchUp | Act::RollbackOver | Act::Disturbed(_));
        let single_file = !directory && if first { number % 3 == 2 } else { any(3) == 0 };
        let recovery = RECOVERIES[if first { number } else { any(RECOVERIES.len()) } % RECOVERIES.len()];
        // Only what is announced and not decided has to be settled.
        let announced = kind(point) == "swap" && !point.ends_with("after-decision")
            || point.ends_with("after-intent")
            || point.ends_with("after-intent-sync");
        let recovery = match (recovery, announced) {
            (Recovery::KilledBeforeSettle, false) => Recovery::KilledAfterSweep,
            (recovery, true | false) => recovery,
        };
        Self { act, point, nth, single_file, recovery }
    }
}

/// Where something is killed, then where its recovery is; counted only if it was.
#[derive(Default)]
pub(crate) struct Met {
    acts: BTreeMap<(Act, &'static str), usize>,
    recoveries: BTreeMap<Recovery, usize>,
    single_files: usize,
}

impl Met {
    pub(crate) fn note(&mut self, round: &Round, (killed, recovered): (bool, bool)) {
        *self.acts.entry((round.act, round.point)).or_default() += usize::from(killed);
        *self.recoveries.entry(round.recovery).or_default() += usize::from(killed && recovered);
        self.single_files += usize::from(killed && round.single_file);
    }

    /// All that the short form promises.
    pub(crate) fn check(&self, planned: &[(Act, &'static str)]) {
        let missed: Vec<_> =
            planned.iter().filter(|what| self.acts.get(what).is_none_or(|times| *times == 0)).collect();
        assert!(missed.is_empty(), "never killed at: {missed:?}");
        let missed: Vec<_> = RECOVERIES
            .iter()
            .filter(|how| self.recoveries.get(how).is_none_or(|times| *times == 0))
            .collect();
        assert!(missed.is_empty(), "never recovered by: {missed:?} but {:?}", self.recoveries);
        assert!(self.single_files > 0, "no single file was met");
    }
}

#[test]
fn the_short_form_kills_every_act_at_each_kind_of_point_and_meets_every_point() {
    let points = points();
    let planned = schedule(&points);
    for point in &points {
        assert!(planned.iter().any(|(_, p)| p == point), "{point}");
        for act in acts(point) {
            assert!(planned.iter().any(|(a, p)| a == act && kind(p) == kind(point)), "{act:?} at {point}");
        }
    }
    // Those that exchange are of one sort each for swap and settle.
    let exchanges = |kind_of: &str| {
        let all = planned.iter().filter(|(_, p)| kind(p) == kind_of && !TAKEN_BACK.contains(p));
        all.map(|(act, _)| *act).collect::<BTreeSet<Act>>()
    };
    let five = BTreeSet::from([Act::FirstRun, Act::Run, Act::Rollback, Act::PublishHeld, Act::CatchUp]);
    assert_eq!((exchanges("swap"), exchanges("settle")), (five.clone(), five));
    assert!(planned.len() <= CRASH_POINTS.len() + 5, "{} rounds take too long", planned.len());
}
