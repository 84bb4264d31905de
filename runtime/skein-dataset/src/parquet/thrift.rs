//! A walk over Thrift's compact protocol that allocates nothing.
//!
//! The Parquet crate reserves memory by the counts that headers name and recurses as deep as they nest. Metadata is
//! walked here first: every list is backed by bytes, nesting is bounded, and the few numbers that decide allocations
//! are taken out for checking. It knows the wire form, not what a field means.

/// Bytes that are not this protocol, or nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

const DEPTH_MAX: usize = 24;

pub(super) const BOOL_TRUE: u8 = 1;
pub(super) const BOOL_FALSE: u8 = 2;
pub(super) const BYTE: u8 = 3;
pub(super) const I16: u8 = 4;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const DOUBLE: u8 = 7;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;

/// Place in a buffer.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// One field of a struct: its id and wire type. The value follows and must be taken or skipped.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldHead {
    pub(super) id: i16,
    pub(super) kind: u8,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes walked over so far.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn advance(&mut self, by: u64) -> Result<(), Malformed> {
        let by = usize::try_from(by).map_err(|_| Malformed)?;
        let end = self.at.checked_add(by).filter(|end| *end <= self.bytes.len()).ok_or(Malformed)?;
        self.at = end;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A signed integer (zigzag).
    pub(super) fn int(&mut self) -> Result<i64, Malformed> {
        let raw = self.varint()?;
        let magnitude = i64::try_from(raw >> 1).map_err(|_| Malformed)?;
        Ok(if raw & 1 == 0 { magnitude } else { -1 - magnitude })
    }

    /// The next field of the struct under the walk, `None` at its end. `last` holds the previous field's id.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<FieldHead>, Malformed> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if head == 0 {
            return Ok(None);
        }
        let delta = i16::from(head >> 4);
        let id = if delta == 0 {
            i16::try_from(self.int()?).map_err(|_| Malformed)?
        } else {
            last.checked_add(delta).ok_or(Malformed)?
        };
        if id < 0 || !(BOOL_TRUE..=STRUCT).contains(&kind) {
            return Err(Malformed);
        }
        *last = id;
        Ok(Some(FieldHead { id, kind }))
    }

    /// Head of a list: count (backed by at least as many bytes) and element type.
    pub(super) fn list(&mut self) -> Result<(usize, u8), Malformed> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| Malformed)?,
            short => usize::from(short),
        };
        if count > self.bytes.len() - self.at {
            return Err(Malformed);
        }
        Ok((count, head & 0x0f))
    }

    /// A boolean in a list: a byte, where one as a field has none.
    pub(super) fn bool_element(&mut self) -> Result<(), Malformed> {
        if self.byte()? > BOOL_FALSE { Err(Malformed) } else { Ok(()) }
    }

    /// Steps over a value of a field that nobody knows.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), Malformed> {
        if kind == BOOL_TRUE || kind == BOOL_FALSE {
            return Ok(());
        }
        self.skip_value(kind, 0)
    }

    fn skip_value(&mut self, kind: u8, depth: usize) -> Result<(), Malformed> {
        if depth > DEPTH_MAX {
            return Err(Malformed);
        }
        match kind {
            // The crate steps over no byte here although there is one: it would be elsewhere after that.
            BOOL_TRUE | BOOL_FALSE => Err(Malformed),
            BYTE => self.advance(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.advance(8),
            BINARY => {
                let length = self.varint()?;
                self.advance(length)
            }
            LIST | SET => {
                let (count, element) = self.list()?;
                (0..count).try_for_each(|_| self.skip_value(element, depth + 1))
            }
            MAP => self.skip_map(depth),
            STRUCT => {
                let mut last = 0;
                while let Some(field) = self.field(&mut last)? {
                    if field.kind != BOOL_TRUE && field.kind != BOOL_FALSE {
                        self.skip_value(field.kind, depth + 1)?;
                    }
                }
                Ok(())
            }
            _ => Err(Malformed),
        }
    }

    fn skip_map(&mut self, depth: usize) -> Result<(), Malformed> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(Malformed);
        }
        let kinds = self.byte()?;
        for _ in 0..count {
            self.skip_value(kinds >> 4, depth + 1)?;
            self.skip_value(kinds & 0x0f, depth + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{LIST, Malformed, STRUCT, Walk};
    use proptest::prelude::*;

    #[test]
    fn integers_are_zigzag_varints() {
        for (bytes, value) in [(&[0_u8][..], 0), (&[1], -1), (&[2], 1), (&[0x80, 0x01], 64)] {
            assert_eq!(Walk::new(bytes).int(), Ok(value));
        }
    }

    #[test]
    fn lists_longer_than_their_bytes_are_refused() {
        // A list of 2^28 structs in six bytes.
        let bytes = [0xfc, 0x80, 0x80, 0x80, 0x80, 0x01];
        assert_eq!(Walk::new(&bytes).list(), Err(Malformed));
    }

    #[test]
    fn bottomless_nesting_is_refused() {
        let nested = [0x19; 4096];
        assert_eq!(Walk::new(&nested).skip(LIST), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic_or_leave_the_buffer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut walk = Walk::new(&bytes);
            let _end = walk.skip(STRUCT);
            prop_assert!(walk.position() <= bytes.len());
        }
    }
}
