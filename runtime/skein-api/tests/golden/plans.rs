//! Of plans and scans.

use crate::outcomes::why;
use crate::public::{estimate, labels, time};
use crate::samples::{digest, meters, rows, text, uuid};
use skein_api::{
    DatasetAdded, List, Page, PlanReason, PlanReport, PlanSample, Risk, Samples, Scan, ScanAsk, ScanFound,
    Uncovered,
};
use skein_types::{Bytes, DatasetId, TaskId, Verdict};

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

pub(crate) fn report() -> PlanReport {
    PlanReport {
        risk: Risk::High,
        because: List::new(vec![text("1 of 3 samples failed")]).unwrap(),
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
            meters: meters(),
            failed: 1,
            failures: List::new(vec![reason(Verdict::Eligible)]).unwrap(),
            uncovered: List::new(vec![uncovered()]).unwrap(),
            more_uncovered: 2,
        },
        estimate: estimate(),
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
    };
    Page { items: List::new(vec![sample]).unwrap(), next: None }
}
