//! Signed statements of what was done, and what it takes to believe them without asking anybody.
//!
//! Level 1, pure: no file, no clock, no ledger. A [`Statement`] is one of in-toto (attestation framework, Statement v1): subjects
//! by their digests, and a predicate about them. It travels in an [`Envelope`], which is DSSE: the signature is over the bytes
//! of the payload and its type ([`pae`]), so nobody parses anything before it is known to be ours. There is one envelope for
//! everything that is signed: what was published ([`Provenance`]), reports, which are named by their digest and have their
//! statement at their end ([`sealed`]), and heads of the ledger that are kept elsewhere ([`AnchorLine`]).
//!
//! Keys follow one another ([`Ring`]): the next is signed by the one before and vouches for it, so whoever trusts one of them can
//! go from it to every other, and a statement counts only under the key of its time.
//!
//! It does not know where keys lie, what a campaign is, or whether what a statement says is so.

mod anchor;
mod envelope;
mod error;
mod key;
mod provenance;
mod ring;
pub mod sealed;
mod statement;

pub use anchor::{AnchorLine, Anchored, anchored};
pub use envelope::{Envelope, Signature, pae};
pub use error::AttestError;
pub use key::{PublicKey, Signer};
pub use provenance::{
    Approval, Checks, DatasetRef, LedgerHead, ModuleRef, PROVENANCE_TYPE, PassedOver, Provenance, Released,
    Rows, RuleResult, RunRef, Source, Version,
};
pub use ring::{KeyRecord, Ring, Trust};
pub use statement::{REPORT_TYPE, STATEMENT_TYPE, Statement, Subject, hex};
