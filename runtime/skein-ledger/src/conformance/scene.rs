//! What the properties start from: a ledger with a campaign, and words to say things with.

use std::sync::Arc;

use skein_types::{
    Actor, AttemptId, Blake3, Bytes, CampaignId, CampaignState, CauseId, DatasetId, ErrorClass, ModuleDigest,
    Name, NodeId, ParamsDigest, Rows, RunId, RunState, TaskId, Text, Timestamp, Token, Verdict,
};
use uuid::Uuid;

use super::{Place, Places, SetClock};
use crate::entry::{Claim, Enqueue, Entry};
use crate::event::campaign::{CampaignCreated, CampaignMoved, WavePlanned};
use crate::event::dataset::{DatasetRegistered, Labels};
use crate::event::node::NodeJoined;
use crate::event::run::{Meters, RunFailed, RunIntended, RunPlanned, RunPublished};
use crate::ledger::Ledger;
use crate::task::{SizeClass, TaskKind};
use crate::unit::{Span, Unit, UnitOutcome};

pub(super) const START: Timestamp = Timestamp(1_700_000_000_000);
/// The one blob that everything in a scene names.
pub(super) const CONTENT: &[u8] = b"content";

/// A ledger that can be closed and opened again.
pub(super) struct Scene {
    place: Box<dyn Place>,
    pub(super) clock: Arc<SetClock>,
    ledger: Option<Box<dyn Ledger>>,
}

impl Scene {
    pub(super) fn new(places: Places<'_>) -> Self {
        let mut scene = Self { place: places(), clock: SetClock::at(START), ledger: None };
        scene.reopen();
        scene
    }

    /// The blob, a campaign in *planning* with two waves, and two nodes.
    pub(super) fn set(places: Places<'_>) -> Self {
        let scene = Self::new(places);
        let blob = Entry::PutBlob { bytes: CONTENT.to_vec(), keep_until: START };
        scene.applied(by().then(blob).decide(created(campaign(1))));
        let waves = [0, 1].map(|wave| WavePlanned { campaign: campaign(1), wave, budget: 3 });
        let [first, second] = waves;
        let to = CampaignState::Planning;
        scene.applied(by().decide(moved(CampaignState::Draft, to)).decide(first).decide(second));
        scene.applied(by().decide(joined(1, 1)).decide(joined(2, 1)));
        scene
    }

    pub(super) fn reopen(&mut self) {
        self.ledger = None;
        self.ledger = Some(self.place.open(self.clock.clone()).expect("a ledger opens"));
    }

    pub(super) fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_deref().expect("it is open")
    }

    pub(super) fn commit(&self, unit: Unit) -> UnitOutcome {
        self.ledger().commit(vec![unit]).expect("it is written").remove(0)
    }

    /// Commits what has to be applied; its events.
    pub(super) fn applied(&self, unit: Unit) -> Option<Span> {
        let outcome = self.commit(unit);
        let UnitOutcome::Applied(span) = outcome else { panic!("{outcome:?}") };
        span
    }

    /// The chain verifies and everything follows from it.
    pub(super) fn is_sound(&self) {
        let head = self.ledger().head().expect("there is a head");
        assert_eq!(self.ledger().verify(None).expect("the chain verifies"), head);
        assert_eq!(self.ledger().rebuild().expect("the projections follow").head, head);
        self.ledger().verify_blobs().expect("what is named is there");
    }
}

pub(super) fn by() -> Unit {
    Unit::by(Actor::new("person:ada").expect("a good actor"))
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

pub(super) fn text(text: &str) -> Text {
    Text::clip(text)
}

fn uuid(kind: u128, number: u64) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}

pub(super) fn campaign(number: u64) -> CampaignId {
    CampaignId::new(uuid(1, number))
}

pub(super) fn dataset(number: u64) -> DatasetId {
    DatasetId::new(uuid(2, number))
}

pub(super) fn node(number: u64) -> NodeId {
    NodeId::new(uuid(3, number))
}

pub(super) fn task(number: u64) -> TaskId {
    TaskId::new(uuid(4, number))
}

pub(super) fn attempt(number: u64) -> AttemptId {
    AttemptId::new(uuid(5, number))
}

pub(super) fn cause(number: u64) -> CauseId {
    CauseId::new(uuid(6, number))
}

pub(super) fn run_id(campaign: u64, seq: u64) -> RunId {
    RunId::new(uuid(7 + u128::from(campaign), seq))
}

pub(super) fn content() -> Blake3 {
    Blake3::of(CONTENT)
}

pub(super) fn token(generation: u64, epoch: u64) -> Token {
    Token { generation, epoch }
}

pub(super) fn created(campaign: CampaignId) -> CampaignCreated {
    CampaignCreated {
        campaign,
        name: name("prefs"),
        owner: name("shop"),
        module: ModuleDigest::of(b"module"),
        params: ParamsDigest::of(b"params"),
        params_blob: content(),
        policy: content(),
        secrets: std::collections::BTreeMap::from([(name("key"), 1)]),
        selection: content(),
    }
}

pub(super) fn moved(from: CampaignState, to: CampaignState) -> CampaignMoved {
    CampaignMoved { campaign: campaign(1), from, to, reason: text("because") }
}

pub(super) fn joined(number: u64, incarnation: u64) -> NodeJoined {
    NodeJoined { node: node(number), name: name("node"), incarnation }
}

/// Run `seq` of the first campaign.
pub(super) fn planned(seq: u64, wave: u32) -> RunPlanned {
    RunPlanned {
        campaign: campaign(1),
        seq,
        run: run_id(1, seq),
        dataset: dataset(seq),
        team: Some(name("shop")),
        wave: Some(wave),
        verdict: Verdict::Eligible,
        reason: text(""),
        schema: None,
        plan: None,
        bytes: Bytes(100),
        rows: Rows(10),
    }
}

pub(super) fn intended(seq: u64) -> RunIntended {
    RunIntended {
        campaign: campaign(1),
        seq,
        publish: name("pub"),
        descriptor: content(),
        base: 1,
        attempt: attempt(seq),
    }
}

pub(super) fn published(seq: u64) -> RunPublished {
    let meters = Meters { attempts: 1, rows_in: Rows(10), ..Meters::default() };
    RunPublished { campaign: campaign(1), seq, version: 2, meters, statement: None }
}

pub(super) fn failed(seq: u64, from: RunState) -> RunFailed {
    RunFailed {
        campaign: campaign(1),
        seq,
        from,
        class: ErrorClass::Fault,
        code: name("SK0302"),
        message: text("bad"),
        meters: Meters { attempts: 2, ..Meters::default() },
    }
}

pub(super) fn registered(
    number: u64,
    called: &str,
    owner: &str,
    labels: &[(&str, &str)],
) -> DatasetRegistered {
    DatasetRegistered {
        dataset: dataset(number),
        name: name(called),
        driver: name("files"),
        location: text(&format!("/data/{number}")),
        owner: name(owner),
        labels: labels.iter().map(|(key, value)| (name(key), name(value))).collect::<Labels>(),
    }
}

pub(super) fn enqueue(number: u64) -> Enqueue {
    Enqueue {
        task: task(number),
        campaign: Some(campaign(1)),
        seq: Some(number),
        kind: TaskKind::Run,
        class: SizeClass::Small,
        cost: Bytes(100),
        payload: "{}".to_owned(),
        input: None,
        not_before: Timestamp(0),
    }
}

pub(super) fn claim(number: u64, token: Token, by: u64, incarnation: u64) -> Entry {
    let (task, node, attempt) = (task(number), node(by), attempt(token.epoch));
    Entry::Claim(Claim { task, token, node, incarnation, attempt })
}
