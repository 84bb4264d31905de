//! Of plans and scans.

use crate::outcomes::why;
use crate::public::{estimate, labels, time};
use crate::samples::{digest, meters, rows, text, uuid};
use skein_api::{
    DatasetAdded, Determinism, Difference, DifferenceWhen, Idempotence, IdempotenceSeen, List, Page,
    PlanReason, PlanReport, PlanRule, PlanRules, PlanSample, PlanSlice, PlannedModule, PlannedSchema, Risk,
    SampleCosts, SampleFacts, Samples, Scan, ScanAsk, ScanFound, Uncovered,
};
use skein_types::{Bytes, DatasetId, Fuel, ModuleDigest, Rows, Severity, Shape, TaskId, Verdict};

pub(crate) fn scan_ask() -> ScanAsk {
    ScanAsk {
        below: text("/d"),
        owner: Some(text("shop")),
        layout: Some("{label:region}/**".parse().unwrap()),
        labels: labels(),
        prefix: Some(text("eu/")),
        look_only: true,
    }
}

pub(crate) fn scan() -> Scan {
    Scan {
        scan: TaskId::new(uuid(8)),
        asked: scan_ask(),
        since: time(),
        done: true,
        pages: 1,
        found: 3,
        added: 1,
        known: 1,
        refusals: 1,
        refused: List::new(vec![(text("/d/odd"), why())]).unwrap(),
        why: Some(why()),
        waits: None,
    }
}

pub(crate) fn scan_found() -> Page<ScanFound> {
    let found = ScanFound {
        location: text("/d/orders/nz"),
        name: text("eu/orders/nz"),
        owner: Some(text("shop")),
        labels: labels(),
        bytes: Bytes(900),
        files: 3,
        why: Some(why()),
        became: Some(DatasetAdded::Added(DatasetId::new(uuid(7)))),
    };
    Page { items: List::new(vec![found]).unwrap(), next: Some(text("1")) }
}

fn uncovered() -> Uncovered {
    Uncovered { group: digest("schema"), datasets: 4, example: text("orders/nz") }
}

fn reason(verdict: Verdict) -> PlanReason {
    let why = why();
    let example = text("orders/au");
    PlanReason { verdict, code: why.code, datasets: 2, example, message: why.message }
}

fn determinism() -> Determinism {
    let difference = Difference {
        dataset: Some(text("orders/nz")),
        file: text("part-0.parquet"),
        row: 17,
        column: Some(text("total")),
        when: DifferenceWhen::OtherBatches,
    };
    Determinism {
        runs: 4,
        differing: 1,
        batch_sizes: List::new(vec![1_200, 462]).unwrap(),
        reopened: 2,
        difference: Some(difference),
    }
}

pub(crate) fn facts() -> SampleFacts {
    let named = |name: &str| List::new(vec![text(name)]).unwrap();
    SampleFacts {
        shape: Some(Shape::Filtered),
        dropped: named("note"),
        narrowed: named("amount"),
        nullable: named("zone"),
        more_columns: 1,
        computed: 2,
        sensitive: named("email"),
        undeclared: named("total < email"),
        determinism: determinism(),
        idempotence: Some(Idempotence::ChangesAgain),
        costs: SampleCosts {
            rows: Rows(1_200),
            row_groups: 2,
            bytes: Bytes(9_000),
            rows_written: Rows(1_198),
            bytes_written: Bytes(8_000),
            fuel_opening: Fuel(10),
            fuel: Fuel(90),
            cpu_fixed_us: 4_000,
            cpu_us: 700,
        },
    }
}

fn planned_schema() -> PlannedSchema {
    let (schema, example) = (Some(digest("schema")), text("orders/nz"));
    PlannedSchema { schema, datasets: 290, sample: 17, example, facts: facts() }
}

fn planned_module() -> PlannedModule {
    PlannedModule {
        digest: ModuleDigest::of(b"module"),
        name: text("prefs"),
        version: text("2"),
        source: Some(text("https://git.example/shop/prefs")),
        commit: Some(text("9f3c2ab")),
    }
}

pub(crate) fn report() -> PlanReport {
    let slice = PlanSlice {
        owner: text("shop"),
        datasets: 291,
        rows: Rows(349_200),
        bytes: Bytes(2_619_000),
        risk: Risk::High,
        because: List::new(vec![text("1 of 3 samples failed")]).unwrap(),
    };
    PlanReport {
        risk: Risk::High,
        because: List::new(vec![text("1 of 3 samples failed")]).unwrap(),
        slices: List::new(vec![slice]).unwrap(),
        module: Some(planned_module()),
        eligible: 291,
        already_migrated: 8,
        not_applicable: 1,
        refused: 2,
        deferred: 1,
        reasons: List::new(vec![reason(Verdict::Refused)]).unwrap(),
        waves: List::new(vec![3, 29, 259]).unwrap(),
        canary_uncovered: List::new(vec![uncovered()]).unwrap(),
        more_uncovered: 2,
        samples: Samples {
            datasets: 3,
            of_datasets: 291,
            groups: 2,
            of_groups: 5,
            rows: rows(),
            of_rows: Rows(349_200),
            determinism: determinism(),
            idempotence: IdempotenceSeen { not_applicable: 1, refused: 0, same: 0, changes_again: 1 },
            meters: meters(),
            failed: 1,
            failures: List::new(vec![reason(Verdict::Eligible)]).unwrap(),
            uncovered: List::new(vec![uncovered()]).unwrap(),
            more_uncovered: 2,
        },
        schemas: List::new(vec![planned_schema()]).unwrap(),
        estimate: estimate(),
        rules: PlanRules { items: List::new(vec![planned_rule()]).unwrap(), more: 0, hidden: 2 },
    }
}

fn planned_rule() -> PlanRule {
    PlanRule {
        name: text("no-gap"),
        owner: text("shop"),
        consumer: Some(text("bi")),
        severity: Severity::Hold,
        kind: text("sql"),
        datasets: 290,
        example: text("orders/nz"),
        ignored: false,
        unseen: true,
    }
}

pub(crate) fn samples_page() -> Page<PlanSample> {
    let sample = PlanSample {
        seq: 17,
        dataset: DatasetId::new(uuid(7)),
        name: text("orders"),
        schema: Some(digest("schema")),
        rows: Some(rows()),
        meters: Some(meters()),
        report: Some(digest("report")),
        why: Some(why()),
        facts: facts(),
    };
    Page { items: List::new(vec![sample]).unwrap(), next: None }
}
