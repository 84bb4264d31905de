//! Events as they leave the ledger whole: what is hashed of each, with its hash, so that whoever has them can verify them
//! without the ledger.
//!
//! [`Follow`] recomputes the chain from such records. It needs no file and no database, and it does not ask whether a kind is
//! known: what is verified is that nothing was changed, not what it means.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skein_types::{Blake3, Timestamp, TraceId};

use crate::canonical;
use crate::chain::{self, Came, ENVELOPE, Head, Link};
use crate::error::Damage;

/// One event, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Where it stands.
    pub position: u64,
    /// Which envelope: what its hash covers.
    pub envelope: u32,
    /// Which kind of decision it is.
    pub kind: String,
    /// Of its body.
    pub schema: u32,
    /// Who decided.
    pub actor: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// From where; not in the first envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// With which token, if one was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// In which trace, if it was in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What was decided. Hashed in its canonical spelling, so blanks and the order of keys do not count.
    pub body: Value,
    /// Of this record and all before it.
    pub hash: Blake3,
}

impl Record {
    fn hash_behind(&self, previous: &Blake3) -> Result<Blake3, Damage> {
        let unreadable = |what: String| Damage::Unreadable { position: self.position, what };
        let body = canonical::bytes(&self.body).map_err(|error| unreadable(error.to_string()))?;
        let came = match (self.envelope, &self.from) {
            // It has nothing that its hash does not cover.
            (1, None) if self.token.is_none() && self.trace.is_none() => None,
            (ENVELOPE, Some(from)) => Some(Came { from, token: self.token.as_deref(), trace: self.trace }),
            (envelope, _) => return Err(unreadable(format!("it is in no envelope {envelope}"))),
        };
        let link = Link {
            position: self.position,
            kind: &self.kind,
            schema: self.schema,
            actor: &self.actor,
            at: Timestamp(self.at),
            body: &body,
            came,
        };
        Ok(chain::hash(previous, &link))
    }
}

/// Whoever follows a chain, record by record.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    head: Head,
    envelope: u32,
}

impl Follow {
    /// From behind this event.
    pub const fn behind(head: Head) -> Self {
        Self { head, envelope: 1 }
    }

    /// The last record that followed.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Takes the next record, or says what is wrong with it.
    pub fn next(&mut self, record: &Record) -> Result<Head, Damage> {
        let expected = self.head.position + 1;
        if record.position != expected {
            return Err(Damage::Missing(expected));
        }
        // Nobody writes an older envelope again: who puts a record into one wants something to be hashed no more.
        if record.envelope < self.envelope || record.hash != record.hash_behind(&self.head.hash)? {
            return Err(Damage::Edited(record.position));
        }
        self.envelope = record.envelope;
        self.head = Head { position: record.position, hash: record.hash };
        Ok(self.head)
    }
}

#[cfg(test)]
mod tests {
    use super::{Follow, Record};
    use crate::chain::Head;
    use crate::error::Damage;
    use serde_json::json;
    use skein_types::Blake3;

    fn record(position: u64, envelope: u32, previous: &Blake3) -> Record {
        let from = (envelope == 2).then(|| "client:127.0.0.1".to_owned());
        let mut record = Record {
            position,
            envelope,
            kind: "node.left".to_owned(),
            schema: 1,
            actor: "control".to_owned(),
            at: 7,
            from,
            token: None,
            trace: None,
            body: json!({"b": 1, "a": [true]}),
            hash: Blake3([0; 32]),
        };
        record.hash = record.hash_behind(previous).unwrap();
        record
    }

    fn chain(envelopes: &[u32]) -> Vec<Record> {
        let mut last = Head::GENESIS.hash;
        let all = (1..).zip(envelopes).map(|(position, envelope)| {
            let record = record(position, *envelope, &last);
            last = record.hash;
            record
        });
        all.collect()
    }

    fn followed(records: &[Record]) -> Result<u64, Damage> {
        let mut follow = Follow::behind(Head::GENESIS);
        for record in records {
            follow.next(record)?;
        }
        Ok(follow.head().position)
    }

    #[test]
    fn records_that_follow_verify_and_any_change_is_named() {
        let good = chain(&[1, 1, 2, 2]);
        assert_eq!(followed(&good), Ok(4));
        let changes: [fn(&mut Record); 7] = [
            |r| r.actor = "eve".to_owned(),
            |r| r.from = Some("client:10.0.0.1".to_owned()),
            |r| r.token = Some("tkn_1".to_owned()),
            |r| r.body = json!({"a": [true], "b": 2}),
            |r| r.at = 8,
            |r| r.hash = Blake3::of(b"x"),
            |r| r.trace = skein_types::TraceId::new([1; 16]),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad[2]);
            assert_eq!(followed(&bad), Err(Damage::Edited(3)), "{at}");
        }
        let said: [fn(&mut Record); 3] = [
            |r| r.from = Some("client:10.0.0.1".to_owned()),
            |r| r.token = Some("tkn_1".to_owned()),
            |r| r.trace = skein_types::TraceId::new([1; 16]),
        ];
        for (at, say) in said.into_iter().enumerate() {
            let mut bad = good.clone();
            say(&mut bad[1]);
            assert!(matches!(followed(&bad), Err(Damage::Unreadable { position: 2, .. })), "{at}");
        }
        let mut cut = good;
        cut.remove(1);
        assert_eq!(followed(&cut), Err(Damage::Missing(2)));
    }

    #[test]
    fn an_older_envelope_does_not_follow_a_newer_one() {
        assert_eq!(followed(&chain(&[1, 2, 1])), Err(Damage::Edited(3)));
    }
}
