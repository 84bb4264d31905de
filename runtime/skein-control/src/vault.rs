//! Where the values of secrets are: sealed, in files of their own beside the ledger.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a random nonce; whose value it is, its name and its version are
//! authenticated with it, so a file that is put in another's place does not open. The key is not in the server's directory,
//! so a copy of that directory gives nothing away. What the ledger has is a digest with another key, which tells two values
//! apart and is no help in guessing one.
//!
//! A value is written before the decision that names it. Older versions stay while a campaign that was made with them is open:
//! one campaign has one value, whatever is set meanwhile.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use skein_types::{Blake3, Bytes, codes};

use crate::error::ServiceError;
use crate::shelf::Shelf;

const NONCE_BYTES: usize = 24;
const SEALED_BYTES_MAX: Bytes = Bytes(skein_api::SECRET_BYTES_MAX as u64 + 64);

/// Keys for secrets: one that seals values, one for their digests.
#[derive(Clone)]
pub struct SecretKeys {
    /// Opens what is sealed.
    pub seal: [u8; 32],
    /// Of digests of values.
    pub digest: [u8; 32],
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeys(…)")
    }
}

/// Which value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Of<'a> {
    pub(crate) team: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: u64,
}

impl Of<'_> {
    fn file(self) -> String {
        let named = Blake3::of(format!("{}\0{}", self.team, self.name).as_bytes()).to_string();
        format!("{}-{}.sealed", named.replace(':', "-"), self.version)
    }

    fn bound(self) -> String {
        format!("skein secret\0{}\0{}\0{}", self.team, self.name, self.version)
    }
}

/// The values.
pub(crate) struct Vault {
    shelf: Shelf,
    cipher: XChaCha20Poly1305,
    digest_key: [u8; 32],
    turn: Mutex<()>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("shelf", &self.shelf).finish_non_exhaustive()
    }
}

impl Vault {
    pub(crate) fn open(dir: &Path, keys: &SecretKeys) -> Result<Self, ServiceError> {
        let shelf = Shelf::open(&dir.join("secrets"), SEALED_BYTES_MAX)?;
        Ok(Self {
            shelf,
            cipher: XChaCha20Poly1305::new(&keys.seal.into()),
            digest_key: keys.digest,
            turn: Mutex::default(),
        })
    }

    /// Whether a value is there; for whoever has no keys.
    pub(crate) fn has(dir: &Path, of: Of<'_>) -> Result<bool, ServiceError> {
        Ok(Shelf::open(&dir.join("secrets"), SEALED_BYTES_MAX)?.get(&of.file())?.is_some())
    }

    /// Held from a value's file to the decision that names it, and while files that nothing names are removed.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells values apart.
    pub(crate) fn digest(&self, value: &[u8]) -> Blake3 {
        Blake3::keyed(&self.digest_key, value)
    }

    /// Tells values of one secret apart, and no two secrets that have one value.
    pub(crate) fn digest_of(&self, (team, name): (&str, &str), value: &[u8]) -> Blake3 {
        Blake3::of_secret(&self.digest_key_of(team), name, value)
    }

    /// With which nodes make the same digests.
    pub(crate) fn digest_key_of(&self, team: &str) -> [u8; 32] {
        self.digest(format!("skein secrets of\0{team}").as_bytes()).0
    }

    /// Keeps a value, durably.
    pub(crate) fn keep(&self, of: Of<'_>, value: &[u8]) -> Result<(), ServiceError> {
        Ok(self.shelf.put(&of.file(), &self.sealed(&of.bound(), value)?)?)
    }

    /// Seals what is kept elsewhere. It opens only as that which it is `bound` to.
    pub(crate) fn sealed(&self, bound: &str, value: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| ServiceError::new(codes::IO, error.to_string()))?;
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: value, aad: bound.as_bytes() })
            .map_err(|error| ServiceError::bug(format!("a secret cannot be sealed: {error}")))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was sealed; none if it is something else, or of another key.
    pub(crate) fn unsealed(&self, bound: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: bound.as_bytes() }).ok()
    }

    /// The value.
    pub(crate) fn value(&self, of: Of<'_>) -> Result<Vec<u8>, ServiceError> {
        let lost = |how: &str| {
            let message = format!("version {} of secret {:?} of team {} {how}", of.version, of.name, of.team);
            ServiceError::new(codes::SECRET_LOST, message)
                .hint(Some("set it again, and make a new campaign for what was to be done with it"))
        };
        let file = self.shelf.get(&of.file())?.ok_or_else(|| lost("is not there"))?;
        self.unsealed(&of.bound(), &file).ok_or_else(|| lost("does not open with this server's key"))
    }

    /// Removes all values but these; answers how many there were.
    pub(crate) fn keep_only(&self, kept: &BTreeSet<Of<'_>>) -> Result<usize, ServiceError> {
        let kept: BTreeSet<String> = kept.iter().map(|of| of.file()).collect();
        let gone: Vec<String> = self.shelf.names()?.into_iter().filter(|name| !kept.contains(name)).collect();
        for name in &gone {
            self.shelf.remove(name)?;
        }
        Ok(gone.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{Of, SecretKeys, Vault};
    use skein_types::codes;
    use std::collections::BTreeSet;

    fn vault(dir: &std::path::Path, seal: u8) -> Vault {
        Vault::open(dir, &SecretKeys { seal: [seal; 32], digest: [9; 32] }).unwrap()
    }

    const OF: Of<'static> = Of { team: "pay", name: "key", version: 1 };

    #[test]
    fn a_value_comes_back_and_is_in_no_file_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let kept = vault(place.path(), 1);
        kept.keep(OF, b"hunter2").unwrap();
        assert_eq!(kept.value(OF).unwrap(), b"hunter2");
        for entry in std::fs::read_dir(place.path().join("secrets")).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(7).any(|some| some == b"hunter2"));
        }
    }

    #[test]
    fn a_file_in_anothers_place_and_one_of_another_key_do_not_open() {
        let place = tempfile::tempdir().unwrap();
        let kept = vault(place.path(), 1);
        kept.keep(OF, b"hunter2").unwrap();
        let other = Of { team: "shop", ..OF };
        let at = |of: Of<'_>| place.path().join("secrets").join(of.file());
        std::fs::copy(at(OF), at(other)).unwrap();
        assert_eq!(kept.value(other).unwrap_err().code, codes::SECRET_LOST);
        assert_eq!(vault(place.path(), 2).value(OF).unwrap_err().code, codes::SECRET_LOST);
        assert_eq!(kept.value(Of { version: 2, ..OF }).unwrap_err().code, codes::SECRET_LOST);
    }

    #[test]
    fn what_nothing_names_goes() {
        let place = tempfile::tempdir().unwrap();
        let kept = vault(place.path(), 1);
        let next = Of { version: 2, ..OF };
        kept.keep(OF, b"a").unwrap();
        kept.keep(next, b"b").unwrap();
        assert_eq!(kept.keep_only(&BTreeSet::from([next])).unwrap(), 1);
        assert_eq!(kept.value(next).unwrap(), b"b");
        assert!(kept.value(OF).is_err());
    }
}
