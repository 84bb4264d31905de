//! What is possible in which state, all of it: a change shows up as a line of a table.

use std::fmt::Write as _;

use skein_campaign::{
    Accept, Campaign, Command, Decision, Policy, Restored, RetryWhat, RollBackWhat, Run, RunReport, Tally,
    WaveRow,
};
use skein_types::{Blake3, CampaignState, RunState, Timestamp, Verb, WaveState};

/// A campaign in a state, with waves as they may be there: two runs in each state that leaves something to be done.
fn campaign(state: CampaignState) -> Campaign {
    use CampaignState as S;
    let wave = |state, budget, runs: &[(RunState, u64)]| WaveRow {
        state,
        reason: None,
        budget,
        runs: Tally::of(runs.iter().copied()),
    };
    let canary = wave(WaveState::Promoted, 0, &[(RunState::Published, 2), (RunState::RevertFailed, 1)]);
    let failed = [(RunState::Failed, 2), (RunState::Skipped, 1), (RunState::Published, 2)];
    let (mut second, mut third) =
        (wave(WaveState::Promoted, 3, &failed), wave(WaveState::Promoted, 3, &failed));
    match state {
        S::Running | S::Paused => {
            second = wave(WaveState::Running, 3, &[&failed[..], &[(RunState::Planned, 2)]].concat());
            third = wave(WaveState::Waiting, 3, &[(RunState::Planned, 2)]);
        }
        S::Halted => {
            second = wave(WaveState::Held, 1, &[&failed[..], &[(RunState::Planned, 2)]].concat());
            third = wave(WaveState::Waiting, 3, &[(RunState::Planned, 2)]);
        }
        S::Draft
        | S::Planning
        | S::PlanFailed
        | S::Planned
        | S::AwaitingApproval
        | S::Stale
        | S::Approved
        | S::Soaking
        | S::Finalizing
        | S::Succeeded
        | S::PartiallySucceeded
        | S::RollingBack
        | S::RolledBack
        | S::RollbackIncomplete
        | S::Cancelling
        | S::Cancelled => {}
    }
    let before = matches!(state, S::Draft | S::Planning | S::PlanFailed);
    let unstarted = matches!(state, S::Planned | S::AwaitingApproval | S::Stale | S::Approved);
    let planned = wave(WaveState::Waiting, 0, &[(RunState::Planned, 2)]);
    let waves = match (before, unstarted) {
        (true, _) => Vec::new(),
        (_, true) => vec![planned, planned],
        (false, false) => vec![canary, second, third],
    };
    let (plan, since) = ((!before).then(|| Blake3::of(b"plan")), Timestamp(0));
    let policy = Policy::standard();
    Campaign::restore(Restored { state, epoch: 7, reason: None, since, policy, plan, ineligible: 0, waves })
}

fn command(verb: Verb) -> Command {
    match verb {
        Verb::Plan => Command::Plan,
        Verb::Start => Command::Start,
        Verb::Pause => Command::Pause,
        Verb::Resume => Command::Resume(Accept::AsIs),
        Verb::Cancel => Command::Cancel,
        Verb::Retry => Command::Retry(RetryWhat::All),
        Verb::Skip => Command::Skip,
        Verb::RollBack => Command::RollBack(RollBackWhat::Campaign),
        Verb::Finalize => Command::Finalize { now: true },
    }
}

/// The campaign's moves, and then its waves'.
fn told(decisions: &[Decision]) -> String {
    let mut moves = Vec::new();
    for decision in decisions {
        moves.push(match decision {
            Decision::Moved(moved) => format!("{} ({})", moved.to, moved.reason),
            Decision::Wave(moved) => format!("wave {} {} ({})", moved.wave, moved.to, moved.reason),
            Decision::Planned(plan) => format!("plan of {} waves", plan.waves.len()),
            Decision::Run(moved) => format!("run {}", moved.to),
        });
    }
    if moves.is_empty() { "allowed".to_owned() } else { moves.join(", ") }
}

#[test]
fn every_verb_in_every_state() {
    let mut table = String::new();
    for state in CampaignState::ALL {
        writeln!(table, "{state}").unwrap();
        let campaign = campaign(*state);
        for verb in Verb::ALL {
            match campaign.decide(command(*verb), Timestamp(5)) {
                Ok(decisions) => {
                    assert!(campaign.verbs().contains(verb), "{verb} in {state}");
                    writeln!(table, "  {:<10} {}", verb.as_str(), told(&decisions)).unwrap();
                }
                Err(refused) => {
                    assert_eq!((refused.state, &refused.possible), (*state, &campaign.verbs()));
                    assert!(!campaign.verbs().contains(verb), "{verb} in {state}");
                    assert_eq!(refused.code().id, "SK0631");
                }
            }
        }
        let hint = campaign.decide(command(Verb::Plan), Timestamp(5)).err().map(|refused| refused.hint());
        if let Some(hint) = hint {
            writeln!(table, "  else: {hint}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// The same with runs in every state in wave 1.
fn with_all_runs(state: CampaignState) -> Campaign {
    let campaign = campaign(state);
    let all = Tally::of(RunState::ALL.iter().map(|state| (*state, 2)));
    let row = |wave: &skein_campaign::Wave| WaveRow {
        state: wave.state(),
        reason: None,
        budget: 9,
        runs: if wave.number() == 1 { all } else { *wave.runs() },
    };
    Campaign::restore(Restored {
        state,
        epoch: 7,
        reason: None,
        since: Timestamp(0),
        policy: Policy::standard(),
        plan: campaign.plan(),
        ineligible: 0,
        waves: campaign.waves().iter().map(row).collect(),
    })
}

#[test]
fn every_move_of_a_run_in_every_state() {
    let mut table = String::new();
    for state in CampaignState::ALL {
        let campaign = with_all_runs(*state);
        writeln!(table, "{state}").unwrap();
        for from in RunState::ALL {
            let run = Run { seq: 1, wave: 1, state: *from, epoch: 4 };
            let to = RunState::ALL.iter().filter(|to| {
                match campaign.decide(RunReport::of(run, **to), Timestamp(5)) {
                    Ok(decisions) => {
                        assert!(decisions.iter().any(|decision| matches!(decision, Decision::Run(_))));
                        true
                    }
                    Err(refused) => {
                        assert!(["SK0632", "SK0634", "SK0638"].contains(&refused.code().id), "{refused}");
                        false
                    }
                }
            });
            let to: Vec<&str> = to.map(|to| to.as_str()).collect();
            if !to.is_empty() {
                writeln!(table, "  {} -> {}", from.as_str(), to.join(", ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}
