//! Golden bodies: what was ever written can be read, and what is written today has not changed by accident.

use std::collections::BTreeMap;
use std::path::PathBuf;

use skein_types::{
    AttemptId, Blake3, Bounds, Bytes, CampaignId, CampaignState, DatasetId, ErrorClass, Excess, Fuel,
    FuelBudget, Millis, ModuleDigest, Name, NodeId, NodeMark, ParamsDigest, QuotaOf, ReceiverKind, Resource,
    Risk, Role, Rows, RunId, RunState, Text, Timestamp, TokenId, TokenKind, Verdict, WaveState, WebhookId,
};
use uuid::Uuid;

use super::access::*;
use super::approval::*;
use super::campaign::*;
use super::dataset::*;
use super::health::*;
use super::key::*;
use super::module::*;
use super::node::*;
use super::run::*;
use super::server::*;
use super::settings::*;
use super::{Event, Kind};

/// One event of each kind, every field of it with something in it.
#[expect(clippy::too_many_lines, reason = "a list, one entry a kind")]
fn samples() -> Vec<Event> {
    let name = |text: &str| Name::new(text).unwrap();
    let text = |text: &str| Text::new(text).unwrap();
    let uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let (campaign, dataset, node) = (CampaignId::new(uuid), DatasetId::new(uuid), NodeId::new(uuid));
    let (token, webhook) = (TokenId::new(uuid), WebhookId::new(uuid));
    let module = ModuleDigest::of(b"module");
    let digest = |what: &str| Blake3::of(what.as_bytes());
    let (seq, wave, from, reason) = (7, 1, RunState::Planned, text("because of \"ü\""));
    let meters = Meters {
        attempts: 1,
        rows_in: Rows(2),
        rows_out: Rows(3),
        rejects: Rows(4),
        bytes_in: Bytes(5),
        bytes_out: Bytes(6),
        cpu: Millis(7),
        fuel: Fuel(8),
    };
    let (code, message, class) = (name("SK0302"), text("row 17: bad ts"), ErrorClass::Fault);
    let labels = Labels::from([(name("tier"), name("gold")), (name("env"), name("prod"))]);
    let (budget, owner) = (3, name("shop"));
    vec![
        ModuleSubmitted {
            module,
            name: name("prefs"),
            version: name("2.0"),
            bytes: Bytes(1_800_000),
            owner: Some(owner.clone()),
            source: Some(text("https://git.example/shop/prefs")),
            commit: Some(name("9f3c2ab")),
        }
        .into(),
        ModuleCompiled { module, manifest: Some(digest("manifest")) }.into(),
        ModuleRefused { module, code: code.clone(), message: message.clone() }.into(),
        ModuleSuspended { module, reason: reason.clone() }.into(),
        ModuleRestored { module, reason: reason.clone() }.into(),
        ModuleBanned { module, reason: reason.clone() }.into(),
        DatasetRegistered {
            dataset,
            name: name("orders"),
            driver: name("files"),
            location: text("/data/orders"),
            owner: owner.clone(),
            labels: labels.clone(),
        }
        .into(),
        DatasetChanged { dataset, name: name("orders-eu"), owner: owner.clone(), labels }.into(),
        DatasetRemoved { dataset, reason: reason.clone() }.into(),
        DatasetDamaged {
            dataset,
            version: 3,
            current: false,
            path: text("part-1.parquet"),
            message: text("its bytes are others"),
        }
        .into(),
        CampaignCreated {
            campaign,
            name: name("prefs everywhere"),
            owner,
            module,
            params: ParamsDigest::of(b"params"),
            params_blob: digest("params"),
            policy: digest("policy"),
            secrets: BTreeMap::from([(name("people-key"), 3)]),
            selection: digest("selection"),
        }
        .into(),
        CampaignMoved {
            campaign,
            from: CampaignState::Running,
            to: CampaignState::Halted,
            reason: reason.clone(),
        }
        .into(),
        CampaignPlanned {
            campaign,
            plan: digest("plan"),
            report: digest("report"),
            runs: 5000,
            bytes: Bytes(1 << 30),
            rows: Rows(6_000_000),
        }
        .into(),
        CampaignUnplanned { campaign }.into(),
        CampaignRolledOut { campaign }.into(),
        CampaignChecked { campaign, check: 1, after: Millis(3_600_000), runs: 5000, alarms: 2 }.into(),
        WavePlanned { campaign, wave, budget }.into(),
        WaveMoved {
            campaign,
            wave,
            from: WaveState::Waiting,
            to: WaveState::Running,
            reason: reason.clone(),
            budget,
        }
        .into(),
        RunPlanned {
            campaign,
            seq,
            run: RunId::new(uuid),
            dataset,
            team: Some(name("shop")),
            wave: Some(wave),
            verdict: Verdict::Eligible,
            reason: reason.clone(),
            schema: Some(digest("schema")),
            plan: Some(digest("schema plan")),
            bytes: Bytes(4096),
            rows: Rows(1200),
        }
        .into(),
        RunIntended {
            campaign,
            seq,
            publish: name("pub-1"),
            descriptor: digest("descriptor"),
            base: 3,
            attempt: AttemptId::new(uuid),
        }
        .into(),
        RunPublished { campaign, seq, version: 4, meters, statement: Some(digest("statement")) }.into(),
        RunFinalized { campaign, seq, versions: vec![3], files: 2, bytes: Bytes(4096) }.into(),
        RunFailed { campaign, seq, from, class, code: code.clone(), message: message.clone(), meters }.into(),
        RunSkipped { campaign, seq, from, reason: reason.clone() }.into(),
        RunCancelled { campaign, seq, from, reason: reason.clone() }.into(),
        RunStale { campaign, seq, from, reason: reason.clone() }.into(),
        RunRetried { campaign, seq, from: RunState::Failed, reason: reason.clone() }.into(),
        RunReverting { campaign, seq, from: RunState::Published, reason: reason.clone() }.into(),
        RunReverted { campaign, seq, version: 5 }.into(),
        RunRevertFailed { campaign, seq, class, code: code.clone(), message: message.clone() }.into(),
        RunRehearsed {
            campaign,
            seq,
            base: 3,
            published: 4,
            back: Some(5),
            forward: Some(6),
            files: 2,
            bytes: Bytes(8192),
            before: Some(digest("before")),
            after: Some(digest("after")),
            problem: Some(text("others wrote")),
        }
        .into(),
        RunAlarmed {
            campaign,
            seq,
            check: name("1h"),
            code,
            version: 4,
            path: Some(text("late.parquet")),
            consumer: None,
            message,
        }
        .into(),
        NodeJoined { node, name: name("node-1"), incarnation: 2 }.into(),
        NodeLost { node, incarnation: 2, reason: reason.clone() }.into(),
        NodeLeft { node, incarnation: 2 }.into(),
        TeamCreated { team: name("shop"), note: text("sells things") }.into(),
        TeamChanged { team: name("shop"), note: text("sells other things") }.into(),
        TeamRemoved { team: name("shop"), reason: reason.clone() }.into(),
        TokenIssued {
            token,
            name: name("ada"),
            kind: TokenKind::Person,
            hash: digest("secret"),
            grants: vec![
                Grant { team: Some(name("shop")), role: Role::Approver },
                Grant { team: None, role: Role::PlatformAdmin },
            ],
            expires: Some(Timestamp(1_800_000_000_000)),
        }
        .into(),
        TokenRevoked { token, reason: reason.clone() }.into(),
        NodeMarked { node, mark: NodeMark::Draining, reason: reason.clone() }.into(),
        QuotaSet {
            of: QuotaOf::Team(name("shop")),
            weight: 3,
            bounds: BTreeMap::from([
                (Resource::Write, Bounds { guaranteed: 1 << 20, limit: None, lendable: None }),
                (Resource::Cpu, Bounds { guaranteed: 1500, limit: Some(4000), lendable: Some(500) }),
            ]),
            fuel: Some(FuelBudget { fuel: Fuel(1_000_000), per: Millis(60_000) }),
            excess: Excess::Throttle,
        }
        .into(),
        QuotaRemoved { of: QuotaOf::Org, reason: reason.clone() }.into(),
        PolicySet { name: name("careful"), blob: digest("policy"), note: text("for what is shown") }.into(),
        PolicyRemoved { name: name("careful"), reason: reason.clone() }.into(),
        SecretSet { team: name("shop"), name: name("key"), version: 2, digest: digest("keyed") }.into(),
        SecretRemoved { team: name("shop"), name: name("key"), reason: reason.clone() }.into(),
        WebhookSet {
            webhook,
            name: name("ops"),
            team: Some(name("shop")),
            kind: ReceiverKind::Slack,
            target: text("https://receiver.example/hook"),
            events: vec![name("campaign.*"), name("run.failed")],
            active: true,
        }
        .into(),
        WebhookRemoved { webhook, reason: reason.clone() }.into(),
        FleetFrozen { reason: reason.clone() }.into(),
        FleetThawed { reason: reason.clone() }.into(),
        SlicePlanned {
            campaign,
            team: name("shop"),
            risk: Risk::Moderate,
            datasets: 120,
            bytes: Bytes(4096),
            rows: Rows(1200),
        }
        .into(),
        ApprovalGiven {
            campaign,
            team: name("shop"),
            plan: digest("plan"),
            person: name("ada"),
            of_owner: true,
            completes: true,
            note: text("looked at the samples"),
        }
        .into(),
        ApprovalRevoked {
            campaign,
            team: name("shop"),
            person: name("ada"),
            opens: true,
            reason: reason.clone(),
        }
        .into(),
        SliceDeferred {
            campaign,
            team: name("shop"),
            until: Timestamp(1_800_000_000_000),
            person: name("ada"),
            reason: reason.clone(),
        }
        .into(),
        SliceDeclined { campaign, team: name("shop"), person: name("ada"), reason: reason.clone() }.into(),
        CommentAdded {
            campaign,
            comment: 1,
            team: Some(name("shop")),
            question: true,
            text: text("what becomes of the old zone?"),
            person: name("ada"),
        }
        .into(),
        CommentResolved { campaign, comment: 1, person: name("ada"), note: text("it is kept") }.into(),
        ApprovalBrokenGlass {
            campaign,
            team: name("shop"),
            plan: digest("plan"),
            person: name("ada"),
            reason: reason.clone(),
        }
        .into(),
        WaveApproved {
            campaign,
            wave,
            plan: digest("plan"),
            person: name("ada"),
            note: text("the canary looks well"),
        }
        .into(),
        RunHeld {
            campaign,
            seq,
            attempt: AttemptId::new(uuid),
            reason: reason.clone(),
            consumers: vec![HeldFor { team: name("bi"), reason: reason.clone() }],
        }
        .into(),
        RunReleased { campaign, seq, reason: reason.clone() }.into(),
        RuleSet { dataset, consumer: Some(name("bi")), name: name("no-gap"), blob: digest("policy") }.into(),
        RuleRemoved { dataset, consumer: None, name: name("no-gap"), reason: reason.clone() }.into(),
        RuleIgnored { dataset, consumer: name("bi"), name: name("no-gap"), ignored: true, reason }.into(),
        KeyIntroduced {
            key: name("ed25519:00ff"),
            public: text("cHVibGlj"),
            at: Timestamp(1_800_000_000_000),
            before: Some(name("ed25519:aa11")),
            by_key: text("c2lnbmVk"),
            by_before: Some(text("c2lnbmVkIHRvbw==")),
        }
        .into(),
        BackupMade {
            to: text("/backups/skein-2026-08-01"),
            with_keys: true,
            position: 4711,
            hash: digest("policy"),
        }
        .into(),
        ServerRestored {
            backup: text("/backups/skein-2026-08-01"),
            made: Timestamp(1_800_000_000_000),
            position: 4712,
            hash: digest("policy"),
            with_keys: false,
        }
        .into(),
    ]
}

fn path(kind: Kind, schema: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{kind}.v{schema}.json"))
}

#[expect(clippy::disallowed_methods, reason = "the crate's own files, read by a test")]
fn golden(kind: Kind, schema: u32) -> String {
    let path = path(kind, schema);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.trim_end().to_owned()
}

#[test]
fn every_version_of_every_kind_has_a_golden_body_that_can_be_read() {
    for kind in Kind::ALL {
        for schema in 1..=kind.schema() {
            let event = Event::decode(kind.as_str(), schema, golden(*kind, schema).as_bytes());
            assert_eq!(event.unwrap().kind(), *kind, "{kind} v{schema}");
        }
    }
}

#[test]
fn what_is_written_today_is_what_the_golden_bodies_say() {
    let samples = samples();
    let kinds: Vec<Kind> = samples.iter().map(Event::kind).collect();
    assert_eq!(kinds, Kind::ALL, "one sample of each kind, in order");
    for event in samples {
        let kind = event.kind();
        let body = String::from_utf8(event.body().unwrap()).unwrap();
        assert_eq!(body, golden(kind, kind.schema()), "{kind} v{}", kind.schema());
        assert_eq!(Event::decode(kind.as_str(), kind.schema(), body.as_bytes()).unwrap(), event);
    }
}

#[test]
fn no_golden_body_is_of_a_kind_or_version_that_is_not_known() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let known: Vec<PathBuf> =
        Kind::ALL.iter().flat_map(|kind| (1..=kind.schema()).map(|v| path(*kind, v))).collect();
    assert_eq!(files.filter(|file| !known.contains(file)).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[test]
fn an_unknown_field_kind_or_version_is_refused() {
    let refused = |kind: &str, schema, body: &str| {
        Event::decode(kind, schema, body.as_bytes()).unwrap_err().to_string()
    };
    let body = golden(Kind::NodeLeft, 1);
    assert_eq!(refused("node.exploded", 1, &body), "its kind \"node.exploded\" is not known");
    assert_eq!(
        refused("node.left", 2, &body),
        "its kind node.left has the version 2, and this program knows up to 1"
    );
    let more = body.replacen('{', "{\"extra\":1,", 1);
    assert!(refused("node.left", 1, &more).contains("unknown field `extra`"), "{more}");
}

#[test]
fn every_kind_is_found_by_its_word() {
    assert!(Kind::ALL.iter().all(|kind| Kind::of(kind.as_str()) == Some(*kind)));
}
