//! What bounds a write. Checked before anything is queued: a caller that asks for more is told so, and nothing is cut.

/// Units in one call of `commit`.
pub const UNITS_MAX: usize = 4096;
/// Entries, and guards, of one unit.
pub const ENTRIES_MAX: usize = 4096;
/// Bytes of one event's body.
pub const BODY_MAX: usize = 64 << 10;
/// Bytes of a task's payload, and of its result where it stands in the row.
pub const PAYLOAD_MAX: usize = 64 << 10;
/// Bytes of what a node says of itself with a renewal.
pub const USAGE_MAX: usize = 16 << 10;
/// Bytes of one blob: a guest's saved state with room beside it.
pub const BLOB_MAX: usize = 32 << 20;
/// Bytes of one answer's body.
pub const ANSWER_MAX: usize = 64 << 10;
/// Answers that are kept: at most a GiB of them.
pub(crate) const ANSWERS_MAX: u64 = 16_384;
/// Attempts that are kept.
pub(crate) const ATTEMPTS_MAX: u64 = 500_000;
/// Bytes of what is kept of an attempt beside what its row has columns for.
pub const NOTES_MAX: usize = 32 << 10;
/// Notices that are kept.
pub(crate) const DELIVERIES_MAX: u64 = 100_000;
/// Rows of what was used that are kept.
pub(crate) const CHARGES_MAX: u64 = 1_000_000;
/// Rows of what was used that one sum looks at.
pub(crate) const CHARGES_EXAMINED_MAX: usize = 50_000;
/// Teams that one list may be of: all those of a token, and nobody.
pub const OWNERS_MAX: usize = crate::event::access::GRANTS_MAX + 1;
/// Rows of one page.
pub(crate) const PAGE_MAX: usize = 1000;
/// Units that wait for the writer before callers do.
pub(crate) const QUEUE_MAX: usize = 256;
/// Units that share one transaction, so that one full queue does not make everybody wait for all of it.
pub(crate) const GROUP_MAX: usize = 8192;
/// Bytes of blobs that share one transaction.
pub(crate) const GROUP_BYTES_MAX: usize = 64 << 20;
/// Events whose hashes are looked at when a ledger is opened.
pub(crate) const TAIL: u64 = 1000;
/// Events that one page of a filtered list looks at.
pub(crate) const EXAMINED_MAX: usize = 10_000;
/// Connections that read at the same time.
pub(crate) const READERS_MAX: usize = 8;
/// Rows that one transaction of a sweep removes.
pub(crate) const SWEEP_CHUNK: usize = 1000;
