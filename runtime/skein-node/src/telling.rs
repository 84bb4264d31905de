//! Whether a code that a module gives says what stands in a row.
//!
//! A code is to be one of a few words that an author wrote, and is counted where rows are shown to nobody. Nothing keeps a module from
//! making it of what it has read: `format!("bad-{name}")`. So a code is compared with the values of its row, letters and digits alone and
//! in lower case, as whoever makes a word of a value leaves them. What a module means to hide in its choice of words is not found.

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};

/// What is shorter may be in any word.
const TELLING: usize = 3;

/// The values of a batch, as text.
pub(crate) struct Values<'a> {
    first_row: u64,
    rows: usize,
    /// A column that cannot be printed may hold anything.
    columns: Vec<Option<ArrayFormatter<'a>>>,
}

impl<'a> Values<'a> {
    /// Those of the columns with these places in a batch that begins with this row.
    pub(crate) fn of(first_row: u64, batch: &'a RecordBatch, columns: impl Iterator<Item = usize>) -> Self {
        let printed = |column: usize| {
            let values = batch.columns().get(column)?;
            ArrayFormatter::try_new(values.as_ref(), &FormatOptions::new()).ok()
        };
        Self { first_row, rows: batch.num_rows(), columns: columns.map(printed).collect() }
    }

    /// Whether the code says one of a row; of a row that is not of the batch nobody knows.
    pub(crate) fn are_told_of(&self, row: u64, code: &str) -> bool {
        let row = row.checked_sub(self.first_row).and_then(|row| usize::try_from(row).ok());
        row.filter(|row| *row < self.rows).is_none_or(|row| self.tells(row, &letters(code)))
    }

    /// Whether the code says one of any row.
    pub(crate) fn are_told(&self, code: &str) -> bool {
        let code = letters(code);
        (0..self.rows).any(|row| self.tells(row, &code))
    }

    fn tells(&self, row: usize, code: &str) -> bool {
        self.columns.iter().any(|column| {
            let Some(column) = column else { return true };
            let value = letters(&column.value(row).to_string());
            let within = |inner: &str, outer: &str| inner.len() >= TELLING && outer.contains(inner);
            within(&value, code) || within(code, &value)
        })
    }
}

/// What is left of a text when somebody makes a word of it.
fn letters(text: &str) -> String {
    text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use super::Values;

    #[test]
    fn a_code_that_is_made_of_its_row_tells_of_it_and_one_that_an_author_wrote_does_not() {
        let names: ArrayRef = Arc::new(StringArray::from(vec!["Ada Lovelace", "Bo", "moved to ada's house"]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![9411, 7, 12]));
        let batch = RecordBatch::try_from_iter([("name", names), ("n", numbers)]).unwrap();
        let values = Values::of(100, &batch, 0..2);
        for (row, code) in [(100, "bad-ada_lovelace"), (100, "n-9411"), (100, "lovelace"), (102, "moved-to")]
        {
            assert!(values.are_told_of(row, code) && values.are_told(code), "{code}");
        }
        for (row, code) in [(100, "bad-name"), (101, "bo-7"), (102, "n-9411"), (101, "bad-ts_2")] {
            assert!(!values.are_told_of(row, code), "{code}");
        }
        assert!(!values.are_told("bad-name") && values.are_told("n-9411"));
        assert!(values.are_told_of(99, "bad-name") && values.are_told_of(103, "bad-name"), "no row of it");
        assert!(!Values::of(100, &batch, 1..2).are_told("lovelace"), "of the columns that are asked for");
    }
}
