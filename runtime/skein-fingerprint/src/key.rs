//! Seeds, and the hashes that they make.
//!
//! A tag says what kind of value the canonical bytes are of. It is added to the seed, so that nothing has to be copied in
//! front of a text. Canonical bytes of one tag are of one value.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// What kind of value it is. The numbers are part of what is recorded: none is ever given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Null = 1,
    Boolean = 2,
    Signed = 3,
    Unsigned = 4,
    Float = 5,
    Date = 6,
    Time = 7,
    /// Without a time zone.
    Local = 8,
    /// An instant: has a time zone, whichever.
    Instant = 9,
    Duration = 10,
    Interval = 11,
    Text = 12,
    Binary = 13,
    List = 14,
    Struct = 15,
    Map = 16,
    Union = 17,
    Row = 18,
    /// Plus the scale, moved to be above 0.
    Decimal = 1 << 16,
}

/// What cells depend on beside their values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// Of what is recorded: everybody can compute it.
    pub const RECORDED: Self = Self(0);

    /// Of one comparison. Who makes the data must not know it: xxh3 gives in to whoever knows the seed.
    pub const fn secret(random: u64) -> Self {
        Self(random)
    }

    pub(crate) const fn key(self, tag: Tag) -> Key {
        Key(self.0.wrapping_add(tag as u64))
    }

    /// Of decimals with so many digits behind the point. Negative ones are allowed.
    pub(crate) fn decimal(self, scale: i8) -> Key {
        let scale = u64::from(i16::from(scale).wrapping_add(128).unsigned_abs());
        Key(self.0.wrapping_add(Tag::Decimal as u64).wrapping_add(scale))
    }
}

/// A secret one stays one in logs.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::RECORDED { "Seed(recorded)" } else { "Seed(secret)" })
    }
}

/// Of a seed and a tag.
#[derive(Clone, Copy)]
pub(crate) struct Key(u64);

/// Of the algorithm.
const PRIME_MX2: u64 = 0x9FB2_1C65_1E98_DF25;
/// Bytes 8 to 24 of the algorithm's standard secret, one half over the other.
const FLIP: u64 = 0x1CAD_21F7_2C81_017C ^ 0xDB97_9083_E96D_D4DE;

impl Key {
    pub(crate) fn bytes(self, bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, self.0)
    }

    pub(crate) fn wide(self, bytes: &[u8]) -> u128 {
        xxh3_128_with_seed(bytes, self.0)
    }

    /// [`Key::bytes`] of the eight bytes of a number, low ones first, without a length to look at: most cells are such.
    #[inline]
    pub(crate) const fn number(self, value: u64) -> u64 {
        let low = self.0 & 0xFFFF_FFFF;
        let seed = self.0 ^ ((low.swap_bytes() >> 32) << 32);
        let mut hash = value.rotate_left(32) ^ FLIP.wrapping_sub(seed);
        hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
        hash = hash.wrapping_mul(PRIME_MX2);
        hash ^= (hash >> 35).wrapping_add(8);
        hash = hash.wrapping_mul(PRIME_MX2);
        hash ^ (hash >> 28)
    }
}

#[cfg(test)]
mod tests {
    use super::{Seed, Tag};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_hashed_as_its_bytes_are(seed: u64, value: u64) {
            let key = Seed::secret(seed).key(Tag::Signed);
            prop_assert_eq!(key.number(value), key.bytes(&value.to_le_bytes()));
        }
    }

    #[test]
    fn a_secret_is_not_in_logs() {
        assert_eq!(format!("{:?} {:?}", Seed::RECORDED, Seed::secret(77)), "Seed(recorded) Seed(secret)");
    }
}
