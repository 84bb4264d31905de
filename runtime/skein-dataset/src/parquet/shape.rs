//! A walk over metadata structs that is where the Parquet crate is, byte for byte.
//!
//! The crate matches fields by id alone and reads the value as the type that it expects, whatever the wire says, keeps
//! the last of repeated fields and cuts integers to their width. A walk that went by the wire type alone would then be
//! somewhere else than the crate, and what was checked would not be what is decoded. [`Shape::read`] accepts only
//! bytes for which both go the same way: known fields have their type, come once and fit; unknown ones are stepped over
//! by their wire type, as the crate does. `format.rs` has the structs. Source: `parquet_thrift.rs` and
//! `parquet_macros.rs` of the crate (59.3.2).

use super::thrift::{
    BINARY, BOOL_FALSE, BOOL_TRUE, BYTE, DOUBLE, I16, I32, I64, LIST, Malformed, STRUCT, Walk,
};

/// Structs that somebody wants to know numbers of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    File,
    SchemaElement,
    RowGroup,
    ColumnChunk,
    KeyValue,
    PageHeader,
    DataPage,
    DictionaryPage,
    DataPageV2,
    BloomFilter,
    /// Every other: walked, not looked at.
    Other,
}

/// Type of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Bool,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    Struct(&'static Shape),
    List(&'static Kind),
}

/// A struct: its known fields by id, all below 32.
#[derive(Debug)]
pub(super) struct Shape {
    of: Of,
    fields: &'static [(i16, Kind)],
}

/// Looks at a walk. Each call may refuse.
pub(super) trait Visit {
    type Refusal: From<Malformed>;

    /// A known field begins.
    fn field(&mut self, _of: Of, _id: i16) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// An integer or boolean field.
    fn number(&mut self, _of: Of, _id: i16, _value: i64) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// A list field begins; its count is backed by at least as many bytes. Decoded, all its elements take about `bytes`.
    fn list(&mut self, _of: Of, _id: i16, _list: List) -> Result<(), Self::Refusal> {
        Ok(())
    }

    /// A struct ended.
    fn end(&mut self, _of: Of) -> Result<(), Self::Refusal> {
        Ok(())
    }
}

/// A list's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) count: usize,
    /// What all elements take in memory, about: an element of a byte or two may be decoded to hundreds.
    pub(super) decoded: u64,
}

/// Adds up what lists take when they are decoded; apart from that only the form matters.
#[derive(Default)]
pub(super) struct Decoded(pub(super) u64);

impl Visit for Decoded {
    type Refusal = Malformed;

    fn list(&mut self, _: Of, _: i16, list: List) -> Result<(), Malformed> {
        self.0 = self.0.saturating_add(list.decoded);
        Ok(())
    }
}

impl Shape {
    pub(super) const fn new(of: Of, fields: &'static [(i16, Kind)]) -> Self {
        Self { of, fields }
    }

    /// Walks over one struct. The tables are not recursive, so neither depth nor stack depends on the bytes.
    pub(super) fn read<V: Visit>(&self, walk: &mut Walk<'_>, visit: &mut V) -> Result<(), V::Refusal> {
        let (mut last, mut seen) = (0, 0_u32);
        while let Some(field) = walk.field(&mut last)? {
            let Some((id, kind)) = self.fields.iter().find(|(id, _)| *id == field.id) else {
                walk.skip(field.kind)?;
                continue;
            };
            let bit = 1_u32 << id;
            if seen & bit != 0 || !kind.is(field.kind) {
                return Err(Malformed.into());
            }
            seen |= bit;
            visit.field(self.of, *id)?;
            match kind {
                Kind::Bool => visit.number(self.of, *id, i64::from(field.kind == BOOL_TRUE))?,
                Kind::List(element) => {
                    let count = element.list(walk)?;
                    let decoded = element.decoded().saturating_mul(count as u64);
                    visit.list(self.of, *id, List { count, decoded })?;
                    (0..count).try_for_each(|_| element.element(walk, visit))?;
                }
                Kind::Struct(shape) => shape.read(walk, visit)?,
                Kind::Byte | Kind::I16 | Kind::I32 | Kind::I64 | Kind::Double | Kind::Binary => {
                    if let Some(value) = kind.scalar(walk)? {
                        visit.number(self.of, *id, value)?;
                    }
                }
            }
        }
        visit.end(self.of)
    }
}

impl Kind {
    /// Whether a field's wire type is this one.
    const fn is(&self, wire: u8) -> bool {
        match self {
            Self::Bool => matches!(wire, BOOL_TRUE | BOOL_FALSE),
            Self::Byte => wire == BYTE,
            Self::I16 => wire == I16,
            Self::I32 => wire == I32,
            Self::I64 => wire == I64,
            Self::Double => wire == DOUBLE,
            Self::Binary => wire == BINARY,
            Self::Struct(_) => wire == STRUCT,
            Self::List(_) => wire == LIST,
        }
    }

    /// Count of a list of these. Some writers leave the element type of an empty list out.
    fn list(&self, walk: &mut Walk<'_>) -> Result<usize, Malformed> {
        let (count, element) = walk.list()?;
        if count > 0 && !self.is(element) {
            return Err(Malformed);
        }
        Ok(count)
    }

    /// Bytes of one of these as an element of a decoded list, lists in it apart. What is kept twice counts twice.
    const fn decoded(&self) -> u64 {
        match self {
            Self::Bool | Self::Byte => 1,
            Self::I16 | Self::I32 | Self::I64 | Self::Double => 8,
            // Pointer, length and capacity, and the least that is reserved for them.
            Self::Binary => 56,
            Self::List(_) => 24,
            Self::Struct(shape) => match shape.of {
                Of::SchemaElement => 1024,
                Of::ColumnChunk => 512,
                // Two texts, and again in the schema's table.
                Of::KeyValue | Of::RowGroup => 256,
                Of::File
                | Of::PageHeader
                | Of::DataPage
                | Of::DictionaryPage
                | Of::DataPageV2
                | Of::BloomFilter
                | Of::Other => 32,
            },
        }
    }

    fn element<V: Visit>(&self, walk: &mut Walk<'_>, visit: &mut V) -> Result<(), V::Refusal> {
        match self {
            Self::Struct(shape) => shape.read(walk, visit),
            Self::List(element) => {
                let count = element.list(walk)?;
                (0..count).try_for_each(|_| element.element(walk, visit))
            }
            Self::Bool => Ok(walk.bool_element()?),
            Self::Byte | Self::I16 | Self::I32 | Self::I64 | Self::Double | Self::Binary => {
                self.scalar(walk)?;
                Ok(())
            }
        }
    }

    /// The value, if it is an integer.
    fn scalar(&self, walk: &mut Walk<'_>) -> Result<Option<i64>, Malformed> {
        let within = |fits: bool, value| if fits { Ok(Some(value)) } else { Err(Malformed) };
        match self {
            Self::I16 => walk.int().and_then(|value| within(i16::try_from(value).is_ok(), value)),
            Self::I32 => walk.int().and_then(|value| within(i32::try_from(value).is_ok(), value)),
            Self::I64 => walk.int().map(Some),
            Self::Byte => walk.skip(BYTE).map(|()| None),
            Self::Double => walk.skip(DOUBLE).map(|()| None),
            Self::Binary => walk.skip(BINARY).map(|()| None),
            Self::Bool | Self::Struct(_) | Self::List(_) => Ok(None),
        }
    }
}
