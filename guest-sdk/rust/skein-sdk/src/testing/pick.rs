//! Taking a part of a nested column: what batches contain of a struct, and what a carried struct keeps.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, FixedSizeListArray, LargeListArray, ListArray, StructArray};
use arrow_schema::{ArrowError, DataType, Field, FieldRef};

/// Which children of a field are taken.
#[derive(Clone, Debug)]
pub(super) enum Pick {
    /// The field as it is.
    Whole,
    /// These children of a struct, or the one child of a list.
    Children(Vec<Taken>),
}

/// One child: where it is, its name afterwards, what is taken of it.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) from: usize,
    pub(super) name: String,
    pub(super) pick: Pick,
}

impl Pick {
    /// The field's type afterwards, under a name.
    pub(super) fn field(&self, source: &Field, name: &str) -> Field {
        let named = source.clone().with_name(name);
        match self {
            Self::Whole => named,
            Self::Children(taken) => named.with_data_type(inner_type(source.data_type(), taken)),
        }
    }

    /// The array afterwards.
    pub(super) fn array(&self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let Self::Children(taken) = self else { return Ok(Arc::clone(array)) };
        let any = array.as_any();
        if let Some(rows) = any.downcast_ref::<StructArray>() {
            let children =
                taken.iter().map(|t| t.pick.array(rows.column(t.from))).collect::<Result<Vec<_>, _>>()?;
            let fields = inner_fields(rows.fields().iter().map(Arc::as_ref).collect(), taken);
            let made =
                StructArray::try_new_with_length(fields.into(), children, rows.nulls().cloned(), rows.len())?;
            return Ok(Arc::new(made));
        }
        self.list(array, taken)
    }

    fn list(&self, array: &ArrayRef, taken: &[Taken]) -> Result<ArrayRef, ArrowError> {
        let any = array.as_any();
        let wanted = inner_type(array.data_type(), taken);
        let (DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _)) = wanted
        else {
            return Err(ArrowError::SchemaError(format!("{} has no parts", array.data_type())));
        };
        let nulls = array.nulls().cloned();
        if let Some(list) = any.downcast_ref::<ListArray>() {
            let values = taken[0].pick.array(list.values())?;
            return Ok(Arc::new(ListArray::try_new(field, list.offsets().clone(), values, nulls)?));
        }
        if let Some(list) = any.downcast_ref::<LargeListArray>() {
            let values = taken[0].pick.array(list.values())?;
            return Ok(Arc::new(LargeListArray::try_new(field, list.offsets().clone(), values, nulls)?));
        }
        let list = any
            .downcast_ref::<FixedSizeListArray>()
            .ok_or_else(|| ArrowError::SchemaError(format!("{} has no parts", array.data_type())))?;
        let values = taken[0].pick.array(list.values())?;
        Ok(Arc::new(FixedSizeListArray::try_new(field, list.value_length(), values, nulls)?))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these types have parts")]
fn inner_type(source: &DataType, taken: &[Taken]) -> DataType {
    let one = |child: &FieldRef| inner_fields(vec![child.as_ref()], taken).remove(0);
    match source {
        DataType::Struct(fields) => {
            DataType::Struct(inner_fields(fields.iter().map(Arc::as_ref).collect(), taken).into())
        }
        DataType::List(child) => DataType::List(one(child)),
        DataType::LargeList(child) => DataType::LargeList(one(child)),
        DataType::FixedSizeList(child, n) => DataType::FixedSizeList(one(child), *n),
        other => other.clone(),
    }
}

fn inner_fields(all: Vec<&Field>, taken: &[Taken]) -> Vec<FieldRef> {
    taken.iter().map(|t| Arc::new(t.pick.field(all[t.from], &t.name))).collect()
}
