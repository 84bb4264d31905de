//! What a campaign took and what it cost, against what the design allows.

use anyhow::Context as _;
use skein_bench::report::Figure;
use skein_bench::rows;
use skein_bench::series::Series;

use super::beside;
use super::passage::Passage;
use crate::server::Account;

/// Runs that go through the door together at most.
const LOT: f64 = 64.0;

/// Median times of each phase per dataset.
pub(super) fn times(passages: &[&Passage]) -> anyhow::Result<Vec<Figure>> {
    let each = |of: fn(&Passage) -> f64| -> anyhow::Result<f64> {
        let ms = passages.iter().map(|passage| of(passage) * 1e3 / passage.datasets as f64).collect();
        Ok(Series::new(ms).context("rounds")?.summary().median)
    };
    Ok(vec![
        Figure { value: each(|passage| passage.run)?, ..rows::campaign_each() },
        Figure { value: each(|passage| passage.plan)?, ..rows::campaign_plan() },
        beside("datasets added, ms per dataset", "ms", each(|passage| passage.add)?),
        beside("rolled back, ms per dataset", "ms", each(|passage| passage.undo)?),
    ])
}

/// What was spent between two looks.
#[derive(Clone, Copy)]
struct Spent {
    events: f64,
    transactions: f64,
    syncs: f64,
    exchanges: f64,
    lots: f64,
    waits: f64,
    node_waits: f64,
}

impl Spent {
    fn between(before: &Account, after: &Account) -> Self {
        let more = |of: fn(&Account) -> u64| of(after).saturating_sub(of(before)) as f64;
        Self {
            events: more(|account| account.ledger.events),
            transactions: more(|account| account.ledger.transactions),
            syncs: more(|account| account.ledger.syncs),
            exchanges: more(|account| account.work.exchanges),
            lots: more(|account| account.work.lots),
            waits: more(|account| account.used.disk_waits),
            node_waits: more(|account| account.work.node_disk_waits),
        }
    }
}

/// The bounds, what stands beside them, memory and the ledger's size.
pub(super) fn spent(of: &Passage) -> Vec<Figure> {
    let runs = of.datasets as f64;
    let whole = Spent::between(&of.drafted, &of.published);
    let run = Spent::between(&of.planned, &of.published);
    let undo = Spent::between(&of.published, &of.undone);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    vec![
        Figure { value: whole.events / runs, ..rows::events_per_run() },
        Figure { value: run.exchanges / runs, ..rows::exchanges_per_run() },
        Figure { value: (run.transactions - run.exchanges) / run.lots, ..rows::transactions_per_lot() },
        Figure { value: run.waits / run.lots, ..rows::waits_per_lot() },
        beside("runs per lot at the door", "", runs / run.lots),
        beside("ledger transactions per lot, with exchanges", "", run.transactions / run.lots),
        beside("ledger transactions per 64 runs, with exchanges", "", run.transactions * LOT / runs),
        beside("of these, waited for the disk", "", run.syncs * LOT / runs),
        beside(
            "exchanges while planning, per 64 datasets",
            "",
            (whole.exchanges - run.exchanges) * LOT / runs,
        ),
        beside("nodes' waits to hand over, per 64 runs", "", run.node_waits * LOT / runs),
        beside("rolled back: ledger transactions per 64 runs", "", undo.transactions * LOT / runs),
        beside("rolled back: waits for the disk per 64 runs", "", undo.waits * LOT / runs),
        beside("memory of control at most", "MiB", mib(of.undone.used.memory_peak.0)),
        beside("memory of a node at most", "MiB", mib(of.undone.node_peak)),
        beside("ledger when all is published", "MiB", mib(of.published.ledger.size.0)),
        beside("ledger per dataset", "KiB", of.published.ledger.size.0 as f64 / 1024.0 / runs),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Account, Passage, spent};
    use skein_api::{LedgerUse, ProcessUse, WorkDone};
    use skein_bench::report::Verdict;
    use skein_types::Bytes;

    fn account(ledger: [u64; 3], [exchanges, lots]: [u64; 2], disk_waits: u64) -> Account {
        let [events, transactions, syncs] = ledger;
        Account {
            used: ProcessUse { disk_waits, memory_peak: Bytes::mib(40), ..ProcessUse::default() },
            ledger: LedgerUse { events, transactions, syncs, size: Bytes::mib(2), ..LedgerUse::default() },
            work: WorkDone { exchanges, lots, ..WorkDone::default() },
            node_peak: 0,
        }
    }

    #[test]
    fn each_cost_is_that_of_its_own_phase() {
        let passage = Passage {
            datasets: 128,
            add: 1.0,
            plan: 1.0,
            run: 1.0,
            undo: 1.0,
            drafted: account([10, 10, 10], [10, 0], 100),
            planned: account([10 + 128, 20, 15], [14, 0], 100),
            published: account([10 + 3 * 128, 36, 30], [14 + 9, 2], 107),
            undone: account([10 + 5 * 128, 40, 34], [24, 2], 113),
        };
        let figures = spent(&passage);
        let of = |what: &str| figures.iter().find(|figure| figure.what == what).unwrap();
        let value = |what: &str| of(what).value;
        assert_eq!(value("ledger events per run, planned and published"), 3.0);
        assert_eq!(value("exchanges per run"), 9.0 / 128.0);
        assert_eq!(of("exchanges per run").verdict(), Verdict::Broken);
        // Sixteen transactions, nine of them exchanges, for two lots.
        assert_eq!(value("ledger transactions per lot at the door"), 3.5);
        assert_eq!(value("ledger transactions per lot, with exchanges"), 8.0);
        assert_eq!(value("control's waits for the disk per lot"), 3.5);
        assert_eq!(value("exchanges while planning, per 64 datasets"), 2.0);
        assert_eq!(value("rolled back: waits for the disk per 64 runs"), 3.0);
        assert_eq!(value("memory of control at most"), 40.0);
        assert_eq!(value("ledger per dataset"), 16.0);
    }
}
