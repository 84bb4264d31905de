//! Of the public API.

use crate::outcomes::why;
use crate::samples::{digest, meters, rows, text, uuid};
use serde_json::{from_value, json};
use skein_api::{
    Admission, Alarm, ApprovalAsk, Attempt, AttemptAtWork, AttemptEnding, AttemptKind, AttemptPhase, Backup,
    Budget, Campaign, CampaignAction, CampaignCreate, CampaignProgress, CanaryAsk, Chosen, Dataset,
    DatasetAdd, DatasetAdded, DatasetLabels, DatasetOwner, DatasetsAdd, DatasetsAdded, Event, Kept, Labels,
    LedgerUse, LimitsAsk, List, Module, ModuleState, NameRule, NodeDoes, NodeHas, NodeStatus, OnFailure,
    Page, PartOf, Pin, PlanEstimate, PlanTotals, Policy, Problem, ProcessUse, Promote, Publish, RejectCount,
    Replay, RetryAsk, Risk, RoundTrip, Run, RunCounts, RunSoak, SampleAsk, Seated, Selection, Soak, SoakAsk,
    SourceSeen, Status, Time, UnderWay, Waiting, Wave, WholeServer, WorkDone,
};
use skein_types::{
    AttemptId, Bytes, CampaignId, CampaignState, DatasetId, Fuel, Millis, ModuleDigest, NodeId, NodeMark,
    ParamsDigest, Rows, RunId, RunState, ServerId, TaskId, Timestamp, Verdict, VerifyLevel, WaveState, codes,
};

pub(crate) fn time() -> Time {
    Time(Timestamp(1_795_392_000_123))
}

pub(crate) fn backup() -> Backup {
    Backup {
        at: text("/backups/a"),
        server: ServerId::new(uuid(8)),
        made: time(),
        position: 1_234,
        hash: digest("schema"),
        files: 7,
        bytes: Bytes::mib(3),
        keys: true,
    }
}

pub(crate) fn labels() -> Labels {
    from_value(json!({"tier": "gold", "country": "nz"})).unwrap()
}

pub(crate) fn module() -> Module {
    Module {
        name: text("prefs"),
        version: text("2.0.0"),
        owner: Some(text("shop")),
        digest: ModuleDigest::of(b"module"),
        bytes: Bytes(1_800_000),
        state: ModuleState::Refused,
        why: Some(why()),
        submitted: time(),
        source: Some(text("https://example.org/shop/prefs")),
        commit: Some(text("0a1b2c3")),
    }
}

pub(crate) fn datasets_add() -> DatasetsAdd {
    let add = DatasetAdd {
        name: text("orders"),
        driver: text("delta"),
        location: text("/d/orders"),
        state: Some(text("/s/orders")),
        owner: text("shop"),
        labels: labels(),
    };
    DatasetsAdd { datasets: List::new(vec![add]).unwrap() }
}

pub(crate) fn datasets_added() -> DatasetsAdded {
    let id = DatasetId::new(uuid(7));
    let became = vec![DatasetAdded::Added(id), DatasetAdded::Known(id), DatasetAdded::Refused(why())];
    DatasetsAdded { datasets: List::new(became).unwrap() }
}

pub(crate) fn dataset() -> Dataset {
    Dataset {
        dataset: DatasetId::new(uuid(7)),
        name: text("orders"),
        driver: text("files"),
        location: text("/d/orders"),
        state: None,
        owner: text("shop"),
        labels: labels(),
        added: time(),
        kept: Some(Kept { versions: 2, bytes: Bytes(61_000) }),
    }
}

pub(crate) fn dataset_labels() -> DatasetLabels {
    DatasetLabels { dataset: DatasetId::new(uuid(7)), name: text("orders"), labels: labels(), version: 41 }
}

pub(crate) fn dataset_owner() -> DatasetOwner {
    DatasetOwner { dataset: DatasetId::new(uuid(7)), name: text("orders"), owner: text("shop"), version: 41 }
}

fn rule() -> skein_types::Rule {
    from_value(json!({ "name": "ids", "severity": "hold", "unique": ["id"] })).unwrap()
}

fn policy() -> Policy {
    Policy {
        migration: Some(text("orders-v2")),
        again: true,
        publish: Publish::Beside { name: text("orders-v2") },
        names: NameRule::Keep,
        budget: Some(Budget::Percent(10)),
        admission: Admission::Strict,
        approvals: ApprovalAsk { expires_ms: Some(Millis(129_600_000)), promote: Promote::Approval },
        pin: Pin::Snapshot,
        allow_empty: true,
        limits: LimitsAsk {
            fuel_per_call: Some(Fuel(1)),
            fuel_per_task: Some(Fuel(2)),
            wall_per_call_ms: Some(Millis(3)),
            wall_per_task_ms: Some(Millis(4)),
            memory: Some(Bytes::mib(32)),
            rejects: Some(5),
        },
        checkpoint_rows: Some(Rows(1 << 20)),
        window_ms: Some(Millis(604_800_000)),
        canary: CanaryAsk { share: Some(text("2%")), datasets: Some(5), bytes: Some(Bytes::mib(32)) },
        dry_run: SampleAsk { share: Some(text("0.5%")), datasets: Some(50) },
        gate: Some(text("80%")),
        waves: Some(List::new(vec![text("5%"), text("20%")]).unwrap()),
        retries: RetryAsk { transient: Some(3), wait_ms: Some(Millis(250)), longest_ms: Some(Millis(2_000)) },
        rules: Some(List::new(vec![rule()]).unwrap()),
        verify: VerifyLevel::Readback,
        round_trip: Some(false),
        soak: SoakAsk {
            checks_ms: Some(List::new(vec![Millis(300_000), Millis(3_600_000)]).unwrap()),
            on_failure: OnFailure::Revert,
        },
    }
}

pub(crate) fn campaign_create() -> CampaignCreate {
    CampaignCreate {
        name: text("v2"),
        owner: Some(text("shop")),
        module: text("prefs@2.0.0"),
        params: json!({"columns": ["a", "b"], "key": {"$secret": "pepper"}}),
        selection: Selection {
            names: List::new(vec![text("orders/*")]).unwrap(),
            labels: labels(),
            owner: Some(text("shop")),
            owners: Some(List::new(vec![text("shop"), text("pay")]).unwrap()),
            driver: Some(text("files")),
            manifest: List::new(vec![chosen()]).unwrap(),
            unfinished_of: Some(CampaignId::new(uuid(4))),
        },
        policy: policy(),
        policy_named: Some(text("careful")),
    }
}

fn chosen() -> Chosen {
    Chosen {
        dataset: text("orders/nz"),
        params: Some(from_value(json!({"zone": "NZST"})).unwrap()),
        owner: Some(text("shop")),
        defer_until: Some(time()),
    }
}

fn counts() -> RunCounts {
    RunCounts {
        ineligible: 1,
        planned: 2,
        held: 13,
        intended: 3,
        published: 4,
        finalized: 5,
        failed: 6,
        skipped: 7,
        stale: 8,
        cancelled: 9,
        reverting: 10,
        reverted: 11,
        revert_failed: 12,
    }
}

pub(crate) const fn estimate() -> PlanEstimate {
    PlanEstimate {
        cpu_ms: Millis(62_000),
        time_ms: Millis(31_000),
        fuel: Fuel(5_000_000_000),
        room: Bytes(1_080_000_000),
        agents: 2,
        rows_written: Rows(348_618),
        rows_rejected: Rows(582),
        rows_rejected_least: Rows(150),
        rows_rejected_most: Rows(2_100),
        bytes_read: Bytes(2_619_000),
        bytes_written: Bytes(2_328_000),
    }
}

pub(crate) fn campaign() -> Campaign {
    let plan = PlanTotals {
        digest: digest("plan"),
        eligible: 291,
        already_migrated: 8,
        not_applicable: 0,
        refused: 1,
        rows: Rows(41_000_000),
        bytes: Bytes(900_000_000),
        risk: Risk::Moderate,
        samples: 3,
        samples_failed: 1,
        estimate: estimate(),
    };
    let wave = Wave {
        number: 1,
        state: WaveState::Held,
        why: Some(text("4 of 3 failures")),
        since: time(),
        began: Some(time()),
        size: 29,
        budget: 3,
        runs: counts(),
    };
    Campaign {
        campaign: CampaignId::new(uuid(5)),
        name: text("v2"),
        owner: text("shop"),
        state: CampaignState::Halted,
        epoch: 7,
        why: Some(text("budget_spent")),
        since: time(),
        module: ModuleDigest::of(b"module"),
        params: ParamsDigest::of(b"{}"),
        policy: Policy::default(),
        datasets: 300,
        runs: counts(),
        plan: Some(plan),
        waves: List::new(vec![wave]).unwrap(),
        broken_glass: true,
        soak: Soak { checked: 1, checks: 3, alarms: 2, kept: Bytes(900_000) },
    }
}

pub(crate) fn action() -> CampaignAction {
    CampaignAction {
        expect: CampaignState::Halted,
        reason: Some(text("fixed upstream")),
        plan: Some(digest("plan")),
        runs: Some(List::new(vec![3, 17]).unwrap()),
        now: true,
        slice: Some(text("shop")),
        wave: Some(0),
        until: Some(time()),
    }
}

pub(crate) fn progress() -> CampaignProgress {
    CampaignProgress {
        state: CampaignState::Running,
        position: 1_234,
        runs: counts(),
        running: 2,
        staged: 30,
        retrying: 1,
        failures_left: 3,
        rows_done: Rows(20_000_000),
        rows_total: Rows(41_000_000),
        rows_per_second: 2_000_000,
        elapsed_ms: Millis(10_000),
        remaining_ms: Some(Millis(10_500)),
        waits: None,
        wave_waits: Some(0),
        put_off: 2,
        held_waits: true,
        put_off_waits: false,
    }
}

pub(crate) fn runs_page() -> Page<Run> {
    let run = Run {
        run: RunId::new(uuid(6)),
        seq: 17,
        dataset: DatasetId::new(uuid(7)),
        name: text("orders"),
        wave: Some(1),
        state: RunState::Failed,
        epoch: 3,
        verdict: Some(Verdict::Eligible),
        why: Some(why()),
        failed_attempt: Some(AttemptId::new(uuid(8))),
        waiting: Some(Waiting {
            reason: text("quota"),
            message: text("team shop is at its limit of 8 slots"),
        }),
        since: time(),
        version: Some(4),
        rows: Some(rows()),
        meters: Some(meters()),
        alarms: 1,
        soak: Some(run_soak()),
    };
    Page { items: List::new(vec![run]).unwrap(), next: Some(text("17")) }
}

fn run_soak() -> RunSoak {
    let round_trip = RoundTrip {
        at: time(),
        base: 3,
        published: 4,
        back: Some(5),
        forward: Some(6),
        files: 2,
        bytes: Bytes(61_000),
        before: Some(digest("before")),
        after: Some(digest("after")),
        problem: Some(text("others wrote")),
    };
    let alarm = Alarm {
        at: time(),
        check: text("1h"),
        code: text("SK0364"),
        version: 6,
        path: Some(text("late.parquet")),
        message: text("1 file with the columns of before the migration arrived"),
    };
    RunSoak { round_trip: Some(round_trip), alarms: List::new(vec![alarm]).unwrap() }
}

fn source() -> SourceSeen {
    SourceSeen { version: 3, files: 1, bytes: Bytes(61_000), digest: digest("source") }
}

pub(crate) fn attempts_page() -> Page<Attempt> {
    let codes = List::new(vec![RejectCount { code: text("bad-ts"), rows: Rows(3) }]).unwrap();
    let attempt = Attempt {
        attempt: AttemptId::new(uuid(8)),
        campaign: CampaignId::new(uuid(5)),
        run: Some(17),
        dataset: Some(DatasetId::new(uuid(7))),
        name: Some(text("orders")),
        task: TaskId::new(uuid(9)),
        kind: AttemptKind::Split,
        part: Some(PartOf { part: 2, parts: 5 }),
        node: NodeId::new(uuid(10)),
        incarnation: 2,
        began: Some(time()),
        ended: Some(time()),
        ending: Some(AttemptEnding::Failed),
        at_work: None,
        why: Some(why()),
        meters: meters(),
        rejected: Rows(3),
        reject_codes: codes,
        source: Some(source()),
        log: Some(digest("log")),
    };
    let at_work = AttemptAtWork {
        phase: AttemptPhase::Transforming,
        rows: Rows(600),
        rows_all: Some(Rows(1_000)),
        memory: Bytes::mib(5),
        limits: crate::node::limits(),
        said: time(),
    };
    let running = Attempt {
        ended: None,
        ending: None,
        at_work: Some(at_work),
        why: None,
        source: None,
        log: None,
        ..attempt.clone()
    };
    Page { items: List::new(vec![attempt, running]).unwrap(), next: Some(text("8")) }
}

pub(crate) fn replay() -> Replay {
    Replay {
        attempt: AttemptId::new(uuid(8)),
        kind: AttemptKind::Run,
        part: None,
        dataset: DatasetId::new(uuid(7)),
        name: text("orders"),
        location: text("/d/orders"),
        module: ModuleDigest::of(b"module"),
        params: json!({"key": {"$secret": "pepper"}}),
        params_digest: Some(ParamsDigest::of(b"{}")),
        secrets: List::new(vec![text("pepper")]).unwrap(),
        migration: Some(text("orders-v2")),
        again: false,
        limits: crate::node::limits(),
        rejects_max: 10_000,
        allow_empty: false,
        checkpoint_rows: Rows(1 << 20),
        source: Some(source()),
        ending: AttemptEnding::Failed,
        why: Some(why()),
    }
}

pub(crate) fn events_page() -> Page<Event> {
    let event = Event {
        position: 1_234,
        kind: text("run.published"),
        at: time(),
        actor: text("control"),
        subject: text(&RunId::new(uuid(6)).to_string()),
        body: json!({"version": 4}),
        hash: digest("event"),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
    };
    Page { items: List::new(vec![event]).unwrap(), next: None }
}

pub(crate) fn problem() -> Problem {
    Problem::new(
        codes::NODE_FENCED,
        "incarnation 3 is over; 4 is current",
        Some("register again"),
        "4bf92f35",
    )
}

pub(crate) fn status() -> Status {
    let used = |mib| ProcessUse {
        memory: Bytes::mib(mib),
        memory_peak: Bytes::mib(2 * mib),
        cpu_ms: Millis(5_000),
        disk_waits: 210,
    };
    let node = |number: u128, seat| NodeStatus {
        node: NodeId::new(uuid(number)),
        name: text(&format!("local-{number}")),
        incarnation: 3,
        since: time(),
        mark: NodeMark::Cordoned,
        mark_reason: Some(text("a new disk")),
        seat,
    };
    let seated = Seated {
        holds: 64,
        started: 1,
        silent_ms: Millis(20),
        most: 2,
        whole: Some(NodeDoes { finished: 900, slots: 1, used: used(70) }),
        version: text("0.1.0"),
        has: NodeHas {
            cpu: Some(4_000),
            memory: Some(Bytes::mib(2_048)),
            read: None,
            write: Some(Bytes::mib(64)),
        },
    };
    Status {
        version: text("0.1.0"),
        started: time(),
        up_ms: Millis(60_000),
        under_way: UnderWay { campaigns: 3, runs: 120, attempts: 4 },
        whole: Some(WholeServer {
            used: used(40),
            ledger: LedgerUse {
                position: 20_123,
                size: Bytes::mib(9),
                transactions: 410,
                syncs: 400,
                events: 20_100,
                bytes: Bytes(4_000_000),
            },
            work: WorkDone {
                exchanges: 300,
                lots: 136,
                ended: 5_000,
                published: 4_998,
                reverted: 2,
                node_disk_waits: 150,
            },
        }),
        nodes: List::new(vec![node(0, Some(seated)), node(1, None)]).unwrap(),
        waits: None,
    }
}
