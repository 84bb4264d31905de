//! Keys that follow one another, and whom one trusts because one trusts another.
//!
//! A key is introduced by two signatures over one text, that names both: the one before says who comes next, the new one vouches for
//! who was before. So a person who was given one key, years ago or yesterday, can check what any other signed, as long as no key was
//! lost in between. A key counts from its time to that of the next one.

use serde::{Deserialize, Serialize};
use skein_types::Timestamp;

use crate::envelope::pae;
use crate::error::AttestError;
use crate::key::{PublicKey, Signer};

const TYPE: &str = "application/vnd.skein.key+json";

/// A key as it was introduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// Its id.
    pub key: String,
    /// Its public half, in base64.
    pub public: String,
    /// From when on it signs, in milliseconds since 1970.
    pub at: Timestamp,
    /// The one that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its own signature.
    pub by_key: String,
    /// That of the one before; none where that was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_before: Option<String>,
}

/// What both sign.
#[derive(Serialize)]
struct Introduction<'a> {
    key: &'a str,
    public: &'a str,
    at: Timestamp,
    before: Option<&'a str>,
}

impl KeyRecord {
    /// Introduces a key, behind the one before and signed by it, if it is at hand.
    pub fn introduce(signer: &Signer, at: Timestamp, before: (Option<String>, Option<&Signer>)) -> Self {
        let (before, by) = before;
        let public = signer.public();
        let mut record = Self {
            key: public.id(),
            public: public.to_base64(),
            at,
            before,
            by_key: String::new(),
            by_before: None,
        };
        let message = record.message();
        record.by_key = signer.sign(&message);
        record.by_before = by.map(|by| by.sign(&message));
        record
    }

    fn message(&self) -> Vec<u8> {
        let Self { key, public, at, before, .. } = self;
        let said = Introduction { key, public, at: *at, before: before.as_deref() };
        pae(TYPE, &serde_json::to_vec(&said).expect("an introduction holds only text and a number"))
    }
}

/// All keys of a server, in the order in which they were introduced: `skein audit keys list -o json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// They.
    pub keys: Vec<KeyRecord>,
}

impl Ring {
    /// Checks every signature in it. What is not connected by the signature of the one before is no error here: it is not
    /// trusted because of its neighbours.
    fn check(&self) -> Result<Vec<PublicKey>, AttestError> {
        let mut keys: Vec<PublicKey> = Vec::with_capacity(self.keys.len());
        for (at, record) in self.keys.iter().enumerate() {
            let bad = |what: &str| AttestError::Ring { problem: format!("key {} {what}", record.key) };
            let key = PublicKey::from_base64(&record.public)?;
            let last = at.checked_sub(1).map(|last| (&self.keys[last], keys[last]));
            if key.id() != record.key {
                return Err(bad("is not called so"));
            }
            if record.before.as_ref() != last.map(|(last, _)| &last.key) {
                return Err(bad("does not follow the one before it"));
            }
            if last.is_some_and(|(last, _)| last.at > record.at) {
                return Err(bad("is older than the one before it"));
            }
            let message = record.message();
            let by_before = match (&record.by_before, last) {
                (Some(signature), Some((_, last))) => last.signed(&message, signature),
                (None, _) => true,
                (Some(_), None) => false,
            };
            if !key.signed(&message, &record.by_key) || !by_before {
                return Err(bad("was not introduced so"));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

/// Who is trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pinned: Vec<PublicKey>,
    /// Those of a ring that are trusted, each with when it signs.
    known: Vec<(PublicKey, Timestamp, Option<Timestamp>)>,
}

impl Trust {
    /// These keys, whenever they signed.
    pub const fn of(pinned: Vec<PublicKey>) -> Self {
        Self { pinned, known: Vec::new() }
    }

    /// These keys, and whoever in the ring they lead to. Without any the ring itself is what is trusted, from its last key on
    /// backwards.
    pub fn through(pinned: Vec<PublicKey>, ring: &Ring) -> Result<Self, AttestError> {
        let keys = ring.check()?;
        let from: Vec<usize> = match pinned.is_empty() {
            true => keys.len().checked_sub(1).into_iter().collect(),
            false => (0..keys.len()).filter(|at| pinned.contains(&keys[*at])).collect(),
        };
        let mut reached = vec![false; keys.len()];
        for at in from {
            reached[at] = true;
            let led = ring.keys.iter().zip(&mut reached).skip(at + 1);
            led.take_while(|(key, _)| key.by_before.is_some()).for_each(|(_, reached)| *reached = true);
            for before in (0..at).rev() {
                if ring.keys[before + 1].by_before.is_none() {
                    break;
                }
                reached[before] = true;
            }
        }
        let until = |at: usize| ring.keys.get(at + 1).map(|next| next.at);
        let known = keys.iter().enumerate().filter(|(at, _)| reached[*at]);
        let known = known.map(|(at, key)| (*key, ring.keys[at].at, until(at))).collect();
        Ok(Self { pinned, known })
    }

    /// The key of this id, if it is trusted.
    pub fn key(&self, id: &str) -> Option<PublicKey> {
        let all = self.known.iter().map(|(key, ..)| key).chain(&self.pinned);
        all.into_iter().find(|key| key.id() == id).copied()
    }

    /// Refuses what a key signed for a time that was not its own.
    pub fn at(&self, key: &PublicKey, at: Timestamp) -> Result<(), AttestError> {
        let Some((_, since, until)) = self.known.iter().find(|(known, ..)| known == key) else {
            return Ok(());
        };
        // The one before and the next may sign in the same millisecond.
        if *since <= at && until.is_none_or(|until| at <= until) {
            return Ok(());
        }
        Err(AttestError::Time { key: key.id(), at: at.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyRecord, Ring, Trust};
    use crate::error::AttestError;
    use crate::key::Signer;
    use skein_types::Timestamp;

    fn signer(seed: u8) -> Signer {
        Signer::from_bytes(&[seed; 32])
    }

    /// Keys 1, 2, 3, …, each from ten times its number on; that of `lost` was introduced without the one before.
    fn ring(keys: u8, lost: Option<u8>) -> Ring {
        let record = |seed: u8| {
            let before = (seed > 1).then(|| signer(seed - 1));
            let id = before.as_ref().map(|before| before.public().id());
            let by = before.as_ref().filter(|_| Some(seed) != lost);
            KeyRecord::introduce(&signer(seed), Timestamp(u64::from(seed) * 10), (id, by))
        };
        Ring { keys: (1..=keys).map(record).collect() }
    }

    fn trusted(pinned: &[u8], ring: &Ring) -> Vec<u8> {
        let pinned = pinned.iter().map(|seed| signer(*seed).public()).collect();
        let trust = Trust::through(pinned, ring).unwrap();
        (1..=9).filter(|seed| trust.key(&signer(*seed).public().id()).is_some()).collect()
    }

    #[test]
    fn one_key_leads_to_every_other_up_to_where_one_was_lost() {
        for pinned in 1..=3 {
            assert_eq!(trusted(&[pinned], &ring(3, None)), [1, 2, 3]);
        }
        assert_eq!(trusted(&[1], &ring(4, Some(3))), [1, 2]);
        assert_eq!(trusted(&[4], &ring(4, Some(3))), [3, 4]);
        assert_eq!(trusted(&[1, 4], &ring(4, Some(3))), [1, 2, 3, 4]);
        assert_eq!(trusted(&[], &ring(4, Some(3))), [3, 4]);
        assert_eq!(trusted(&[9], &ring(3, None)), [9]);
    }

    #[test]
    fn a_key_counts_in_its_own_time_alone() {
        let trust = Trust::through(vec![signer(1).public()], &ring(3, None)).unwrap();
        let counts = |seed: u8| {
            let at = |at: &u64| trust.at(&signer(seed).public(), Timestamp(*at)).is_ok();
            [5, 10, 15, 20, 25, 30, 99].into_iter().filter(at).collect::<Vec<u64>>()
        };
        assert_eq!((counts(1), counts(2), counts(3)), (vec![10, 15, 20], vec![20, 25, 30], vec![30, 99]));
    }

    #[test]
    fn a_ring_that_somebody_changed_is_refused() {
        let changes: [fn(&mut Ring); 8] = [
            |ring| ring.keys[1].at = Timestamp(15),
            |ring| drop(ring.keys.remove(1)),
            |ring| drop(ring.keys.remove(0)),
            |ring| ring.keys.swap(0, 1),
            |ring| ring.keys[1].public = signer(7).public().to_base64(),
            |ring| {
                let other = ring.keys[2].clone();
                ring.keys[1].by_before = other.by_before;
            },
            |ring| {
                let other = ring.keys[2].clone();
                ring.keys[1].by_key = other.by_key;
            },
            |ring| {
                let id = Some(ring.keys[2].key.clone());
                // Somebody's own key, said to follow the last one.
                ring.keys.push(KeyRecord::introduce(&signer(7), Timestamp(50), (id, Some(&signer(8)))));
            },
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut ring = ring(3, None);
            change(&mut ring);
            let refused = Trust::through(vec![signer(1).public()], &ring);
            assert!(matches!(refused, Err(AttestError::Ring { .. })), "{at}");
        }
        // Without the signature of the one before it is there, and leads nowhere.
        let mut ring = ring(3, None);
        ring.keys[1].by_before = None;
        assert_eq!(trusted(&[1], &ring), [1]);
    }
}
