//! The rows that this crate measures, with the limits of the design's table of numbers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::file_row::Row;
use crate::report::Figure;
use crate::rival::Work;
use crate::tables::{self, Codec, Request, Table};

/// Rows per row group of sources and outputs alike.
pub const ROW_GROUP_ROWS: u64 = 122_880;

/// Four of fourteen columns computed, ten carried.
pub fn lineitem(source: &Path) -> Row {
    Row { name: "lineitem", work: work("lineitem", source), must: 0.95, aim: 0.75 }
}

/// Rename, drop and reorder.
pub fn rename(source: &Path) -> Row {
    Row { name: "rename", work: work("rename", source), must: 0.35, aim: 0.2 }
}

/// The work of `lineitem` with every column through the guest.
pub fn free(source: &Path) -> Row {
    Row { name: "free", work: work("lineitem", source), must: 1.5, aim: 1.2 }
}

/// Sandboxed over native.
pub fn native() -> Figure {
    figure("sandboxed / native in the same pipeline", "", 1.2, 1.1)
}

/// What summing up and hashing adds to a run.
pub fn fingerprint() -> Figure {
    figure("verified by fingerprint / by counts", "", 1.25, 1.1)
}

/// What reading everything again adds to it.
pub fn readback() -> Figure {
    Figure { what: "verified by readback / by counts", unit: "", value: 0.0, must: None, aim: None }
}

/// An instance, ready to be called.
pub fn instantiate() -> Figure {
    figure("instantiate, median", "us", 100.0, 30.0)
}

/// From module bytes to a signed artifact, through the jail.
pub fn compile() -> Figure {
    figure("module compiled in the jail, median", "s", 3.0, 1.5)
}

/// From a cached artifact to the answer to the first batch.
pub fn first_batch() -> Figure {
    figure("cached artifact to first batch, median", "ms", 20.0, 5.0)
}

/// From the end of a runaway guest's time to its being stopped.
pub fn stop() -> Figure {
    figure("runaway guest stopped after its limit, median", "ms", 30.0, 20.0)
}

/// One of many small datasets, of which a campaign has five thousand in 40 s.
pub fn each_small() -> Figure {
    figure("Skein, ms per dataset, durable", "ms", 8.0, 5.0)
}

/// One dataset of a campaign, of which five thousand take 40 s from the start to the last publish.
pub fn campaign_each() -> Figure {
    figure("start to last publish, ms per dataset, durable", "ms", 8.0, 2.6)
}

/// The same where four rules are looked at on each result.
pub const fn campaign_each_with_rules() -> Figure {
    bound("the same with four rules looked at on each result, ms per dataset", 8.0)
}

/// One dataset of a plan, of which five thousand take 60 s.
pub fn campaign_plan() -> Figure {
    figure("planned, ms per dataset", "ms", 12.0, 3.0)
}

/// A dataset costs the same whether there are few or many.
pub const fn flat() -> Figure {
    bound("cost per dataset: all / a tenth of them", 1.1)
}

/// Events from the plan to the publish.
pub const fn events_per_run() -> Figure {
    bound("ledger events per run, planned and published", 4.0)
}

/// Exchanges while runs are under way.
pub const fn exchanges_per_run() -> Figure {
    bound("exchanges per run", 1.0 / 16.0)
}

/// Transactions while runs are under way over the lots that went through the door: announcing, confirming, and queueing the
/// next. An exchange is one too, and has a bound of its own.
pub const fn transactions_per_lot() -> Figure {
    bound("ledger transactions per lot at the door", 3.0)
}

/// Waits for the disk of whoever publishes. What nodes hand over is on the disk already.
pub const fn waits_per_lot() -> Figure {
    bound("control's waits for the disk per lot", 3.0)
}

/// Both kinds at once take no longer than one after the other.
pub const fn mixed_together() -> Figure {
    bound("both together / one after the other", 1.1)
}

/// A node at work was killed: another attempt has begun.
pub const fn resumed() -> Figure {
    Figure { unit: "s", aim: Some(1.0), ..bound("killed to the next attempt's begin", 3.0) }
}

/// The allocator's tick over 50 nodes and 1,000 queues.
pub fn fleet_tick() -> Figure {
    figure("tick, all busy, median", "ms", 20.0, 5.0)
}

/// Another time of a tick.
pub const fn fleet_tick_beside(what: &'static str) -> Figure {
    Figure { unit: "ms", aim: Some(5.0), ..bound(what, 20.0) }
}

/// How far from even shares are.
pub fn unfairness(what: &'static str) -> Figure {
    figure(what, "", 0.05, 0.01)
}

/// Beside one checkpoint.
pub const fn ticks_to_guaranteed() -> Figure {
    bound("guaranteed, ticks beside one checkpoint", 2.0)
}

/// A time of the simulated fleet.
pub const fn fleet_beside(what: &'static str, ms: f64) -> Figure {
    Figure { what, unit: "ms", value: ms, must: None, aim: None }
}

/// Over any two seconds.
pub const fn bucket_error() -> Figure {
    Figure { unit: "%", ..bound("bucket, most beside its rate over any 2 s", 5.0) }
}

/// Parameters of `lineitem-v2` for the row `free`.
pub fn free_params() -> Value {
    json!({ "shape": "free" })
}

/// Parameters of `columns` that do the job `rename` of the rivals.
pub fn rename_params() -> Value {
    let mut steps: Vec<Value> =
        RENAMED.iter().map(|(old, new)| json!({ "rename": old, "to": new })).collect();
    steps.push(json!({ "drop": ["l_shipinstruct", "l_comment"] }));
    steps.push(json!({ "order": RENAMED.map(|(_, new)| new) }));
    json!({ "name": "bench-rename", "steps": steps })
}

/// The `lineitem` table under a directory, written if it is not there yet.
pub fn source(data: &Path, sf: f64) -> anyhow::Result<PathBuf> {
    let out = data.join(format!("sf{sf}"));
    let path = out.join("lineitem.parquet");
    if path.is_file() {
        return Ok(path);
    }
    // Under its name only when it is whole: an interrupted benchmark must not leave half a table for the next.
    let partial = out.join("partial");
    let request = Request {
        sf,
        out: partial.clone(),
        tables: vec![Table::Lineitem],
        codec: Codec::Snappy,
        row_group_rows: ROW_GROUP_ROWS,
        files: 1,
    };
    tables::write(&request)?;
    std::fs::rename(partial.join("lineitem.parquet"), &path)?;
    std::fs::remove_dir(partial)?;
    Ok(path)
}

/// `lineitem` cut into files of 1,200 rows, five thousand at scale factor 1, written if they are not there yet.
pub fn small_sources(data: &Path, sf: f64) -> anyhow::Result<Vec<PathBuf>> {
    let out = data.join(format!("small-sf{sf}"));
    if !out.is_dir() {
        let partial = data.join(format!("small-sf{sf}-partial"));
        let files = (SMALL_FILES * sf).round().clamp(2.0, SMALL_FILES * 2.0);
        let request = Request {
            sf,
            out: partial.clone(),
            tables: vec![Table::Lineitem],
            codec: Codec::Snappy,
            row_group_rows: ROW_GROUP_ROWS,
            files: files as i32,
        };
        tables::write(&request)?;
        std::fs::rename(partial, &out)?;
    }
    let mut sources = std::fs::read_dir(out.join("lineitem"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    sources.sort();
    Ok(sources)
}

const SMALL_FILES: f64 = 5_000.0;

const RENAMED: [(&str, &str); 14] = [
    ("l_orderkey", "order_id"),
    ("l_linenumber", "line"),
    ("l_partkey", "part_id"),
    ("l_suppkey", "supplier_id"),
    ("l_shipdate", "shipped_on"),
    ("l_commitdate", "promised_on"),
    ("l_receiptdate", "received_on"),
    ("l_quantity", "quantity"),
    ("l_extendedprice", "price"),
    ("l_discount", "discount"),
    ("l_tax", "tax"),
    ("l_returnflag", "return_flag"),
    ("l_linestatus", "status"),
    ("l_shipmode", "ship_mode"),
];

fn work(job: &'static str, source: &Path) -> Work {
    Work { job, source: source.to_owned(), codec: "snappy", row_group_rows: ROW_GROUP_ROWS }
}

fn figure(what: &'static str, unit: &'static str, must: f64, aim: f64) -> Figure {
    Figure { what, unit, value: f64::NAN, must: Some(must), aim: Some(aim) }
}

/// What holds or does not.
const fn bound(what: &'static str, must: f64) -> Figure {
    Figure { what, unit: "", value: f64::NAN, must: Some(must), aim: None }
}

#[cfg(test)]
mod tests {
    use super::{RENAMED, rename_params, source};

    #[test]
    fn the_rename_job_of_the_rivals_has_the_same_columns() {
        let script = include_str!("../rivals/jobs.py");
        let (_, rest) = script.split_once("RENAME = [").unwrap();
        let (list, _) = rest.split_once(']').unwrap();
        let theirs: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let ours: Vec<&str> = RENAMED.iter().flat_map(|(old, new)| [*old, *new]).collect();
        assert_eq!(theirs, ours);
        assert_eq!(rename_params()["steps"].as_array().unwrap().len(), 16);
    }

    #[test]
    fn a_source_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = source(dir.path(), 0.001).unwrap();
        let written = first.metadata().unwrap().modified().unwrap();
        assert_eq!(source(dir.path(), 0.001).unwrap(), first);
        assert_eq!(first.metadata().unwrap().modified().unwrap(), written);
        assert_eq!(first.parent().unwrap().read_dir().unwrap().count(), 1);
    }
}
