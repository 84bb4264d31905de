//! What tests of this crate begin with: control on an empty directory under a clock that they set, and a campaign that its
//! events alone have brought to where it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_api::node::{PROTOCOL, Register, Secret};
use skein_ledger::{
    ApprovalGiven, CampaignCreated, CampaignMoved, CampaignPlanned, DatasetRegistered, Entry, Grant, Labels,
    ModuleCompiled, ModuleSubmitted, Name, RunPlanned, SlicePlanned, Text, TokenIssued, WaveMoved,
    WavePlanned,
};
use skein_types::{
    Blake3, Bytes, CampaignId, CampaignState, Clock, DatasetId, ModuleDigest, ParamsDigest, Risk, Role, Rows,
    RunId, Timestamp, TokenId, TokenKind, Verdict, WaveState,
};
use uuid::Uuid;

use crate::control::{Control, Options};
use crate::fleet::Seat;

/// Stands where a test sets it.
#[derive(Debug, Default)]
pub(crate) struct HandClock(pub(crate) AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now().0)
    }
}

pub(crate) fn open(place: &Path, clock: &Arc<HandClock>) -> Arc<Control> {
    open_for(place, clock, true)
}

/// Of one user alone, or of those who have tokens.
pub(crate) fn open_for(place: &Path, clock: &Arc<HandClock>, single_user: bool) -> Arc<Control> {
    opened(place, clock, (single_user, ""))
}

/// Of one user alone, who reaches it there.
pub(crate) fn open_at(place: &Path, address: &str) -> Arc<Control> {
    opened(place, &Arc::new(HandClock::default()), (true, address))
}

fn opened(place: &Path, clock: &Arc<HandClock>, (single_user, address): (bool, &str)) -> Arc<Control> {
    let options = Options {
        dir: place.to_owned(),
        exe: PathBuf::new(),
        address: address.to_owned(),
        nodes_at: String::new(),
        artifact_key: [0; 32],
        keys: place.join("keys"),
        roots: crate::Roots::new(),
        prices: None,
        secret_keys: crate::SecretKeys { seal: [1; 32], digest: [2; 32] },
        single_user,
        notices: crate::Notices { own: Vec::new(), networks: skein_notify::Networks::standard(), mail: None },
        scrub: Bytes(0),
        spans_lost: Arc::default(),
        compiles_first: drop,
        secret: Secret::new(&"s".repeat(64)).unwrap(),
    };
    Control::open(options, clock.clone()).unwrap()
}

/// The seat of a node with so many slots that takes what there is.
pub(crate) fn seat(name: &str, slots: u32) -> Seat {
    let asked = Register {
        protocol: PROTOCOL,
        name: skein_api::Text::escaped(name),
        version: skein_api::Text::escaped("1"),
        slots,
        cpu: 0,
        memory: Bytes(0),
        read: None,
        write: None,
    };
    Seat::new(&asked, (1, Duration::ZERO), 0)
}

/// The campaign.
pub(crate) fn campaign() -> CampaignId {
    CampaignId::new(Uuid::from_u128(1))
}

/// Its module.
pub(crate) const MODULE: ModuleDigest = ModuleDigest([7; 32]);

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A campaign that is being planned, over one dataset; its run is written, its plan is not.
pub(crate) fn planning(control: &Control) {
    planning_for(control, &["local"]);
}

/// The same, over a dataset of each of these teams.
fn planning_for(control: &Control, teams: &[&str]) {
    let unit = || control.itself.unit();
    let blob = |text: &str| Entry::PutBlob { bytes: text.into(), keep_until: Timestamp(u64::MAX >> 12) };
    let digest = |text: &str| Blake3::of(text.as_bytes());
    let module = unit()
        .decide(ModuleSubmitted {
            module: MODULE,
            name: name("m"),
            version: name("1"),
            bytes: Bytes(1),
            owner: None,
            source: None,
            commit: None,
        })
        .decide(ModuleCompiled { module: MODULE, manifest: None });
    control.write(module).unwrap();
    let created = CampaignCreated {
        campaign: campaign(),
        name: name("c"),
        owner: name("local"),
        module: MODULE,
        params: ParamsDigest(digest("null").0),
        params_blob: digest("null"),
        policy: digest("{}"),
        secrets: std::collections::BTreeMap::new(),
        selection: digest("{}"),
    };
    control.write(unit().then(blob("null")).then(blob("{}")).decide(created)).unwrap();
    moved(control, CampaignState::Draft, CampaignState::Planning);
    control.write(unit().decide(WavePlanned { campaign: campaign(), wave: 0, budget: 0 })).unwrap();
    for (seq, team) in (0..).zip(teams) {
        part(control, seq, team);
    }
}

/// What a plan has of a team: a dataset with its run, and the slice.
fn part(control: &Control, seq: u64, team: &str) {
    let id = |number: u128| Uuid::from_u128(number + 2 * u128::from(seq));
    let dataset = DatasetId::new(id(2));
    let registered = DatasetRegistered {
        dataset,
        name: name(&format!("d{seq}")),
        driver: name("files"),
        location: Text::new(format!("/nowhere/d{seq}")).unwrap(),
        owner: name(team),
        labels: Labels::new(),
    };
    let run = RunPlanned {
        campaign: campaign(),
        seq,
        run: RunId::new(id(3)),
        dataset,
        team: Some(name(team)),
        wave: Some(0),
        verdict: Verdict::Eligible,
        reason: Text::clip(""),
        schema: Some(Blake3([1; 32])),
        plan: Some(Blake3([2; 32])),
        bytes: Bytes(1),
        rows: Rows(1),
    };
    let slice = SlicePlanned {
        campaign: campaign(),
        team: name(team),
        risk: Risk::High,
        datasets: 1,
        bytes: Bytes(1),
        rows: Rows(1),
    };
    control.write(control.itself.unit().decide(registered).decide(run).decide(slice)).unwrap();
}

/// The digest of its plan.
pub(crate) const PLAN: Blake3 = Blake3([3; 32]);

/// The same campaign with its plan, by a process that died before it did anything more.
pub(crate) fn planned(control: &Control) {
    planned_for(control, &["local"]);
}

/// The same, over a dataset of each of these teams.
pub(crate) fn planned_for(control: &Control, teams: &[&str]) {
    planning_for(control, teams);
    let report = Entry::PutBlob { bytes: b"{}".to_vec(), keep_until: Timestamp(u64::MAX >> 12) };
    let planned = CampaignPlanned {
        campaign: campaign(),
        plan: PLAN,
        report: Blake3::of(b"{}"),
        runs: teams.len() as u64,
        bytes: Bytes(1),
        rows: Rows(1),
    };
    control.write(control.itself.unit().then(report).decide(planned)).unwrap();
}

/// The same campaign, running its only wave.
pub(crate) fn running(control: &Control) {
    running_for(control, &["local"]);
}

/// The same, over a dataset of each of these teams.
pub(crate) fn running_for(control: &Control, teams: &[&str]) {
    planned_for(control, teams);
    moved(control, CampaignState::Planned, CampaignState::Approved);
    moved(control, CampaignState::Approved, CampaignState::Running);
    let wave = WaveMoved {
        campaign: campaign(),
        wave: 0,
        from: WaveState::Waiting,
        to: WaveState::Running,
        reason: Text::clip("turn_came"),
        budget: 0,
    };
    control.write(control.itself.unit().decide(wave)).unwrap();
}

fn moved(control: &Control, from: CampaignState, to: CampaignState) {
    let moved = CampaignMoved { campaign: campaign(), from, to, reason: Text::clip("asked") };
    control.write(control.itself.unit().decide(moved)).unwrap();
}

/// That somebody approved the part of `local`.
pub(crate) fn approved(person: &str, completes: bool) -> ApprovalGiven {
    ApprovalGiven {
        campaign: campaign(),
        team: name("local"),
        plan: PLAN,
        person: name(person),
        of_owner: true,
        completes,
        note: Text::clip(""),
    }
}

/// Of a person who is an approver for all teams.
pub(crate) fn token(number: u128, person: &str, expires: Option<u64>) -> TokenIssued {
    TokenIssued {
        token: TokenId::new(Uuid::from_u128(number)),
        name: name(person),
        kind: TokenKind::Person,
        hash: Blake3::of(&number.to_be_bytes()),
        grants: vec![Grant { team: None, role: Role::Approver }],
        expires: expires.map(Timestamp),
    }
}
