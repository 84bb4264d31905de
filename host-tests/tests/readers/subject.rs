//! A dataset whose versions can be told apart in every row.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use host_tests::dice::Dice;
use host_tests::{Site, fixture};
use serde_json::json;
use skein_dataset::{Dataset, Options, Place, ProbeCache, roll_back};
use skein_node::RunRequest;
use skein_sandbox::Module;
use skein_types::SystemClock;

use crate::Shop;

const FILES: i64 = 6;
const ROWS_OF_A_FILE: i64 = 200;
/// Rows of the original, and of every other version: each tenth amount is unreadable.
pub(crate) const ROWS: [i64; 2] = [FILES * ROWS_OF_A_FILE, FILES * ROWS_OF_A_FILE * 9 / 10];
/// Sums of their ids.
pub(crate) const IDS: [i64; 2] = [sum(1), sum(10)];

const fn sum(without_every: i64) -> i64 {
    let (mut all, mut id) = (0, 0);
    while id < ROWS[0] {
        if without_every == 1 || id % without_every != without_every - 1 {
            all += id;
        }
        id += 1;
    }
    all
}

/// How a dataset lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Flat,
    Partitioned,
    Single,
}

/// The dataset.
#[derive(Debug)]
pub(crate) struct Subject {
    path: PathBuf,
    /// The number that its rows have now.
    marker: i64,
    /// The last number that was given.
    last: i64,
}

impl Subject {
    /// Version 0.
    pub(crate) fn new(site: &Site, layout: Layout) -> Self {
        let path = match layout {
            Layout::Flat => site.directory("flat/orders"),
            Layout::Partitioned => site.directory("partitioned/orders"),
            Layout::Single => site.directory("single").join("orders.parquet"),
        };
        if layout == Layout::Single {
            fixture::write(&path, &original(0, ROWS[0]), 100);
        } else {
            for file in 0..FILES {
                let inside = match layout {
                    Layout::Flat | Layout::Single => path.clone(),
                    Layout::Partitioned => path.join(format!("part={}", file % 3)),
                };
                std::fs::create_dir_all(&inside).unwrap();
                let rows = original(file * ROWS_OF_A_FILE, (file + 1) * ROWS_OF_A_FILE);
                fixture::write(&inside.join(format!("{file}.parquet")), &rows, 100);
            }
        }
        Self { path, marker: 0, last: 0 }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Publishes another version or goes back to the original.
    pub(crate) fn swap(&mut self, shop: &Shop, columns: &Module, dice: &mut Dice) {
        if self.marker == 0 || dice.roll(2) == 0 {
            return self.publish(shop, columns);
        }
        let options =
            Options { lock_wait: Duration::ZERO, threads: 1, probes: Arc::new(ProbeCache::default()) };
        let clock = Arc::new(SystemClock::start());
        let dataset = Dataset::open(Place::resolve(&self.path).unwrap(), clock, options).unwrap();
        assert!(roll_back(&dataset, Some(0)).unwrap().changed);
        self.marker = 0;
    }

    /// Publishes a version with a number that there never was.
    pub(crate) fn publish(&mut self, shop: &Shop, columns: &Module) {
        self.last += 1;
        let own = if self.marker == 0 { "old_only" } else { "new_only" };
        let marker = self.last;
        let params = json!({
            "name": format!("version {marker}"),
            "steps": [
                { "drop": ["marker", "check", own] },
                { "cast": "amount", "to": "int64" },
                { "add": "marker", "type": "int64", "value": marker },
                { "add": "check", "type": "int64", "value": 7 * marker + 1 },
                { "add": "new_only", "type": "string", "value": format!("new {marker}") }
            ]
        });
        let request = RunRequest { rejects_max: 1_000, ..Shop::request(&params) };
        shop.run(columns, &self.path, request).unwrap();
        self.marker = marker;
    }

    /// Its data files, called as in version 0 whatever version it is.
    pub(crate) fn copy_to(&self, directory: &Path) -> PathBuf {
        std::fs::create_dir_all(directory).unwrap();
        for entry in std::fs::read_dir(&self.path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let number = name.split(['-', '.']).next().unwrap();
            std::fs::copy(self.path.join(&name), directory.join(format!("{number}.parquet"))).unwrap();
        }
        directory.to_owned()
    }
}

/// What no publisher should do: each file is replaced whole, and the directory is not. `between` is called half way.
pub(crate) fn replace_one_by_one(from: &Path, live: &Path, mut between: impl FnMut()) {
    for file in 0..FILES {
        let name = format!("{file}.parquet");
        let partial = live.join(format!("_{name}"));
        std::fs::copy(from.join(&name), &partial).unwrap();
        std::fs::rename(&partial, live.join(&name)).unwrap();
        if file == FILES / 2 {
            between();
        }
    }
}

fn original(from: i64, to: i64) -> RecordBatch {
    let rows = from..to;
    let amount = |i: i64| if i % 10 == 9 { "unreadable".to_owned() } else { i.to_string() };
    let ones = |value| Arc::new(Int64Array::from_iter_values(rows.clone().map(|_| value))) as ArrayRef;
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("marker", ones(0)),
        ("check", ones(1)),
        ("amount", Arc::new(StringArray::from_iter_values(rows.clone().map(amount)))),
        ("old_only", Arc::new(StringArray::from_iter_values(rows.map(|i| format!("old {i}"))))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}
