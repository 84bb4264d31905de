//! What the ledger does on this machine: `cargo run -p skein-ledger --release --example throughput [DATASETS]`.
//!
//! A hundred thousand datasets are registered, a campaign over 5,000 of them goes through the door by 64 at a time, pages are
//! read, and everything is verified, rebuilt and opened again.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_ledger::*;
use skein_types::*;
use uuid::Uuid;

const BATCH: usize = 64;
const RUNS: u64 = 5_000;

/// Transactions with events in them, each of which was synced once, since the process began.
static SYNCS: AtomicU64 = AtomicU64::new(0);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let datasets = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let clock = SystemClock::start();
    let ledger = open(directory.path())?;
    register(&ledger, &clock, datasets)?;
    plan(&ledger, &clock)?;
    publish(&ledger, &clock)?;
    together(&ledger, &clock)?;
    pages(&ledger, &clock, datasets)?;
    whole(ledger, &clock, directory.path())
}

fn open(directory: &Path) -> Result<Sqlite, LedgerError> {
    let notify = Box::new(|_| {
        SYNCS.fetch_add(1, Ordering::SeqCst);
    });
    Sqlite::open(directory, Options { clock: Arc::new(SystemClock::start()), notify: Some(notify) })
}

fn by() -> Unit {
    Unit::by(Actor::new("control").expect("a good actor"))
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

fn id(kind: u128, number: u64) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}

fn campaign() -> CampaignId {
    CampaignId::new(id(1, 1))
}

fn done(outcomes: &[UnitOutcome]) -> Result<(), Failure> {
    match outcomes.iter().find(|outcome| !outcome.is_done()) {
        Some(outcome) => Err(format!("{outcome:?}").into()),
        None => Ok(()),
    }
}

fn rate(what: &str, count: u64, took: Duration) {
    let per_second = count as f64 / took.as_secs_f64();
    println!("{what:<58} {count:>7} in {:>8.1} ms  {per_second:>9.0}/s", took.as_secs_f64() * 1e3);
}

fn register(ledger: &Sqlite, clock: &SystemClock, datasets: u64) -> Result<(), Failure> {
    let numbers: Vec<u64> = (0..datasets).collect();
    let start = clock.elapsed();
    for chunk in numbers.chunks(1_000) {
        let unit = chunk.iter().fold(by(), |unit, number| unit.decide(dataset(*number)));
        done(&ledger.commit(vec![unit])?)?;
    }
    rate("datasets registered, 1,000 a unit", datasets, clock.elapsed() - start);
    Ok(())
}

fn dataset(number: u64) -> DatasetRegistered {
    let env = if number.is_multiple_of(10) { "prod" } else { "test" };
    DatasetRegistered {
        dataset: DatasetId::new(id(2, number)),
        name: name(&format!("orders-{number:06}")),
        driver: name("files"),
        location: Text::clip(&format!("/data/orders-{number:06}")),
        owner: name(&format!("team-{}", number % 20)),
        labels: Labels::from([(name("env"), name(env))]),
    }
}

fn plan(ledger: &Sqlite, clock: &SystemClock) -> Result<(), Failure> {
    let blob = b"content".to_vec();
    let content = Blake3::of(&blob);
    let created = CampaignCreated {
        campaign: campaign(),
        name: name("prefs"),
        owner: name("team-1"),
        module: ModuleDigest::of(b"module"),
        params: ParamsDigest::of(b"params"),
        params_blob: content,
        policy: content,
        secrets: std::collections::BTreeMap::new(),
        selection: content,
    };
    let wave = WavePlanned { campaign: campaign(), wave: 0, budget: 100 };
    let blob = Entry::PutBlob { bytes: blob, keep_until: Timestamp(0) };
    done(&ledger.commit(vec![by().then(blob).decide(created).decide(wave)])?)?;
    let seqs: Vec<u64> = (0..RUNS).collect();
    let start = clock.elapsed();
    for chunk in seqs.chunks(1_000) {
        let unit = chunk.iter().fold(by(), |unit, seq| unit.decide(planned(*seq, content)));
        done(&ledger.commit(vec![unit])?)?;
    }
    rate("runs planned, 1,000 a unit", RUNS, clock.elapsed() - start);
    Ok(())
}

fn planned(seq: u64, content: Blake3) -> RunPlanned {
    RunPlanned {
        campaign: campaign(),
        seq,
        run: RunId::new(id(3, seq)),
        dataset: DatasetId::new(id(2, seq)),
        team: None,
        wave: Some(0),
        verdict: Verdict::Eligible,
        reason: Text::clip(""),
        schema: Some(content),
        plan: Some(content),
        bytes: Bytes(1 << 20),
        rows: Rows(1_200),
    }
}

fn publish(ledger: &Sqlite, clock: &SystemClock) -> Result<(), Failure> {
    let content = Blake3::of(b"content");
    let seqs: Vec<u64> = (0..RUNS).collect();
    let start = clock.elapsed();
    for chunk in seqs.chunks(BATCH) {
        let intended = chunk.iter().map(|seq| {
            let guard = Guard::RunIs { campaign: campaign(), seq: *seq, state: RunState::Planned };
            let door = Guard::DoorOpen { campaign: campaign(), wave: 0, at_most: 64 };
            by().caused(CauseId::new(id(4, *seq))).if_(guard).if_(door).decide(RunIntended {
                campaign: campaign(),
                seq: *seq,
                publish: name("publish"),
                descriptor: content,
                base: 1,
                attempt: AttemptId::new(id(5, *seq)),
            })
        });
        done(&ledger.commit(intended.collect())?)?;
        let published = chunk.iter().map(|seq| {
            let meters = Meters { attempts: 1, rows_in: Rows(1_200), ..Meters::default() };
            by().caused(CauseId::new(id(6, *seq))).decide(RunPublished {
                campaign: campaign(),
                seq: *seq,
                version: 2,
                meters,
                statement: None,
            })
        });
        done(&ledger.commit(published.collect())?)?;
    }
    rate("runs intended and published, 64 a commit: events", RUNS * 2, clock.elapsed() - start);
    Ok(())
}

/// Many callers, each with one unit of two events at a time: what shares one sync.
fn together(ledger: &Sqlite, clock: &SystemClock) -> Result<(), Failure> {
    const UNITS: u64 = 8_192;
    for callers in [1, 8, 64_u64] {
        let (start, syncs) = (clock.elapsed(), SYNCS.load(Ordering::SeqCst));
        let calls = UNITS / callers;
        std::thread::scope(|scope| {
            for caller in 0..callers {
                scope.spawn(move || {
                    for call in 0..calls {
                        let node = NodeId::new(id(7 + u128::from(callers), caller * calls + call));
                        let unit = by().decide(NodeJoined { node, name: name("node"), incarnation: 1 });
                        let unit = unit.decide(NodeLeft { node, incarnation: 1 });
                        ledger.commit(vec![unit]).expect("written");
                    }
                });
            }
        });
        let took = clock.elapsed() - start;
        rate(&format!("{callers} callers, one unit a call: units"), UNITS, took);
        rate(&format!("{callers} callers, two events a unit: events"), 2 * UNITS, took);
        let syncs = (SYNCS.load(Ordering::SeqCst) - syncs) as f64 / UNITS as f64;
        println!("{:<58} {syncs:>7.3}", format!("{callers} callers: syncs per unit"));
    }
    Ok(())
}

fn pages(ledger: &Sqlite, clock: &SystemClock, datasets: u64) -> Result<(), Failure> {
    let filters = [
        ("all", DatasetFilter::default()),
        ("owner", DatasetFilter { owner: Some(name("team-7")), ..DatasetFilter::default() }),
        (
            "label",
            DatasetFilter { labels: Labels::from([(name("env"), name("prod"))]), ..DatasetFilter::default() },
        ),
    ];
    for (what, filter) in filters {
        let mut times = Vec::new();
        for turn in 0..200_u64 {
            let after = name(&format!("orders-{:06}", turn * 7_919 % datasets));
            let start = clock.elapsed();
            ledger.datasets(&filter, Some(&after), Limit::new(100))?;
            times.push(clock.elapsed() - start);
        }
        p95(&format!("page of 100 datasets, {what}"), times);
    }
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = clock.elapsed();
        ledger.campaign(campaign())?;
        ledger.waves(campaign())?;
        times.push(clock.elapsed() - start);
    }
    p95("campaign and its waves", times);
    Ok(())
}

fn p95(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    println!("{what:<58} p95 {:>8.2} ms", times[times.len() * 95 / 100].as_secs_f64() * 1e3);
}

fn whole(ledger: Sqlite, clock: &SystemClock, directory: &Path) -> Result<(), Failure> {
    let start = clock.elapsed();
    let events = ledger.verify(None)?.position;
    let verified = clock.elapsed() - start;
    rate("events verified", events, verified);
    let start = clock.elapsed();
    ledger.rebuild()?;
    let rebuilt = clock.elapsed() - start;
    rate("events rebuilt and compared", events, rebuilt);
    let each = |took: Duration| took.as_secs_f64() * 1e5 / events as f64;
    let (verified, rebuilt) = (each(verified), each(rebuilt));
    println!("{:<58} {verified:>7.2} s and {rebuilt:.2} s", "100,000 events: verified, rebuilt");
    drop(ledger);
    let start = clock.elapsed();
    let ledger = open(directory)?;
    println!("{:<58} {:>8.1} ms", "opened", (clock.elapsed() - start).as_secs_f64() * 1e3);
    let bytes = std::fs::metadata(directory.join(Sqlite::FILE))?.len();
    println!("{:<58} {:>8.1} MB", "size", bytes as f64 / 1e6);
    drop(ledger);
    Ok(())
}
