//! Rejected rows: taken whole from the source, kept with code and reason.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use skein_dataset::parquet::SourceFile;
use skein_sandbox::Reject;
use skein_types::{SchemaPlan, unmarked};

use crate::error::RunError;
use crate::mask::HUSHED;

/// Rows decoded at a time while looking for the rejected ones.
const BATCH_ROWS: usize = 8 * 1024;

/// Rejects that are noted, for messages and summaries.
const NOTES: usize = 8;

/// A reject, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectNote {
    /// Relative to the dataset.
    pub file: String,
    /// As the module counts it.
    pub row: u64,
    /// The module's code.
    pub code: String,
    /// The module's words.
    pub message: String,
}

impl fmt::Display for RejectNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, row, code, message } = self;
        write!(f, "{file} row {row}: {code}: {message}")
    }
}

/// Rejected rows of one run, in order of file and row group.
#[derive(Debug)]
pub(crate) struct Quarantine {
    rows_max: u64,
    rows: AtomicU64,
    parts: Mutex<BTreeMap<(usize, usize), RecordBatch>>,
    /// The first of all, by row group.
    first: Mutex<BTreeMap<(usize, usize), Vec<RejectNote>>>,
    /// What the module says of rows stays with the rows.
    hush: bool,
}

impl Quarantine {
    pub(crate) fn new(rows_max: u64) -> Self {
        Self {
            rows_max,
            rows: AtomicU64::new(0),
            parts: Mutex::default(),
            first: Mutex::default(),
            hush: false,
        }
    }

    /// Nothing but codes is told of rows once the module reads sensitive columns of one schema.
    pub(crate) fn hush_for<'a>(&mut self, mut plans: impl Iterator<Item = &'a SchemaPlan>) {
        self.hush |= plans.any(SchemaPlan::reads_sensitive);
    }

    fn told(&self, note: RejectNote) -> RejectNote {
        if self.hush { RejectNote { message: HUSHED.to_owned(), ..note } } else { note }
    }

    /// Fetches the rejected rows of one row group from its source. Called once per row group.
    pub(crate) fn add(
        &self,
        (file, row_group): (usize, usize),
        source: &SourceFile,
        first_row: u64,
        rejects: &[Reject],
    ) -> Result<(), RunError> {
        let Some(first) = rejects.first() else { return Ok(()) };
        let note = |reject: &Reject| RejectNote {
            file: source.name().to_owned(),
            row: first_row + reject.row,
            code: reject.code.clone(),
            message: reject.message.clone(),
        };
        let rows = self.rows.fetch_add(rejects.len() as u64, Ordering::Relaxed) + rejects.len() as u64;
        if rows > self.rows_max {
            let first = self.told(note(first));
            return Err(RunError::TooManyRejects { limit: self.rows_max, first });
        }
        self.note((file, row_group), rejects.iter().take(NOTES).map(note).collect());
        let part = rejected_rows(source, row_group, first_row, rejects)?;
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert((file, row_group), part);
        Ok(())
    }

    pub(crate) fn note(&self, place: (usize, usize), notes: Vec<RejectNote>) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.insert(place, notes);
        let mut noted: usize = first.values().map(Vec::len).sum();
        // Whatever comes later may still go before these, so a row group stays until those before it are enough.
        while let Some(last) = first.last_entry().filter(|last| noted - last.get().len() >= NOTES) {
            noted -= last.remove().len();
        }
    }

    /// The first in order of file and row.
    pub(crate) fn first(&self) -> Option<RejectNote> {
        self.notes().into_iter().next()
    }

    /// A few, the first in order of file and row.
    pub(crate) fn notes(&self) -> Vec<RejectNote> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.values().flatten().take(NOTES).map(|note| self.told(note.clone())).collect()
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// All parts in order under one schema; `None` if no row was rejected.
    ///
    /// Files with different schemas share the quarantine: it has every column that any of them has, nullable, and a
    /// column that comes with two types appears twice, the second time as `name:type`.
    pub(crate) fn table(&self) -> Result<Option<(SchemaRef, Vec<RecordBatch>)>, RunError> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut schemas: Vec<SchemaRef> = Vec::new();
        for part in parts.values() {
            if !schemas.contains(part.schema_ref()) {
                schemas.push(part.schema());
            }
        }
        let schema = match schemas.as_slice() {
            [] => return Ok(None),
            [one] => SchemaRef::clone(one),
            many => Arc::new(union(many)),
        };
        let parts = parts.values().map(|part| under(&schema, part)).collect::<Result<Vec<_>, _>>();
        Ok(Some((schema, parts.map_err(RunError::arrow)?)))
    }
}

/// Name of a column in the union: its own, unless that is taken by another type.
fn union_name(schema: &[FieldRef], field: &Field) -> String {
    match schema.iter().find(|f| f.name() == field.name()) {
        Some(other) if other.data_type() != field.data_type() => {
            format!("{}:{}", field.name(), field.data_type())
        }
        Some(_) | None => field.name().clone(),
    }
}

fn union(schemas: &[SchemaRef]) -> Schema {
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in schemas.iter().flat_map(|s| s.fields()) {
        let name = union_name(&fields, field);
        if !fields.iter().any(|f| *f.name() == name) {
            fields.push(Arc::new(Field::new(name, field.data_type().clone(), true)));
        }
    }
    Schema::new(fields)
}

fn under(schema: &SchemaRef, part: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if part.schema_ref() == schema {
        return Ok(part.clone());
    }
    let own = part.schema();
    let columns = schema.fields().iter().map(|field| {
        let from = own.fields().iter().position(|f| {
            f.data_type() == field.data_type() && union_name(schema.fields(), f) == *field.name()
        });
        from.map_or_else(
            || new_null_array(field.data_type(), part.num_rows()),
            |at| ArrayRef::clone(part.column(at)),
        )
    });
    RecordBatch::try_new(SchemaRef::clone(schema), columns.collect())
}

fn rejected_rows(
    source: &SourceFile,
    row_group: usize,
    first_row: u64,
    rejects: &[Reject],
) -> Result<RecordBatch, RunError> {
    let leaves: Vec<usize> = (0..source.tree().leaves().len()).collect();
    let mut parts = Vec::new();
    let mut row = 0_u64;
    let mut left = rejects.iter().map(|reject| reject.row).peekable();
    for batch in source.read(row_group, &leaves, BATCH_ROWS)? {
        let batch = batch?;
        let end = row + batch.num_rows() as u64;
        let mut mask = vec![false; batch.num_rows()];
        while let Some(at) = left.next_if(|at| *at < end) {
            // Rejects are inside the batch that they came with and in order: the sandbox has checked.
            if let Some(bit) = at.checked_sub(row).and_then(|at| mask.get_mut(usize::try_from(at).ok()?)) {
                *bit = true;
            }
        }
        if mask.contains(&true) {
            parts.push(filter_record_batch(&batch, &BooleanArray::from(mask)).map_err(RunError::arrow)?);
        }
        row = end;
    }
    let rows = concat_batches(source.view(), &parts).map_err(RunError::arrow)?;
    with_reasons(&rows, source.name(), first_row, rejects).map_err(RunError::arrow)
}

/// The rows with four columns in front: file, row number, code and message.
fn with_reasons(
    rows: &RecordBatch,
    file: &str,
    first_row: u64,
    rejects: &[Reject],
) -> Result<RecordBatch, ArrowError> {
    let reasons: [(&str, ArrayRef); 4] = [
        ("skein_file", Arc::new(StringArray::from_iter_values(rejects.iter().map(|_| file)))),
        ("skein_row", Arc::new(UInt64Array::from_iter_values(rejects.iter().map(|r| first_row + r.row)))),
        ("skein_code", Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| &r.code)))),
        ("skein_message", Arc::new(StringArray::from_iter_values(rejects.iter().map(|r| &r.message)))),
    ];
    let field = |name: &str, column: &ArrayRef| {
        Arc::new(Field::new(name, DataType::clone(column.data_type()), false))
    };
    let mut fields: Vec<FieldRef> = reasons.iter().map(|(name, column)| field(name, column)).collect();
    fields.extend(rows.schema_ref().fields().iter().map(unmarked));
    let columns =
        reasons.into_iter().map(|(_, column)| column).chain(rows.columns().iter().map(ArrayRef::clone));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect())
}

#[cfg(test)]
mod tests {
    use super::{under, union};
    use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn schema(fields: &[(&str, DataType)]) -> Arc<Schema> {
        let fields = fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), false));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    #[test]
    fn files_of_two_schemas_share_one_quarantine_without_losing_a_value() {
        let numbers = schema(&[("k", DataType::Int64), ("v", DataType::Int64)]);
        let texts = schema(&[("k", DataType::Int64), ("v", DataType::Utf8), ("w", DataType::Utf8)]);
        let both = Arc::new(union(&[numbers, texts.clone()]));
        let names: Vec<_> = both.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["k", "v", "v:Utf8", "w"]);

        let k: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["t"]));
        let part = RecordBatch::try_new(texts, vec![k.clone(), text.clone(), text.clone()]).unwrap();
        let moved = under(&both, &part).unwrap();
        assert_eq!(moved.column(1).null_count(), 1);
        assert_eq!((moved.column(2), moved.column(3)), (&text, &text));
        assert_eq!(moved.column(0), &k);
    }
}
