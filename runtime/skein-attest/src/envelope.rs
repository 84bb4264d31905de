//! DSSE, the envelope of everything that is signed (Dead Simple Signing Envelope, protocol v1.0.0; envelope v1.0.0).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::AttestError;
use crate::key::{PublicKey, Signer};

/// What is signed: the type and the bytes, each behind its length, so that neither can be taken for the other.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Some bytes with who signed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What the bytes are.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// They, in base64.
    pub payload: String,
    /// By whom.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Of the key.
    pub keyid: String,
    /// In base64.
    pub sig: String,
}

impl Envelope {
    /// What bytes are not that cannot be read as one.
    pub const WHAT: &'static str = "a signed envelope";

    /// Signs bytes.
    pub fn sign(payload_type: &str, payload: &[u8], signer: &Signer) -> Self {
        let sig = signer.sign(&pae(payload_type, payload));
        Self {
            payload_type: payload_type.to_owned(),
            payload: BASE64_STANDARD.encode(payload),
            signatures: vec![Signature { keyid: signer.public().id(), sig }],
        }
    }

    /// Reads one; nothing of it is believed yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, AttestError> {
        serde_json::from_slice(bytes).map_err(|error| AttestError::form(Self::WHAT, error))
    }

    /// As it is written.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an envelope holds only text")
    }

    /// The bytes, without a look at who signed them: for whoever has them from where nobody else writes.
    pub fn unverified(&self) -> Result<Vec<u8>, AttestError> {
        BASE64_STANDARD.decode(&self.payload).map_err(|error| AttestError::form("a signed envelope", error))
    }

    /// The bytes, if one of the keys signed them as what they are to be; and which. `key` gives the key of an id where it is
    /// trusted.
    pub fn open(
        &self,
        payload_type: &str,
        key: impl Fn(&str) -> Option<PublicKey>,
    ) -> Result<(Vec<u8>, PublicKey), AttestError> {
        if self.payload_type != payload_type {
            let (found, wanted) = (format!("a {:?}", self.payload_type), format!("a {payload_type:?}"));
            return Err(AttestError::Other { found, wanted });
        }
        let payload = self.unverified()?;
        let message = pae(payload_type, &payload);
        let mut refused = AttestError::Key { key: "nobody".to_owned() };
        for Signature { keyid, sig } in &self.signatures {
            match key(keyid) {
                Some(key) if key.signed(&message, sig) => return Ok((payload, key)),
                Some(_) => return Err(AttestError::Signature { key: keyid.clone() }),
                None => refused = AttestError::Key { key: keyid.clone() },
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, pae};
    use crate::error::AttestError;
    use crate::key::Signer;

    #[test]
    fn what_is_signed_is_spelled_as_the_protocol_says() {
        // The example of the specification.
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_opens_for_who_trusts_its_key_and_for_nobody_after_a_change() {
        let signer = Signer::from_bytes(&[1; 32]);
        let known = |id: &str| (id == signer.public().id()).then(|| signer.public());
        let envelope = Envelope::sign("text", b"what is so", &signer);
        let read = Envelope::parse(&envelope.to_json()).unwrap();
        assert_eq!(read, envelope);
        assert_eq!(read.open("text", known).unwrap().0, b"what is so");
        let id = signer.public().id();
        assert_eq!(read.open("text", |_| None), Err(AttestError::Key { key: id.clone() }));
        assert!(matches!(read.open("other", known), Err(AttestError::Other { .. })));
        let mut changed = envelope.clone();
        changed.payload = Envelope::sign("text", b"what is no", &signer).payload;
        assert_eq!(changed.open("text", known), Err(AttestError::Signature { key: id.clone() }));
        // The type is signed with it.
        let mut other = envelope;
        other.payload_type = "other".to_owned();
        assert_eq!(other.open("other", known), Err(AttestError::Signature { key: id }));
        let nobody = Envelope { signatures: Vec::new(), ..other };
        assert!(matches!(nobody.open("other", known), Err(AttestError::Key { .. })));
    }
}
