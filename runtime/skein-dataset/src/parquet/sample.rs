//! A few rows from all over some files: what an author looks at before a whole dataset is migrated.
//!
//! Which rows is a function of the files alone. Only the beginning of a row group is decoded, so a sample of a large
//! dataset costs a few batches and not the dataset.

use arrow_array::{RecordBatch, UInt64Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use super::error::FileError;
use super::source::SourceFile;

/// Row groups that are looked into, evenly spread over all.
const PLACES_MAX: usize = 16;
/// Rows at the beginning of a row group among which the sample is chosen.
const WINDOW_ROWS: usize = 8_192;

/// Part of one row group.
struct Place<'a> {
    file: &'a SourceFile,
    row_group: usize,
    rows: usize,
}

/// At most `rows` rows, evenly spread over row groups that are evenly spread over the files, in order. The files must
/// have one view. `None` if there is no file.
pub fn sample(files: &[SourceFile], rows: usize) -> Result<Option<RecordBatch>, FileError> {
    let Some(first) = files.first() else { return Ok(None) };
    let all: Vec<Place<'_>> = files.iter().flat_map(places).collect();
    let chosen: Vec<&Place<'_>> = spread(all.len(), PLACES_MAX.min(rows)).map(|at| &all[at]).collect();
    let mut parts = Vec::with_capacity(chosen.len());
    let mut left = rows;
    for (at, place) in chosen.iter().enumerate() {
        let share = left.div_ceil(chosen.len() - at).min(place.rows);
        left -= share;
        parts.push(part(place, share)?);
    }
    concat_batches(first.view(), &parts).map(Some).map_err(arrow)
}

fn places(file: &SourceFile) -> impl Iterator<Item = Place<'_>> {
    let rows = |row_group| file.row_group_rows(row_group).min(WINDOW_ROWS);
    (0..file.row_groups())
        .map(move |row_group| Place { file, row_group, rows: rows(row_group) })
        .filter(|place| place.rows > 0)
}

/// `some` of `all` places, evenly spread, the first among them; all if there are not more.
fn spread(all: usize, some: usize) -> impl Iterator<Item = usize> {
    let some = some.min(all);
    (0..some).map(move |at| at * all / some)
}

fn part(place: &Place<'_>, rows: usize) -> Result<RecordBatch, FileError> {
    let file = place.file;
    let leaves: Vec<usize> = (0..file.tree().leaves().len()).collect();
    let wanted: Vec<usize> = spread(place.rows, rows).collect();
    let mut parts = Vec::new();
    let (mut before, mut next) = (0, 0);
    for batch in file.read(place.row_group, &leaves, WINDOW_ROWS)? {
        let batch = batch?;
        let end = before + batch.num_rows();
        let last = wanted.partition_point(|row| *row < end);
        let inside = wanted[next..last].iter().map(|row| (row - before) as u64);
        parts.push(take_record_batch(&batch, &UInt64Array::from_iter_values(inside)).map_err(arrow)?);
        (before, next) = (end, last);
        if next == wanted.len() {
            break;
        }
    }
    concat_batches(file.view(), &parts).map_err(arrow)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn arrow(error: ArrowError) -> FileError {
    FileError::bug(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn places_are_spread_evenly_from_the_first_on() {
        let of = |all, some| spread(all, some).collect::<Vec<_>>();
        assert_eq!(of(10, 4), [0, 2, 5, 7]);
        assert_eq!(of(3, 8), [0, 1, 2]);
        assert_eq!(of(0, 8), [0; 0]);
    }
}
