//! The keys of a server in its backup: those that it runs with, all of them, or none.
//!
//! They are not in the server's directory and may be anybody's. So the directory has a mark of the keys that the server last ran
//! with: it tells keys apart, and gives nothing of them away.

use std::io::ErrorKind;
use std::path::Path;

use skein_types::{Blake3, Bytes, codes};

use super::{copied, failed, make_dir, sync};
use crate::error::ServiceError;
use crate::shelf::Shelf;
use crate::vault::SecretKeys;

const ARTIFACT: &str = "artifact.key";
const DIGEST: &str = "secret-digest.key";
const SEAL: &str = "secrets.key";
/// Made when something is first signed.
const STATEMENTS: &str = "statements.key";
/// The mark, beside the server's identity.
const MARK: &str = "keys";

fn mark(keys: &SecretKeys) -> Blake3 {
    Blake3::keyed(&keys.seal, &keys.digest)
}

/// Leaves the mark of these keys in the directory of a server that runs with them.
pub(crate) fn note(dir: &Path, keys: &SecretKeys) -> Result<(), ServiceError> {
    let (shelf, mark) = (Shelf::open(&dir.join("server"), Bytes(64))?, mark(keys));
    if shelf.get(MARK)?.as_deref() != Some(&mark.0[..]) {
        shelf.put(MARK, &mark.0)?;
    }
    Ok(())
}

/// Copies all keys beside the copy of a server's directory, if they are that server's.
pub(super) fn copy(from: &Path, to: &Path, server: &Path) -> Result<(), ServiceError> {
    make_dir(to)?;
    for name in [ARTIFACT, DIGEST, SEAL] {
        let path = from.join(name);
        copied(&path, &to.join(name)).map_err(|error| match error.kind() == ErrorKind::NotFound {
            true => missing(&format!("{} is not there", path.display())),
            false => failed("copy", &path, &error),
        })?;
    }
    match copied(&from.join(STATEMENTS), &to.join(STATEMENTS)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(failed("copy", &from.join(STATEMENTS), &error));
        }
        Ok(()) | Err(_) => {}
    }
    sync(to)?;
    let keys = SecretKeys { seal: key(&to.join(SEAL))?, digest: key(&to.join(DIGEST))? };
    match std::fs::read(server.join("server").join(MARK)) {
        Ok(noted) if noted == mark(&keys).0 => Ok(()),
        // Of a server that has not run since there are marks.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(missing(&format!("the server runs with other keys than those in {}", from.display()))),
        Err(error) => Err(failed("read", server, &error)),
    }
}

fn key(path: &Path) -> Result<[u8; 32], ServiceError> {
    let bytes = std::fs::read(path).map_err(|error| failed("read", path, &error))?;
    bytes.try_into().map_err(|_| missing(&format!("{} is no key", path.display())))
}

fn missing(what: &str) -> ServiceError {
    ServiceError::new(codes::KEYS_MISSING, what)
        .hint(Some("set SKEIN_HOME to what the server runs with, or leave the keys out of the backup"))
}
