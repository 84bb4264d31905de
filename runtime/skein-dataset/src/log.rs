//! A dataset's log on disk: numbered files, each created only if absent, each naming its parent by hash.
//!
//! A record file is one JSON object whose last member `seal` is the BLAKE3 of all bytes before it, so that a torn,
//! zero-length or edited record is seen even when it is the last; the parent's hash sees one that was replaced whole.
//! This module reads, checks and creates records. What a sequence of them means is `machine`'s.

pub(crate) mod machine;
pub(crate) mod record;

use cap_std::fs::Dir;
use skein_types::{Blake3, Bytes, Code, ErrorClass, codes};

use crate::fault::IoFault;
use crate::store;
use machine::{History, Illegal};
use record::{Parent, Record};

/// Largest record file, for whoever reads and whoever writes; a hundred thousand files with statistics fit.
pub const MAX_RECORD: u64 = 512 << 20;
const DIGITS: usize = 20;
const SEAL: &str = ",\"seal\":\"";
/// `,"seal":"` + `blake3:` + 64 digits + `"}` + newline.
const SEAL_BYTES: usize = SEAL.len() + 7 + 64 + 3;

/// The log cannot be read or cannot be right.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A record is not what was written.
    #[error("record {number} of the log is damaged: {problem}")]
    Damaged {
        /// Its number.
        number: u64,
        /// How it shows.
        problem: String,
    },
    /// A record is sound but may not follow those before it.
    #[error("record {number} of the log does not fit")]
    Illegal {
        /// Its number.
        number: u64,
        /// Why.
        #[source]
        source: Illegal,
    },
    /// A record that nobody could read was not written.
    #[error("the next record would have {bytes}, and one has at most {most}")]
    TooLarge {
        /// What it would have.
        bytes: Bytes,
        /// What one may have.
        most: Bytes,
    },
    /// The system said no.
    #[error(transparent)]
    Io(#[from] IoFault),
}

impl LogError {
    /// The code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } | Self::Illegal { .. } => codes::LOG_DAMAGED,
            Self::TooLarge { .. } => codes::RECORD_TOO_LARGE,
            Self::Io(fault) => fault.code(),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } => {
                Some("combine small files with --file-size, or split it into several datasets")
            }
            Self::Damaged { .. } | Self::Illegal { .. } | Self::Io(_) => None,
        }
    }

    /// Blame.
    pub fn class(&self) -> ErrorClass {
        self.code().class
    }
}

/// File name of a record.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:0DIGITS$}.json")
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Reads the whole log, checks every record and folds them.
pub(crate) fn read(log: &Dir) -> Result<History, LogError> {
    let mut numbers: Vec<u64> = store::names(log, "log")?.iter().filter_map(|n| number_of(n)).collect();
    numbers.sort_unstable();
    let mut history = History::default();
    for (expected, number) in (0..).zip(numbers) {
        if number != expected {
            return Err(LogError::Damaged { number: expected, problem: "missing".to_owned() });
        }
        let damaged = |problem: String| LogError::Damaged { number, problem };
        let bytes = store::read_bounded(log, &file_name(number), MAX_RECORD)?
            .ok_or_else(|| damaged(format!("larger than {MAX_RECORD} bytes")))?;
        let record = open(&bytes).map_err(damaged)?;
        history.apply(record, Blake3::of(&bytes)).map_err(|source| LogError::Illegal { number, source })?;
    }
    Ok(history)
}

/// The last record, by the hash of its bytes: it names its predecessor by hash, so whoever has read a log that ended with
/// it has read this one.
pub(crate) fn last(log: &Dir) -> Result<Option<Parent>, LogError> {
    let number = store::names(log, "log")?.iter().filter_map(|name| number_of(name)).max();
    let Some(number) = number else { return Ok(None) };
    let bytes = store::read_bounded(log, &file_name(number), MAX_RECORD)?
        .ok_or_else(|| LogError::Damaged { number, problem: format!("larger than {MAX_RECORD} bytes") })?;
    Ok(Some(Parent { number, blake3: Blake3::of(&bytes) }))
}

/// The bytes of a record file.
pub(crate) fn seal(record: &Record) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec(record).expect("records hold only text, numbers and lists with text keys");
    bytes.pop();
    let seal = Blake3::of(&bytes);
    bytes.extend_from_slice(format!("{SEAL}{seal}\"}}\n").as_bytes());
    bytes
}

/// The record in the bytes of its file, or how they are damaged.
pub(crate) fn open(bytes: &[u8]) -> Result<Record, String> {
    if bytes.is_empty() {
        return Err("zero-length".to_owned());
    }
    let (body, tail) = bytes
        .len()
        .checked_sub(SEAL_BYTES)
        .map(|at| bytes.split_at(at))
        .filter(|(_, tail)| tail.starts_with(SEAL.as_bytes()) && tail.ends_with(b"\"}\n"))
        .ok_or("torn: it does not end with its seal")?;
    let stated = std::str::from_utf8(&tail[SEAL.len()..tail.len() - 3]).ok().and_then(|s| s.parse().ok());
    if stated != Some(Blake3::of(body)) {
        return Err("its bytes are not those that were sealed".to_owned());
    }
    let record: Record = serde_json::from_slice(bytes).map_err(|e| format!("not a record: {e}"))?;
    if record.format != record::FORMAT {
        return Err(format!("format {} is not known here", record.format));
    }
    Ok(record)
}

/// A record ready to be linked: its number, its bytes, and the parent that the next one names.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) as_parent: Parent,
}

impl Sealed {
    /// Refuses a record of more than `most` bytes.
    pub(crate) fn new(record: &Record, most: u64) -> Result<Self, LogError> {
        let bytes = seal(record);
        if bytes.len() as u64 > most {
            return Err(LogError::TooLarge { bytes: Bytes(bytes.len() as u64), most: Bytes(most) });
        }
        let as_parent = Parent { number: record.number, blake3: Blake3::of(&bytes) };
        Ok(Self { number: record.number, bytes, as_parent })
    }

    /// Name of the unfinished record in the log's directory.
    pub(crate) fn temporary(&self) -> String {
        format!("{TEMPORARY}{}", self.number)
    }

    /// Writes the bytes under a temporary name, to be synced before [`Sealed::link`].
    pub(crate) fn prepare(&self, log: &Dir) -> Result<(), IoFault> {
        let temporary = self.temporary();
        store::remove_tree(log, &temporary)?;
        store::write_new(log, &temporary, &self.bytes)
    }

    /// Gives the synced bytes their number. `false`: the number is taken.
    pub(crate) fn link(&self, log: &Dir) -> Result<bool, IoFault> {
        store::rename_new(log, &self.temporary(), log, &file_name(self.number))
    }

    /// Creates the record with everything durable but the directory entry. `false`: the number is taken.
    pub(crate) fn create(&self, log: &Dir) -> Result<bool, IoFault> {
        self.prepare(log)?;
        store::sync_file(log, &self.temporary())?;
        self.link(log)
    }
}

/// Prefix of unfinished records in the log's directory; made and removed only under the publish lock.
pub(crate) const TEMPORARY: &str = ".new-";

#[cfg(test)]
mod tests {
    use super::{file_name, number_of, open, seal};
    use crate::log::record::{Body, Record};
    use skein_types::Timestamp;

    fn record() -> Record {
        Record::new(0, None, Timestamp(5), Body::Adopt { files: Vec::new(), dirs: Vec::new(), origin: None })
    }

    #[test]
    fn a_sealed_record_opens_and_is_plain_json() {
        let bytes = seal(&record());
        assert_eq!(open(&bytes), Ok(record()));
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["kind"], "adopt");
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_seen() {
        let bytes = seal(&record());
        for cut in 0..bytes.len() {
            assert!(open(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x04;
            assert!(open(&bad).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn only_twenty_digits_make_a_record_name() {
        assert_eq!(number_of(&file_name(7)), Some(7));
        for bad in ["7.json", "00000000000000000007.json~", ".new-7", "000000000000000000a7.json"] {
            assert_eq!(number_of(bad), None, "{bad}");
        }
    }
}
