//! A file that an older version made, from the text of its tables as it was then.

use std::path::Path;

use rusqlite::{Connection, params};
use skein_ledger::conformance::SetClock;
use skein_ledger::{
    CampaignCreated, CampaignMoved, CampaignUnplanned, Entry, Event, EventFilter, Ledger as _, Meters, Name,
    Options, RunFailed, RunIntended, RunPlanned, RunPublished, RunRetried, RunReverted, RunReverting,
    RunSkipped, Sqlite, TeamCreated, Text, Unit, UnitOutcome, WaveMoved, WavePlanned,
};
use skein_types::{
    AttemptId, Blake3, Bytes, CampaignId, CampaignState, DatasetId, ErrorClass, ModuleDigest, ParamsDigest,
    Rows, RunId, RunState, Timestamp, Verdict, WaveState,
};
use uuid::Uuid;

use crate::tamper::hash;
use crate::{by, joined, node, open, try_open};

/// The tables of schema 1.
const FIRST: &str = include_str!("schema-1.sql");

/// A ledger of schema 1 with three decisions, and what they made.
fn first(directory: &Path) -> Connection {
    let db = Connection::open(directory.join(Sqlite::FILE)).unwrap();
    db.execute_batch(&format!(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = wal; BEGIN; {FIRST}
         INSERT INTO meta (one, term, generation, head_position, head_hash) VALUES (1, 1, 1, 0, zeroblob(32));
         PRAGMA application_id = 0x536b6569; PRAGMA user_version = 1; COMMIT;"
    ))
    .unwrap();
    let (module, node) = (ModuleDigest::of(b"module"), node(1));
    let submitted =
        format!(r#"{{"bytes":7,"module":"{module}","name":"prefs","owner":"shop","version":"1"}}"#);
    let joined = format!(r#"{{"incarnation":1,"name":"n","node":"{node}"}}"#);
    let dataset = "dts_00000000000000000000000000000001";
    let registered = format!(
        r#"{{"dataset":"{dataset}","driver":"files","labels":{{}},"location":"/data","name":"orders","owner":"shop"}}"#
    );
    let events = [
        ("module.submitted", module.to_string(), submitted),
        ("node.joined", node.to_string(), joined),
        ("dataset.registered", dataset.to_owned(), registered),
    ];
    let mut previous = [0; 32];
    for (position, (kind, subject, body)) in (1_u64..).zip(events) {
        let at = 3_600_000 * position;
        previous = hash(previous, position, (kind, 1, "control"), at, body.as_bytes());
        let sql = "INSERT INTO event VALUES (?1, ?2, 1, 'control', ?3, ?4, NULL, ?5, ?6)";
        db.execute(sql, params![position, kind, at, subject, body.as_bytes(), previous]).unwrap();
    }
    db.execute("UPDATE meta SET head_position = 3, head_hash = ?1", [previous]).unwrap();
    let sql = "INSERT INTO module VALUES (?1, 7, 'submitted', '', NULL, NULL, 3600000)";
    db.execute(sql, [module.0]).unwrap();
    db.execute("INSERT INTO module_label VALUES ('prefs', '1', ?1, 'shop')", [module.0]).unwrap();
    let sql = "INSERT INTO node VALUES (?1, 'n', 1, 'joined', '', 7200000)";
    db.execute(sql, [node.to_string()]).unwrap();
    let sql = "INSERT INTO dataset VALUES (?1, 'orders', 'files', '/data', 'shop', '{}', 10800000)";
    db.execute(sql, [dataset]).unwrap();
    db
}

fn tables(db: &Connection) -> Vec<(String, Option<String>)> {
    let mut find = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
    find.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_file_of_the_first_schema_becomes_one_of_today_with_all_that_it_says() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(first(old.path()));
    drop(open(new.path()));
    let ledger = open(old.path());
    let head = ledger.head().unwrap();
    assert_eq!((head.position, ledger.verify(None).unwrap()), (3, head));
    // Its version is where it was set, as a rebuild makes it.
    let orders = ledger.dataset_named(&Name::new("orders").unwrap()).unwrap().unwrap();
    assert_eq!(orders.version, 3);
    assert_eq!(ledger.rebuild().unwrap().head, head);
    let team = TeamCreated { team: Name::new("shop").unwrap(), note: Text::clip("") };
    let outcome = ledger.commit(vec![by().decide(team).decide(joined(2))]).unwrap().remove(0);
    assert!(matches!(outcome, UnitOutcome::Applied(Some(_))), "{outcome:?}");
    assert_eq!(ledger.rebuild().unwrap().head.position, 5);
    drop(ledger);
    let [old, new] = [old, new].map(|at| tables(&Connection::open(at.path().join(Sqlite::FILE)).unwrap()));
    assert_eq!(old, new, "an old file has the tables of a new one");
}

#[test]
fn an_upgrade_that_cannot_be_finished_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let db = first(directory.path());
    // In the way of the last table that the next version has.
    db.execute_batch("CREATE TABLE token_use (theirs)").unwrap();
    let before = tables(&db);
    drop(db);
    try_open(directory.path()).unwrap_err();
    let db = Connection::open(directory.path().join(Sqlite::FILE)).unwrap();
    assert_eq!(tables(&db), before);
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
    db.execute_batch("DROP TABLE token_use").unwrap();
    drop(db);
    assert_eq!(open(directory.path()).rebuild().unwrap().head.position, 3);
}

#[test]
fn an_old_record_is_read_as_what_it_means_today() {
    let directory = tempfile::tempdir().unwrap();
    drop(first(directory.path()));
    let ledger = open(directory.path());
    let events = ledger.events(0, &EventFilter::default(), skein_ledger::Limit::MAX).unwrap().items;
    assert!(
        matches!(&events[0].event, Event::ModuleSubmitted(e) if e.name.as_str() == "prefs" && e.source.is_none()),
        "{events:?}"
    );
}

/// What a file of the second schema is made with.
const SECOND: &str = include_str!("../../src/sqlite/schema/2.sql");

/// A plan that was taken back after a run was left out of it, and the same again; what became of its runs, second by second.
fn campaign() -> Vec<(u64, Unit)> {
    let campaign = CampaignId::new(Uuid::from_u128(1));
    let (name, reason, blob) = (|text: &str| Name::new(text).unwrap(), Text::clip(""), Blake3::of(b"{}"));
    let created = CampaignCreated {
        campaign,
        name: name("c"),
        owner: name("shop"),
        module: ModuleDigest::of(b"module"),
        params: ParamsDigest::of(b"{}"),
        params_blob: blob,
        policy: blob,
        secrets: std::collections::BTreeMap::new(),
        selection: blob,
    };
    let (from, to) = (CampaignState::Draft, CampaignState::Planning);
    let planning = CampaignMoved { campaign, from, to, reason: reason.clone() };
    let planned = |seq: u64| RunPlanned {
        campaign,
        seq,
        run: RunId::new(Uuid::from_u128(10 + u128::from(seq))),
        dataset: DatasetId::new(Uuid::from_u128(20 + u128::from(seq))),
        team: None,
        wave: Some(0),
        verdict: if seq == 0 { Verdict::Refused } else { Verdict::Eligible },
        reason: Text::clip(""),
        schema: None,
        plan: None,
        bytes: Bytes(1),
        rows: Rows(1),
    };
    let plan = || {
        let unit = by().decide(WavePlanned { campaign, wave: 0, budget: 9 });
        (0..4).fold(unit, |unit, seq| unit.decide(planned(seq)))
    };
    let wave = |from, to| WaveMoved { campaign, wave: 0, from, to, reason: reason.clone(), budget: 9 };
    let begins = || wave(WaveState::Waiting, WaveState::Running);
    let skipped = |from| RunSkipped { campaign, seq: 3, from, reason: reason.clone() };
    let intended = RunIntended {
        campaign,
        seq: 1,
        publish: name("pub"),
        descriptor: blob,
        base: 1,
        attempt: AttemptId::new(Uuid::from_u128(9)),
    };
    let published = RunPublished { campaign, seq: 1, version: 2, meters: Meters::default(), statement: None };
    let (class, meters, code) = (ErrorClass::Fault, Meters::default(), name("SK0302"));
    let failed = |seq| RunFailed {
        campaign,
        seq,
        from: RunState::Planned,
        class,
        code: code.clone(),
        message: Text::clip(""),
        meters,
    };
    let retried = |seq, from| RunRetried { campaign, seq, from, reason: reason.clone() };
    let reverting = RunReverting { campaign, seq: 1, from: RunState::Published, reason: reason.clone() };
    let bytes = Entry::PutBlob { bytes: b"{}".to_vec(), keep_until: Timestamp(0) };
    vec![
        (0, by().then(bytes).decide(created).decide(planning)),
        (
            0,
            plan().decide(begins()).decide(skipped(RunState::Planned)).decide(CampaignUnplanned { campaign }),
        ),
        (0, plan().decide(intended)),
        (500, by().decide(begins()).decide(wave(WaveState::Running, WaveState::Held))),
        (600, by().decide(wave(WaveState::Held, WaveState::Running))),
        (1_000, by().decide(published).decide(failed(2))),
        (2_500, by().decide(failed(3))),
        (2_999, by().decide(retried(2, RunState::Failed)).decide(failed(2))),
        (4_000, by().decide(skipped(RunState::Failed)).decide(reverting)),
        (4_001, by().decide(RunReverted { campaign, seq: 1, version: 3 })),
        (5_000, by().decide(retried(3, RunState::Skipped))),
    ]
}

/// The file of a ledger in which that was decided.
fn filled(directory: &Path) -> Connection {
    let clock = SetClock::at(Timestamp(0));
    let ledger = Sqlite::open(directory, Options { clock: clock.clone(), notify: None }).unwrap();
    for (at, unit) in campaign() {
        clock.set(Timestamp(at));
        let outcome = ledger.commit(vec![unit]).unwrap().remove(0);
        assert!(matches!(outcome, UnitOutcome::Applied(_)), "{outcome:?}");
    }
    ledger.rebuild().unwrap();
    drop(ledger);
    Connection::open(directory.join(Sqlite::FILE)).unwrap()
}

#[test]
fn when_a_wave_began_is_made_of_an_old_log_as_it_is_noted_in_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let db = filled(directory.path());
    let began = || db.query_row("SELECT began FROM wave", [], |row| row.get::<_, Option<i64>>(0)).unwrap();
    // For the first time since it was planned, and not when it was taken up again.
    assert_eq!(began(), Some(500));
    let fill = SECOND.split(';').find(|text| text.contains("UPDATE wave SET began")).unwrap();
    db.execute_batch("UPDATE wave SET began = NULL").unwrap();
    assert_eq!(began(), None);
    db.execute_batch(fill).unwrap();
    assert_eq!(began(), Some(500));
}

#[test]
fn how_runs_came_to_rest_is_made_of_an_old_log_as_it_is_noted_in_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let db = filled(directory.path());
    let rows = || {
        let mut find = db.prepare("SELECT second, rested, failed FROM course ORDER BY second").unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        find.query_map([], row).unwrap().collect::<Result<Vec<[i64; 3]>, _>>().unwrap()
    };
    let noted = rows();
    assert_eq!(noted, [[1, 2, 1], [2, 1, 1], [4, 0, -1], [5, -1, 0]]);
    let fill = SECOND.split(';').find(|text| text.contains("INSERT INTO course")).unwrap();
    db.execute_batch(&format!("DELETE FROM course; {fill}")).unwrap();
    assert_eq!(rows(), noted);
}
