//! Whose signatures are believed: keys in files, as PEM or as a list of those that followed one another.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skein_api::{SigningKey, SigningKeys};
use skein_attest::{AttestError, KeyRecord, PublicKey, Ring, Trust};
use skein_types::codes;

use crate::failure::Failure;

/// Of a file of keys.
const KEYS_BYTES_MAX: u64 = 16 << 20;

/// Keys that a command was given.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pinned: Vec<PublicKey>,
    ring: Option<Ring>,
}

impl Keys {
    /// Those in files.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut keys = Self::default();
        for path in paths {
            let text = String::from_utf8(read(path, KEYS_BYTES_MAX)?)
                .map_err(|error| Failure::new(codes::ATTEST_FORM, &error).about(path))?;
            if text.trim_start().starts_with('{') {
                keys.ring = Some(ring_of(&text).map_err(|error| failed(&error).about(path))?);
            } else {
                keys.pinned.push(PublicKey::from_pem(&text).map_err(|error| failed(&error).about(path))?);
            }
        }
        Ok(keys)
    }

    /// Who is trusted because of them; where there are none, because of a ring.
    pub(super) fn trust(self, otherwise: &Ring) -> Result<Trust, AttestError> {
        match (&self.ring, self.pinned.is_empty()) {
            (Some(ring), _) => Trust::through(self.pinned, ring),
            (None, false) => Trust::through(self.pinned, otherwise),
            (None, true) => Trust::through(Vec::new(), otherwise),
        }
    }
}

#[derive(Deserialize)]
struct Exported {
    keys: Vec<KeyRecord>,
}

/// As `skein audit keys export` writes it.
fn ring_of(text: &str) -> Result<Ring, AttestError> {
    let problem =
        |error: serde_json::Error| AttestError::Form { what: "a list of keys", problem: error.to_string() };
    let Exported { keys } = serde_json::from_str(text).map_err(problem)?;
    Ok(Ring { keys })
}

/// As a server says it.
pub(super) fn ring(keys: &SigningKeys) -> Ring {
    let record = |key: &SigningKey| KeyRecord {
        key: key.key.to_string(),
        public: key.public.to_string(),
        at: key.at.0,
        before: key.before.as_ref().map(ToString::to_string),
        by_key: key.by_key.to_string(),
        by_before: key.by_before.as_ref().map(ToString::to_string),
    };
    Ring { keys: keys.keys.iter().map(record).collect() }
}

pub(super) fn failed(error: &AttestError) -> Failure {
    let hint = match error {
        AttestError::Key { .. } => {
            Some("give the key that it should be signed by, or the list of all of them: --key")
        }
        AttestError::Form { .. }
        | AttestError::Signature { .. }
        | AttestError::Time { .. }
        | AttestError::Ring { .. }
        | AttestError::Other { .. }
        | AttestError::Content { .. }
        | AttestError::Anchor { .. } => None,
    };
    Failure::new(error.code(), error).hint(hint)
}

/// A file of at most so many bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::unread(path, codes::IO, &error))?;
    if bytes.len() as u64 > most {
        return Err(Failure::text(codes::ATTEST_FORM, format!("more than {most} bytes")).about(path));
    }
    Ok(bytes)
}
