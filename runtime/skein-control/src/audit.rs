//! Whether the record of decisions is what it was.

use skein_api::ChainHead;
use skein_ledger::Head;
use skein_types::codes;

use crate::control::Control;
use crate::error::ServiceError;

impl Control {
    /// The last decision.
    pub(crate) fn audit_head(&self) -> Result<ChainHead, ServiceError> {
        Ok(shown(self.ledger.head()?))
    }

    /// Reads the whole record, each decision against the one before it, and all of them against a head from elsewhere.
    pub(crate) fn verify_audit(&self, against: Option<&str>) -> Result<ChainHead, ServiceError> {
        let against = against.map(str::parse::<ChainHead>).transpose();
        let against =
            against.map_err(|error| ServiceError::new(codes::BODY_INVALID, format!("against: {error}")))?;
        let against = against.map(|head| Head { position: head.position, hash: head.hash });
        Ok(shown(self.ledger.verify(against)?))
    }
}

const fn shown(head: Head) -> ChainHead {
    ChainHead { position: head.position, hash: head.hash }
}
