//! What was decided, whether it is what it was, and what is signed.

use skein_api::{AuditEvent, AuditRecord, AuditVerified, ChainHead, Page, SignedStatement, SigningKeys};

use super::Desk;
use crate::access::Act;
use crate::audit::provenance::Stated;
use crate::error::ServiceError;
use crate::list::{AuditPart, RecordPart};

impl Desk<'_> {
    /// What was decided, by whom, when and from where.
    pub fn audit(&self, part: &AuditPart) -> Result<Page<AuditEvent>, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        self.control.audit(part)
    }

    /// One decision, with what it changed.
    pub fn audit_event(&self, position: &str) -> Result<AuditEvent, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        let number = position.parse().map_err(|_| ServiceError::absent("decision", position))?;
        self.control.audit_event(number)
    }

    /// Decisions as they are hashed.
    pub fn audit_records(&self, part: &RecordPart) -> Result<Page<AuditRecord>, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        self.control.audit_records(part)
    }

    /// The last decision.
    pub fn audit_head(&self) -> Result<ChainHead, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        self.control.audit_head()
    }

    /// Checks the whole record, and compares it with heads from elsewhere; deep, with all that follows from it and lies beside it.
    pub fn verify_audit(&self, heads: &[&str], deep: bool) -> Result<AuditVerified, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        self.control.verify_audit(heads, deep)
    }

    /// Keys that statements are and were signed with. They are for everybody who may see anything.
    pub fn signing_keys(&self) -> Result<SigningKeys, ServiceError> {
        self.who.check_any(Act::See)?;
        self.control.signing_keys()
    }

    /// Signs with a new key from now on.
    pub fn rotate_key(&self) -> Result<SigningKeys, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.rotate_key(self.who)
    }

    /// The signed statement of a run, by its name in the dataset's log; or of a dataset, the last or that of a version.
    pub fn statement(&self, named: &str, version: Option<u64>) -> Result<SignedStatement, ServiceError> {
        let of = match named.parse() {
            Ok(run) => Stated::Run(run),
            Err(_) => Stated::Dataset(self.dataset_seen(named, Act::See)?.id),
        };
        let run = self.control.run_stated(of, version)?;
        if matches!(of, Stated::Run(_)) {
            self.seen_as(run.campaign, Act::See, ("run", named))?;
        }
        self.control.statement_of(&run)
    }
}
