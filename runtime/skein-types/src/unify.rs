//! One view of files whose schemas differ, so that a migration sees one dataset.
//!
//! Top-level columns are matched by name, in the order of the first file; what only later files have follows in order of
//! appearance. Each file then *presents* every column: as it stores it, widened to a type that loses nothing, or as
//! nulls that it does not store. A column whose types do not meet, nested ones included, stays as each file has it:
//! whether a migration makes them meet is its business. Partition columns, which only directory names hold, come last.
//!
//! What is not in the file says so in the field's metadata ([`ABSENT`], [`STORED`], [`PARTITION`]); files may not say it
//! for themselves, so these keys never come through from one.
//!
//! Every schema presents all columns, so many schemas with columns of their own grow with the square of their number: how
//! many are unified is bounded ([`PRESENTED_MAX`]).
//!
//! Pure: it knows neither files nor how a column is read or written.

mod join;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::ColumnTree;
use crate::format;
use join::join;
pub use join::{alike, schema_difference};

/// Metadata key of a column that the file does not have: `true`.
pub const ABSENT: &str = "skein.absent";
/// Metadata key of a column that the file stores narrower: the format string of the stored type.
pub const STORED: &str = "skein.stored";
/// Metadata key of a column that is in directory names: `true`.
pub const PARTITION: &str = "skein.partition";

/// Where the values of a presented column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In this top-level column of the file, as they are.
    Stored {
        /// Its place among the file's columns.
        column: usize,
    },
    /// In this top-level column of the file, with a narrower type or without nulls.
    Widened {
        /// Its place among the file's columns.
        column: usize,
    },
    /// Nowhere: all are null.
    Nulls,
    /// In the name of a directory.
    Partition {
        /// Its place among the dataset's partition keys.
        key: usize,
    },
}

/// A file's columns as the dataset has them.
#[derive(Clone, Debug, PartialEq)]
pub struct FileView {
    /// What planning sees, in the guest's view.
    pub schema: SchemaRef,
    /// Where each of its top-level columns is.
    pub columns: Vec<Standing>,
}

impl FileView {
    /// A file that presents exactly what it stores.
    pub fn own(view: &Schema) -> Self {
        let schema = Arc::new(Schema::new(view.fields().iter().map(unmarked).collect::<Vec<_>>()));
        let columns = (0..schema.fields().len()).map(|column| Standing::Stored { column }).collect();
        Self { schema, columns }
    }
}

/// Whether a column is in directory names and not in files.
pub fn is_partition(field: &Field) -> bool {
    field.metadata().get(PARTITION).is_some_and(|value| value == "true")
}

/// The field without what this module says about fields.
pub fn unmarked(field: &FieldRef) -> FieldRef {
    let marks = [ABSENT, STORED, PARTITION];
    if !marks.iter().any(|mark| field.metadata().contains_key(*mark)) {
        return FieldRef::clone(field);
    }
    let mut metadata = field.metadata().clone();
    metadata.retain(|key, _| !marks.contains(&key.as_str()));
    Arc::new(field.as_ref().clone().with_metadata(metadata))
}

/// Schemas that are too much together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnifyError {
    /// More columns than [`ColumnTree::MAX_FIELDS`].
    #[error("the files have more than {} columns together", ColumnTree::MAX_FIELDS)]
    TooManyColumns,
    /// More than [`PRESENTED_MAX`] columns over all schemas.
    #[error(
        "the files have {schemas} different schemas and at least {columns} columns together; the limit is {PRESENTED_MAX} for both multiplied"
    )]
    TooVaried {
        /// Schemas to be unified.
        schemas: usize,
        /// Columns found so far.
        columns: usize,
    },
}

/// Columns that may be presented, counted once for each schema: every schema presents the columns of all, and is planned for.
pub const PRESENTED_MAX: usize = 1 << 20;

/// Unifies the views of a dataset's files. Answers one view for each, in order. A partition key is a column unless a
/// file stores one of that name.
pub fn unify(views: &[SchemaRef], partitions: &[String]) -> Result<Vec<FileView>, UnifyError> {
    let columns = by_name(views)?;
    let absent: Vec<FieldRef> = columns.iter().map(Column::absent).collect();
    let stored = |key: &String| columns.iter().any(|column| column.name == *key);
    let keys: Vec<(usize, FieldRef)> = partitions
        .iter()
        .enumerate()
        .filter(|(_, key)| !stored(key))
        .map(|(place, key)| (place, partition(key)))
        .collect();
    let view = |file: usize| {
        let (mut fields, mut standings): (Vec<_>, Vec<_>) =
            columns.iter().zip(&absent).map(|(column, absent)| column.presented(file, absent)).unzip();
        fields.extend(keys.iter().map(|(_, field)| FieldRef::clone(field)));
        standings.extend(keys.iter().map(|(key, _)| Standing::Partition { key: *key }));
        FileView { schema: Arc::new(Schema::new(fields)), columns: standings }
    };
    Ok((0..views.len()).map(view).collect())
}

fn partition(key: &str) -> FieldRef {
    Arc::new(marked(Field::new(key, DataType::Utf8, true), PARTITION, "true"))
}

fn marked(field: Field, mark: &str, value: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(mark.to_owned(), value.to_owned());
    field.with_metadata(metadata)
}

/// One column of the dataset.
struct Column<'a> {
    name: &'a str,
    /// Of each file that has it, its place and field there.
    held: HashMap<usize, (usize, FieldRef)>,
    first: FieldRef,
    /// Type and nullability that every file can present.
    meets: Option<(DataType, bool)>,
}

/// The columns of all files in the dataset's order. A name that a file has twice is two columns: whoever plans says what
/// becomes of them. Stops at the first column too many: a later one would be as much work, and there may be many.
fn by_name(views: &[SchemaRef]) -> Result<Vec<Column<'_>>, UnifyError> {
    let mut columns: Vec<Column<'_>> = Vec::new();
    let mut places: HashMap<(&str, usize), usize> = HashMap::new();
    for (file, view) in views.iter().enumerate() {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (at, field) in view.fields().iter().enumerate() {
            let again = seen.entry(field.name()).or_default();
            let place = *places.entry((field.name(), *again)).or_insert(columns.len());
            *again += 1;
            let field = unmarked(field);
            if place == columns.len() {
                within_limits(views.len(), columns.len() + 1)?;
                let meets = Some((field.data_type().clone(), field.is_nullable()));
                let (name, first) = (view.field(at).name(), FieldRef::clone(&field));
                columns.push(Column { name, held: HashMap::new(), first, meets });
            }
            let column = &mut columns[place];
            column.meets = column.meets.take().and_then(|(data_type, nullable)| {
                Some((join(&data_type, field.data_type())?, nullable || field.is_nullable()))
            });
            column.held.insert(file, (at, field));
        }
    }
    for column in &mut columns {
        let everywhere = column.held.len() == views.len();
        column.meets = column.meets.take().map(|(of, nullable)| (of, nullable || !everywhere));
    }
    Ok(columns)
}

const fn within_limits(schemas: usize, columns: usize) -> Result<(), UnifyError> {
    if columns > ColumnTree::MAX_FIELDS {
        return Err(UnifyError::TooManyColumns);
    }
    if schemas.saturating_mul(columns) > PRESENTED_MAX {
        return Err(UnifyError::TooVaried { schemas, columns });
    }
    Ok(())
}

impl Column<'_> {
    /// The column as one file presents it. `absent` is what all present that do not have it.
    fn presented(&self, file: usize, absent: &FieldRef) -> (FieldRef, Standing) {
        let Some((column, own)) = self.held.get(&file) else {
            return (FieldRef::clone(absent), Standing::Nulls);
        };
        let stored = (FieldRef::clone(own), Standing::Stored { column: *column });
        let Some((data_type, nullable)) = &self.meets else { return stored };
        let same_type = join::alike_types(own.data_type(), data_type);
        if same_type && own.is_nullable() == *nullable {
            return stored;
        }
        // Names inside nested columns are the file's own.
        let data_type = if same_type { own.data_type() } else { data_type };
        let Ok(format) = format::print(own.data_type()) else { return stored };
        let field =
            Field::new(own.name(), data_type.clone(), *nullable).with_metadata(own.metadata().clone());
        let null = *own.data_type() == DataType::Null;
        let standing = if null { Standing::Nulls } else { Standing::Widened { column: *column } };
        (Arc::new(marked(field, STORED, &format)), standing)
    }

    fn absent(&self) -> FieldRef {
        let data_type = self.meets.as_ref().map_or(self.first.data_type(), |(data_type, _)| data_type);
        let field = Field::new(self.name, data_type.clone(), true);
        Arc::new(marked(field.with_metadata(self.first.metadata().clone()), ABSENT, "true"))
    }
}

#[cfg(test)]
mod tests;
