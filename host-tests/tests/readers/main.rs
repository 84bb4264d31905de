//! DuckDB, Polars, pyarrow and Spark read datasets in a loop while publishes and rollbacks swap their versions: every read
//! is one version in full, or an error, and never a mix.
//!
//! Somebody looks at the datasets' paths all the time: they are never gone.
//!
//! Each engine is a process of its own that reads as people do, by path, and by a list of files where it has to be asked so.
//! How a version shows which one it is, what counts as a mix, and which two faults of readers are counted apart stands in
//! `host-tests/foreign/reader.py`. That the readers can see a mix is shown with a publisher that
//! replaces one file after the other.
//!
//! `SKEIN_SOAK_ROUNDS` and `SKEIN_SEED` choose how many swaps and which.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure here is a failed test")]

mod presence;
#[path = "../in_process/shop.rs"]
mod shop;
mod subject;
mod watchers;

use std::time::Duration;

use host_tests::{Site, dice};
use skein_types::{Clock as _, SystemClock};

use presence::Presence;
use shop::Shop;
use subject::{Layout, Subject, replace_one_by_one};
use watchers::Watchers;

const SWAPS: u64 = 20;
const SEED: u64 = 20_261_125;
/// A dataset's log grows with its versions: after so many swaps the readers get fresh datasets.
const SWAPS_OF_A_ROUND: u64 = 100;
/// Versions that each engine reads in full at least in every round, however few swaps there are.
const WHOLE: u64 = 4;
/// Far beyond what the slowest machine needs.
const DEADLINE: Duration = Duration::from_secs(240);

#[test]
fn a_read_during_publishes_and_rollbacks_is_one_version_or_an_error() {
    let swaps = dice::setting("SKEIN_SOAK_ROUNDS", SWAPS);
    let seed = dice::setting("SKEIN_SEED", SEED);
    println!("{swaps} swaps, seed {seed}");
    let (shop, mut dice) = (Shop::new(), dice::Dice(seed));
    let columns = shop.module("columns");
    let mut watchers = Watchers::start();
    let mut done = 0;
    while done < swaps {
        let site = Site::new();
        let layouts = [Layout::Flat, Layout::Partitioned, Layout::Single];
        let mut subjects = layouts.map(|layout| Subject::new(&site, layout));
        watchers.watch(subjects.iter().map(Subject::path));
        let presence = Presence::watch(subjects.iter().map(|subject| subject.path().to_owned()).collect());
        let round = SWAPS_OF_A_ROUND.min(swaps - done);
        let clock = SystemClock::start();
        let mut swapped = 0;
        // Swaps go on until everybody has read enough.
        while swapped < round || watchers.fewest_whole() < WHOLE {
            assert!(
                clock.elapsed() < DEADLINE || swapped < round,
                "some engine hardly reads one: {watchers:#?}"
            );
            let which = usize::try_from(dice.roll(3)).unwrap();
            subjects[which].swap(&shop, &columns, &mut dice);
            swapped += 1;
        }
        watchers.end_round();
        done += swapped;
        let (looks, missed) = presence.end();
        assert_eq!(missed, 0, "of {looks} looks at paths during {swapped} swaps");
        assert!(looks > swapped, "{looks} looks see little of {swapped} swaps");
    }
    println!("{done} swaps\n{}", watchers.table());
    for engine in watchers.engines() {
        assert_eq!(engine.seen.mixes, 0, "{} saw {:?}", engine.name, engine.seen.such_as);
        assert!(engine.seen.versions > 1, "{} saw no swap: {:?}", engine.name, engine.seen);
        // An engine reads one thing after the other, so a swap is in the way of one read, if any.
        let hurt = engine.seen.hurt();
        assert!(hurt <= done, "{} was hurt {hurt} times by {done} swaps: {:?}", engine.name, engine.seen);
    }
}

#[test]
fn the_readers_see_a_mix_where_files_are_replaced_one_by_one() {
    let site = Site::new();
    let shop = Shop::new();
    let (columns, mut subject) = (shop.module("columns"), Subject::new(&site, Layout::Flat));
    // Of one schema: where types differ too, a mix is an error for most.
    let mut publish = |name: &str| {
        subject.publish(&shop, &columns);
        subject.copy_to(&site.path(name))
    };
    let (old, new) = (publish("old"), publish("new"));

    let live = site.directory("live/orders");
    let mut watchers = Watchers::start();
    replace_one_by_one(&old, &live, || ());
    watchers.watch([live.as_path()]);
    let clock = SystemClock::start();
    while !watchers.all_saw_a_mix() {
        assert!(clock.elapsed() < DEADLINE, "somebody sees no mix: {watchers:#?}");
        // A read in the middle of the replacement is sure: they wait for one.
        replace_one_by_one(&new, &live, || watchers.wait_for_a_read());
        replace_one_by_one(&old, &live, || watchers.wait_for_a_read());
    }
}

#[test]
fn a_publisher_that_renames_the_old_away_first_is_seen() {
    let site = Site::new();
    let (live, aside, new) = (site.directory("live"), site.path("aside"), site.directory("new"));
    let presence = Presence::watch(vec![live.clone()]);
    let clock = SystemClock::start();
    while presence.missed() == 0 {
        assert!(clock.elapsed() < DEADLINE, "nobody sees that the path is gone");
        std::fs::rename(&live, &aside).unwrap();
        std::fs::rename(&new, &live).unwrap();
        std::fs::rename(&aside, &new).unwrap();
    }
    let (looks, missed) = presence.end();
    assert!(looks > 0 && missed > 0);
}
