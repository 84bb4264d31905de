//! Some consecutive rows of the source.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, StructArray,
};

use crate::{Failure, Output};

/// Rows with the columns that the plan reads, in source order. Borrowed columns cost nothing.
#[derive(Clone, Debug)]
pub struct Batch {
    first_row: u64,
    data: RecordBatch,
}

macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident -> $array:ty;)+) => {
        $($(#[$doc])*
        pub fn $name(&self, path: &str) -> Result<&$array, Failure> {
            self.column(path)
        })+
    };
}

impl Batch {
    pub(crate) const fn new(first_row: u64, data: RecordBatch) -> Self {
        Self { first_row, data }
    }

    /// Number of the first row, from 0: within the file, or within the dataset for `sequential`. What comes out must not
    /// depend on it unless the migration is about row numbers.
    pub const fn first_row(&self) -> u64 {
        self.first_row
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.data.num_rows()
    }

    /// All columns.
    pub const fn record_batch(&self) -> &RecordBatch {
        &self.data
    }

    /// The column at a dotted path, or the failure `no-column`. Inside a struct or list the array is the child as stored:
    /// the parents' nulls are not merged into it.
    pub fn array(&self, path: &str) -> Result<&ArrayRef, Failure> {
        find(self.data.schema_ref().fields(), self.data.columns(), path)
            .ok_or_else(|| Failure::new("no-column", format!("the plan does not read a column {path:?}")))
    }

    /// The column at a dotted path as this array type, or the failures `no-column` and `wrong-type`.
    pub fn column<A: Array + 'static>(&self, path: &str) -> Result<&A, Failure> {
        let array = self.array(path)?;
        array.as_any().downcast_ref::<A>().ok_or_else(|| {
            let wanted = std::any::type_name::<A>().rsplit("::").next().unwrap_or_default();
            let message = format!("column {path:?} is {}, not what {wanted} holds", array.data_type());
            Failure::new("wrong-type", message)
        })
    }

    typed! {
        /// [`Batch::column`] of 32-bit integers.
        i32s -> Int32Array;
        /// [`Batch::column`] of 64-bit integers.
        i64s -> Int64Array;
        /// [`Batch::column`] of doubles.
        f64s -> Float64Array;
        /// [`Batch::column`] of truth values.
        bools -> BooleanArray;
        /// [`Batch::column`] of strings.
        strs -> StringArray;
        /// [`Batch::column`] of dates: days since 1970-01-01.
        dates -> Date32Array;
        /// [`Batch::column`] of decimals: unscaled values.
        decimals -> Decimal128Array;
        /// [`Batch::column`] of structs.
        structs -> StructArray;
    }

    /// Runs `parse` on each value of a string column; a row whose value it refuses is rejected with `code`, and has
    /// `None` in the answer like a null.
    pub fn parse_strs<T>(
        &self,
        path: &str,
        code: &str,
        out: &mut Output,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<Option<T>>, Failure> {
        let values = self.strs(path)?;
        let mut parsed = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let result = value.map(|v| parse(v).ok_or(v)).transpose();
            if let Err(text) = result {
                out.reject(row, code, &format!("{path}: {:?}", shortened(text)));
            }
            parsed.push(result.ok().flatten());
        }
        Ok(parsed)
    }
}

/// At most 64 characters of a value, for messages.
pub fn shortened(text: &str) -> String {
    if text.chars().nth(64).is_none() {
        return text.to_owned();
    }
    text.chars().take(63).chain(['…']).collect()
}

fn find<'a>(fields: &arrow_schema::Fields, arrays: &'a [ArrayRef], path: &str) -> Option<&'a ArrayRef> {
    if let Some(at) = fields.iter().position(|f| f.name() == path) {
        return arrays.get(at);
    }
    fields.iter().zip(arrays).find_map(|(field, array)| {
        let rest = path.strip_prefix(field.name().as_str())?.strip_prefix('.')?;
        inside(array, rest)
    })
}

fn inside<'a>(array: &'a ArrayRef, path: &str) -> Option<&'a ArrayRef> {
    if let Some(child) = array.as_any().downcast_ref::<StructArray>() {
        return find(child.fields(), child.columns(), path);
    }
    let (field, values) = element(array)?;
    if field.name() == path {
        return Some(values);
    }
    inside(values, path.strip_prefix(field.name().as_str())?.strip_prefix('.')?)
}

fn element(array: &ArrayRef) -> Option<(Arc<arrow_schema::Field>, &ArrayRef)> {
    use arrow_array::{FixedSizeListArray, LargeListArray, ListArray};
    use arrow_schema::DataType::{FixedSizeList, LargeList, List};
    let any = array.as_any();
    let values = (any.downcast_ref::<ListArray>().map(ListArray::values))
        .or_else(|| any.downcast_ref::<LargeListArray>().map(LargeListArray::values))
        .or_else(|| any.downcast_ref::<FixedSizeListArray>().map(FixedSizeListArray::values))?;
    let (List(field) | LargeList(field) | FixedSizeList(field, _)) = array.data_type() else { return None };
    Some((Arc::clone(field), values))
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StructArray};
    use arrow_schema::{DataType, Field};
    use std::sync::Arc;

    fn batch() -> Batch {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let s = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, false)), Arc::clone(&x))]);
        Batch::new(0, RecordBatch::try_from_iter([("a", x), ("s", Arc::new(s) as ArrayRef)]).unwrap())
    }

    #[test]
    fn columns_are_found_by_path_and_type() {
        let batch = batch();
        assert_eq!(batch.i64s("a").unwrap().value(1), 8);
        assert_eq!(batch.i64s("s.x").unwrap().value(0), 7);
    }

    #[test]
    fn what_is_not_there_or_has_another_type_fails_in_the_authors_terms() {
        let batch = batch();
        assert_eq!(batch.i64s("b").unwrap_err().code, "no-column");
        let wrong = batch.strs("a").unwrap_err();
        assert_eq!(wrong.code, "wrong-type");
        assert!(wrong.message.starts_with("column \"a\" is Int64"), "{wrong}");
    }
}
