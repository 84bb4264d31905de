//! The set of key hashes, and its one saved form.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hashes of the keys seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    hashes: HashSet<u128, BuildHasherDefault<Low>>,
}

impl Seen {
    /// Adds a key's hash; says whether it is new.
    pub fn insert(&mut self, hash: u128) -> bool {
        self.hashes.insert(hash)
    }

    /// Keys seen.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

/// The values are hashes already: their lower half is as good as any.
#[derive(Clone, Debug, Default)]
struct Low(u64);

impl Hasher for Low {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Saved as one run of bytes, sorted, 16 a key: equal sets are equal bytes whatever way they grew.
impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sorted: Vec<u128> = self.hashes.iter().copied().collect();
        sorted.sort_unstable();
        let bytes: Vec<u8> = sorted.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let (hashes, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("the state is not whole"));
        }
        Ok(Self { hashes: hashes.iter().map(|hash| u128::from_be_bytes(*hash)).collect() })
    }
}
