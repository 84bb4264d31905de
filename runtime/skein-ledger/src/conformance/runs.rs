//! Campaigns, waves, runs and modules: what their events make of them, and the guards.

use skein_types::{
    Bytes, CampaignState, ErrorClass, ModuleDigest, Rows, RunState, Timestamp, Verdict, WaveState,
};

use super::Places;
use super::scene::{
    START, Scene, attempt, by, campaign, content, dataset, failed, intended, moved, name, planned, published,
    run_id, text,
};
use crate::event::campaign::{CampaignPlanned, CampaignUnplanned, WaveMoved, WavePlanned};
use crate::event::module::{
    ModuleBanned, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleSubmitted, ModuleSuspended,
};
use crate::event::run::{
    RunCancelled, RunFinalized, RunRetried, RunRevertFailed, RunReverted, RunReverting, RunSkipped,
};
use crate::guard::{Found, Guard};
use crate::unit::{RefusedAt, Unit, UnitOutcome};
use crate::view::{Campaign, Door, Failure, ModuleState, RunCounts, Wave};

/// Run `seq` in this state.
const fn found(state: RunState, epoch: u64) -> Found {
    Found::Run { state, epoch }
}

fn refused(at: RefusedAt, found: Found) -> UnitOutcome {
    UnitOutcome::Refused { at, found }
}

fn read(scene: &Scene) -> (Campaign, Vec<Wave>) {
    let of = scene.ledger().campaign(campaign(1)).expect("read").expect("there is one");
    (of, scene.ledger().waves(campaign(1)).expect("read"))
}

fn counted(counts: &RunCounts) -> Vec<(RunState, u64)> {
    let all = RunState::ALL.iter().map(|state| (*state, counts.of(*state)));
    all.filter(|(_, count)| *count > 0).collect()
}

fn plan(scene: &Scene, runs: u64) {
    let mut unit = by();
    for seq in 0..runs {
        unit = unit.decide(planned(seq, u32::from(seq > 0)));
    }
    scene.applied(unit);
}

/// What it takes to draw a campaign's course: each second with what came to rest in it, the plan taken back with all of it.
pub fn how_runs_came_to_rest_is_known_second_by_second(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 6);
    let course = || {
        let steps = scene.ledger().course(campaign(1)).expect("read");
        steps.iter().map(|step| (step.second - START.0 / 1_000, step.rested, step.failed)).collect::<Vec<_>>()
    };
    let at = |ms: u64| scene.clock.set(Timestamp(START.0 + ms));
    let (campaign_id, reason) = (campaign(1), text("because"));
    let retried = |seq, from| RunRetried { campaign: campaign_id, seq, from, reason: reason.clone() };
    let skipped = |seq, from| RunSkipped { campaign: campaign_id, seq, from, reason: reason.clone() };
    let reverting = |seq, from| RunReverting { campaign: campaign_id, seq, from, reason: reason.clone() };
    // What is only planned or at the door has not come to rest, and a plan that is taken back had no course.
    at(500);
    scene.applied(by().decide(skipped(5, RunState::Planned)));
    assert_eq!(course(), [(0, 1, 0)]);
    scene.applied(by().decide(CampaignUnplanned { campaign: campaign_id }));
    assert_eq!(course(), []);
    for wave in [0, 1] {
        scene.applied(by().decide(WavePlanned { campaign: campaign_id, wave, budget: 3 }));
    }
    plan(&scene, 6);
    scene.applied(by().decide(intended(0)).decide(intended(1)).decide(intended(2)));
    assert_eq!(course(), []);
    at(1_999);
    scene.applied(by().decide(published(0)).decide(published(1)).decide(failed(3, RunState::Planned)));
    at(2_000);
    scene.applied(by().decide(failed(2, RunState::Intended)).decide(skipped(4, RunState::Planned)));
    assert_eq!(course(), [(1, 3, 1), (2, 2, 1)]);
    // Taken up again and at rest again within a second: the second had no more of them than before.
    at(4_000);
    scene.applied(by().decide(retried(2, RunState::Failed)).decide(failed(2, RunState::Planned)));
    at(5_000);
    scene.applied(by().decide(retried(3, RunState::Failed)).decide(reverting(0, RunState::Published)));
    at(6_000);
    scene.applied(by().decide(RunReverted { campaign: campaign_id, seq: 0, version: 3 }));
    // What is given up has been at rest before.
    at(7_000);
    let given_up =
        RunFinalized { campaign: campaign_id, seq: 1, versions: vec![1], files: 1, bytes: Bytes(1) };
    scene.applied(by().decide(given_up));
    assert_eq!(course(), [(1, 3, 1), (2, 2, 1), (4, 0, 0), (5, -2, -1), (6, 1, 0)]);
    scene.is_sound();
}

/// From the plan to the end and back, with what each step leaves in the row.
pub fn a_run_goes_through_the_door_and_its_counters_with_it(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 3);
    scene.applied(by().decide(intended(1)));
    let run = |seq| scene.ledger().run(campaign(1), seq).expect("read").expect("there is one");
    let door = Door { publish: name("pub"), descriptor: content(), base: 1, attempt: attempt(1) };
    assert_eq!((run(1).state, run(1).epoch, run(1).door), (RunState::Intended, 1, Some(door)));
    scene.applied(by().decide(published(1)).decide(intended(2)));
    assert_eq!((run(1).version, run(1).meters.rows_in), (Some(2), Rows(10)));
    let (of, waves) = read(&scene);
    let expected = [(RunState::Planned, 1), (RunState::Intended, 1), (RunState::Published, 1)];
    assert_eq!(counted(&of.runs), expected);
    assert_eq!(counted(&waves[0].runs), [(RunState::Planned, 1)]);
    assert_eq!(counted(&waves[1].runs), [(RunState::Intended, 1), (RunState::Published, 1)]);
    assert_eq!((of.meters.rows_in, of.meters.attempts), (Rows(10), 1));

    let (seq, from, reason) = (1, RunState::Published, text("undo"));
    scene.applied(by().decide(RunReverting { campaign: campaign(1), seq, from, reason: reason.clone() }));
    let class = ErrorClass::Conflict;
    let (code, message) = (name("SK0521"), text("later writes"));
    scene.applied(by().decide(RunRevertFailed {
        campaign: campaign(1),
        seq,
        class,
        code: code.clone(),
        message,
    }));
    assert_eq!(run(1).failure, Some(Failure { class, code }));
    let from = RunState::RevertFailed;
    scene.applied(by().decide(RunReverting { campaign: campaign(1), seq, from, reason }));
    scene.applied(by().decide(RunReverted { campaign: campaign(1), seq, version: 3 }));
    assert_eq!(
        (run(1).state, run(1).version, run(1).failure, run(1).epoch),
        (RunState::Reverted, Some(3), None, 6)
    );
    scene.applied(by().decide(published(2)));
    let (versions, files, bytes) = (vec![1], 1, Bytes(4));
    scene.applied(by().decide(RunFinalized { campaign: campaign(1), seq: 2, versions, files, bytes }));
    let (of, _) = read(&scene);
    let expected = [(RunState::Planned, 1), (RunState::Finalized, 1), (RunState::Reverted, 1)];
    assert_eq!(counted(&of.runs), expected);
    assert_eq!(scene.ledger().run_named(run_id(1, 2)).expect("read"), Some(run(2)));
    scene.is_sound();
}

/// The guard counts what is there and what the unit itself sends, of its own wave only.
pub fn the_door_is_as_wide_as_the_guard_says(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 6);
    let door = |at_most| Guard::DoorOpen { campaign: campaign(1), wave: 1, at_most };
    let unit = |at_most, seqs: &[u64]| {
        seqs.iter().fold(by().if_(door(at_most)), |unit, seq| unit.decide(intended(*seq)))
    };
    let full = |intended| refused(RefusedAt::Guard(0), Found::Door { intended });
    assert_eq!(scene.commit(unit(1, &[1, 2])), full(0));
    scene.applied(unit(2, &[1, 2]));
    assert_eq!(scene.commit(unit(2, &[3])), full(2));
    scene.applied(unit(2, &[0]));
    scene.applied(by().decide(published(1)));
    // Units of one call see what those before them did.
    let both = scene.ledger().commit(vec![unit(2, &[3]), unit(2, &[4])]).expect("written");
    assert_eq!(both[1], full(2));
    assert!(both[0].is_done());
    let gone = Guard::DoorOpen { campaign: campaign(1), wave: 7, at_most: 9 };
    assert_eq!(scene.commit(by().if_(gone)), refused(RefusedAt::Guard(0), Found::Nothing));
}

/// Guards and `from` alike.
pub fn an_event_that_starts_elsewhere_is_refused_and_says_where(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 2);
    let at = RefusedAt::Entry(0);
    let refuse = |unit: Unit, at, found| assert_eq!(scene.commit(unit), refused(at, found));
    refuse(by().decide(published(1)), at, found(RunState::Planned, 0));
    refuse(by().decide(failed(1, RunState::Intended)), at, found(RunState::Planned, 0));
    refuse(by().decide(intended(9)), at, Found::Nothing);
    refuse(by().decide(planned(1, 1)), at, found(RunState::Planned, 0));
    refuse(by().decide(planned(9, 7)), at, Found::Nothing);
    let twin = crate::event::run::RunPlanned { run: run_id(1, 0), ..planned(9, 1) };
    refuse(by().decide(twin), at, found(RunState::Planned, 0));
    let here = Found::Campaign { state: CampaignState::Planning, epoch: 1 };
    refuse(by().decide(moved(CampaignState::Running, CampaignState::Paused)), at, here.clone());
    let guards = [
        (Guard::CampaignIs { campaign: campaign(1), state: CampaignState::Running }, here.clone()),
        (Guard::CampaignAt { campaign: campaign(1), epoch: 2 }, here),
        (Guard::CampaignAt { campaign: campaign(2), epoch: 2 }, Found::Nothing),
        (
            Guard::WaveIs { campaign: campaign(1), wave: 1, state: WaveState::Running },
            Found::Wave { state: WaveState::Waiting },
        ),
        (
            Guard::RunIs { campaign: campaign(1), seq: 1, state: RunState::Failed },
            found(RunState::Planned, 0),
        ),
        (Guard::RunAt { campaign: campaign(1), seq: 1, epoch: 1 }, found(RunState::Planned, 0)),
        (Guard::DatasetIs { dataset: dataset(1) }, Found::Nothing),
        (Guard::ModuleIs { module: ModuleDigest::of(b"x"), state: ModuleState::Ready }, Found::Nothing),
        (
            Guard::NodeIs { node: super::scene::node(1), incarnation: 2 },
            Found::Node { state: crate::view::NodeState::Joined, incarnation: 1 },
        ),
    ];
    for (guard, found) in guards {
        let holds = Guard::RunIs { campaign: campaign(1), seq: 1, state: RunState::Planned };
        refuse(by().if_(holds).if_(guard).decide(intended(1)), RefusedAt::Guard(1), found);
    }
    scene.is_sound();
}

/// A void plan leaves nothing; one of which something was published stays.
pub fn a_plan_is_taken_back_only_before_the_door(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 3);
    let (digest, report) = (content(), content());
    let plan_of = |runs| CampaignPlanned {
        campaign: campaign(1),
        plan: digest,
        report,
        runs,
        bytes: Bytes(300),
        rows: Rows(30),
    };
    let announced = refused(RefusedAt::Entry(0), Found::Runs { planned: 3 });
    assert_eq!(scene.commit(by().decide(plan_of(4))), announced);
    scene.applied(by().decide(plan_of(3)));
    assert_eq!(read(&scene).0.plan.map(|plan| plan.rows), Some(Rows(30)));
    let again = || {
        by().decide(moved(CampaignState::Stale, CampaignState::Planning))
            .decide(CampaignUnplanned { campaign: campaign(1) })
    };
    scene.applied(by().decide(moved(CampaignState::Planned, CampaignState::Stale)));
    scene.applied(again());
    let (of, waves) = read(&scene);
    assert_eq!((of.runs.total(), of.plan, waves.len()), (0, None, 0));
    assert_eq!(scene.ledger().run(campaign(1), 0).expect("read"), None);

    // The same numbers and names again.
    for wave in [0, 1] {
        scene.applied(by().decide(WavePlanned { campaign: campaign(1), wave, budget: 1 }));
    }
    plan(&scene, 2);
    scene.applied(by().decide(plan_of(2)).decide(intended(1)));
    scene.applied(by().decide(moved(CampaignState::Planned, CampaignState::Stale)));
    assert_eq!(scene.commit(again()), refused(RefusedAt::Entry(1), Found::PastTheDoor { runs: 1 }));
    scene.is_sound();
}

/// Units of a thousand runs; the counters are exact.
pub fn a_campaign_of_thousands_of_runs_is_read_without_counting(places: Places<'_>) {
    let scene = Scene::set(places);
    for chunk in 0..3_u64 {
        let unit = (chunk * 1_000..(chunk + 1) * 1_000).fold(by(), |unit, seq| {
            let mut planned = planned(seq, 1);
            if seq % 10 == 0 {
                (planned.verdict, planned.wave) = (Verdict::Refused, None);
            }
            unit.decide(planned)
        });
        scene.applied(unit);
    }
    let cancelled =
        |seq| RunCancelled { campaign: campaign(1), seq, from: RunState::Planned, reason: text("enough") };
    scene.applied((0..100).map(|n| n * 10 + 1).fold(by(), |unit, seq| unit.decide(cancelled(seq))));
    let (of, waves) = read(&scene);
    let expected = [(RunState::Ineligible, 300), (RunState::Planned, 2_600), (RunState::Cancelled, 100)];
    assert_eq!(counted(&of.runs), expected);
    assert_eq!(waves[1].runs.total(), 2_700);
    scene.is_sound();
}

/// What the budget is compared with does not shrink.
pub fn a_failure_stays_on_its_waves_account_when_the_run_is_tried_again(places: Places<'_>) {
    let scene = Scene::set(places);
    plan(&scene, 3);
    scene.applied(by().decide(failed(1, RunState::Planned)).decide(intended(2)));
    let (from, reason) = (RunState::Failed, text("again"));
    let retried = RunRetried { campaign: campaign(1), seq: 1, from, reason: reason.clone() };
    scene.applied(by().decide(retried).decide(failed(2, RunState::Intended)));
    let skipped = RunSkipped { campaign: campaign(1), seq: 2, from, reason: reason.clone() };
    scene.applied(by().decide(skipped));
    let (of, waves) = read(&scene);
    let first = scene.ledger().run(campaign(1), 1).expect("read").expect("there is one");
    assert_eq!((first.state, first.failure, first.meters.attempts), (RunState::Planned, None, 2));
    assert_eq!((waves[0].failures, waves[1].failures), (0, 2));
    assert_eq!(counted(&waves[1].runs), [(RunState::Planned, 1), (RunState::Skipped, 1)]);
    assert_eq!(of.meters.attempts, 4);
    let (wave, from) = (1, WaveState::Waiting);
    let more = WaveMoved { campaign: campaign(1), wave, from, to: from, reason, budget: 9 };
    scene.applied(by().decide(more));
    assert_eq!(read(&scene).1[1].budget, 9);
    scene.is_sound();
}

/// A module is its digest, whatever it is called.
pub fn modules_keep_their_names_and_their_state(places: Places<'_>) {
    let scene = Scene::set(places);
    let (module, other) = (ModuleDigest::of(b"one"), ModuleDigest::of(b"other"));
    let submitted = |module, version: &str| ModuleSubmitted {
        module,
        name: name("prefs"),
        version: name(version),
        bytes: Bytes(3),
        owner: None,
        source: None,
        commit: None,
    };
    scene.applied(by().decide(submitted(module, "1")).decide(submitted(module, "2")));
    let taken = refused(RefusedAt::Entry(0), Found::Label { module });
    assert_eq!(scene.commit(by().decide(submitted(other, "1"))), taken);
    let compiled = ModuleCompiled { module, manifest: Some(content()) };
    scene.applied(by().decide(compiled.clone()));
    let ready = refused(RefusedAt::Entry(0), Found::Module { state: ModuleState::Ready });
    assert_eq!(scene.commit(by().decide(compiled)), ready);
    scene.applied(by().decide(ModuleSuspended { module, reason: text("deaths") }));
    let read =
        || scene.ledger().module_named(&name("prefs"), &name("2")).expect("read").expect("there is one");
    assert_eq!(
        (read().state, read().reason, read().digest),
        (ModuleState::Suspended, text("deaths"), module)
    );
    scene.applied(by().decide(ModuleRestored { module, reason: text("fixed") }));
    assert_eq!((read().state, read().manifest), (ModuleState::Ready, Some(content())));
    scene.applied(by().decide(submitted(other, "3")));
    let (code, message) = (name("SK0107"), text("a socket"));
    scene.applied(by().decide(ModuleRefused { module: other, code: code.clone(), message }));
    let refused = scene.ledger().module(other).expect("read").expect("there is one");
    assert_eq!((refused.state, refused.code), (ModuleState::Refused, Some(code)));
    let page = scene.ledger().modules(None, None, crate::page::Limit::new(2)).expect("read");
    assert_eq!(page.items.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let page = scene.ledger().modules(None, page.next.as_ref(), crate::page::Limit::new(2)).expect("read");
    assert_eq!((page.items[0].digest, page.next), (other, None));
    scene.is_sound();
}

/// Submitted, ready, refused, suspended: a ban of each, what it refuses, and where it leads back to.
pub fn a_ban_holds_from_everywhere_and_leads_back_to_where_it_was(places: Places<'_>) {
    let scene = Scene::set(places);
    let module = |state: ModuleState| ModuleDigest::of(state.as_str().as_bytes());
    let compiled = |module| ModuleCompiled { module, manifest: None };
    let read = |state| scene.ledger().module(module(state)).expect("read").expect("there is one");
    let before = [ModuleState::Submitted, ModuleState::Ready, ModuleState::Refused, ModuleState::Suspended];
    let (code, message, reason) = (name("SK0107"), text("a socket"), text("steals"));
    for state in before {
        let (module, version, bytes) = (module(state), name(state.as_str()), Bytes(3));
        let (owner, source, commit) = (None, None, None);
        let submitted = ModuleSubmitted { module, name: name("m"), version, bytes, owner, source, commit };
        let mut unit = by().decide(submitted);
        if matches!(state, ModuleState::Ready | ModuleState::Suspended) {
            unit = unit.decide(compiled(module));
        }
        if state == ModuleState::Suspended {
            unit = unit.decide(ModuleSuspended { module, reason: reason.clone() });
        }
        if state == ModuleState::Refused {
            unit = unit.decide(ModuleRefused { module, code: code.clone(), message: message.clone() });
        }
        scene.applied(unit);
        assert_eq!(read(state).state, state);
        scene.applied(by().decide(ModuleBanned { module, reason: reason.clone() }));
        assert_eq!((read(state).state, read(state).reason), (ModuleState::Banned, reason.clone()));
        let banned = refused(RefusedAt::Entry(0), Found::Module { state: ModuleState::Banned });
        assert_eq!(scene.commit(by().decide(ModuleBanned { module, reason: reason.clone() })), banned);
        assert_eq!(scene.commit(by().decide(compiled(module))), banned);
        assert_eq!(scene.commit(by().decide(ModuleSuspended { module, reason: reason.clone() })), banned);
        scene.applied(by().decide(ModuleRestored { module, reason: text("a mistake") }));
    }
    let after = before.map(|state| read(state).state);
    assert_eq!(after, [ModuleState::Submitted, ModuleState::Ready, ModuleState::Refused, ModuleState::Ready]);
    // It is compiled in the end, and neither a suspension nor a later ban remembers the first.
    let first = module(ModuleState::Submitted);
    let suspended = ModuleSuspended { module: first, reason: reason.clone() };
    let restored = ModuleRestored { module: first, reason: reason.clone() };
    scene.applied(by().decide(compiled(first)).decide(suspended).decide(restored));
    assert_eq!(read(ModuleState::Submitted).state, ModuleState::Ready);
    let ban = ModuleBanned { module: module(ModuleState::Submitted), reason: reason.clone() };
    scene.applied(by().decide(ban));
    scene.applied(
        by().decide(ModuleRestored { module: module(ModuleState::Submitted), reason: reason.clone() }),
    );
    assert_eq!(read(ModuleState::Submitted).state, ModuleState::Ready);
    let nobody = ModuleBanned { module: ModuleDigest::of(b"nobody"), reason };
    assert_eq!(scene.commit(by().decide(nobody)), refused(RefusedAt::Entry(0), Found::Nothing));
    scene.is_sound();
}
