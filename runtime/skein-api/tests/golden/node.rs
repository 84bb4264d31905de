//! Of the node protocol, but for outcomes.

use crate::outcomes;
use crate::samples::{digest, text, uuid};
use skein_api::node::{
    AgentLimits, AtWork, CheckTask, CheckpointReport, DatasetPlace, DryRunTask, Exchange, Exchanged, Held,
    Lease, OtherPlace, PROTOCOL, Payload, Permit, PlanTask, Progress, Rate, Register, Registered, Revoke,
    RevokeReason, RuleOf, RunTask, Said, ScanTask, ScrubTask, SplitTask, TaskRules, Usage, Used, Wants, Work,
};
use skein_api::{AttemptPhase, List, NameRule, Publish};
use skein_types::{
    AttemptId, Bytes, CampaignId, DatasetId, Fuel, Millis, ModuleDigest, NodeId, Rows, RunId, ServerId,
    TaskId, Token, VerifyLevel,
};

pub(crate) fn used() -> Used {
    Used {
        cpu_ms: Millis(9),
        slot_ms: Millis(12),
        fuel: Fuel(4_000_000),
        bytes_read: Bytes(61_000),
        bytes_written: Bytes(58_000),
    }
}

pub(crate) fn register() -> Register {
    Register {
        protocol: PROTOCOL,
        name: text("local-1"),
        version: text("0.1.0"),
        slots: 2,
        cpu: 4_000,
        read: Some(Bytes::mib(400)),
        write: None,
        memory: Bytes::mib(2_048),
    }
}

pub(crate) fn registered() -> Registered {
    Registered {
        node: NodeId::new(uuid(1)),
        incarnation: 3,
        lease_ms: Millis(10_000),
        margin_ms: Millis(2_000),
        exchange_ms: Millis(2_000),
        alone_ms: Millis(60_000),
        artifact_key: text(&"ab".repeat(32)),
    }
}

pub(crate) fn held(number: u128) -> Held {
    Held {
        task: TaskId::new(uuid(number)),
        token: Token { generation: 1, epoch: 4 },
        attempt: AttemptId::new(uuid(number + 0x100)),
    }
}

pub(crate) fn exchange() -> Exchange {
    let said = Said { from: 12, lines: List::new(vec![text(r#"{"message":"row 7"}"#)]).unwrap() };
    let at_work = AtWork {
        phase: AttemptPhase::Transforming,
        rows_all: Rows(1_000),
        rejected: Rows(3),
        memory: Bytes::mib(5),
        memory_peak: Bytes::mib(6),
        said: Some(said),
    };
    let progress = Progress {
        held: held(1),
        started: true,
        rows: Rows(600),
        bytes: Bytes(30_000),
        used: used(),
        at_work: Some(Box::new(at_work)),
    };
    let young = Progress { held: held(2), at_work: None, ..progress };
    let checkpoint = CheckpointReport { held: held(1), number: 2, made: 5, rows: Rows(1 << 20) };
    Exchange {
        node: NodeId::new(uuid(1)),
        incarnation: 3,
        sequence: 17,
        holding: List::new(vec![progress, young]).unwrap(),
        checkpoints: List::new(vec![checkpoint]).unwrap(),
        results: List::new(vec![outcomes::all().into_vec().swap_remove(0)]).unwrap(),
        usage: Usage {
            slots: 1,
            memory: Bytes::mib(70),
            memory_peak: Bytes::mib(90),
            cpu_ms: Millis(5_000),
            bytes_read: Bytes(61_000),
            bytes_written: Bytes(58_000),
            disk_waits: 7,
        },
        wants: Wants { small: 40, large: 1 },
        draining: false,
    }
}

pub(crate) fn exchanged() -> Exchanged {
    let revokes = [RevokeReason::Fenced, RevokeReason::Cancelled, RevokeReason::Paused, RevokeReason::Moved];
    let revokes = revokes.into_iter().map(|reason| Revoke { held: held(9), reason }).collect();
    Exchanged {
        acknowledged: 17,
        leases: List::new(payloads().into_iter().map(lease).collect()).unwrap(),
        revokes: List::new(revokes).unwrap(),
        rates: List::new(vec![Rate { of: text("team:shop"), read: Some(Bytes::mib(200)), write: None }])
            .unwrap(),
        permits: Some(List::new(vec![permit()]).unwrap()),
        drain: true,
    }
}

fn permit() -> Permit {
    Permit { team: text("shop"), campaign: CampaignId::new(uuid(5)), large: false, agents: 2, hard: true }
}

fn lease(payload: Payload) -> Lease {
    Lease {
        held: held(2),
        large: false,
        checkpoint: 3,
        announce: true,
        estimate_ms: Millis(25),
        memory: Bytes::mib(80),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
        team: Some(text("shop")),
        payload,
    }
}

fn payloads() -> Vec<Payload> {
    let (campaign, run) = (CampaignId::new(uuid(5)), RunId::new(uuid(6)));
    let dataset = place();
    let publish = Publish::Beside { name: text("orders-v2") };
    let run_task = RunTask {
        campaign,
        run,
        dataset: dataset.clone(),
        work: work(),
        server: ServerId::new(uuid(8)),
        publish,
        schema: Some(digest("schema")),
        rules: Some(Box::new(rules())),
    };
    let split = SplitTask { run: run_task.clone(), part: 1, parts: 4 };
    let server = ServerId::new(uuid(8));
    let datasets = List::new(vec![dataset.clone()]).unwrap();
    let plan = PlanTask { campaign, datasets, work: work(), server, last: true };
    vec![
        Payload::Run(Box::new(run_task.clone())),
        Payload::Plan(Box::new(plan)),
        Payload::DryRun(Box::new(DryRunTask {
            campaign,
            dataset,
            work: work(),
            rows: Rows(10_000),
            server: ServerId::new(uuid(9)),
        })),
        Payload::Scan(Box::new(ScanTask { below: text("/d"), after: Some(text("/d/orders")) })),
        Payload::Split(Box::new(split)),
        Payload::Seal(Box::new(run_task)),
        Payload::Check(Box::new(CheckTask {
            campaign,
            run,
            dataset: place(),
            arrived: List::new(vec![text("late.parquet")]).unwrap(),
            rules: Some(Box::new(rules())),
        })),
        Payload::Scrub(Box::new(ScrubTask { dataset: place(), rate: Some(Bytes::mib(8)) })),
    ]
}

fn rules() -> TaskRules {
    let other = OtherPlace {
        of_policy: false,
        team: None,
        name: skein_types::Name::new("customers").unwrap(),
        place: Some(place()),
    };
    TaskRules {
        policy: Some(digest("policy")),
        rules: List::new(vec![RuleOf { blob: digest("rule"), consumer: None, unseen: false }]).unwrap(),
        others: List::new(vec![other]).unwrap(),
    }
}

pub(crate) fn place() -> DatasetPlace {
    DatasetPlace {
        dataset: DatasetId::new(uuid(7)),
        location: text("/d/orders"),
        state: Some(text("/s/orders")),
        sensitive: List::new(vec![text("email")]).unwrap(),
    }
}

fn work() -> Work {
    Work {
        module: ModuleDigest::of(b"module"),
        artifact: digest("artifact"),
        params: digest("params"),
        secrets_of: Some(CampaignId::new(uuid(1))),
        migration: Some(text("orders-v2")),
        again: false,
        limits: limits(),
        rejects_max: 1_000,
        allow_empty: false,
        checkpoint_rows: Rows(1 << 20),
        names: NameRule::Hashed,
        verify: VerifyLevel::Readback,
    }
}

pub(crate) fn limits() -> AgentLimits {
    AgentLimits {
        fuel_per_call: Fuel(1),
        fuel_per_task: Fuel(2),
        wall_per_call_ms: Millis(3),
        wall_per_task_ms: Millis(4),
        memory: Bytes::mib(64),
        output_bytes_per_call: Bytes(5),
        output_bytes_per_batch: Bytes(6),
        expansion: 7,
        expansion_floor: Bytes(8),
        rows_per_answer: 9,
        log_lines: 10,
        log_bytes: Bytes(11),
        rejects: 12,
        state_bytes: Bytes(13),
        drains_per_batch: 14,
        metric_names: 15,
    }
}
