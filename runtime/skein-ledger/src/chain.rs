//! The hash chain: what an event's hash covers, and what a head proves.
//!
//! An event lies in an envelope, and the envelope's version says what is hashed. Version 1 is how events were hashed at first:
//! the decision alone. Version 2, which is what is written, covers from where it came, which token was shown and in which
//! trace it was made, too: nothing of what a list of decisions shows can be changed without the hash. What was written in an
//! older envelope keeps its hash for ever.

use skein_types::{Actor, Blake3, Timestamp, TraceId};

use crate::event::Event;
use crate::origin::Origin;

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
    /// From where, with which token; none of an event that was recorded before that was.
    pub origin: Option<Origin>,
    /// What was decided.
    pub event: Event,
    /// Its hash.
    pub hash: Blake3,
    /// The trace that it was decided in, if it was in one. The hash covers that it was said, not what the trace names: that is
    /// kept elsewhere and for days.
    pub trace: Option<TraceId>,
}

/// The envelope that events are written in.
pub(crate) const ENVELOPE: u32 = 2;

/// What is hashed of one event, as it is stored.
pub(crate) struct Link<'a> {
    pub(crate) position: u64,
    pub(crate) kind: &'a str,
    pub(crate) schema: u32,
    pub(crate) actor: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) body: &'a [u8],
    /// What the second envelope has besides; none: the first.
    pub(crate) came: Option<Came<'a>>,
}

/// How an event came to be, as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Came<'a> {
    pub(crate) from: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) trace: Option<TraceId>,
}

/// Before everything else in the second envelope. The first begins with the 32 bytes of a hash, so none is the other.
const SECOND: &[u8] = b"skein event 2";

/// BLAKE3 over the parts, each behind its length, so that no two events have one spelling.
pub(crate) fn hash(previous: &Blake3, link: &Link<'_>) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    if link.came.is_some() {
        part(SECOND);
    }
    part(&previous.0);
    part(&link.position.to_be_bytes());
    part(link.kind.as_bytes());
    part(&link.schema.to_be_bytes());
    part(link.actor.as_bytes());
    part(&link.at.0.to_be_bytes());
    part(link.body);
    if let Some(came) = &link.came {
        part(came.from.as_bytes());
        // A token and a trace are never empty.
        part(came.token.unwrap_or_default().as_bytes());
        part(came.trace.map(TraceId::bytes).as_ref().map_or(&[], |bytes| &bytes[..]));
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{Came, Head, Link, hash};
    use skein_types::{Timestamp, TraceId};

    fn link<'a>() -> Link<'a> {
        let body = b"{}";
        Link {
            position: 1,
            kind: "node.left",
            schema: 1,
            actor: "control",
            at: Timestamp(7),
            body,
            came: None,
        }
    }

    fn came<'a>(from: &'a str, token: Option<&'a str>, trace: Option<u8>) -> Option<Came<'a>> {
        Some(Came { from, token, trace: trace.and_then(|byte| TraceId::new([byte; 16])) })
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
            hash(&genesis, &Link { came: came("control", None, None), ..link() }),
            hash(&genesis, &Link { came: came("client:::1", None, None), ..link() }),
            hash(&genesis, &Link { came: came("control", Some("tkn_1"), None), ..link() }),
            hash(&genesis, &Link { came: came("control", Some("tkn_2"), None), ..link() }),
            hash(&genesis, &Link { came: came("control", None, Some(1)), ..link() }),
            hash(&genesis, &Link { came: came("control", Some("tkn_1"), Some(1)), ..link() }),
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
