//! What lies between two schemas, column by column. Nothing is guessed: a name that is gone and a name that is new stay two
//! things, however alike they are; that one may be the other is a remark for the author.

use arrow_schema::{Field, Schema};

/// What becomes of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The same in both.
    Carried,
    /// Of another type or nullability.
    Changed { from: Field, to: Field },
    /// In the target alone.
    Added { to: Field },
    /// In the source alone.
    Dropped { name: String },
}

/// Fates of all columns, and the order of the target if no other rule gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Of the source's columns in their order, then of what is new in the order of the target.
    pub(crate) fates: Vec<Fate>,
    /// Names in target order, if a plan that follows the fates gives another.
    pub(crate) order: Option<Vec<String>>,
    /// Pairs that could be one column under two names: of equal type, one dropped and one added.
    pub(crate) alike: Vec<(String, String)>,
}

/// Compares by name.
pub(crate) fn between(source: &Schema, target: &Schema) -> Difference {
    let of_source = source.fields().iter().map(|from| match target.field_with_name(from.name()) {
        Ok(to) if same(from, to) => Fate::Carried,
        Ok(to) => Fate::Changed { from: from.as_ref().clone(), to: to.clone() },
        Err(_) => Fate::Dropped { name: from.name().clone() },
    });
    let is_new = |to: &&Field| source.field_with_name(to.name()).is_err();
    let new: Vec<&Field> = target.fields().iter().map(AsRef::as_ref).filter(is_new).collect();
    let fates = of_source.chain(new.iter().map(|to| Fate::Added { to: (*to).clone() })).collect();
    let stays = |name: &&String| target.field_with_name(name).is_ok();
    let natural: Vec<&String> =
        source.fields().iter().map(|f| f.name()).filter(stays).chain(new.iter().map(|f| f.name())).collect();
    let wanted: Vec<&String> = target.fields().iter().map(|f| f.name()).collect();
    let order = (natural != wanted).then(|| wanted.into_iter().cloned().collect());
    let gone = source.fields().iter().filter(|from| target.field_with_name(from.name()).is_err());
    let alike = gone.flat_map(|from| {
        let alike = new.iter().filter(|to| same(from, to));
        alike.map(|to| (from.name().clone(), to.name().clone()))
    });
    Difference { fates, order, alike: alike.collect() }
}

fn same(one: &Field, other: &Field) -> bool {
    one.data_type() == other.data_type() && one.is_nullable() == other.is_nullable()
}

#[cfg(test)]
mod tests {
    use arrow_schema::{DataType, Field, Schema};

    use super::{Difference, Fate, between};

    fn schema(columns: &[(&str, DataType, bool)]) -> Schema {
        Schema::new(columns.iter().map(|(n, t, null)| Field::new(*n, t.clone(), *null)).collect::<Vec<_>>())
    }

    #[test]
    fn each_column_has_one_fate_and_names_are_not_guessed() {
        let source = schema(&[
            ("id", DataType::Int64, false),
            ("customer", DataType::Utf8, true),
            ("amount", DataType::Utf8, true),
        ]);
        let target = schema(&[
            ("client", DataType::Utf8, true),
            ("id", DataType::Int64, false),
            ("amount", DataType::Float64, true),
        ]);
        let found = between(&source, &target);
        let expected = Difference {
            fates: vec![
                Fate::Carried,
                Fate::Dropped { name: "customer".to_owned() },
                Fate::Changed { from: source.field(2).clone(), to: target.field(2).clone() },
                Fate::Added { to: target.field(0).clone() },
            ],
            order: Some(vec!["client".to_owned(), "id".to_owned(), "amount".to_owned()]),
            alike: vec![("customer".to_owned(), "client".to_owned())],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_schemas_have_nothing_between_them() {
        let one = schema(&[("id", DataType::Int64, false)]);
        let expected = Difference { fates: vec![Fate::Carried], order: None, alike: Vec::new() };
        assert_eq!(between(&one, &one), expected);
    }
}
