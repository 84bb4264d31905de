//! Statements: in-toto's, version 1 of the attestation framework.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skein_types::Timestamp;

use crate::envelope::Envelope;
use crate::error::AttestError;
use crate::key::{PublicKey, Signer};
use crate::ring::Trust;

/// What every statement says of itself.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What its envelope says of it.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Of a report of a campaign.
pub const REPORT_TYPE: &str = "urn:skein:campaign-report:v1";

/// Something about some things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement<P> {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub of: String,
    /// The things.
    pub subject: Vec<Subject>,
    /// What kind of thing is said.
    pub predicate_type: String,
    /// What.
    pub predicate: P,
}

/// A thing, by its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// By algorithm, in lower-case hex.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// A thing with one digest.
    pub fn new(name: impl Into<String>, algorithm: &str, digest: &[u8]) -> Self {
        Self { name: name.into(), digest: BTreeMap::from([(algorithm.to_owned(), hex(digest))]) }
    }

    /// A digest of it.
    pub fn digest(&self, algorithm: &str) -> Option<&str> {
        self.digest.get(algorithm).map(String::as_str)
    }
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

impl<P: Serialize> Statement<P> {
    /// Says something.
    pub fn new(subject: Vec<Subject>, predicate_type: &str, predicate: P) -> Self {
        Self { of: STATEMENT_TYPE.to_owned(), subject, predicate_type: predicate_type.to_owned(), predicate }
    }

    /// Signs it. The same statement and key give the same bytes.
    pub fn sign(&self, signer: &Signer) -> Result<Envelope, serde_json::Error> {
        Ok(Envelope::sign(PAYLOAD_TYPE, &serde_json::to_vec(self)?, signer))
    }
}

impl<P: DeserializeOwned> Statement<P> {
    /// Reads a statement of this kind out of its envelope, if somebody signed it who is trusted with what was said at `at`, and says
    /// who.
    pub fn open(
        envelope: &Envelope,
        predicate_type: &str,
        (trust, at): (&Trust, impl Fn(&P) -> Timestamp),
    ) -> Result<(Self, PublicKey), AttestError> {
        let (payload, key) = envelope.open(PAYLOAD_TYPE, |id| trust.key(id))?;
        let form = |error: serde_json::Error| AttestError::form("a statement", error);
        let kind: Statement<serde_json::Value> = serde_json::from_slice(&payload).map_err(form)?;
        for (found, wanted) in [(&*kind.of, STATEMENT_TYPE), (&*kind.predicate_type, predicate_type)] {
            if found != wanted {
                return Err(AttestError::Other { found: found.to_owned(), wanted: wanted.to_owned() });
            }
        }
        let statement: Self = serde_json::from_slice(&payload).map_err(form)?;
        trust.at(&key, at(&statement.predicate))?;
        Ok((statement, key))
    }
}

#[cfg(test)]
mod tests {
    use super::{STATEMENT_TYPE, Statement, Subject};
    use crate::error::AttestError;
    use crate::key::Signer;
    use crate::ring::Trust;
    use skein_types::Timestamp;

    #[test]
    fn a_statement_has_the_form_of_in_toto_and_opens_as_what_it_is() {
        let signer = Signer::from_bytes(&[1; 32]);
        let statement = Statement::new(vec![Subject::new("a", "blake3", &[0xab; 2])], "urn:x", 7_u64);
        let json = serde_json::to_value(&statement).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"_type": STATEMENT_TYPE, "subject": [{"name": "a", "digest": {"blake3": "abab"}}],
                               "predicateType": "urn:x", "predicate": 7})
        );
        let envelope = statement.sign(&signer).unwrap();
        assert_eq!(envelope.payload_type, "application/vnd.in-toto+json");
        assert_eq!(envelope, statement.sign(&signer).unwrap());
        let trust = Trust::of(vec![signer.public()]);
        let open = |kind| Statement::<u64>::open(&envelope, kind, (&trust, |_: &u64| Timestamp(0)));
        assert_eq!(open("urn:x").unwrap().0, statement);
        assert!(matches!(open("urn:y"), Err(AttestError::Other { .. })));
    }
}
