//! Somebody writes to the file, or the disk does. The hash is computed here a second time, from what its documentation says.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rusqlite::{Connection, params};
use skein_ledger::{Damage, Head, Ledger as _, LedgerError, Sqlite};
use skein_types::Blake3;
use tempfile::TempDir;

use crate::{by, joined, open, try_open};

/// A ledger with so many events, closed.
fn ledger(events: u64) -> (TempDir, Head) {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    for chunk in (1..=events).collect::<Vec<_>>().chunks(1_000) {
        ledger.commit(chunk.iter().map(|number| by().decide(joined(*number))).collect()).unwrap();
    }
    let head = ledger.head().unwrap();
    (directory, head)
}

pub(crate) fn edit(directory: &Path, sql: &str) {
    let db = Connection::open(directory.join(Sqlite::FILE)).unwrap();
    db.execute_batch(sql).unwrap();
}

/// What a start says. Other tests start processes, and one that is just being started has this ledger's lock for a moment.
pub(crate) fn refused(directory: &Path) -> LedgerError {
    for _ in 0..1_000 {
        let error = try_open(directory).unwrap_err();
        if !matches!(error, LedgerError::Locked { .. }) {
            return error;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} stays locked", directory.display());
}

fn damage(error: LedgerError) -> Damage {
    assert_eq!(error.code().id, "SK0604", "{error:?}");
    match error {
        LedgerError::Damaged(damage) => damage,
        other => panic!("{other:?}"),
    }
}

/// What a start says after an edit near the end.
fn start_after(sql: &str) -> Damage {
    let (directory, _) = ledger(10);
    edit(directory.path(), sql);
    damage(refused(directory.path()))
}

#[test]
fn a_start_names_the_position_that_was_edited_removed_swapped_or_cut() {
    let body = "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), '\"n\"', '\"m\"') AS BLOB) WHERE position = 4";
    assert_eq!(start_after(body), Damage::Edited(4));
    assert_eq!(start_after("UPDATE event SET actor = 'eve' WHERE position = 5"), Damage::Edited(5));
    assert_eq!(start_after("UPDATE event SET at = at + 1 WHERE position = 6"), Damage::Edited(6));
    assert_eq!(start_after("UPDATE event SET origin = 'client:::1' WHERE position = 6"), Damage::Edited(6));
    assert_eq!(start_after("UPDATE event SET origin = NULL WHERE position = 6"), Damage::Edited(6));
    assert_eq!(start_after("UPDATE event SET token = 'tkn_1' WHERE position = 6"), Damage::Edited(6));
    assert_eq!(
        start_after("UPDATE event SET trace = x'07070707070707070707070707070707' WHERE position = 6"),
        Damage::Edited(6)
    );
    assert_eq!(start_after("UPDATE event SET envelope = 3 WHERE position = 6"), Damage::Edited(6));
    assert_eq!(
        start_after("UPDATE event SET envelope = 1, origin = NULL WHERE position = 6"),
        Damage::Edited(6)
    );
    assert_eq!(start_after("UPDATE event SET subject = 'nod_0' WHERE position = 7"), Damage::Edited(7));
    assert_eq!(start_after("DELETE FROM event WHERE position = 5"), Damage::Missing(5));
    assert_eq!(start_after("DELETE FROM event WHERE position = 1"), Damage::Missing(1));
    let swap =
        "UPDATE event SET position = -1 WHERE position = 3; UPDATE event SET position = 3 WHERE position = 4;
                UPDATE event SET position = 4 WHERE position = -1";
    assert_eq!(start_after(swap), Damage::Edited(3));
    assert_eq!(start_after("DELETE FROM event WHERE position > 8"), Damage::Cut { found: 8, known: 10 });
    let behind = "UPDATE meta SET head_position = 9, head_hash = (SELECT hash FROM event WHERE position = 9)";
    assert_eq!(start_after(behind), Damage::Behind(10));
    assert_eq!(start_after("UPDATE meta SET head_hash = zeroblob(32)"), Damage::Edited(10));
}

#[test]
fn a_log_that_was_cut_with_its_head_is_found_by_a_head_from_elsewhere() {
    let (directory, head) = ledger(10);
    edit(
        directory.path(),
        "DELETE FROM event WHERE position > 8;
         UPDATE meta SET head_position = 8, head_hash = (SELECT hash FROM event WHERE position = 8)",
    );
    let ledger = open(directory.path());
    assert_eq!(ledger.verify(None).unwrap().position, 8);
    assert_eq!(damage(ledger.verify(Some(head)).unwrap_err()), Damage::Cut { found: 8, known: 10 });
    let early = Head { position: 3, hash: Blake3([7; 32]) };
    assert_eq!(damage(ledger.verify_all(&[head, early]).unwrap_err()), Damage::Edited(3));
    assert_eq!(damage(ledger.verify_all(&[head]).unwrap_err()), Damage::Cut { found: 8, known: 10 });
    // The projections still show what was cut.
    let error = ledger.rebuild().unwrap_err();
    assert_eq!(error.code().id, "SK0605");
}

#[test]
fn what_was_edited_long_ago_is_found_by_a_walk_and_not_by_a_start() {
    let (directory, head) = ledger(1_500);
    edit(directory.path(), "UPDATE event SET actor = 'eve' WHERE position = 300");
    let ledger = open(directory.path());
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(damage(ledger.verify(None).unwrap_err()), Damage::Edited(300));
    assert_eq!(damage(ledger.rebuild().unwrap_err()), Damage::Edited(300));
}

#[test]
fn a_row_that_does_not_follow_from_the_log_is_named() {
    for (sql, said) in [
        ("UPDATE node SET incarnation = 7 WHERE id LIKE '%3'", "incarnation is 7 and the log makes it 1"),
        ("DELETE FROM node WHERE id LIKE '%3'", "id is "),
        ("DELETE FROM node", "the log makes it, and it is not there"),
    ] {
        let (directory, _) = ledger(9);
        edit(directory.path(), sql);
        let error = open(directory.path()).rebuild().unwrap_err();
        assert_eq!(error.code().id, "SK0605");
        assert!(
            error.to_string().contains("table node, row nod_") && error.to_string().contains(said),
            "{error}"
        );
    }
}

/// BLAKE3 over previous hash, position, kind, schema version, actor, time and body, each behind its length.
pub(crate) fn hash(
    previous: [u8; 32],
    position: u64,
    words: (&str, u32, &str),
    at: u64,
    body: &[u8],
) -> [u8; 32] {
    let (kind, schema, actor) = words;
    let mut all = Vec::new();
    let (position, schema, at) = (position.to_be_bytes(), schema.to_be_bytes(), at.to_be_bytes());
    for part in [&previous[..], &position, kind.as_bytes(), &schema, actor.as_bytes(), &at, body] {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(part);
    }
    *blake3::hash(&all).as_bytes()
}

/// The like of the second envelope: a word before everything, and behind it from where, with which token and in which trace.
fn second(
    previous: [u8; 32],
    position: u64,
    words: (&str, u32, &str),
    at: u64,
    (body, came): (&[u8], [&[u8]; 3]),
) -> [u8; 32] {
    let (kind, schema, actor) = words;
    let mut all = Vec::new();
    let (position, schema, at) = (position.to_be_bytes(), schema.to_be_bytes(), at.to_be_bytes());
    let parts =
        [b"skein event 2", &previous[..], &position, kind.as_bytes(), &schema, actor.as_bytes(), &at, body];
    for part in parts.into_iter().chain(came) {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(part);
    }
    *blake3::hash(&all).as_bytes()
}

/// Appends a record that a newer program could have written.
fn append(directory: &Path, head: Head, (kind, schema): (&str, u32), body: &[u8]) {
    let db = Connection::open(directory.join(Sqlite::FILE)).unwrap();
    let position = head.position + 1;
    let hash = second(head.hash.0, position, (kind, schema, "control"), 7, (body, [b"control", b"", b""]));
    let sql = "INSERT INTO event (position, kind, schema, actor, at, subject, run, body, hash, envelope, origin) VALUES (?1, ?2, ?3, 'control', 7, 'nod_00000000000000000000000000000001', NULL, ?4, ?5, 2, 'control')";
    db.execute(sql, params![position, kind, schema, body, hash]).unwrap();
    db.execute("UPDATE meta SET head_position = ?1, head_hash = ?2", params![position, hash]).unwrap();
}

#[test]
fn what_a_newer_program_wrote_is_refused_with_its_position() {
    let body = br#"{"incarnation":1,"node":"nod_00000000000000000000000000000001"}"#;
    let said = |kind: &str, schema, body: &[u8]| {
        let (directory, head) = ledger(3);
        append(directory.path(), head, (kind, schema), body);
        match try_open(directory.path()) {
            Ok(ledger) => ledger.head().unwrap().position.to_string(),
            Err(error) => format!("{} {error}", error.code()),
        }
    };
    assert_eq!(said("node.left", 1, body), "4", "the hash of this test is the ledger's");
    assert_eq!(said("node.exploded", 1, body), "SK0603 position 4: its kind \"node.exploded\" is not known");
    let newer = "SK0603 position 4: its kind node.left has the version 2, and this program knows up to 1";
    assert_eq!(said("node.left", 2, body), newer);
    assert!(said("node.left", 1, b"{\"extra\":1}").starts_with("SK0604 "));
}

#[test]
fn a_file_of_another_program_or_version_is_refused_and_not_touched() {
    let said = |sql: &str| {
        let (directory, _) = ledger(1);
        edit(directory.path(), sql);
        let error = try_open(directory.path()).unwrap_err();
        format!("{} {error}", error.code()).replace(&directory.path().display().to_string(), "DIR")
    };
    assert_eq!(said("PRAGMA user_version = 3"), "SK0603 the ledger is of schema 3, and this program knows 2");
    assert_eq!(said("PRAGMA application_id = 1"), "SK0602 DIR/ledger.db is not a ledger of Skein");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(Sqlite::FILE);
    edit(directory.path(), "CREATE TABLE theirs (a)");
    assert_eq!(try_open(directory.path()).unwrap_err().code().id, "SK0602");
    std::fs::File::create(&path).unwrap().write_all(b"a file of somebody's").unwrap();
    assert_eq!(try_open(directory.path()).unwrap_err().code().id, "SK0602");
    let mut text = String::new();
    std::fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "a file of somebody's");
}

#[test]
fn a_file_that_was_cut_or_spoiled_is_refused_and_says_where() {
    let (directory, _) = ledger(2_000);
    let path = directory.path().join(Sqlite::FILE);
    let length = std::fs::metadata(&path).unwrap().len();
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    file.set_len(length - 100).unwrap();
    let cut = Damage::File(format!("it ends at byte {} of {length}", length - 100));
    assert_eq!(damage(refused(directory.path())), cut);
    file.set_len(length).unwrap();
    // A page in the middle.
    file.seek(SeekFrom::Start(length / 2 / 8192 * 8192)).unwrap();
    file.write_all(&[0xff; 4096]).unwrap();
    let Damage::File(said) = damage(refused(directory.path())) else { panic!("not the file") };
    assert!(said.contains("page") || said.contains("malformed"), "{said}");
}

#[test]
fn a_blob_that_is_not_what_it_is_called_is_not_given_out() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let keep_until = skein_types::Timestamp(0);
    let blob = skein_ledger::Entry::PutBlob { bytes: b"state".to_vec(), keep_until };
    ledger.commit(vec![by().then(blob)]).unwrap();
    drop(ledger);
    edit(directory.path(), "UPDATE blob SET bytes = CAST('other' AS BLOB)");
    let error = open(directory.path()).blob(Blake3::of(b"state")).unwrap_err();
    assert_eq!(damage(error), Damage::Blob(Blake3::of(b"state")));
    let error = open(directory.path()).verify_blobs().unwrap_err();
    assert_eq!(damage(error), Damage::Blob(Blake3::of(b"state")));
}
