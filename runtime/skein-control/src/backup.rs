//! A copy of a server that another can be made of: ledger, modules, sealed secrets, its identity.
//!
//! ```text
//! DEST/manifest.json      what is in it, with sizes and digests, and the head of the ledger's chain
//! DEST/manifest.blake3    of that file
//! DEST/server/…           as in the server's directory: ledger, modules, secrets, scans, server
//! DEST/keys/…             only if asked for: who has them and the rest has every secret
//! ```
//! It is written aside and gets its name when all of it has been read back; a backup that is there is whole. While it is made the
//! server goes on. The ledger is the copy of one moment; of everything else there may be more than that moment knows, which the
//! server that is made of it removes, and never less: a value is kept before the decision that names it, and what is removed in
//! between was copied before.
//!
//! That one is made is a decision (`backup.made`), written before the first byte is copied: no copy is without it, and each says in its own
//! ledger that it is one.
//!
//! Left out: compiled artifacts, which are made again, the token of the first admin, and datasets, which are their owners' to
//! copy. What happens to these after the copy the copy cannot know: `restore` says which.

mod keys;
mod manifest;
mod restore;

use std::fs::{DirBuilder, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, rename, renameat_with};
use rustix::io::Errno;
use skein_api::{Backup, BackupAsk, Text, Time};
use skein_ledger::{Actor, BackupMade, Head, Ledger, Options, Sqlite, Unit};
use skein_types::{Blake3, Bytes, Clock, ServerId, codes};
use tempfile::TempDir;

use crate::access::Principal;
use crate::control::Control;
use crate::decide;
use crate::error::ServiceError;
pub(crate) use keys::note as note_keys;
use manifest::{Entry, FORMAT, Manifest};
pub use restore::{NewerVersion, Restored, restore};

/// The server's part of a backup.
const SERVER: &str = "server";
const KEYS: &str = "keys";
const LEDGER: &str = "ledger";
const SECRETS: &str = "secrets";
/// Directories of files beside the ledger, in the order in which they are copied after it.
const SHELVES: [&str; 4] = ["modules", SECRETS, "scans", "server"];
/// Files that are not what a server keeps but what it uses while it runs, or writes aside.
const PASSING: [&str; 3] = ["lock", "ledger.db-wal", "ledger.db-shm"];

/// What is copied.
struct Source<'a> {
    ledger: &'a dyn Ledger,
    server: ServerId,
    dir: &'a Path,
    /// Where its keys are, if they are to be in it.
    keys: Option<&'a Path>,
    clock: &'a Arc<dyn Clock>,
}

impl Control {
    /// Writes a backup of this server while it goes on.
    pub(crate) fn back_up(&self, who: &Principal, asked: &BackupAsk) -> Result<Backup, ServiceError> {
        let source = Source {
            ledger: &*self.ledger,
            server: self.server,
            dir: &self.dir,
            keys: asked.with_keys.then_some(&*self.keys),
            clock: &self.clock,
        };
        write(&source, who.unit(), Path::new(asked.to.as_str()))
    }
}

/// Writes a backup of a server that does not run; one that does is refused by its ledger.
pub fn back_up_stopped(
    dir: &Path,
    keys: Option<&Path>,
    to: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<Backup, ServiceError> {
    let ledger = dir.join(LEDGER);
    if !ledger.join(Sqlite::FILE).exists() {
        let message = format!("{} holds no server", dir.display());
        return Err(ServiceError::new(codes::NOT_FOUND, message)
            .hint(Some("name the directory that `skein serve --dir` was started with")));
    }
    let ledger = Sqlite::open(&ledger, Options { clock: Arc::clone(clock), notify: None })?;
    let source = Source { ledger: &ledger, server: crate::control::identity(dir)?, dir, keys, clock };
    // Whoever may open these files is the one user of the machine.
    let local = Actor::new("local").map_err(|error| ServiceError::bug(error.to_string()))?;
    write(&source, Unit::by(local), to)
}

fn write(source: &Source<'_>, unit: Unit, to: &Path) -> Result<Backup, ServiceError> {
    let (parent, taken) = free(to)?;
    let aside = aside(&parent)?;
    note(source, unit, to)?;
    let head = copy_all(source, aside.path())?;
    let entries = described(aside.path())?;
    let manifest = Manifest {
        format: FORMAT,
        skein: env!("CARGO_PKG_VERSION").to_owned(),
        made: Time(source.clock.now()),
        server: source.server,
        position: head.position,
        hash: head.hash,
        keys: source.keys.is_some(),
        files: entries,
    };
    manifest.write(aside.path())?;
    // What was written is read back before it is called a backup.
    Manifest::check(aside.path())?;
    place(aside.path(), to)
        .map_err(|errno| if errno == Errno::EXIST { taken } else { failed("name", to, &errno.into()) })?;
    // It has another name now, and is not to be removed.
    let _gone = aside.keep();
    sync(&parent)?;
    Ok(Backup {
        at: Text::escaped(&to.display().to_string()),
        server: source.server,
        made: manifest.made,
        position: head.position,
        hash: head.hash,
        files: manifest.files.len() as u64,
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        keys: manifest.keys,
    })
}

/// Has it on record that a copy is made, where to, and whether the keys are in it.
fn note(source: &Source<'_>, unit: Unit, to: &Path) -> Result<(), ServiceError> {
    let head = source.ledger.head()?;
    // What is cut is not where it is.
    let to = skein_ledger::Text::new(to.display().to_string());
    let to = to.map_err(|error| ServiceError::new(codes::BODY_INVALID, format!("to: {error}")))?;
    let (position, hash) = (head.position, head.hash);
    let made = BackupMade { to, with_keys: source.keys.is_some(), position, hash };
    let outcomes = source.ledger.commit(vec![unit.decide(made)])?;
    outcomes.iter().try_for_each(decide::done)
}

/// Gives it its name, if nothing has it.
fn place(aside: &Path, to: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, aside, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => place_plainly(aside, to),
        placed => placed,
    }
}

/// Where the file system cannot tell by itself, as NFS: what comes there between the look and the renaming is lost only if it is an
/// empty directory.
fn place_plainly(aside: &Path, to: &Path) -> Result<(), Errno> {
    if to.symlink_metadata().is_ok() {
        return Err(Errno::EXIST);
    }
    rename(aside, to).map_err(|errno| match errno {
        Errno::NOTEMPTY | Errno::NOTDIR => Errno::EXIST,
        other => other,
    })
}

/// The directory that the backup will be in, if its name there is free; and what is answered if it is not.
fn free(to: &Path) -> Result<(PathBuf, ServiceError), ServiceError> {
    let taken = ServiceError::new(codes::BACKUP_TAKEN, format!("{} is there already", to.display()))
        .hint(Some("name a directory that is not there yet; each backup is one of its own"));
    let parent = to.parent().filter(|_| to.is_absolute() && to.file_name().is_some());
    let parent = parent.ok_or_else(|| {
        ServiceError::new(codes::BODY_INVALID, format!("{} is no absolute path", to.display()))
    })?;
    match to.symlink_metadata() {
        Ok(_) => Err(taken),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((parent.to_owned(), taken)),
        Err(error) => Err(failed("look at", to, &error)),
    }
}

/// Copies everything; answers the head of the ledger's copy, whose chain has been walked.
fn copy_all(source: &Source<'_>, aside: &Path) -> Result<Head, ServiceError> {
    let server = aside.join(SERVER);
    let ledger = server.join(LEDGER);
    make_dir(&ledger)?;
    // What is removed while the ledger is copied, its copy may name still.
    copy_files(&source.dir.join(SECRETS), &server.join(SECRETS))?;
    let head = source.ledger.backup_to(&ledger.join(Sqlite::FILE))?;
    for shelf in SHELVES {
        copy_files(&source.dir.join(shelf), &server.join(shelf))?;
    }
    if let Some(keys) = source.keys {
        keys::copy(keys, &aside.join(KEYS), &server)?;
    }
    verify(&ledger, head, source.clock)?;
    Ok(head)
}

/// Opens a ledger that nobody has, walks its chain up to this head, and leaves nothing but its file.
fn verify(ledger: &Path, head: Head, clock: &Arc<dyn Clock>) -> Result<(), ServiceError> {
    let opened = Sqlite::open(ledger, Options { clock: Arc::clone(clock), notify: None })?;
    opened.verify(Some(head))?;
    drop(opened);
    for name in PASSING {
        match std::fs::remove_file(ledger.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failed("remove", ledger, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    sync(&ledger.join(Sqlite::FILE))
}

/// Files of one directory, without those that are written just now. What goes while it is copied is not missed.
fn copy_files(from: &Path, to: &Path) -> Result<(), ServiceError> {
    make_dir(to)?;
    let entries = match std::fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| failed("list", from, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", from, &error))?;
        let name = entry.file_name();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && !name.as_encoded_bytes().starts_with(b".") {
            match copied(&from.join(&name), &to.join(&name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed("copy", &from.join(&name), &error));
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    sync(to)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), ServiceError> {
    copied(from, to).map_err(|error| failed("copy", from, &error))
}

fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Each file with its digest, by path.
fn described(root: &Path) -> Result<Vec<Entry>, ServiceError> {
    let mut entries = Vec::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        let at = root.join(&dir);
        for entry in std::fs::read_dir(&at).map_err(|error| failed("list", &at, &error))? {
            let entry = entry.map_err(|error| failed("list", &at, &error))?;
            let path = dir.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                dirs.push(path);
            } else {
                let (bytes, blake3) = digest(&root.join(&path))?;
                entries.push(Entry { path: path.display().to_string(), bytes, blake3 });
            }
        }
    }
    entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

/// Size and digest of a file, read in pieces.
fn digest(path: &Path) -> Result<(Bytes, Blake3), ServiceError> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|read| read.count()));
    let bytes = read.map_err(|error| failed("read", path, &error))?;
    Ok((Bytes(bytes), hasher.finalize().into()))
}

/// A directory of this user alone, under a name that nobody can know, gone again if it gets no other.
fn aside(parent: &Path) -> Result<TempDir, ServiceError> {
    let made = tempfile::Builder::new()
        .prefix(".skein-part-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent);
    made.map_err(|error| failed("write in", parent, &error))
}

fn make_dir(path: &Path) -> Result<(), ServiceError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| failed("make", path, &error))
}

fn sync(path: &Path) -> Result<(), ServiceError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| failed("sync", path, &error))
}

fn failed(doing: &str, path: &Path, error: &std::io::Error) -> ServiceError {
    let kind = error.kind();
    let code = if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        codes::NO_SPACE
    } else if kind == ErrorKind::PermissionDenied {
        codes::PERMISSION
    } else if kind == ErrorKind::ReadOnlyFilesystem {
        codes::READ_ONLY
    } else {
        codes::IO
    };
    ServiceError::new(code, format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use super::{Manifest, Restored, back_up_stopped, place, place_plainly};
    use crate::access::{Principal, Right};
    use crate::error::ServiceError;
    use crate::scene::{HandClock, open, running};
    use skein_api::{BackupAsk, Text};
    use skein_ledger::{Actor, Event, EventFilter, Kind, Ledger, Limit, Recorded};
    use skein_types::{Clock, Role, codes};

    /// Who had copies made, where to, and whether with keys, as a ledger has it on record.
    fn copies(ledger: &dyn Ledger) -> Vec<(String, PathBuf, bool)> {
        let filter = EventFilter { kinds: vec![Kind::BackupMade], ..EventFilter::default() };
        let events = ledger.events(0, &filter, Limit::MAX).unwrap().items;
        let said = |one: Recorded| {
            let Event::BackupMade(made) = one.event else { panic!("{one:?}") };
            (one.actor.to_string(), PathBuf::from(made.to.as_str()), made.with_keys)
        };
        events.into_iter().map(said).collect()
    }

    #[test]
    fn a_backup_is_on_record_with_who_asked_before_it_is_there_and_keys_are_for_persons() {
        let place = tempfile::tempdir().unwrap();
        let control = open(&place.path().join("a"), &Arc::new(HandClock::default()));
        let admin = Right { team: None, role: Role::PlatformAdmin };
        let program = Principal::with(Actor::new("nightly").unwrap(), vec![admin]);
        let of = |who: &Principal, ask: &BackupAsk| control.desk(who).back_up(ask);
        let refused = of(&program, &ask(&place.path().join("b"), true)).unwrap_err();
        assert_eq!(refused.code, codes::APPROVER_NOT_A_PERSON, "{refused}");
        assert_eq!(copies(&*control.ledger), []);
        of(&program, &ask(&place.path().join("b"), false)).unwrap();
        // Here are no keys to copy, and that it was tried is on record.
        let to = place.path().join("c");
        assert_eq!(of(control.everybody(), &ask(&to, true)).unwrap_err().code, codes::KEYS_MISSING);
        assert!(!to.exists());
        let expected = [("nightly", "b", false), ("local", "c", true)];
        let expected = expected.map(|(who, to, keys)| (who.to_owned(), place.path().join(to), keys));
        assert_eq!(copies(&*control.ledger), expected);
        // A path that a record cannot hold whole is none.
        let long = (0..8).fold(place.path().to_owned(), |path, _| path.join("z".repeat(250)));
        std::fs::create_dir_all(&long).unwrap();
        let refused = of(control.everybody(), &ask(&long.join("d"), false)).unwrap_err();
        assert_eq!(refused.code, codes::BODY_INVALID, "{refused}");
        assert_eq!(copies(&*control.ledger).len(), 2);
    }

    fn ask(to: &Path, with_keys: bool) -> BackupAsk {
        BackupAsk { to: Text::escaped(&to.display().to_string()), with_keys }
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(HandClock::default())
    }

    fn restore(backup: &Path, dir: &Path, clock: &Arc<dyn Clock>) -> Result<Restored, ServiceError> {
        super::restore(backup, dir, clock, || Ok(()))
    }

    #[test]
    fn keys_are_in_a_backup_if_they_are_all_there_and_the_servers_own() {
        let place = tempfile::tempdir().unwrap();
        let (dir, keys, to) = (place.path().join("a"), place.path().join("keys"), place.path().join("to"));
        drop(open(&dir, &Arc::new(HandClock::default())));
        std::fs::create_dir(&keys).unwrap();
        let backed_up = || back_up_stopped(&dir, Some(&keys), &to, &clock());
        for (name, byte) in [("artifact.key", 0), ("secrets.key", 1)] {
            put(&keys.join(name), &[byte; 32]);
            let refused = backed_up().unwrap_err();
            assert_eq!(refused.code, codes::KEYS_MISSING, "{refused}");
            assert!(refused.message.contains("secret-digest.key is not there"), "{refused}");
        }
        for other in [&[3; 32][..], &[2; 31]] {
            put(&keys.join("secret-digest.key"), other);
            assert_eq!(backed_up().unwrap_err().code, codes::KEYS_MISSING);
        }
        assert!(!to.exists());
        put(&keys.join("secret-digest.key"), &[2; 32]);
        assert!(backed_up().unwrap().keys);
        // What cannot be taken leaves no server, and can be asked for again.
        let other = place.path().join("b");
        let cannot = || Err(ServiceError::new(codes::PERMISSION, "no"));
        assert_eq!(super::restore(&to, &other, &clock(), cannot).unwrap_err().code, codes::PERMISSION);
        assert!(!other.exists());
        let restored = restore(&to, &other, &clock()).unwrap();
        assert!(restored.keys);
        let again = open(&other, &Arc::new(HandClock::default()));
        let first = again.ledger.event(restored.position + 1).unwrap().unwrap();
        let Event::ServerRestored(of) = &first.event else { panic!("{first:?}") };
        assert!(of.with_keys, "that its keys were in the copy is on record");
    }

    #[test]
    fn a_place_is_taken_with_and_without_the_help_of_the_file_system() {
        type Way = fn(&Path, &Path) -> Result<(), rustix::io::Errno>;
        for way in [place as Way, place_plainly] {
            let root = tempfile::tempdir().unwrap();
            let (aside, to) = (root.path().join("aside"), root.path().join("to"));
            std::fs::create_dir(&aside).unwrap();
            put(&to, b"");
            assert_eq!(way(&aside, &to), Err(rustix::io::Errno::EXIST));
            std::fs::remove_file(&to).unwrap();
            assert_eq!(way(&aside, &to), Ok(()));
            assert!(to.is_dir() && !aside.exists());
        }
    }

    #[test]
    fn a_backup_of_a_server_that_goes_on_makes_another_that_is_the_same() {
        let place = tempfile::tempdir().unwrap();
        let (dir, to, other) = (place.path().join("a"), place.path().join("backup"), place.path().join("b"));
        let control = open(&dir, &Arc::new(HandClock::default()));
        running(&control);
        let made = control.back_up(control.everybody(), &ask(&to, false)).unwrap();
        assert_eq!((made.position, made.keys), (control.ledger.head().unwrap().position, false));
        assert_eq!(
            control.back_up(control.everybody(), &ask(&to, false)).unwrap_err().code,
            codes::BACKUP_TAKEN
        );
        let relative = control.back_up(control.everybody(), &ask(Path::new("backup"), false)).unwrap_err();
        assert_eq!(relative.code, codes::BODY_INVALID);
        let names: Vec<_> =
            std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing is left aside: {names:?}");
        // One decision, of the copy that was made: those that were refused before anything was done left none.
        assert_eq!(copies(&*control.ledger), [("local".to_owned(), to.clone(), false)]);

        // Later than the copy was made.
        let later: Arc<dyn Clock> = Arc::new(HandClock(90.into()));
        let restored = restore(&to, &other, &later).unwrap();
        assert_eq!((restored.position, restored.server), (made.position, control.server));
        let again = open(&other, &Arc::new(HandClock::default()));
        assert_eq!(again.server, control.server);
        // The first that this one has on record behind the copy is that it was made of it.
        let first = again.ledger.event(made.position + 1).unwrap().unwrap();
        let Event::ServerRestored(of) = &first.event else { panic!("{first:?}") };
        assert_eq!((first.actor.as_str(), of.backup.as_str()), ("local", to.to_str().unwrap()));
        assert_eq!((of.made, of.position, of.hash), (made.made.0, made.position, made.hash));
        assert!(!of.with_keys);
        again.ledger.verify(None).unwrap();
        let generation = |of: &crate::control::Control| of.ledger.generation().unwrap();
        assert!(generation(&again) > generation(&control), "tokens of the old one are fenced");
        let refused = restore(&to, &other, &clock()).unwrap_err();
        assert_eq!(refused.code, codes::RESTORE_PLACE);
        // While it runs, only itself can copy it.
        let locked = back_up_stopped(&dir, None, &place.path().join("c"), &clock()).unwrap_err();
        assert_eq!(locked.code, codes::LEDGER_LOCKED);
        drop(control);
        let stopped = back_up_stopped(&dir, None, &place.path().join("c"), &clock()).unwrap();
        let options = skein_ledger::Options { clock: clock(), notify: None };
        let copy = skein_ledger::Sqlite::open(&place.path().join("c/server/ledger"), options).unwrap();
        let second = ("local".to_owned(), place.path().join("c"), false);
        assert_eq!(copies(&copy), [("local".to_owned(), to, false), second], "it says of itself what it is");
        let last = copy.event(stopped.position).unwrap().unwrap();
        assert_eq!(last.event.kind(), Kind::BackupMade);
        let none = back_up_stopped(place.path(), None, &place.path().join("d"), &clock()).unwrap_err();
        assert_eq!(none.code, codes::NOT_FOUND);
    }

    #[test]
    fn any_byte_of_any_file_that_is_another_is_found_and_nothing_is_restored() {
        let place = tempfile::tempdir().unwrap();
        let (to, other) = (place.path().join("backup"), place.path().join("b"));
        let control = open(&place.path().join("a"), &Arc::new(HandClock::default()));
        running(&control);
        control.back_up(control.everybody(), &ask(&to, false)).unwrap();
        let files = Manifest::check(&to).unwrap().files.into_iter().map(|file| file.path);
        for name in files.chain(["manifest.json".to_owned(), "manifest.blake3".to_owned()]) {
            let path = to.join(&name);
            let whole = std::fs::read(&path).unwrap();
            for at in [0, whole.len() / 2, whole.len() - 1] {
                let mut flipped = whole.clone();
                flipped[at] ^= 1;
                put(&path, &flipped);
                let refused = restore(&to, &other, &clock()).unwrap_err();
                assert_eq!(refused.code, codes::BACKUP_DAMAGED, "{name} at {at}: {refused}");
            }
            std::fs::remove_file(&path).unwrap();
            let code = restore(&to, &other, &clock()).unwrap_err().code;
            assert!([codes::BACKUP_DAMAGED, codes::BACKUP_FOREIGN].contains(&code), "{name}: {code}");
            put(&path, &whole);
        }
        assert!(!other.exists());
        restore(&to, &other, &clock()).unwrap();
    }

    fn put(path: &Path, bytes: &[u8]) {
        use std::io::Write as _;
        std::fs::File::create(path).unwrap().write_all(bytes).unwrap();
    }
}
