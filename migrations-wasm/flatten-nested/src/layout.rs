//! Which target columns a source has, flat.

use skein_sdk::arrow_schema::{DataType, Field, FieldRef, Schema};
use skein_sdk::{Refusal, Source};

use crate::Params;

/// A target column: where its values are. Steps are indexes of struct fields.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) root: usize,
    pub(crate) steps: Vec<usize>,
    /// Whether the root is the list that becomes rows.
    pub(crate) exploded: bool,
    field: Field,
}

/// Every leaf in order, partition columns apart; refuses names that meet.
pub(crate) fn leaves(source: &Source, params: &Params) -> Result<Vec<Leaf>, Refusal> {
    let explode = params.explode.as_deref().map(|path| list(source, path)).transpose()?;
    let mut leaves = Vec::new();
    for (root, field) in source.schema().fields().iter().enumerate() {
        // It stays in the names of directories; shape `free` has no place for it in the target.
        if source.is_partition(field.name())? {
            continue;
        }
        let at =
            Leaf { root, steps: Vec::new(), exploded: explode == Some(root), field: field.as_ref().clone() };
        if let (DataType::List(element), true) = (field.data_type(), at.exploded) {
            let nullable = element.is_nullable() || params.keep_empty;
            let element = element.as_ref().clone().with_name(field.name()).with_nullable(nullable);
            descend(Leaf { field: element, ..at }, params, &mut leaves);
        } else {
            descend(at, params, &mut leaves);
        }
    }
    let mut seen: Vec<&str> = params.position.as_deref().into_iter().collect();
    for leaf in &leaves {
        let name = leaf.field.name().as_str();
        if seen.contains(&name) {
            let message = format!("two columns would be called {name:?}: give another separator or position");
            return Err(Refusal::new("duplicate-column", message));
        }
        seen.push(name);
    }
    Ok(leaves)
}

/// The target schema.
pub(crate) fn target(leaves: &[Leaf], params: &Params) -> Schema {
    let mut fields: Vec<Field> = leaves.iter().map(|leaf| leaf.field.clone()).collect();
    if let Some(position) = &params.position {
        fields.push(Field::new(position, DataType::Int32, params.keep_empty));
    }
    Schema::new(fields)
}

/// Goes through structs down to what is none.
fn descend(at: Leaf, params: &Params, leaves: &mut Vec<Leaf>) {
    let DataType::Struct(children) = at.field.data_type().clone() else { return leaves.push(at) };
    for (step, child) in children.iter().enumerate() {
        let mut steps = at.steps.clone();
        steps.push(step);
        let field = joined(&at.field, child, &params.separator);
        descend(Leaf { steps, field, ..at.clone() }, params, leaves);
    }
}

/// A child is null where its struct is.
fn joined(outer: &Field, child: &FieldRef, separator: &str) -> Field {
    let name = format!("{}{separator}{}", outer.name(), child.name());
    child.as_ref().clone().with_name(name).with_nullable(outer.is_nullable() || child.is_nullable())
}

fn list(source: &Source, name: &str) -> Result<usize, Refusal> {
    let id = source.id(name)?;
    let place = source.schema().fields().iter().position(|f| f.name() == name);
    let is_list = |at: &usize| matches!(source.schema().field(*at).data_type(), DataType::List(_));
    place.filter(is_list).ok_or_else(|| {
        let message = format!("column {name:?} is no list at the top level");
        Refusal::new("wrong-type", message).at(id)
    })
}
