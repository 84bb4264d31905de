//! The way in for the first admin, and for one who lost the others: a token in a file that only the server's user reads.
//!
//! The file comes first and the token after it, with the secret that is in the file: who dies in between finds the file and
//! issues that. A file that is there already is that of a start that died, or of another server, whose token this one makes
//! good too.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use skein_control::Control;
use skein_types::codes;

use super::from_service;
use crate::aside;
use crate::failure::Failure;

const FILE: &str = "admin-token";
/// More than any secret.
const BYTES_MAX: u64 = 200;

/// Sees to it that there is a token for an admin, or one more if `another`; answers where one is that was made now.
pub(super) fn ready(control: &Control, dir: &Path, another: bool) -> Result<Option<PathBuf>, Failure> {
    if control.has_tokens().map_err(|error| from_service(&error))? && !another {
        return Ok(None);
    }
    let path = dir.join(FILE);
    let failed = |error: std::io::Error| Failure::text(codes::IO, format!("{}: {error}", path.display()));
    let kept = if another { None } else { kept(&path).map_err(failed)? };
    let secret = match kept {
        Some(secret) => secret,
        None => {
            let secret = skein_control::new_secret().map_err(|error| from_service(&error))?;
            aside::replace(&path, |file| {
                writeln!(file, "{secret}")?;
                file.sync_all()
            })
            .map_err(failed)?;
            secret
        }
    };
    control.admit_admin(&secret).map_err(|error| from_service(&error))?;
    Ok(Some(path))
}

/// The secret of a start that died before it was good for something.
fn kept(path: &Path) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    match std::fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?.take(BYTES_MAX).read_to_string(&mut text)?,
    };
    Ok(Some(text.trim().to_owned()).filter(|secret| secret.len() > 32))
}
