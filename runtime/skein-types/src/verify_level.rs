//! How far a result is verified before anybody sees it.

use crate::word::words;

words! {
    /// How far a result is verified before it becomes visible. Each level does what those before it do.
    VerifyLevel {
        /// Rows add up, per task and in total; preserved columns are held against what was read.
        Counts = "counts",
        /// What the module gave is summed up before it is encoded, and copied chunks are hashed: the log keeps both.
        Fingerprint = "fingerprint",
        /// Staged files are read again and held against those sums.
        Readback = "readback",
    }
}

impl VerifyLevel {
    /// Where nothing is said.
    pub const STANDARD: Self = Self::Fingerprint;

    /// Whether this much is done under it.
    pub fn reaches(self, level: Self) -> bool {
        self >= level
    }
}

impl Default for VerifyLevel {
    fn default() -> Self {
        Self::STANDARD
    }
}
