//! What files present, and that no order of files and no file's own words change it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use proptest::prelude::*;

use super::{ABSENT, FileView, PARTITION, PRESENTED_MAX, STORED, Standing, UnifyError, alike, is_partition};
use crate::ColumnTree;

fn unify(files: &[SchemaRef], partitions: &[String]) -> Vec<FileView> {
    super::unify(files, partitions).unwrap()
}

fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    let field = |(name, data_type, nullable): &(&str, DataType, bool)| {
        Field::new(*name, data_type.clone(), *nullable)
    };
    Arc::new(Schema::new(fields.iter().map(field).collect::<Vec<_>>()))
}

/// `name type?` and the mark, a column each.
fn shown(view: &FileView) -> Vec<String> {
    let field = |field: &Arc<Field>| {
        let null = if field.is_nullable() { "?" } else { "" };
        let mark = [ABSENT, STORED, PARTITION].iter().find_map(|mark| {
            let value = field.metadata().get(*mark)?;
            Some(format!(" {}={value}", mark.trim_start_matches("skein.")))
        });
        format!("{} {}{null}{}", field.name(), field.data_type(), mark.unwrap_or_default())
    };
    view.schema.fields().iter().map(field).collect()
}

#[test]
fn missing_columns_wider_types_and_another_order_meet_in_the_first_files_order() {
    let old = schema(&[("id", DataType::Int32, false), ("name", DataType::Utf8, true)]);
    let new = schema(&[
        ("name", DataType::LargeUtf8, true),
        ("score", DataType::Float64, false),
        ("id", DataType::Int64, false),
    ]);
    let views = unify(&[old, new], &[]);
    assert_eq!(
        shown(&views[0]),
        ["id Int64 stored=i", "name LargeUtf8? stored=u", "score Float64? absent=true"]
    );
    assert_eq!(
        views[0].columns,
        [Standing::Widened { column: 0 }, Standing::Widened { column: 1 }, Standing::Nulls]
    );
    assert_eq!(shown(&views[1]), ["id Int64", "name LargeUtf8?", "score Float64? stored=g"]);
    assert_eq!(
        views[1].columns,
        [Standing::Stored { column: 2 }, Standing::Stored { column: 0 }, Standing::Widened { column: 1 }]
    );
}

#[test]
fn decimals_of_one_scale_and_columns_of_nothing_but_nulls_are_widened() {
    let a = schema(&[("d", DataType::Decimal64(12, 2), true), ("n", DataType::Null, true)]);
    let b = schema(&[("d", DataType::Decimal128(9, 2), true), ("n", DataType::Date32, true)]);
    let views = unify(&[a, b], &[]);
    let as_stored = |stored| format!("d Decimal128(12, 2)? stored={stored}");
    assert_eq!(shown(&views[0]), [as_stored("d:12,2,64"), "n Date32? stored=n".to_owned()]);
    assert_eq!(views[0].columns, [Standing::Widened { column: 0 }, Standing::Nulls]);
    assert_eq!(shown(&views[1]), [as_stored("d:9,2"), "n Date32?".to_owned()]);
}

#[test]
fn columns_that_do_not_meet_stay_as_each_file_has_them() {
    let pair = |inner| DataType::Struct(vec![Field::new("x", inner, true)].into());
    let fields = |number, inner| schema(&[("v", number, true), ("s", pair(inner), false)]);
    let files = [
        fields(DataType::Int64, DataType::Int32),
        fields(DataType::Utf8, DataType::Int64),
        fields(DataType::Decimal128(9, 1), DataType::Int64),
        schema(&[]),
    ];
    let views = unify(&files, &[]);
    for (view, file) in views.iter().zip(&files[..3]) {
        assert_eq!(view.schema.fields(), file.fields());
        assert_eq!(view.columns, [Standing::Stored { column: 0 }, Standing::Stored { column: 1 }]);
    }
    let first = pair(DataType::Int32);
    assert_eq!(shown(&views[3]), ["v Int64? absent=true".to_owned(), format!("s {first}? absent=true")]);
}

#[test]
fn names_of_list_elements_do_not_make_columns_differ() {
    let list = |name| DataType::List(Arc::new(Field::new(name, DataType::Int8, true)));
    let views = unify(&[schema(&[("l", list("item"), true)]), schema(&[("l", list("element"), true)])], &[]);
    assert!(views.iter().all(|view| view.columns == [Standing::Stored { column: 0 }]));
    assert_eq!(*views[1].schema.field(0).data_type(), list("element"));
}

#[test]
fn names_that_differ_in_case_are_two_columns_and_one_name_twice_is_two_columns() {
    let cased = schema(&[("a", DataType::Int8, true), ("A", DataType::Utf8, true)]);
    assert_eq!(shown(&unify(&[Arc::clone(&cased)], &[])[0]), ["a Int8?", "A Utf8?"]);
    let twice = schema(&[("a", DataType::Int8, true), ("a", DataType::Int16, true)]);
    let views = unify(&[cased, twice], &[]);
    assert_eq!(shown(&views[0]), ["a Int8?", "A Utf8?", "a Int16? absent=true"]);
    assert_eq!(shown(&views[1]), ["a Int8?", "A Utf8? absent=true", "a Int16?"]);
}

#[test]
fn partition_keys_come_last_and_give_way_to_stored_columns() {
    let keys = ["year".to_owned(), "id".to_owned(), "land".to_owned()];
    let files = [schema(&[("v", DataType::Int8, true)]), schema(&[("id", DataType::Int64, false)])];
    let views = unify(&files, &keys);
    let tail = ["year Utf8? partition=true", "land Utf8? partition=true"];
    assert_eq!(shown(&views[0])[2..], tail);
    assert_eq!(shown(&views[1]), ["v Int8? absent=true", "id Int64? stored=l", tail[0], tail[1]]);
    assert_eq!(
        views[0].columns[2..],
        [Standing::Partition { key: 0 }, Standing::Partition { key: 2 }],
        "the key is its place in the directory names"
    );
}

#[test]
fn a_file_cannot_mark_its_own_columns() {
    let forged = [(PARTITION, "true"), (ABSENT, "true"), (STORED, "i"), ("kept", "x")];
    let metadata = forged.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let field = Field::new("v", DataType::Int64, true).with_metadata(metadata);
    let view = unify(&[Arc::new(Schema::new(vec![field]))], &[]).remove(0);
    assert!(!is_partition(view.schema.field(0)));
    assert_eq!(view.schema.field(0).metadata().len(), 1);
    assert_eq!(view.schema.field(0).metadata()["kept"], "x");
}

/// Schemas of as many columns each, all with names of their own.
fn strangers(schemas: usize, columns: usize) -> Vec<SchemaRef> {
    let field = |name: String| Field::new(name, DataType::Int8, true);
    let one = |schema| (0..columns).map(|column| field(format!("{schema}.{column}"))).collect::<Vec<_>>();
    (0..schemas).map(|schema| Arc::new(Schema::new(one(schema)))).collect()
}

#[test]
fn schemas_with_columns_of_their_own_are_bounded_before_they_are_presented() {
    let most = PRESENTED_MAX / 512;
    assert_eq!((most, PRESENTED_MAX), (2_048, 512 * 2_048));
    let refused = |schemas, columns| super::unify(&strangers(schemas, columns), &[]).map(|views| views.len());
    assert_eq!(refused(512, 4), Ok(512));
    let columns = most + 1;
    assert_eq!(refused(512, 5), Err(UnifyError::TooVaried { schemas: 512, columns }));
    // Stops there, whatever comes after.
    assert_eq!(refused(512, 40), Err(UnifyError::TooVaried { schemas: 512, columns }));
    assert_eq!(refused(1, ColumnTree::MAX_FIELDS), Ok(1));
    assert_eq!(refused(1, ColumnTree::MAX_FIELDS + 1), Err(UnifyError::TooManyColumns));
}

#[test]
fn what_many_schemas_lack_is_one_field_for_all_of_them() {
    let views = unify(&strangers(3, 1), &[]);
    assert!(Arc::ptr_eq(&views[1].schema.fields()[0], &views[2].schema.fields()[0]));
    assert_eq!(shown(&views[2]), ["0.0 Int8? absent=true", "1.0 Int8? absent=true", "2.0 Int8?"]);
}

/// Types of which some meet and some do not.
fn types() -> impl Strategy<Value = DataType> {
    let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
    prop::sample::select(vec![
        DataType::Null,
        DataType::Int8,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt16,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal32(5, 2),
        DataType::Decimal64(14, 2),
        DataType::Decimal128(6, 2),
        DataType::Decimal128(20, 3),
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Binary,
        list(DataType::Int8),
        list(DataType::Int16),
    ])
}

fn files() -> impl Strategy<Value = Vec<SchemaRef>> {
    let column = (prop::sample::select(vec!["a", "b", "c", "d"]), types(), any::<bool>());
    let file = prop::collection::vec(column, 0..4).prop_map(|mut columns| {
        let mut seen = std::collections::HashSet::new();
        columns.retain(|(name, _, _)| seen.insert(*name));
        columns.iter_mut().for_each(|(_, of, nullable)| *nullable |= *of == DataType::Null);
        schema(&columns)
    });
    prop::collection::vec(file, 1..5)
}

proptest! {
    #[test]
    fn every_file_presents_the_same_columns_and_no_value_is_lost(files in files()) {
        let views = unify(&files, &[]);
        let names = |view: &FileView| view.schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        for (view, file) in views.iter().zip(&files) {
            prop_assert_eq!(names(view), names(&views[0]));
            let mut shown = 0;
            for (field, standing) in view.schema.fields().iter().zip(&view.columns) {
                match standing {
                    Standing::Stored { column } => {
                        shown += 1;
                        prop_assert_eq!(field.as_ref(), file.field(*column));
                    }
                    Standing::Widened { column } => {
                        shown += 1;
                        let own = file.field(*column);
                        prop_assert_eq!(field.name(), own.name());
                        prop_assert!(field.is_nullable() || !own.is_nullable());
                        prop_assert_eq!(super::join(own.data_type(), field.data_type()), Some(field.data_type().clone()));
                    }
                    Standing::Nulls => {
                        let own = file.field_with_name(field.name());
                        shown += usize::from(own.is_ok());
                        prop_assert!(field.is_nullable());
                        prop_assert!(own.is_ok_and(|own| *own.data_type() == DataType::Null)
                            || field.metadata().contains_key(ABSENT));
                    }
                    Standing::Partition { .. } => prop_assert!(false),
                }
            }
            prop_assert_eq!(shown, file.fields().len());
        }
    }

    #[test]
    fn the_order_of_files_changes_the_order_of_columns_only(files in files(), by in 0_usize..4) {
        let mut turned = files.clone();
        turned.rotate_left(by % files.len());
        let (views, mut others) = (unify(&files, &[]), unify(&turned, &[]));
        others.rotate_right(by % files.len());
        for (view, other) in views.iter().zip(&others) {
            for field in view.schema.fields() {
                let found = other.schema.field_with_name(field.name()).unwrap();
                // Where types do not meet, a file without the column shows the first one's.
                let meets = views.iter().all(|v| alike(v.schema.field_with_name(field.name()).unwrap(), field));
                prop_assert!(!meets || alike(found, field), "{found:?} against {field:?}");
            }
        }
    }

    #[test]
    fn what_was_unified_is_unified(files in files()) {
        let schemas: Vec<SchemaRef> = unify(&files, &[]).into_iter().map(|v| FileView::own(&v.schema).schema).collect();
        for (view, schema) in unify(&schemas, &[]).iter().zip(&schemas) {
            prop_assert_eq!(view, &FileView::own(schema));
        }
    }
}
