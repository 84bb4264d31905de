//! A copy that becomes a ledger of its own.

use std::path::Path;

use super::lock::Lock;
use super::{Sqlite, open};
use crate::error::LedgerError;

/// Of a generation that a ledger has for its own. With the seconds before them it is a number that every reader of JSON takes exactly
/// until 2242.
const CHANCE_BITS: u32 = 20;

impl Sqlite {
    /// Makes a copy a ledger of its own, before anybody opens it, and answers its generation. Of one copy there may be many ledgers, made
    /// by clocks that do not agree: the generation is later than the copy's, and has the second and a chance in it, so that none of the
    /// others has it.
    pub fn set_apart(directory: &Path, second: u64, chance: u64) -> Result<u64, LedgerError> {
        let _lock = Lock::take(directory)?;
        let opened = open::open(&directory.join(Self::FILE))?;
        let chance = chance & ((1 << CHANCE_BITS) - 1);
        let own = (second << CHANCE_BITS) | chance;
        let generation = if own > opened.generation { own } else { opened.generation + 1 + chance };
        opened.db.execute("UPDATE meta SET generation = ?1", [generation])?;
        opened.db.close().map_err(|(_, error)| error)?;
        Ok(generation)
    }
}
