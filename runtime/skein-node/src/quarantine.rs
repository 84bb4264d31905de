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
use crate::journal::{ELSEWHERE, Journal};
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
    /// The module's code; where the end of the run goes on record, none that may be what is in the row.
    pub code: String,
    /// The module's words, or, where the end of the run goes on record, where they are.
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
    /// Has the module's words where the run's end goes on record.
    journal: Arc<Journal>,
}

impl Quarantine {
    pub(crate) fn new(rows_max: u64, journal: &Arc<Journal>) -> Self {
        Self {
            rows_max,
            rows: AtomicU64::new(0),
            parts: Mutex::default(),
            first: Mutex::default(),
            hush: false,
            journal: Arc::clone(journal),
        }
    }

    /// Nothing but codes is told of rows once the module reads sensitive columns of one schema.
    pub(crate) fn hush_for<'a>(&mut self, mut plans: impl Iterator<Item = &'a SchemaPlan>) {
        self.hush |= plans.any(SchemaPlan::reads_sensitive);
    }

    /// As it may be told.
    fn told(&self, note: &RejectNote) -> RejectNote {
        let RejectNote { file, row, code, message } = note;
        let message = match (self.journal.is_alone(), self.hush) {
            (true, _) => ELSEWHERE,
            (false, true) => HUSHED,
            (false, false) => message,
        };
        let (file, code) = (file.clone(), self.journal.recorded(code));
        RejectNote { file, row: *row, code, message: message.to_owned() }
    }

    /// The like for the error that ends the run: what is left out of it is in the journal.
    fn ends_with(&self, note: &RejectNote) -> RejectNote {
        if self.journal.is_alone() {
            let hushed = || RejectNote { message: HUSHED.to_owned(), ..note.clone() };
            self.journal.refused(&if self.hush { hushed() } else { note.clone() });
        }
        self.told(note)
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
            let first = self.ends_with(&note(first));
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

    /// The first in order of file and row, for the error that ends the run.
    pub(crate) fn first(&self) -> Option<RejectNote> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.values().flatten().next().map(|note| self.ends_with(note))
    }

    /// A few, the first in order of file and row.
    pub(crate) fn notes(&self) -> Vec<RejectNote> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.values().flatten().take(NOTES).map(|note| self.told(note)).collect()
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
    use super::{Quarantine, RejectNote, under, union};
    use crate::journal::Journal;
    use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    fn schema(fields: &[(&str, DataType)]) -> Arc<Schema> {
        let fields = fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), false));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    #[test]
    fn where_the_end_goes_on_record_a_note_has_its_place_and_the_journal_the_words() {
        let note = || RejectNote {
            file: "a.parquet".to_owned(),
            row: 17,
            code: "Ada".to_owned(),
            message: "no \"9411\"".to_owned(),
        };
        let told = |journal: Journal, hush: bool| {
            let journal = Arc::new(journal);
            let mut quarantine = Quarantine::new(1, &journal);
            quarantine.hush = hush;
            quarantine.note((0, 0), vec![note()]);
            let first = quarantine.first().unwrap().to_string();
            assert_eq!(quarantine.notes().first().map(ToString::to_string), Some(first.clone()));
            (first, journal.take().lines().concat())
        };
        let (first, said) = told(Journal::alone_has_words(), false);
        assert_eq!(first, "a.parquet row 17: …: what it says is in the attempt's log");
        assert!(said.contains(r#"row 17: Ada: no \"9411\""#), "{said}");
        let (first, said) = told(Journal::alone_has_words(), true);
        assert!(!first.contains("Ada") && !first.contains("9411"), "{first}");
        assert!(said.contains("Ada: (not shown") && !said.contains("9411"), "{said}");
        let (first, said) = told(Journal::default(), false);
        assert_eq!((&*first, &*said), ("a.parquet row 17: Ada: no \"9411\"", ""));
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
