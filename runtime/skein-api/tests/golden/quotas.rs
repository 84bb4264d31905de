//! About quotas and what was used.

use std::collections::BTreeMap;

use crate::public::time;
use crate::samples::{text, uuid};
use skein_api::{
    List, Problem, Quota, QuotaAccount, QuotaChange, QuotaEntry, QuotaExplained, QuotaPut, QuotaQueue,
    QuotasApplied, QuotasApply, UsageBy, UsageReport, UsageSum,
};
use skein_types::{Bounds, Bytes, CampaignId, Excess, Fuel, FuelBudget, Millis, Resource, codes};

fn put() -> QuotaPut {
    QuotaPut {
        weight: 2,
        bounds: BTreeMap::from([
            (Resource::Cpu, Bounds { guaranteed: 2_000, limit: Some(8_000), lendable: Some(1_000) }),
            (Resource::Read, Bounds { guaranteed: 0, limit: Some(50 << 20), lendable: None }),
        ]),
        fuel: Some(FuelBudget { fuel: Fuel(1_000_000), per: Millis(3_600_000) }),
        excess: Excess::Reject,
    }
}

pub(crate) fn quota() -> Quota {
    Quota { of: text("team:shop"), quota: put(), version: 7, since: time() }
}

pub(crate) fn apply() -> QuotasApply {
    let entry = QuotaEntry { of: text("team:shop"), quota: put() };
    QuotasApply { quotas: List::new(vec![entry]).unwrap(), dry_run: true }
}

pub(crate) fn applied() -> QuotasApplied {
    let change = QuotaChange { of: text("team:shop"), before: Some(QuotaPut::default()), after: put() };
    QuotasApplied {
        applied: false,
        changes: List::new(vec![change]).unwrap(),
        findings: List::new(vec![text("teams are guaranteed 9 slots, and the fleet has 8 slots")]).unwrap(),
    }
}

pub(crate) fn usage() -> UsageReport {
    let sum = UsageSum {
        of: text("shop"),
        cpu_ms: Millis(90_000),
        slot_ms: Millis(120_000),
        fuel: Fuel(5),
        bytes_read: Bytes::mib(10),
        bytes_written: Bytes::mib(9),
        attempts: 12,
        kept: Some(Bytes::mib(7)),
        cost: Some(text("1.11")),
    };
    UsageReport {
        by: UsageBy::Team,
        from: Some(time()),
        to: None,
        sums: List::new(vec![sum]).unwrap(),
        whole: true,
        currency: Some(text("EUR")),
    }
}

pub(crate) fn problem() -> Problem {
    let findings = ["team:shop: there is no such team".to_owned(), "and another".to_owned()];
    Problem::new(codes::QUOTAS_DO_NOT_ADD_UP, "team:shop: there is no such team, and 1 more", None, "t")
        .with_findings(&findings)
}

pub(crate) fn explained() -> QuotaExplained {
    let slots = |number| BTreeMap::from([(Resource::Slots, number)]);
    let account = QuotaAccount {
        guaranteed: slots(2),
        used: slots(3),
        granted: slots(4),
        borrowed: slots(2),
        lent: BTreeMap::new(),
        dominant: Resource::Slots,
        share: text("12.5%"),
        fuel: Some(Fuel(7)),
        fuel_until: Some(time()),
        why: Some(text("team shop is at its limit of 4 slots")),
    };
    let queue = QuotaQueue {
        campaign: Some(CampaignId::new(uuid(5))),
        large: false,
        waiting: 64,
        permits: 4,
        why: Some(text("team shop is at its limit of 4 slots")),
    };
    QuotaExplained {
        of: text("team:shop"),
        by: Some(text("default")),
        quota: Some(put()),
        divided: true,
        account: Some(account),
        queues: List::new(vec![queue]).unwrap(),
    }
}
