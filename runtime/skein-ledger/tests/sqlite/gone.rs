//! Somebody takes something out of the file that no hash is about, or puts something into it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use rusqlite::Connection;
use skein_ledger::{
    Attempt, CampaignCreated, CampaignMoved, CampaignPlanned, Damage, DatasetRegistered, Delivery,
    DeliveryState, Ending, Enqueue, Entry, Ledger as _, LedgerError, ModuleCompiled, ModuleSubmitted, Name,
    PolicySet, RuleSet, RunIntended, RunPlanned, SizeClass, Sqlite, TaskKind, Text, Unit, WavePlanned,
};
use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, CampaignState, DatasetId, DeliveryId, ModuleDigest, ParamsDigest,
    Rows, RunId, TaskId, Timestamp, Verdict, WebhookId,
};
use uuid::Uuid;

use crate::tamper::edit;
use crate::{by, joined, node, open, try_open};

/// No test takes as long as until then.
const LATE: Timestamp = Timestamp(u64::MAX >> 12);

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Every kind of blob that something names, each with its own bytes.
const NAMED: [(&str, &str, &str); 13] = [
    ("task", "input", "input"),
    ("run", "descriptor", "descriptor"),
    ("module", "manifest", "manifest"),
    ("campaign", "params_blob", "params"),
    ("campaign", "policy", "policy of a campaign"),
    ("campaign", "selection", "selection"),
    ("campaign", "report", "report"),
    ("policy", "blob", "policy"),
    ("rule", "blob", "rule of an owner"),
    ("rule", "blob", "rule of a reader"),
    ("attempt", "log", "log"),
    ("attempt", "rejects", "rejects"),
    ("delivery", "notice", "notice"),
];

fn digest(of: &str) -> Blake3 {
    Blake3::of(of.as_bytes())
}

/// A ledger in which each of them is named.
fn filled(directory: &Path) -> Sqlite {
    let ledger = open(directory);
    let (campaign, dataset) = (CampaignId::new(id(1)), DatasetId::new(id(2)));
    for unit in [made(campaign, dataset), carried_out(campaign, dataset)] {
        let outcome = ledger.commit(vec![unit]).unwrap().remove(0);
        assert!(outcome.is_done(), "{outcome:?}");
    }
    ledger
}

/// A campaign over a dataset that has rules.
fn made(campaign: CampaignId, dataset: DatasetId) -> Unit {
    let module = ModuleDigest::of(b"module");
    let blobs = NAMED.iter().fold(by(), |unit, (table, _, bytes)| {
        let (bytes, keep_until) =
            (bytes.as_bytes().to_vec(), if *table == "attempt" { LATE } else { Timestamp(0) });
        unit.then(match *table {
            "attempt" => Entry::PutRows { bytes, keep_until },
            _ => Entry::PutBlob { bytes, keep_until },
        })
    });
    let rule = |consumer: Option<&str>, blob: &str| RuleSet {
        dataset,
        consumer: consumer.map(name),
        name: name("r"),
        blob: digest(blob),
    };
    blobs
        .decide(ModuleSubmitted {
            module,
            bytes: Bytes(7),
            name: name("prefs"),
            version: name("1"),
            owner: None,
            source: None,
            commit: None,
        })
        .decide(ModuleCompiled { module, manifest: Some(digest("manifest")) })
        .decide(DatasetRegistered {
            dataset,
            name: name("orders"),
            driver: name("files"),
            location: Text::clip("/data/orders"),
            owner: name("shop"),
            labels: BTreeMap::new(),
        })
        .decide(rule(None, "rule of an owner"))
        .decide(rule(Some("bi"), "rule of a reader"))
        .decide(PolicySet { name: name("careful"), blob: digest("policy"), note: Text::clip("") })
        .decide(CampaignCreated {
            campaign,
            name: name("orders-v2"),
            owner: name("shop"),
            module,
            params: ParamsDigest::of(b"params"),
            params_blob: digest("params"),
            policy: digest("policy of a campaign"),
            secrets: BTreeMap::new(),
            selection: digest("selection"),
        })
}

/// Its run, which was begun and told of.
fn carried_out(campaign: CampaignId, dataset: DatasetId) -> Unit {
    let moved = |from, to| CampaignMoved { campaign, from, to, reason: Text::clip("") };
    by().decide(moved(CampaignState::Draft, CampaignState::Planning))
        .decide(WavePlanned { campaign, wave: 0, budget: 1 })
        .decide(RunPlanned {
            campaign,
            seq: 0,
            run: RunId::new(id(3)),
            dataset,
            team: Some(name("shop")),
            wave: Some(0),
            verdict: Verdict::Eligible,
            reason: Text::clip(""),
            schema: None,
            plan: None,
            bytes: Bytes(1),
            rows: Rows(1),
        })
        .decide(CampaignPlanned {
            campaign,
            plan: digest("plan"),
            report: digest("report"),
            runs: 1,
            bytes: Bytes(1),
            rows: Rows(1),
        })
        .decide(RunIntended {
            campaign,
            seq: 0,
            publish: name("p"),
            descriptor: digest("descriptor"),
            base: 1,
            attempt: AttemptId::new(id(4)),
        })
        .then(Entry::Enqueue(Enqueue {
            task: TaskId::new(id(5)),
            campaign: Some(campaign),
            seq: Some(0),
            kind: TaskKind::Run,
            class: SizeClass::Small,
            cost: Bytes(1),
            payload: "{}".to_owned(),
            input: Some(digest("input")),
            not_before: Timestamp(0),
        }))
        .then(Entry::PutAttempt(Box::new(attempt(campaign))))
        .then(Entry::PutDelivery(Delivery {
            id: DeliveryId::new(id(6)),
            webhook: WebhookId::new(id(7)),
            position: 1,
            kind: name("run.failed"),
            notice: digest("notice"),
            state: DeliveryState::Waiting,
            tries: 0,
            due: LATE,
            status: None,
            error: Text::clip(""),
            at: Timestamp(0),
            keep_until: LATE,
        }))
}

fn attempt(campaign: CampaignId) -> Attempt {
    Attempt {
        id: AttemptId::new(id(4)),
        campaign,
        seq: Some(0),
        task: TaskId::new(id(5)),
        kind: TaskKind::Run,
        node: node(1),
        incarnation: 1,
        began: None,
        ended: Timestamp(1),
        ending: Ending::Done,
        failure: None,
        message: Text::clip(""),
        notes: "{}".to_owned(),
        log: Some(digest("log")),
        rejects: Some(digest("rejects")),
        keep_until: LATE,
    }
}

/// Which blob is missed, and who names it.
fn missed(ledger: &Sqlite) -> Option<(Blake3, &'static str, &'static str)> {
    match ledger.verify_blobs() {
        Ok(_) => None,
        Err(LedgerError::Damaged(Damage::BlobGone { digest, table, column, .. })) => {
            Some((digest, table, column))
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_blob_that_somebody_removed_is_missed_and_who_names_it_is_said() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(directory.path()));
    let file = directory.path().join(Sqlite::FILE);
    let whole = std::fs::read(&file).unwrap();
    assert_eq!(missed(&open(directory.path())), None);
    for (table, column, bytes) in NAMED {
        edit(directory.path(), &format!("DELETE FROM blob WHERE bytes = CAST('{bytes}' AS BLOB)"));
        let ledger = open(directory.path());
        assert_eq!(missed(&ledger), Some((digest(bytes), table, column)), "{bytes}");
        // Nothing else would say so.
        ledger.verify(None).unwrap();
        ledger.rebuild().unwrap();
        drop(ledger);
        std::fs::File::create(&file).unwrap().write_all(&whole).unwrap();
    }
    let said = {
        edit(directory.path(), "DELETE FROM blob WHERE bytes = CAST('rule of a reader' AS BLOB)");
        open(directory.path()).verify_blobs().unwrap_err().to_string()
    };
    let row = DatasetId::new(id(2));
    assert!(said.ends_with(&format!("is gone: table rule, row {row} bi r names it as its blob")), "{said}");
}

#[test]
fn a_copy_misses_none_of_the_blobs_that_show_rows_and_each_of_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let (live, copy) = (directory.path().join("live"), directory.path().join("copy"));
    std::fs::create_dir(&copy).unwrap();
    let ledger = filled(&live);
    ledger.backup_to(&copy.join(Sqlite::FILE)).unwrap();
    assert_eq!(missed(&ledger), None);
    let restored = open(&copy);
    assert_eq!(restored.blob(digest("log")).unwrap(), None);
    assert_eq!(missed(&restored), None);
    drop(restored);
    edit(&copy, "DELETE FROM blob WHERE bytes = CAST('selection' AS BLOB)");
    let restored = open(&copy);
    assert_eq!(missed(&restored), Some((digest("selection"), "campaign", "selection")));
}

/// What a start says after something was done to the tables.
fn start_after(sql: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    edit(directory.path(), sql);
    let error = crate::tamper::refused(directory.path());
    assert_eq!(error.code().id, "SK0604", "{error:?}");
    error.to_string()
}

#[test]
fn a_start_names_what_was_added_to_the_tables_taken_from_them_or_changed() {
    let said = |sql: &str, how: &str| {
        let said = start_after(sql);
        assert!(said.ends_with(&format!("it has not the tables of a ledger: {how}")), "{said}");
    };
    let trigger =
        "CREATE TRIGGER quiet AFTER INSERT ON attempt BEGIN DELETE FROM attempt WHERE id = NEW.id; END";
    said(trigger, "the trigger \"quiet\" was added");
    said("CREATE VIEW theirs AS SELECT * FROM event", "the view \"theirs\" was added");
    said("CREATE TABLE theirs (a)", "the table \"theirs\" was added");
    said("CREATE INDEX theirs ON run (code)", "the index \"theirs\" was added");
    said("DROP INDEX run_dataset", "the index \"run_dataset\" is not there");
    said("DROP TABLE token_use", "the table \"token_use\" is not there");
    said("ALTER TABLE run ADD COLUMN theirs TEXT", "the table \"run\" is another");
    said("DROP INDEX run_state; CREATE INDEX run_state ON run (state)", "the index \"run_state\" is another");
    // What SQLite measures of its own accord is no harm.
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    edit(directory.path(), "ANALYZE");
    try_open(directory.path()).unwrap();
}

#[test]
fn a_trigger_that_is_added_while_the_ledger_is_open_does_nothing_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    ledger.commit(vec![by().decide(joined(1))]).unwrap();
    let trigger = "CREATE TRIGGER quiet AFTER INSERT ON node BEGIN UPDATE node SET name = 'theirs'; END";
    Connection::open(directory.path().join(Sqlite::FILE)).unwrap().execute_batch(trigger).unwrap();
    ledger.commit(vec![by().decide(joined(2))]).unwrap();
    assert_eq!(ledger.node(node(1)).unwrap().unwrap().name.as_str(), "n");
    let error = ledger.rebuild().unwrap_err();
    assert!(error.to_string().ends_with("the trigger \"quiet\" was added"), "{error}");
}
