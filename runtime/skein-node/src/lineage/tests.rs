//! What is said of columns, plan by plan.

use super::{ColumnChange, DroppedColumn, Lineage, NestedLineage, OriginKind};
use crate::planning::SchemaGroup;
use arrow_schema::{DataType, Field, Schema};
use skein_types::{ColumnId, ProposedOrigin, ProposedPlan, SchemaPlan};
use std::sync::Arc;

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn structure(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields.iter().map(|(name, data_type)| field(name, data_type.clone())).collect())
}

/// `id`, `address { street, zip }`, `amount`, `note`, `list`: ids 0, 1 (2, 3), 4, 5, 6.
fn source() -> Schema {
    Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        field("address", structure(&[("street", DataType::Utf8), ("zip", DataType::Utf8)])),
        field("amount", DataType::Utf8),
        field("note", DataType::Utf8),
        field("list", DataType::Utf8),
    ])
}

fn lineage(target: Vec<Field>, origins: Vec<(u32, ProposedOrigin)>, reads: &[u32]) -> Lineage {
    let proposed = ProposedPlan {
        target: Schema::new(target),
        origins,
        reads: reads.to_vec(),
        shape: "same".into(),
        ext: vec![],
    };
    let plan = SchemaPlan::check(Arc::new(source()), &proposed).unwrap();
    Lineage::of(&SchemaGroup { proposed, plan, files: vec!["a".into(), "b".into()] })
}

fn carried(id: u32) -> ProposedOrigin {
    ProposedOrigin::Carried(ColumnId(id))
}

fn computed(ids: &[u32]) -> ProposedOrigin {
    ProposedOrigin::Computed(ids.iter().copied().map(ColumnId).collect())
}

#[test]
fn every_column_says_what_it_was_and_how_it_differs() {
    let target = vec![
        field("remark", DataType::Utf8),
        Field::new("id", DataType::Int64, false),
        Field::new("amount", DataType::Int64, false),
        field("made", DataType::Int64),
        field("items", DataType::Int32),
        field("where", structure(&[("zip", DataType::Utf8)])),
    ];
    let origins = vec![
        (0, carried(5)),
        (1, carried(0)),
        (2, computed(&[4])),
        (3, computed(&[])),
        (4, computed(&[6])),
        (5, carried(1)),
    ];
    let lineage = lineage(target, origins, &[4, 6]);
    assert_eq!((lineage.files, lineage.first_file.as_str()), (2, "a"));
    assert_eq!(lineage.reads, ["amount", "list"]);
    let columns: Vec<_> =
        lineage.columns.iter().map(|c| (c.name.as_str(), c.origin, &c.changes[..])).collect();
    use ColumnChange::{Moved, New, Nullability, Recomputed, Renamed, Retyped};
    let expected: [(&str, OriginKind, &[ColumnChange]); 6] = [
        ("remark", OriginKind::Carried, &[Renamed, Moved]),
        ("id", OriginKind::Carried, &[]),
        ("amount", OriginKind::Computed, &[Retyped, Nullability, Recomputed]),
        ("made", OriginKind::Computed, &[New]),
        ("items", OriginKind::Computed, &[Renamed, Retyped, Recomputed]),
        ("where", OriginKind::Carried, &[Renamed, Retyped, Moved]),
    ];
    assert_eq!(columns, expected);
    let was: Vec<_> = lineage.columns.iter().map(|c| c.was.as_ref().map(|was| was.name.as_str())).collect();
    assert_eq!(was, [Some("note"), Some("id"), Some("amount"), None, Some("list"), Some("address")]);
}

#[test]
fn fields_inside_a_carried_column_have_paths_and_those_that_are_gone_are_dropped() {
    let target = vec![field("address", structure(&[("code", DataType::Utf8)]))];
    // Target field 1 is `address.code`; it comes from `address.zip`.
    let lineage = lineage(target, vec![(0, carried(1)), (1, carried(3))], &[]);
    let expected = NestedLineage { path: "address.code".into(), from: "address.zip".into() };
    assert_eq!(lineage.columns[0].nested, [expected]);
    let dropped: Vec<_> = lineage.dropped.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(dropped, ["id", "amount", "note", "list", "address.street"]);
}

#[test]
fn a_column_that_several_are_made_of_is_dropped_and_says_for_what_it_is_read() {
    let target = vec![field("first", DataType::Utf8), field("last", DataType::Utf8)];
    let lineage = lineage(target, vec![(0, computed(&[5])), (1, computed(&[5, 6]))], &[5, 6]);
    assert!(lineage.columns.iter().all(|column| column.changes == [ColumnChange::New]));
    let note = DroppedColumn {
        name: "note".into(),
        data_type: "Utf8".into(),
        nullable: true,
        read_for: vec!["first".into(), "last".into()],
    };
    assert!(lineage.dropped.contains(&note), "{:?}", lineage.dropped);
}
