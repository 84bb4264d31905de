//! Slices of plans, approvals and comments.

use skein_types::{
    Blake3, Bytes, CampaignState, Name, Risk, Rows, RunState, SliceState, Timestamp, Verdict, WaveState,
};

use super::Places;
use super::lists::all;
use super::scene::{
    START, Scene, by, campaign, content, created, dataset, moved, name, planned, registered, run_id, text,
};
use crate::entry::Entry;
use crate::event::Event;
use crate::event::approval::*;
use crate::event::campaign::{CampaignPlanned, CampaignUnplanned, WaveMoved, WavePlanned};
use crate::event::dataset::{RuleIgnored, RuleSet};
use crate::event::run::{RunPlanned, RunSkipped};
use crate::guard::Found;
use crate::page::Limit;
use crate::unit::{RefusedAt, Unit, UnitOutcome};
use crate::view::{Approval, PlannedRule, Slice, WaveApproval};

fn plan() -> Blake3 {
    Blake3::of(b"plan")
}

fn sliced(team: &str) -> SlicePlanned {
    SlicePlanned {
        campaign: campaign(1),
        team: name(team),
        risk: Risk::High,
        datasets: 2,
        bytes: Bytes(200),
        rows: Rows(20),
    }
}

/// A campaign of two runs of one team and one of another, planned.
fn with_a_plan(places: Places<'_>) -> Scene {
    let scene = Scene::set(places);
    let mut other = planned(2, 1);
    other.team = Some(name("pay"));
    scene.applied(by().decide(planned(0, 0)).decide(planned(1, 1)).decide(other));
    scene.applied(by().decide(sliced("shop")).decide(sliced("pay")));
    scene.applied(by().decide(CampaignPlanned {
        campaign: campaign(1),
        plan: plan(),
        report: content(),
        runs: 3,
        bytes: Bytes(300),
        rows: Rows(30),
    }));
    scene
}

fn refuses(scene: &Scene, event: impl Into<Event>, found: Found) {
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found };
    assert_eq!(scene.commit(by().decide(event)), refused);
}

fn gives(team: &str, person: &str, of_owner: bool) -> ApprovalGiven {
    ApprovalGiven {
        campaign: campaign(1),
        team: name(team),
        plan: plan(),
        person: name(person),
        of_owner,
        completes: false,
        note: text("looked"),
    }
}

fn slice(scene: &Scene, team: &str) -> Slice {
    scene.ledger().slice(campaign(1), &name(team)).expect("read").expect("it is there")
}

fn approvals(scene: &Scene) -> Vec<Approval> {
    all(|after: Option<&(Name, Name)>, limit| {
        scene.ledger().approvals(campaign(1), after, limit).expect("read")
    })
}

/// As long as the plan is the one that was approved, once a person, and taken back as given.
pub fn a_slice_is_approved_by_persons_and_opened_again(places: Places<'_>) {
    let mut scene = with_a_plan(places);
    let teams: Vec<Name> =
        all(|after, limit| scene.ledger().slices(campaign(1), after, limit).expect("read"))
            .into_iter()
            .map(|slice| slice.team)
            .collect();
    assert_eq!(teams, [name("pay"), name("shop")]);
    refuses(&scene, sliced("shop"), Found::Slice { state: SliceState::Undecided });
    refuses(&scene, gives("bank", "ada", true), Found::Nothing);
    let other = ApprovalGiven { plan: content(), ..gives("shop", "ada", true) };
    refuses(&scene, other, Found::Plan { plan: Some(plan()) });

    scene.applied(by().decide(gives("shop", "ada", true)));
    assert_eq!(slice(&scene, "shop").state, SliceState::Undecided);
    refuses(&scene, gives("shop", "ada", true), Found::Approval);
    scene.clock.set(Timestamp(START.0 + 5));
    scene.applied(by().decide(ApprovalGiven { completes: true, ..gives("shop", "ben", false) }));
    let approved = slice(&scene, "shop");
    assert_eq!((approved.state, approved.since), (SliceState::Approved, Timestamp(START.0 + 5)));
    assert_eq!(slice(&scene, "pay").state, SliceState::Undecided);
    let ada = Approval {
        team: name("shop"),
        person: name("ada"),
        of_owner: true,
        glass: false,
        note: text("looked"),
        at: START,
    };
    let there = approvals(&scene);
    assert_eq!((there.len(), &there[0], there[1].of_owner), (2, &ada, false));

    let revoked = ApprovalRevoked {
        campaign: campaign(1),
        team: name("shop"),
        person: name("ben"),
        opens: true,
        reason: text("changed my mind"),
    };
    scene.applied(by().decide(revoked.clone()));
    refuses(&scene, revoked, Found::Nothing);
    scene.reopen();
    assert_eq!((slice(&scene, "shop").state, approvals(&scene)), (SliceState::Undecided, vec![ada]));
    scene.is_sound();
}

/// Rules that stand with datasets of its waves, each with how many, and no others.
pub fn rules_of_a_plan_are_found_by_its_datasets(places: Places<'_>) {
    let scene = with_a_plan(places);
    let kept = |text: &str| Entry::PutBlob { bytes: text.into(), keep_until: Timestamp(u64::MAX >> 12) };
    let set = |of: u64, consumer: Option<&str>, rule: &str, text: &str| RuleSet {
        dataset: dataset(of),
        consumer: consumer.map(name),
        name: name(rule),
        blob: Blake3::of(text.as_bytes()),
    };
    for (number, called) in [(0, "c"), (1, "b"), (2, "a"), (3, "elsewhere")] {
        let row = registered(number, called, "shop", &[]);
        if scene.ledger().dataset(row.dataset).expect("read").is_none() {
            scene.applied(by().decide(row));
        }
        scene.applied(by().then(kept("a")).decide(set(number, None, "ids", "a")));
    }
    scene.applied(by().then(kept("c")).decide(set(2, None, "ids", "c")));
    scene.applied(by().then(kept("b")).decide(set(1, Some("bi"), "gap", "b")));
    scene.applied(by().decide(set(1, Some("bi"), "zip", "b")));
    // Of the campaign, and in none of its waves.
    let left_out = RunPlanned { wave: None, verdict: Verdict::NotApplicable, ..planned(4, 0) };
    scene.applied(by().decide(registered(4, "left-out", "shop", &[])).decide(left_out));
    scene.applied(by().decide(set(4, None, "out", "a")));
    let found = || {
        let found = scene.ledger().rules_of_campaign(campaign(1), Limit::MAX).expect("read");
        let said = |one: PlannedRule| {
            let whose = one.consumer.map(|team| team.to_string()).unwrap_or_default();
            (whose, one.name.to_string(), one.datasets, one.ignored)
        };
        found.into_iter().map(said).collect::<Vec<_>>()
    };
    let of = |whose: &str, named: &str, datasets: u64, ignored: bool| {
        (whose.to_owned(), named.to_owned(), datasets, ignored)
    };
    // One text with two datasets, another one with the third; what stands with datasets of no run is not there.
    let (mut one, mut two) = (of("", "ids", 2, false), of("", "ids", 1, false));
    if Blake3::of(b"c") < Blake3::of(b"a") {
        std::mem::swap(&mut one, &mut two);
    }
    let zip = of("bi", "zip", 1, false);
    assert_eq!(found(), [one.clone(), two.clone(), of("bi", "gap", 1, false), zip.clone()]);
    let ignored = RuleIgnored {
        dataset: dataset(1),
        consumer: name("bi"),
        name: name("gap"),
        ignored: true,
        reason: text("not used"),
    };
    scene.applied(by().decide(ignored));
    assert_eq!(found(), [one, two, of("bi", "gap", 1, true), zip]);
    let all = scene.ledger().rules_of_campaign(campaign(1), Limit::MAX).expect("read");
    let twice = all.iter().find(|one| one.datasets == 2).expect("the one of two");
    assert_eq!((twice.owner.as_str(), twice.example.as_str()), ("shop", "b"));
    let asked = |of: u64, limit| scene.ledger().rules_of_campaign(campaign(of), limit).expect("read");
    assert_eq!((asked(1, Limit::new(1)), asked(2, Limit::MAX)), (all[..1].to_vec(), vec![]));
    // Where other datasets have very many, it is looked for the other way.
    let others = (0..1_100).map(|number| set(3, None, &format!("r{number}"), "a"));
    scene.applied(others.fold(by(), Unit::decide));
    assert_eq!(asked(1, Limit::MAX), all);
    assert_eq!((asked(1, Limit::new(1)), asked(2, Limit::MAX)), (all[..1].to_vec(), vec![]));
    scene.is_sound();
}

/// The team's own, of that campaign, which nobody has begun or given up, however many waves on.
pub fn what_is_planned_behind_a_wave_is_found(places: Places<'_>) {
    let scene = with_a_plan(places);
    let behind = |team: &str| {
        let behind = |wave| scene.ledger().is_planned_behind(campaign(1), &name(team), wave).expect("read");
        [0, 1, 2, 3].map(behind)
    };
    let one = [true, false, false, false];
    assert_eq!((behind("shop"), behind("pay")), (one, one));
    let wave = |of, wave| WavePlanned { campaign: campaign(of), wave, budget: 3 };
    let far = RunPlanned { team: Some(name("pay")), ..planned(3, 3) };
    scene.applied(by().decide(wave(1, 3)).decide(far));
    let elsewhere = RunPlanned { campaign: campaign(2), run: run_id(2, 0), ..planned(0, 2) };
    scene.applied(by().decide(created(campaign(2))).decide(wave(2, 2)).decide(elsewhere));
    assert_eq!((behind("shop"), behind("pay")), (one, [true, true, true, false]));
    let skipped =
        RunSkipped { campaign: campaign(1), seq: 3, from: RunState::Planned, reason: text("declined") };
    scene.applied(by().decide(skipped));
    assert_eq!((behind("shop"), behind("pay")), (one, one));
    scene.is_sound();
}

/// Its runs are found by it, and what was said stays with the plan.
pub fn a_slice_is_put_off_or_declined_and_goes_with_its_plan(places: Places<'_>) {
    let scene = with_a_plan(places);
    let deferred = |until| SliceDeferred {
        campaign: campaign(1),
        team: name("shop"),
        until: Timestamp(until),
        person: name("ada"),
        reason: text("month's end"),
    };
    scene.applied(by().decide(deferred(77)));
    assert_eq!(slice(&scene, "shop").until, Some(Timestamp(77)));
    let shops = || {
        let runs = |after: Option<&u64>, limit| {
            let after = after.copied();
            let shop = name("shop");
            scene.ledger().runs_of_slice((campaign(1), &shop), RunState::Planned, after, limit).expect("read")
        };
        all(runs).into_iter().map(|run| run.seq).collect::<Vec<_>>()
    };
    assert_eq!(shops(), [0, 1]);
    let waves = |team| {
        let planned = scene.ledger().planned_of_slice(campaign(1), &name(team)).expect("read");
        for wave in 0..3 {
            let behind = scene.ledger().is_planned_behind(campaign(1), &name(team), wave).expect("read");
            assert_eq!(behind, planned.keys().any(|of| *of > wave), "{team} {wave}");
        }
        planned
    };
    assert_eq!((waves("shop"), waves("pay")), ([(0, 1), (1, 1)].into(), [(1, 1)].into()));
    let no = SliceDeclined {
        campaign: campaign(1),
        team: name("shop"),
        person: name("ada"),
        reason: text("we need the old zone"),
    };
    scene.applied(by().decide(no.clone()));
    let declined = Found::Slice { state: SliceState::Declined };
    refuses(&scene, no, declined.clone());
    refuses(&scene, deferred(78), declined.clone());
    refuses(&scene, gives("shop", "ada", true), declined);
    let skipped =
        RunSkipped { campaign: campaign(1), seq: 0, from: RunState::Planned, reason: text("declined") };
    scene.applied(by().decide(skipped));
    assert_eq!((shops(), waves("shop")), (vec![1], [(1, 1)].into()));

    scene.applied(by().decide(gives("pay", "cy", true)));
    let again = CampaignState::Planning;
    scene.applied(by().decide(moved(CampaignState::Planned, again)));
    scene.applied(by().decide(CampaignUnplanned { campaign: campaign(1) }));
    assert_eq!(scene.ledger().slice(campaign(1), &name("shop")).expect("read"), None);
    assert_eq!((approvals(&scene).len(), shops().len()), (0, 0));
    refuses(&scene, gives("shop", "ada", true), Found::Plan { plan: None });
    scene.is_sound();
}

/// The campaign is marked for ever, and a wave waits for a person.
pub fn broken_glass_stays_and_a_wave_is_let_through_where_it_waits(places: Places<'_>) {
    let scene = with_a_plan(places);
    let marked = || scene.ledger().campaign(campaign(1)).expect("read").expect("there").broken_glass;
    assert!(!marked());
    scene.applied(by().decide(ApprovalBrokenGlass {
        campaign: campaign(1),
        team: name("shop"),
        plan: plan(),
        person: name("ada"),
        reason: text("nobody is there"),
    }));
    assert_eq!((slice(&scene, "shop").state, marked()), (SliceState::Approved, true));
    assert!(approvals(&scene)[0].glass);

    let lets = WaveApproved {
        campaign: campaign(1),
        wave: 0,
        plan: plan(),
        person: name("ben"),
        note: text("fine"),
    };
    refuses(&scene, lets.clone(), Found::Wave { state: WaveState::Waiting });
    let to = |from, to| WaveMoved { campaign: campaign(1), wave: 0, from, to, reason: text(""), budget: 0 };
    scene.applied(by().decide(to(WaveState::Waiting, WaveState::AwaitingApproval)).decide(lets));
    let through = WaveApproval { wave: 0, person: name("ben"), note: text("fine"), at: START };
    assert_eq!(scene.ledger().wave_approvals(campaign(1)).expect("read"), [through]);

    scene.applied(by().decide(moved(CampaignState::Planned, CampaignState::Planning)));
    scene.applied(by().decide(CampaignUnplanned { campaign: campaign(1) }));
    assert!(marked());
    assert_eq!(scene.ledger().wave_approvals(campaign(1)).expect("read"), []);
    scene.is_sound();
}

/// Numbered as they come; a question is resolved once.
pub fn comments_are_numbered_and_questions_counted_until_they_are_resolved(places: Places<'_>) {
    let scene = with_a_plan(places);
    let says = |comment, question: bool| CommentAdded {
        campaign: campaign(1),
        comment,
        team: question.then(|| name("shop")),
        question,
        text: text("why?"),
        person: name("ada"),
    };
    let row = || scene.ledger().campaign(campaign(1)).expect("read").expect("there");
    refuses(&scene, says(2, true), Found::Comments { comments: 0 });
    scene.applied(by().decide(says(1, true)).decide(says(2, false)));
    refuses(&scene, says(2, true), Found::Comments { comments: 2 });
    assert_eq!((row().comments, row().open_questions), (2, 1));
    let resolves = |comment| CommentResolved {
        campaign: campaign(1),
        comment,
        person: name("ben"),
        note: text("because"),
    };
    refuses(&scene, resolves(2), Found::Nothing);
    scene.clock.set(Timestamp(START.0 + 1));
    scene.applied(by().decide(resolves(1)));
    refuses(&scene, resolves(1), Found::Nothing);
    let comments = all(|after: Option<&u64>, limit| {
        scene.ledger().comments(campaign(1), after.copied(), limit).expect("read")
    });
    assert_eq!((comments[0].resolved, comments[1].resolved), (Some(Timestamp(START.0 + 1)), None));
    assert_eq!((comments[0].team.clone(), comments[1].team.clone()), (Some(name("shop")), None));
    // They outlive the plan that they are about.
    scene.applied(by().decide(moved(CampaignState::Planned, CampaignState::Planning)));
    scene.applied(by().decide(CampaignUnplanned { campaign: campaign(1) }));
    assert_eq!((row().comments, row().open_questions), (2, 0));
    scene.is_sound();
}
