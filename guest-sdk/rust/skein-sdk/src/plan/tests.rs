//! What the builder makes of names.

use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

use super::{Origin, Plan};
use crate::Source;

fn source() -> Source {
    let address = DataType::Struct(
        vec![Field::new("city", DataType::Utf8, true), Field::new("zip", DataType::Utf8, true)].into(),
    );
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", address.clone(), true)];
    let entries = Arc::new(Field::new("entries", DataType::Struct(pair.into()), false));
    Source::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("address", address, true),
        Field::new("by_kind", DataType::Map(entries, false), true),
        Field::new("dotted.name", DataType::Int32, true),
    ]))
}

fn names(plan: &Plan) -> Vec<String> {
    let proposal = plan.lower().unwrap();
    proposal.target.iter().filter(|f| f.parent.is_none()).map(|f| f.name.clone()).collect()
}

#[test]
fn everything_is_carried_under_its_own_name_at_first() {
    let proposal = Plan::carry_all(&source()).lower().unwrap();
    let ids: Vec<_> = proposal.origins.iter().map(|(to, from)| (*to, from.clone())).collect();
    let same = |id| (id, Origin::Carried(id));
    assert_eq!(ids, [same(0), same(1), same(4), same(10)]);
    assert!(proposal.reads.is_empty());
    assert_eq!(proposal.shape, "same");
}

#[test]
fn order_puts_the_named_columns_first() {
    let plan = Plan::carry_all(&source()).order(&["by_kind", "id"]);
    assert_eq!(names(&plan), ["by_kind", "id", "address", "dotted.name"]);
}

#[test]
fn a_computed_column_takes_the_place_of_its_namesake() {
    let plan = Plan::carry_all(&source()).compute("id", DataType::Utf8, true, &["id", "address.zip"]);
    assert_eq!(names(&plan), ["id", "address", "by_kind", "dotted.name"]);
    let proposal = plan.lower().unwrap();
    assert_eq!(proposal.origins[0], (0, Origin::Computed(vec![0, 3])));
    assert_eq!(proposal.reads, [0, 3]);
}

#[test]
fn inside_carried_structs_fields_are_renamed_and_dropped() {
    let plan = Plan::carry_all(&source()).rename("address.city", "town").drop("address.zip");
    let proposal = plan.lower().unwrap();
    assert_eq!(proposal.target[2].name, "town");
    assert!(proposal.origins.contains(&(2, Origin::Carried(2))));
    assert_eq!(proposal.target[3].name, "by_kind");
}

#[test]
fn names_with_dots_are_names_first() {
    assert_eq!(names(&Plan::carry_all(&source()).drop("dotted.name")), ["id", "address", "by_kind"]);
}

#[test]
fn what_cannot_be_is_refused_with_its_column() {
    let refused = |plan: Plan| plan.lower().unwrap_err();
    let unknown = refused(Plan::carry_all(&source()).drop("adress").drop("nonsense"));
    assert_eq!(unknown.message, "the source has no column \"adress\", did you mean \"address\"?");
    assert_eq!(refused(Plan::carry_all(&source()).rename("id", "address")).code, "duplicate-column");
    let twice = Plan::carry_all(&source()).drop("id").drop("id");
    assert_eq!(refused(twice).code, "missing-column");
    let map = Plan::carry_all(&source()).rename("by_kind.entries.key", "k");
    let map = refused(map);
    assert_eq!((map.code.as_str(), map.column), ("not-a-struct", Some(5)));
    let last = Plan::carry_all(&source()).drop("address.city").drop("address.zip");
    assert_eq!(refused(last).code, "empty-struct");
    let preserved = Plan::carry_all(&source()).compute("id", DataType::Int64, true, &[]).preserve("id");
    assert_eq!(refused(preserved).code, "not-carried");
}

#[test]
fn partition_columns_are_carried_and_can_only_change_place() {
    let mark = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into_iter().collect();
    let source = Source::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true).with_metadata(mark("skein.stored", "s")),
        Field::new("note", DataType::Utf8, true).with_metadata(mark("skein.absent", "true")),
        Field::new("year", DataType::Utf8, true).with_metadata(mark("skein.partition", "true")),
    ]));
    assert_eq!(source.stored_type("id"), Ok(Some(DataType::Int16)));
    assert_eq!((source.is_absent("note"), source.is_absent("id")), (Ok(true), Ok(false)));
    assert_eq!((source.is_partition("year"), source.stored_type("year")), (Ok(true), Ok(None)));

    let plan = || Plan::carry_all(&source);
    let copy = plan().compute("when", DataType::Utf8, true, &["year"]).order(&["year"]);
    assert_eq!(names(&copy), ["year", "id", "note", "when"]);
    let changed = [
        (plan().rename("year", "y"), "renamed"),
        (plan().drop("year"), "dropped"),
        (plan().compute("year", DataType::Int32, true, &["year"]), "computed"),
        (plan().preserve("year"), "preserved"),
    ];
    for (plan, how) in changed {
        let refusal = plan.lower().unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.column), ("partition-column", Some(2)));
        assert!(refusal.message.ends_with(&format!("cannot be {how}")), "{}", refusal.message);
    }
}
