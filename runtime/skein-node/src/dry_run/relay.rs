//! A carried column under the target's names: fields inside it renamed, in another order or left out.
//!
//! A run lays encoded chunks over the target and decodes nothing; for the few rows of a sample the same is done to values.

use arrow_array::{ArrayRef, make_array};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use skein_types::{ColumnId, ColumnTree};

/// `source`, the values of the source column `id`, as the target has them; `leaves` are the source leaves of the
/// target's leaves. `None` if that is no way to see them, which a checked plan does not ask for.
pub(super) fn relay(
    tree: &ColumnTree,
    (source, id): (&ArrayRef, ColumnId),
    target: &DataType,
    leaves: &[ColumnId],
) -> Option<ArrayRef> {
    if source.data_type() == target {
        return Some(ArrayRef::clone(source));
    }
    let mut leaves = leaves.iter().copied();
    lay(tree, (source.to_data(), id), target, &mut leaves).map(make_array)
}

fn lay(
    tree: &ColumnTree,
    (source, id): (ArrayData, ColumnId),
    target: &DataType,
    leaves: &mut (impl Iterator<Item = ColumnId> + Clone),
) -> Option<ArrayData> {
    let node = tree.get(id)?;
    if node.is_leaf() {
        leaves.next()?;
        return Some(source);
    }
    let fields = children(target)?;
    let mut laid = Vec::with_capacity(fields.len());
    for field in fields {
        let leaf = leaves.clone().next()?;
        let holds = |child: &ColumnId| tree.get(*child).is_some_and(|n| (child.0..n.end).contains(&leaf.0));
        let place = node.children.iter().position(holds)?;
        let child = source.child_data().get(place)?.clone();
        laid.push(lay(tree, (child, node.children[place]), field.data_type(), leaves)?);
    }
    source.into_builder().data_type(target.clone()).child_data(laid).build().ok()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type is a leaf of the guest's view")]
fn children(data_type: &DataType) -> Option<Vec<&arrow_schema::Field>> {
    match data_type {
        DataType::Struct(fields) => Some(fields.iter().map(AsRef::as_ref).collect()),
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            Some(vec![f.as_ref()])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::relay;
    use arrow_array::{Array, ArrayRef, Int64Array, ListArray, StringArray, StructArray};
    use arrow_buffer::OffsetBuffer;
    use arrow_cast::display::{ArrayFormatter, FormatOptions};
    use arrow_schema::{DataType, Field, Schema};
    use skein_types::{ColumnId, ColumnTree};
    use std::sync::Arc;

    #[test]
    fn fields_inside_lists_of_structs_get_their_new_names_and_order() {
        let field = |name: &str, data_type: &DataType| Arc::new(Field::new(name, data_type.clone(), true));
        let (x, y): (ArrayRef, ArrayRef) =
            (Arc::new(Int64Array::from(vec![1, 2, 3])), Arc::new(StringArray::from(vec!["a", "b", "c"])));
        let items = StructArray::from(vec![
            (field("x", x.data_type()), Arc::clone(&x)),
            (field("y", y.data_type()), Arc::clone(&y)),
        ]);
        let item = field("item", items.data_type());
        let list = ListArray::new(item, OffsetBuffer::new(vec![0, 1, 3].into()), Arc::new(items), None);
        let schema = Schema::new(vec![Field::new("l", list.data_type().clone(), true)]);
        let tree = ColumnTree::new(&schema).unwrap();
        let new = DataType::Struct(
            vec![Field::new("why", DataType::Utf8, true), Field::new("ex", DataType::Int64, true)].into(),
        );
        let target = DataType::List(field("item", &new));
        // `l`, `l.item`, `l.item.x`, `l.item.y`: the leaves are 2 and 3.
        let source: ArrayRef = Arc::new(list.slice(1, 1));
        let laid = relay(&tree, (&source, ColumnId(0)), &target, &[ColumnId(3), ColumnId(2)]).unwrap();
        let options = FormatOptions::new();
        let text = ArrayFormatter::try_new(&laid, &options).unwrap().value(0).to_string();
        assert_eq!(text, "[{why: b, ex: 2}, {why: c, ex: 3}]");
    }
}
