//! The hash chain: what an event's hash covers, and what a head proves.

use skein_types::{Actor, Blake3, Timestamp, TraceId};

use crate::event::Event;

/// The last event of a ledger: how far it goes and, through the hash, all that it says. Kept elsewhere it proves later that
/// nothing up to there was edited or cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event; 0 if there is none.
    pub position: u64,
    /// Its hash; zeros if there is none.
    pub hash: Blake3,
}

impl Head {
    /// Of an empty ledger.
    pub const GENESIS: Self = Self { position: 0, hash: Blake3([0; 32]) };
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands, from 1, without gaps.
    pub position: u64,
    /// When it was recorded, by a clock that may have been wrong: for people, never for order.
    pub at: Timestamp,
    /// Who decided.
    pub actor: Actor,
    /// What was decided.
    pub event: Event,
    /// Its hash.
    pub hash: Blake3,
    /// The trace that it was decided in, if it was in one. Not in the hash: it is no part of the decision, what it names is
    /// kept elsewhere and for days, and a hash over it would make the log a witness of something that it cannot know.
    pub trace: Option<TraceId>,
}

/// What is hashed of one event, as it is stored.
pub(crate) struct Link<'a> {
    pub(crate) position: u64,
    pub(crate) kind: &'a str,
    pub(crate) schema: u32,
    pub(crate) actor: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) body: &'a [u8],
}

/// BLAKE3 over the parts, each behind its length, so that no two events have one spelling.
pub(crate) fn hash(previous: &Blake3, link: &Link<'_>) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(&previous.0);
    part(&link.position.to_be_bytes());
    part(link.kind.as_bytes());
    part(&link.schema.to_be_bytes());
    part(link.actor.as_bytes());
    part(&link.at.0.to_be_bytes());
    part(link.body);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{Head, Link, hash};
    use skein_types::Timestamp;

    fn link<'a>() -> Link<'a> {
        Link { position: 1, kind: "node.left", schema: 1, actor: "control", at: Timestamp(7), body: b"{}" }
    }

    #[test]
    fn every_part_is_in_the_hash() {
        let genesis = Head::GENESIS.hash;
        let hashes = [
            hash(&genesis, &link()),
            hash(&hash(&genesis, &link()), &link()),
            hash(&genesis, &Link { position: 2, ..link() }),
            hash(&genesis, &Link { kind: "node.lost", ..link() }),
            hash(&genesis, &Link { schema: 2, ..link() }),
            hash(&genesis, &Link { actor: "somebody", ..link() }),
            hash(&genesis, &Link { at: Timestamp(8), ..link() }),
            hash(&genesis, &Link { body: b"[]", ..link() }),
            // The border between two parts is part of it.
            hash(&genesis, &Link { actor: "contro", body: b"l{}", ..link() }),
        ];
        for (at, one) in hashes.iter().enumerate() {
            assert!(hashes[..at].iter().all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn the_hash_of_a_known_event_never_changes() {
        let text = hash(&Head::GENESIS.hash, &link()).to_string();
        assert_eq!(text, "blake3:7617069c463cf90a6ab85d86e0d1b00abf310b0122043e811f85a615d29f8a81");
    }
}
