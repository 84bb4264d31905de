//! The key that statements are signed with, and those that were.
//!
//! The secret half is one file among the server's keys; that it counts, and from when on, is a decision in the ledger. Changing it:
//!
//! ```text
//! write the new key beside the old one -> key.introduced, signed by both -> the new file takes the old one's place
//! ```
//! | crash | the ledger's last key is | what the next start does |
//! |---|---|---|
//! | before the decision | the old one | forgets the new file |
//! | after it | the new one | lets the new file take the old one's place |
//!
//! A file that is neither is that of another server, or the old one is lost: it is introduced without the signature of the one
//! before, and what it signs is not trusted because of that.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skein_api::{List, SigningKey, SigningKeys, Text, Time};
use skein_attest::{KeyRecord, Ring, Signer};
use skein_ledger::{KeyIntroduced, Ledger, Limit, Name, UnitOutcome};
use skein_types::{Timestamp, codes};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;

/// Beside the key: the one that is about to take its place.
const NEXT: &str = "next";
/// The like: one that is being written.
const PART: &str = "part";

/// Where the key is, and the key once the ledger knows it.
#[derive(Debug)]
pub(crate) struct Signing {
    path: PathBuf,
    ready: Mutex<Option<Ready>>,
}

/// A key that counts.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) signer: Arc<Signer>,
    /// From when on. What is signed with it says no earlier time, however the clock went.
    pub(crate) since: Timestamp,
}

impl Signing {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, ready: Mutex::default() }
    }

    fn next(&self) -> PathBuf {
        self.path.with_extension(NEXT)
    }

    fn ready(&self) -> MutexGuard<'_, Option<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// The key to sign with, and the time to say. The first statement introduces the key.
    pub(crate) fn signer(&self) -> Result<(Arc<Signer>, Timestamp), ServiceError> {
        let mut ready = self.signing.ready();
        let known = match ready.take() {
            Some(known) => known,
            None => self.introduced()?,
        };
        let at = self.clock.now().max(known.since);
        let signer = Arc::clone(&known.signer);
        *ready = Some(known);
        Ok((signer, at))
    }

    /// The key that the ledger calls the last one, or a file that it does not know yet, which it then gets to know.
    fn introduced(&self) -> Result<Ready, ServiceError> {
        let (path, next) = (&self.signing.path, self.signing.next());
        let keys = self.keys()?.keys;
        let last = keys.last();
        let here = match read(path)? {
            Some(here) => here,
            None => made(path)?,
        };
        let is = |key: &KeyRecord, signer: &Signer| key.key == signer.public().id();
        let is_last = |signer: &Signer| last.is_some_and(|last| is(last, signer));
        if is_last(&here) {
            forgotten(&next)?;
            return Ok(Ready { since: last.map_or(Timestamp(0), |last| last.at), signer: Arc::new(here) });
        }
        if let Some(decided) = read(&next)?.filter(|next| is_last(next)) {
            placed(&next, path)?;
            return Ok(Ready { since: last.map_or(Timestamp(0), |last| last.at), signer: Arc::new(decided) });
        }
        // One that was there before does not come back: a new one is made in its place.
        let here = match keys.iter().any(|key| is(key, &here)) {
            true => {
                forgotten(path)?;
                made(path)?
            }
            false => here,
        };
        if let Some(last) = last {
            tracing::warn!(last = %last.key, key = %here.public().id(), "the last key of this server is not here: what another signs is not trusted because of it");
        }
        let record = self.record(&here, (last, None));
        self.introduce(&self.itself, &record)?;
        Ok(Ready { since: record.at, signer: Arc::new(here) })
    }

    fn record(&self, signer: &Signer, (last, by): (Option<&KeyRecord>, Option<&Signer>)) -> KeyRecord {
        let at = self.clock.now().max(last.map_or(Timestamp(0), |last| last.at));
        KeyRecord::introduce(signer, at, (last.map(|last| last.key.clone()), by))
    }

    fn introduce(&self, who: &Principal, record: &KeyRecord) -> Result<(), ServiceError> {
        let name = |text: &str| Name::new(text).map_err(|error| ServiceError::bug(error.to_string()));
        let introduced = KeyIntroduced {
            key: name(&record.key)?,
            public: skein_ledger::Text::clip(&record.public),
            at: record.at,
            before: record.before.as_deref().map(name).transpose()?,
            by_key: skein_ledger::Text::clip(&record.by_key),
            by_before: record.by_before.as_deref().map(skein_ledger::Text::clip),
        };
        match self.commit(who.unit().decide(introduced))? {
            UnitOutcome::Applied(_) | UnitOutcome::Known(_) => Ok(()),
            UnitOutcome::Refused { found, .. } => {
                Err(ServiceError::new(codes::SIGNING_KEY, format!("it cannot be introduced: {found}")))
            }
        }
    }

    /// Keys, in the order in which they were introduced.
    pub(crate) fn keys(&self) -> Result<Ring, ServiceError> {
        ring(&*self.ledger)
    }

    /// They, for whoever verifies.
    pub(crate) fn signing_keys(&self) -> Result<SigningKeys, ServiceError> {
        // So that there is one to give to others before anything is signed.
        self.signer()?;
        let keys = self.keys()?.keys.into_iter().map(|key| SigningKey {
            key: Text::escaped(&key.key),
            public: Text::escaped(&key.public),
            at: Time(key.at),
            before: key.before.as_deref().map(Text::escaped),
            by_key: Text::escaped(&key.by_key),
            by_before: key.by_before.as_deref().map(Text::escaped),
        });
        Ok(SigningKeys { server: self.server, keys: List::first(keys.collect()).0 })
    }

    /// Makes a key and signs with it from now on.
    pub(crate) fn rotate_key(&self, who: &Principal) -> Result<SigningKeys, ServiceError> {
        let (old, _) = self.signer()?;
        {
            let mut ready = self.signing.ready();
            let next = self.signing.next();
            forgotten(&next)?;
            let signer = made(&next)?;
            let last = self.keys()?.keys.pop();
            if last.as_ref().is_none_or(|last| last.key != old.public().id()) {
                let message = "somebody else changed it at the same time";
                return Err(ServiceError::new(codes::SIGNING_KEY, message));
            }
            let record = self.record(&signer, (last.as_ref(), Some(&old)));
            // From here on the ledger may know no other, also where nobody hears that it does: unless all goes well, the next who
            // signs looks for it.
            *ready = None;
            self.introduce(who, &record)?;
            placed(&next, &self.signing.path)?;
            *ready = Some(Ready { since: record.at, signer: Arc::new(signer) });
        }
        self.signing_keys()
    }
}

/// Keys that a ledger knows, in the order in which they were introduced.
pub(crate) fn ring(ledger: &dyn Ledger) -> Result<Ring, ServiceError> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.signing_keys(after, Limit::MAX)?;
        keys.extend(page.items.into_iter().map(|key| KeyRecord {
            key: key.id.to_string(),
            public: key.public.to_string(),
            at: key.at,
            before: key.before.map(|before| before.to_string()),
            by_key: key.by_key.to_string(),
            by_before: key.by_before.map(|by| by.to_string()),
        }));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Ring { keys }),
        }
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ServiceError {
    let path = path.display().to_string();
    move |error| {
        ServiceError::new(codes::SIGNING_KEY, format!("{path}: {error}"))
            .hint(Some("it is a file of 32 bytes in the directory `keys` of SKEIN_HOME, for its owner alone"))
    }
}

fn read(path: &Path) -> Result<Option<Signer>, ServiceError> {
    let mut key = [0; 32];
    match File::open(path).and_then(|mut file| file.read_exact(&mut key)) {
        Ok(()) => Ok(Some(Signer::from_bytes(&key))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// A new key in a new file, durably.
fn made(path: &Path) -> Result<Signer, ServiceError> {
    let signer = Signer::generate()
        .map_err(|error| ServiceError::new(codes::SIGNING_KEY, format!("no randomness: {error}")))?;
    let write = || {
        if let Some(dir) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        // Whoever dies over it leaves no half of a key where one is looked for.
        let part = path.with_extension(PART);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&signer.to_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        synced(path)
    };
    write().map_err(failed(path))?;
    Ok(signer)
}

fn placed(from: &Path, to: &Path) -> Result<(), ServiceError> {
    std::fs::rename(from, to).and_then(|()| synced(to)).map_err(failed(to))
}

fn forgotten(path: &Path) -> Result<(), ServiceError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn synced(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use skein_attest::{Ring, Trust};
    use skein_types::codes;

    use crate::scene::{HandClock, open};

    fn write(path: &Path, bytes: &[u8]) {
        let file = std::fs::File::create(path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).unwrap();
    }

    #[test]
    fn the_first_statement_introduces_the_key_and_the_next_key_follows_it() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        assert_eq!(control.keys().unwrap(), Ring::default());
        let (first, _) = control.signer().unwrap();
        assert_eq!(control.signer().unwrap().0.public(), first.public());
        assert_eq!(control.keys().unwrap().keys.len(), 1);
        control.rotate_key(&control.itself).unwrap();
        let (second, at) = control.signer().unwrap();
        assert_ne!(second.public(), first.public());
        let ring = control.keys().unwrap();
        assert_eq!(ring.keys.len(), 2);
        let trust = Trust::through(vec![first.public()], &ring).unwrap();
        assert!(trust.at(&second.public(), at).is_ok());
        assert!(trust.key(&second.public().id()).is_some());
        // As after a start: from the file.
        *control.signing.ready() = None;
        assert_eq!(control.signer().unwrap().0.public(), second.public());
    }

    #[test]
    fn a_key_that_was_decided_takes_the_place_of_the_one_before_and_what_is_lost_is_not_vouched_for() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let (path, next) = (control.signing.path.clone(), control.signing.next());
        control.signer().unwrap();
        let old = std::fs::read(&path).unwrap();
        control.rotate_key(&control.itself).unwrap();
        let new = std::fs::read(&path).unwrap();
        // Who died between the decision and the file.
        write(&next, &new);
        write(&path, &old);
        *control.signing.ready() = None;
        control.signer().unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), next.exists()), (new, false));
        // Who died before the decision.
        super::made(&next).unwrap();
        *control.signing.ready() = None;
        control.signer().unwrap();
        assert!(!next.exists());
        assert_eq!(control.keys().unwrap().keys.len(), 2);
        // None, or one that was there before: another one comes, and nobody vouches for it.
        for back in [None, Some(&old)] {
            std::fs::remove_file(&path).unwrap();
            if let Some(back) = back {
                write(&path, back);
            }
            *control.signing.ready() = None;
            control.signer().unwrap();
            let last = control.keys().unwrap().keys.pop().unwrap();
            assert!(last.by_before.is_none() && last.before.is_some());
        }
        assert_eq!(control.keys().unwrap().keys.len(), 4);
        // Who died while a key was written.
        std::fs::remove_file(&path).unwrap();
        write(&path.with_extension(super::PART), b"short");
        *control.signing.ready() = None;
        control.signer().unwrap();
        assert_eq!((control.keys().unwrap().keys.len(), std::fs::read(&path).unwrap().len()), (5, 32));
        write(&path, b"short");
        *control.signing.ready() = None;
        assert_eq!(control.signer().unwrap_err().code, codes::SIGNING_KEY);
    }
}
