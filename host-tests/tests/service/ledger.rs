//! A state directory that cannot be used: who has it, where it is damaged, what to do; and nothing in it is touched.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use host_tests::call::Stream;
use host_tests::service::{self, Service};
use host_tests::{Outcome, python};
use skein_types::{Code, codes};

/// A server that has written a few events and has ended as it was asked to, so that all is in the file; and that file.
fn ended() -> (Service, PathBuf) {
    let mut service = Service::start(0);
    // Its nodes have joined.
    crate::until("nodes have joined", || {
        let (status, events) = service.send("GET /v1/events", "", b"");
        status == 200 && events["items"].as_array().is_some_and(|events| events.len() >= 2)
    });
    let pid = service.running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    crate::until("the server ends", || service.running.has_ended());
    let file = service.site.path("server/ledger/ledger.db");
    assert!(!file.with_extension("db-wal").exists(), "all is in the file");
    (service, file)
}

/// What a start says after something was done to the file, which it has to leave as it is.
fn start_after(harm: impl FnOnce(&Path)) -> Outcome {
    let (service, file) = ended();
    harm(&file);
    let before = std::fs::read(&file).unwrap();
    let outcome = service::server(&service.site).finish();
    assert!(std::fs::read(&file).unwrap() == before, "it was touched");
    outcome
}

#[track_caller]
fn refused(outcome: &Outcome, code: Code, said: &[&str]) {
    outcome.refused(code);
    for said in said {
        assert!(outcome.stderr.contains(said), "wanted {said:?}:\n{}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("hint: ") || outcome.stderr.contains("help: "), "{}", outcome.stderr);
}

/// Overwrites bytes of a file.
fn put(file: &Path, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// What a stranger's SQLite changes in a file that nobody else has open.
fn sql(file: &Path, sql: &str) -> String {
    let answer = asked(file, sql);
    let left = file.with_extension("db-wal");
    assert!(left.metadata().map_or(0, |wal| wal.len()) == 0, "the change is in the file");
    answer
}

/// SQL by a stranger's SQLite.
pub(crate) fn asked(file: &Path, sql: &str) -> String {
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\nfor row in db.execute(sys.argv[2]):\n    print(*row)\ndb.commit()";
    let ran = Command::new(python::interpreter()).args(["-c", script]).arg(file).arg(sql).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn a_state_directory_that_another_process_has_is_refused_with_its_number() {
    let service = Service::start(0);
    let pid = service.running.id().to_string();
    let second = service::server(&service.site).finish();
    refused(&second, codes::LEDGER_LOCKED, &[&format!("process {pid}"), "stop that process"]);
    // And when it is dead it is free.
    let (_other, address) = {
        let mut service = service;
        service.kill_and_start_again();
        let address = service.address.clone();
        (service, address)
    };
    assert!(address.starts_with("http://127.0.0.1:"));
}

#[test]
fn a_directory_that_cannot_be_one_is_refused() {
    let service = Service::start(0);
    let file = service.site.file("file", "no directory");
    let call = |dir: &Path| {
        service.site.skein("serve").arg("--listen").arg("127.0.0.1:0").arg("--dir").arg(dir).finish()
    };
    refused(&call(&file), codes::LEDGER_PLACE, &["file"]);
    let read_only = Path::new("/proc/1");
    refused(&call(read_only), codes::LEDGER_PLACE, &["/proc/1"]);
}

#[test]
fn a_ledger_that_was_cut_says_where_it_ends_and_one_that_was_spoiled_which_page() {
    let cut = start_after(|file| {
        let length = file.metadata().unwrap().len();
        std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length - 5_000).unwrap();
    });
    refused(&cut, codes::LEDGER_DAMAGED, &["it ends at byte", "restore the last backup"]);
    let spoiled = start_after(|file| {
        let length = file.metadata().unwrap().len();
        put(file, length / 2 / 8192 * 8192, &[0xff; 4096]);
    });
    refused(&spoiled, codes::LEDGER_DAMAGED, &["the file is damaged", "keep a copy of the directory"]);
}

#[test]
fn a_ledger_that_was_edited_says_which_position() {
    let edited = start_after(|file| drop(sql(file, "UPDATE event SET actor = 'eve' WHERE position = 1")));
    refused(&edited, codes::LEDGER_DAMAGED, &["position 1 was edited"]);
    let missing = start_after(|file| drop(sql(file, "DELETE FROM event WHERE position = 1")));
    refused(&missing, codes::LEDGER_DAMAGED, &["position 1 is missing"]);
}

#[test]
fn a_ledger_of_a_newer_program_or_of_another_one_is_refused() {
    // SQLite's header: the version of the tables at 60, whose file it is at 68.
    let newer = start_after(|file| put(file, 60, &3_u32.to_be_bytes()));
    refused(&newer, codes::LEDGER_NEWER, &["of schema 3", "the version of skein that wrote it"]);
    let foreign = start_after(|file| put(file, 68, &1_u32.to_be_bytes()));
    refused(&foreign, codes::LEDGER_FOREIGN, &["is not a ledger of Skein", "use another directory"]);
    let text = start_after(|file| std::fs::write(file, "a file of somebody's, of some length").unwrap());
    refused(&text, codes::LEDGER_FOREIGN, &["is not a ledger of Skein"]);
}

/// BLAKE3 over the envelope's word, previous hash, position, kind, schema version, actor, time, body, from where, token and trace, each
/// behind its length.
fn hash(previous: &[u8], position: u64, (kind, actor): (&str, &str), at: u64, body: &[u8]) -> blake3::Hash {
    let (position, schema, at) = (position.to_be_bytes(), 1_u32.to_be_bytes(), at.to_be_bytes());
    let mut all = Vec::new();
    let decided = [previous, &position, kind.as_bytes(), &schema, actor.as_bytes(), &at, body];
    let came: [&[u8]; 3] = [b"control", b"", b""];
    for part in [&b"skein event 2"[..]].into_iter().chain(decided).chain(came) {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(part);
    }
    blake3::hash(&all)
}

#[test]
fn an_event_of_a_kind_that_is_not_known_is_refused_with_its_position() {
    let add = |kind: &'static str| {
        move |file: &Path| {
            let said = sql(file, "SELECT head_position, hex(head_hash) FROM meta");
            let (position, head) = said.trim().split_once(' ').unwrap();
            let position = position.parse::<u64>().unwrap() + 1;
            let head: Vec<u8> =
                (0..32).map(|i| u8::from_str_radix(&head[2 * i..2 * i + 2], 16).unwrap()).collect();
            let node = "nod_00000000000000000000000000000001";
            let body = format!("{{\"incarnation\":1,\"node\":\"{node}\"}}");
            let hash = hash(&head, position, (kind, "control"), 7, body.as_bytes()).to_hex().to_string();
            sql(
                file,
                &format!(
                    "INSERT INTO event VALUES ({position}, '{kind}', 1, 'control', 7, '{node}', NULL, CAST('{body}' AS BLOB), x'{hash}', NULL, 2, 'control', NULL)"
                ),
            );
            sql(file, &format!("UPDATE meta SET head_position = {position}, head_hash = x'{hash}'"));
        }
    };
    let unknown = start_after(add("node.exploded"));
    refused(&unknown, codes::LEDGER_NEWER, &["its kind \"node.exploded\" is not known", "position "]);
    // The same with a kind that is known is taken: nothing else was wrong with it.
    let (service, file) = ended();
    add("node.left")(&file);
    let mut running = service::server(&service.site).start();
    running.says(Stream::Stdout, |text| text.contains("listening on"));
    running.kill();
}

#[test]
fn a_server_that_was_killed_while_it_wrote_starts_from_what_was_written() {
    let mut service = Service::start(1).with_module_and_datasets();
    let (_, before) = service.send("GET /v1/events?limit=1000", "", b"");
    service.kill_and_start_again();
    // What the write-ahead log holds at its end and was never synced is nobody's.
    let pid = service.running.id().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    crate::until("it is dead", || service.running.has_ended());
    let wal = service.site.path("server/ledger/ledger.db-wal");
    let mut half = Vec::new();
    std::fs::File::open(&wal).unwrap().read_to_end(&mut half).unwrap();
    let mut torn = std::fs::OpenOptions::new().append(true).open(&wal).unwrap();
    torn.write_all(&half[32..32 + 2_000.min(half.len() - 32)]).unwrap();
    service.kill_and_start_again();
    let (_, after) = service.send("GET /v1/events?limit=1000", "", b"");
    let (before, after) = (before["items"].as_array().unwrap(), after["items"].as_array().unwrap());
    assert_eq!(&after[..before.len()], &before[..]);
}

#[test]
fn a_ledger_is_for_its_user_alone() {
    let (service, _) = ended();
    let mode = std::fs::metadata(service.site.path("server/ledger")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
