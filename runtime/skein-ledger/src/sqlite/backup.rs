//! A copy of a live ledger: consistent, compact, and openable like the original.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::read::event::head;
use crate::chain::Head;
use crate::error::LedgerError;

/// Writes the copy beside its name, syncs it, and only then gives it the name: who dies here leaves no half copy that looks
/// whole.
pub(super) fn backup(live: &Path, to: &Path) -> Result<Head, LedgerError> {
    let place = |source| LedgerError::Place { path: to.to_owned(), source: Arc::new(source) };
    if to.try_exists().map_err(place)? {
        return Err(LedgerError::Taken { path: to.to_owned() });
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(place(error)),
        Ok(()) | Err(_) => {}
    }
    // A connection of its own: a copy takes long, and readers are few.
    let db = Connection::open_with_flags(live, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let Some(name) = partial.to_str() else {
        return Err(place(std::io::Error::other("the path is not UTF-8")));
    };
    db.execute("VACUUM INTO ?1", [name])?;
    let copy = Connection::open_with_flags(&partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let head = head(&copy)?;
    // Samples and logs may show values of users' rows. Their bytes are overwritten, not only let go of.
    copy.pragma_update(None, "secure_delete", true)?;
    let noted = "SELECT digest, keep_until FROM blob WHERE rows = 1";
    copy.execute(&format!("INSERT OR REPLACE INTO left_out (digest, keep_until) {noted}"), [])?;
    copy.execute("DELETE FROM blob WHERE rows = 1", [])?;
    // Where a table was made, cells were moved from page to page and left behind what nobody deletes: made anew without them.
    copy.execute("VACUUM", [])?;
    // The copy may lack what the original goes on to say: a ledger that is opened from it gives tokens that fence those.
    copy.execute("UPDATE meta SET generation = generation + 1", [])?;
    copy.close().map_err(|(_, error)| error)?;
    std::fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(place)?;
    // A link and not a rename: it fails where something took the name meanwhile.
    std::fs::hard_link(&partial, to).map_err(|source| {
        let taken = source.kind() == std::io::ErrorKind::AlreadyExists;
        if taken { LedgerError::Taken { path: to.to_owned() } } else { place(source) }
    })?;
    std::fs::remove_file(&partial).map_err(place)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(place)?;
    Ok(head)
}
