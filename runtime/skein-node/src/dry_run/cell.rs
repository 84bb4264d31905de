//! Values as bounded text in which no secret shows.
//!
//! Text is the data's: whoever shows it escapes control characters. Two values are compared by a digest of their whole
//! text, so cutting does not make different values equal.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Write as _};
use std::hash::Hasher as _;

use arrow_array::Array;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};

use crate::mask::{MASKED, Mask};

/// Characters of a value that are shown.
const CHARS_MAX: usize = 200;
/// Bytes that many characters have at most.
const BYTES_MAX: usize = CHARS_MAX * 4;

/// One value: `None` is null. Cut if it is long; what is cut off is counted at the end.
pub type Cell = Option<String>;

/// A value with what it takes to compare it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) cell: Cell,
    digest: u64,
}

impl Shown {
    pub(super) const fn none() -> Self {
        Self { cell: None, digest: 0 }
    }

    /// The same without its value; whether there is one is not shown either.
    pub(super) fn hidden(self) -> Self {
        Self { cell: Some(MASKED.to_owned()), ..self }
    }

    pub(super) fn differs(&self, other: &Self) -> bool {
        self.cell.is_none() != other.cell.is_none() || self.digest != other.digest
    }
}

/// Turns values and a guest's words into text.
#[derive(Clone, Debug, Default)]
pub(super) struct Printer {
    mask: Mask,
}

impl Printer {
    pub(super) const fn new(mask: Mask) -> Self {
        Self { mask }
    }

    /// One value of a column.
    pub(super) fn cell(&self, column: &dyn Array, row: usize) -> Shown {
        if column.is_null(row) {
            return Shown::none();
        }
        let mut text = self.bounded();
        if has_named_zone(column.data_type()) || write_value(column, row, &mut text).is_err() {
            return self.unprintable(column, row);
        }
        Shown { digest: text.hasher.finish(), cell: Some(self.cut(&text)) }
    }

    /// A guest's words.
    pub(super) fn words(&self, words: &str) -> String {
        let mut text = self.bounded();
        // Writing to memory cannot fail.
        text.write_str(words).unwrap_or_default();
        self.cut(&text)
    }

    /// Zones that have a name cannot be printed without a table of them: such times are printed in UTC, whether there is one or not.
    /// Anything else that cannot be printed is told by its type.
    fn unprintable(&self, column: &dyn Array, row: usize) -> Shown {
        if let DataType::Timestamp(unit, Some(zone)) = column.data_type()
            && &**zone != "+00:00"
        {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            if let Ok(column) = cast(&column.slice(row, 1), &utc) {
                return self.cell(&column, 0);
            }
        }
        Shown { cell: Some(format!("({})", column.data_type())), digest: 0 }
    }

    fn bounded(&self) -> Bounded {
        let room = BYTES_MAX + self.mask.longest();
        Bounded { kept: String::new(), room, bytes: 0, hasher: DefaultHasher::new() }
    }

    /// Masked first: a secret that begins before the cut is whole in what was kept, unless masking brought the end of it
    /// into view.
    fn cut(&self, text: &Bounded) -> String {
        let all = text.bytes == text.kept.len() as u64;
        let kept = self.mask.text(&text.kept, !all);
        match kept.char_indices().nth(CHARS_MAX) {
            None if all => kept,
            None => format!("{kept}… ({} bytes)", text.bytes),
            Some((end, _)) => format!("{}… ({} bytes)", &kept[..end], text.bytes),
        }
    }
}

fn has_named_zone(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if !zone.starts_with(['+', '-']))
}

fn write_value(column: &dyn Array, row: usize, text: &mut Bounded) -> Result<(), ArrowError> {
    let options = FormatOptions::new().with_null("null").with_display_error(false);
    let formatter = ArrayFormatter::try_new(column, &options)?;
    write!(text, "{}", formatter.value(row)).map_err(|error| ArrowError::CastError(error.to_string()))
}

/// Keeps the beginning and digests all.
struct Bounded {
    kept: String,
    room: usize,
    bytes: u64,
    hasher: DefaultHasher,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hasher.write(text.as_bytes());
        self.bytes += text.len() as u64;
        let fits =
            text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= self.room).last();
        let fits = fits.unwrap_or(0);
        self.kept.push_str(&text[..fits]);
        // What does not fit ends the keeping: a later, shorter piece must not be put behind a gap.
        self.room = if fits < text.len() { 0 } else { self.room - fits };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Printer;
    use crate::mask::Mask;
    use arrow_array::{
        ArrayRef, BinaryArray, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    fn shown(printer: &Printer, array: ArrayRef) -> Option<String> {
        printer.cell(&array, 0).cell
    }

    #[test]
    fn values_are_text_and_nulls_are_none() {
        let printer = Printer::default();
        let decimal = Decimal128Array::from(vec![1205]).with_precision_and_scale(12, 2).unwrap();
        assert_eq!(shown(&printer, Arc::new(decimal)).as_deref(), Some("12.05"));
        assert_eq!(shown(&printer, Arc::new(Int64Array::from(vec![None]))), None);
        assert_eq!(
            shown(&printer, Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"]))).as_deref(),
            Some("00ff")
        );
        let named = TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/Vienna");
        assert_eq!(shown(&printer, Arc::new(named)).as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn long_values_are_cut_and_still_compared_whole() {
        let printer = Printer::default();
        let long = |last: &str| -> ArrayRef {
            Arc::new(StringArray::from(vec![format!("{}{last}", "ä".repeat(100_000))]))
        };
        let (one, other) = (printer.cell(&long("x"), 0), printer.cell(&long("y"), 0));
        assert_eq!(one.cell, Some(format!("{}… (200001 bytes)", "ä".repeat(200))));
        assert_eq!(one.cell, other.cell);
        assert!(one.differs(&other));
        assert!(!one.differs(&printer.cell(&long("x"), 0)));
    }

    #[test]
    fn null_and_the_word_null_differ() {
        let printer = Printer::default();
        let array = StringArray::from(vec![None, Some("null"), Some("")]);
        assert!(printer.cell(&array, 0).differs(&printer.cell(&array, 1)));
        assert!(printer.cell(&array, 0).differs(&printer.cell(&array, 2)));
    }

    #[test]
    fn secrets_are_masked_wherever_they_begin() {
        let printer = Printer::new(Mask::new([b"hunter2".as_slice(), b"hunter2-and-more"]));
        let text = |text: &str| printer.words(text);
        assert_eq!(text("the key is hunter2."), "the key is ***.");
        assert_eq!(text("hunter2-and-more hunter2"), "*** ***");
        let across_the_cut = format!("{}hunter2 and the rest of a long value", "x".repeat(198));
        assert!(!text(&across_the_cut).contains("hu"), "{}", text(&across_the_cut));
        let many = text(&"hunter2 ".repeat(1_000));
        assert!(!many.contains('h') && many.ends_with("… (8000 bytes)"), "{many}");
        assert_eq!(
            shown(&printer, Arc::new(BinaryArray::from_vec(vec![b"a hunter2"]))).as_deref(),
            Some("6120***")
        );
    }
}
