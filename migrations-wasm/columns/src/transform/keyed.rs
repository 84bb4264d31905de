//! Keyed hashes: HMAC-SHA256 (RFC 2104), because every language can recompute it.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use skein_sdk::arrow_array::builder::GenericStringBuilder;
use skein_sdk::arrow_array::cast::AsArray;
use skein_sdk::arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::{Failure, Secret};

use super::strict;

const BLOCK: usize = 64;

/// A key, already mixed into the two hashes of the construction.
#[derive(Clone)]
pub(crate) struct Key {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    pub(super) fn new(secret: &Secret) -> Result<Self, Failure> {
        let value = secret.value()?;
        if value.is_empty() {
            return Err(Failure::new("bad-secret", format!("secret {:?} is empty", secret.name())));
        }
        Ok(Self::of(&value))
    }

    fn of(value: &[u8]) -> Self {
        let mut block = [0u8; BLOCK];
        if value.len() > BLOCK {
            let short = Sha256::digest(value);
            block[..short.len()].copy_from_slice(&short);
        } else {
            block[..value.len()].copy_from_slice(value);
        }
        let (mut inner, mut outer) = (Sha256::new(), Sha256::new());
        inner.update(block.map(|b| b ^ 0x36));
        outer.update(block.map(|b| b ^ 0x5c));
        Self { inner, outer }
    }

    fn hex(&self, text: &[u8]) -> String {
        let inner = self.inner.clone().chain_update(text).finalize();
        let code = self.outer.clone().chain_update(inner).finalize();
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        code.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// Hashes the text of each value; null stays null, and long texts stay such.
    pub(super) fn hash(&self, array: &ArrayRef) -> Result<ArrayRef, Failure> {
        if let Some(texts) = array.as_string_opt::<i64>() {
            return Ok(self.hashed(texts));
        }
        let texts = strict(array, &DataType::Utf8)?;
        Ok(self.hashed(texts.as_string::<i32>()))
    }

    fn hashed<O: OffsetSizeTrait>(&self, texts: &GenericStringArray<O>) -> ArrayRef {
        let mut made = GenericStringBuilder::<O>::with_capacity(texts.len(), texts.len() * BLOCK);
        for text in texts {
            made.append_option(text.map(|t| self.hex(t.as_bytes())));
        }
        Arc::new(made.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn hashes_are_those_of_rfc_4231() {
        let second = Key::of(b"Jefe").hex(b"what do ya want for nothing?");
        assert_eq!(second, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = Key::of(&[0xaa; 131]).hex(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(long, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
