//! What a schema plan accepts and what it refuses.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use skein_types::{ColumnId, Origin, PlanError, ProposedOrigin, ProposedPlan, SchemaPlan, codes};

/// id 0 `k`, 1 `s`, 2 `s.x`, 3 `s.y`, 4 `v`
fn source() -> Arc<Schema> {
    let s = Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)]);
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, false),
        Field::new("s", DataType::Struct(s), true),
        Field::new("v", DataType::Float64, true),
    ]))
}

fn carried(id: u32) -> ProposedOrigin {
    ProposedOrigin::Carried(ColumnId(id))
}

fn proposal(target: Vec<Field>, origins: Vec<(u32, ProposedOrigin)>) -> ProposedPlan {
    ProposedPlan { target: Schema::new(target), origins, reads: vec![], shape: "same".into(), ext: vec![] }
}

fn check(proposed: &ProposedPlan) -> Result<SchemaPlan, PlanError> {
    SchemaPlan::check(source(), proposed)
}

fn refusal(proposed: &ProposedPlan) -> PlanError {
    check(proposed).expect_err("the plan must be refused")
}

#[test]
fn carrying_with_rename_and_reorder_needs_no_guest() {
    let target = vec![Field::new("value", DataType::Float64, true), Field::new("k", DataType::Int64, false)];
    let plan = check(&proposal(target, vec![(0, carried(4)), (1, carried(0))])).unwrap();
    assert!(!plan.needs_guest());
    assert_eq!(plan.columns()[0].origin, Origin::Carried { source: ColumnId(4), leaves: vec![ColumnId(4)] });
    assert_eq!(plan.target().field(0).name(), "value");
}

#[test]
fn a_leaf_dropped_inside_a_carried_struct_is_still_carried() {
    let s = Fields::from(vec![Field::new("y", DataType::Utf8, true)]);
    let target = vec![Field::new("s", DataType::Struct(s), true)];
    let plan = check(&proposal(target, vec![(0, carried(1))])).unwrap();
    assert_eq!(plan.columns()[0].origin, Origin::Carried { source: ColumnId(1), leaves: vec![ColumnId(3)] });
}

#[test]
fn a_leaf_renamed_inside_a_carried_struct_says_where_it_comes_from() {
    let renamed =
        || Fields::from(vec![Field::new("z", DataType::Utf8, true), Field::new("x", DataType::Int32, true)]);
    let target = || vec![Field::new("s", DataType::Struct(renamed()), true)];
    let plan = check(&proposal(target(), vec![(0, carried(1)), (1, carried(3))])).unwrap();
    let Origin::Carried { leaves, .. } = &plan.columns()[0].origin else { panic!("carried") };
    assert_eq!(leaves, &[ColumnId(3), ColumnId(2)]);

    let unexplained = refusal(&proposal(target(), vec![(0, carried(1))]));
    assert_eq!(unexplained, PlanError::CarriedElsewhere { column: "s".into(), field: "s.z".into() });
    let twice = refusal(&proposal(target(), vec![(0, carried(1)), (1, carried(2))]));
    assert_eq!(twice.code(), codes::PLAN_CARRIED_CHANGED);
}

#[test]
fn a_carried_column_keeps_type_and_nullability() {
    let wider = refusal(&proposal(vec![Field::new("v", DataType::Float32, true)], vec![(0, carried(4))]));
    assert_eq!(wider.code(), codes::PLAN_CARRIED_CHANGED);
    assert_eq!(wider.to_string(), "carried column \"v\" is Float64 in the source and Float32 in the target");
    let stricter = refusal(&proposal(vec![Field::new("v", DataType::Float64, false)], vec![(0, carried(4))]));
    assert_eq!(
        stricter,
        PlanError::CarriedNullabilityChanged {
            column: "v".into(),
            source_nullable: true,
            target_nullable: false
        }
    );
}

#[test]
fn computed_columns_must_be_read_and_the_reads_are_minimal() {
    let target = || vec![Field::new("n", DataType::Int64, true)];
    let origins = || vec![(0, ProposedOrigin::Computed(vec![ColumnId(2), ColumnId(0)]))];
    let unread = refusal(&proposal(target(), origins()));
    assert_eq!(unread, PlanError::NotRead { column: "n".into(), source_column: "k".into() });

    let mut read = proposal(target(), origins());
    read.reads = vec![2, 1, 0, 0];
    let plan = check(&read).unwrap();
    assert_eq!(plan.reads(), [ColumnId(0), ColumnId(1)]);
    assert_eq!(plan.read_leaves(), [0, 1, 2]);
}

#[test]
fn a_struct_read_in_part_reaches_the_guest_in_part() {
    let mut read = proposal(
        vec![Field::new("n", DataType::Int32, true)],
        vec![(0, ProposedOrigin::Computed(vec![ColumnId(2)]))],
    );
    read.reads = vec![2];
    let plan = check(&read).unwrap();
    let expected = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
    assert_eq!(plan.guest_input(), Schema::new(vec![Field::new("s", DataType::Struct(expected), true)]));
    assert_eq!(plan.read_leaves(), [1]);
}

#[test]
fn free_carries_nothing_and_may_preserve() {
    let target = || vec![Field::new("k", DataType::Int64, false)];
    let mut carries = proposal(target(), vec![(0, carried(0))]);
    carries.shape = "free".into();
    assert_eq!(refusal(&carries).code(), codes::PLAN_FREE_CARRIES);
    let mut preserves = proposal(target(), vec![(0, ProposedOrigin::Preserved(ColumnId(0)))]);
    (preserves.shape, preserves.reads) = ("free".into(), vec![0]);
    let origin = check(&preserves).unwrap().columns()[0].origin.clone();
    assert_eq!(origin, Origin::Preserved { source: ColumnId(0) });
}

#[test]
fn a_plan_that_lies_about_its_columns_is_refused_by_name() {
    let k = || vec![Field::new("k", DataType::Int64, false)];
    let cases = [
        (proposal(k(), vec![(0, carried(9))]), codes::PLAN_UNKNOWN_COLUMN),
        (proposal(k(), vec![(7, carried(0))]), codes::PLAN_UNKNOWN_COLUMN),
        (proposal(k(), vec![]), codes::PLAN_BAD_TARGET),
        (proposal(vec![], vec![]), codes::PLAN_BAD_TARGET),
        (proposal(k(), vec![(0, carried(0)), (0, carried(0))]), codes::PLAN_BAD_TARGET),
        (proposal([k(), k()].concat(), vec![(0, carried(0)), (1, carried(0))]), codes::PLAN_BAD_TARGET),
        (
            proposal(vec![Field::new("", DataType::Int64, false)], vec![(0, carried(0))]),
            codes::PLAN_BAD_TARGET,
        ),
        (
            proposal(vec![Field::new("x", DataType::Int32, true)], vec![(0, carried(2))]),
            codes::PLAN_CARRIED_CHANGED,
        ),
    ];
    for (number, (proposed, code)) in cases.iter().enumerate() {
        assert_eq!(refusal(proposed).code(), *code, "case {number}");
    }
}

#[test]
fn types_that_parquet_cannot_carry_are_refused() {
    for data_type in [
        DataType::Utf8View,
        DataType::FixedSizeBinary(-1),
        DataType::Decimal128(39, 0),
        DataType::Decimal128(5, 7),
        DataType::Decimal128(5, -1),
        DataType::Struct(Fields::empty()),
        DataType::Time32(arrow_schema::TimeUnit::Nanosecond),
    ] {
        let proposed = proposal(
            vec![Field::new("n", data_type.clone(), true)],
            vec![(0, ProposedOrigin::Computed(vec![]))],
        );
        assert_eq!(refusal(&proposed).code(), codes::PLAN_IMPOSSIBLE_TYPE, "{data_type}");
    }
}

#[test]
fn types_that_make_much_of_no_bytes_are_refused() {
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let list = |data_type, n| DataType::FixedSizeList(item(data_type), n);
    let computed = |data_type: DataType| {
        proposal(vec![Field::new("n", data_type, true)], vec![(0, ProposedOrigin::Computed(vec![]))])
    };
    let fields = |data_type| DataType::Struct(vec![Field::new("x", data_type, true)].into());
    for widest in [
        list(DataType::Null, 65_536),
        list(list(DataType::Null, 256), 256),
        // What offsets bound begins anew.
        list(DataType::List(item(list(DataType::Null, 65_536))), 65_536),
        DataType::FixedSizeBinary(1 << 20),
        list(DataType::FixedSizeBinary(16), 65_536),
    ] {
        assert!(check(&computed(widest.clone())).is_ok(), "{widest}");
    }
    for (too_wide, reason) in [
        (list(DataType::Null, 65_537), "65537 values in a row"),
        (list(DataType::Int64, i32::MAX), "2147483647 values in a row"),
        (list(list(DataType::Null, 256), 257), "65792 values in a row"),
        (list(fields(list(DataType::Null, 65_536)), 2), "131072 values in a row"),
        (DataType::List(item(list(DataType::Null, 65_537))), "65537 values in a row"),
        (DataType::FixedSizeBinary((1 << 20) + 1), "1048577 bytes in a row"),
        (DataType::FixedSizeBinary(i32::MAX), "2147483647 bytes in a row"),
        (list(DataType::FixedSizeBinary(17), 65_536), "1114112 bytes in a row"),
        // What a run writes, the next one must be able to read: all of a row counts.
        (list(DataType::Decimal256(40, 0), 65_536), "2097152 bytes in a row"),
        (
            DataType::Struct(
                ["a", "b"]
                    .map(|name| Field::new(name, DataType::FixedSizeBinary(1 << 20), true))
                    .to_vec()
                    .into(),
            ),
            "2097152 bytes in a row",
        ),
    ] {
        let error = refusal(&computed(too_wide.clone()));
        assert_eq!(error.code(), codes::PLAN_TYPE_TOO_WIDE, "{too_wide}: {error}");
        assert!(error.to_string().contains(reason), "{error}: not {reason}");
    }
}

#[test]
fn a_preserved_column_is_no_wider_than_a_computed_one() {
    let wide = DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Null, true)), i32::MAX);
    let schema = || vec![Field::new("w", wide.clone(), true)];
    let check = |origin, reads: Vec<u32>| {
        let proposed = ProposedPlan { reads, ..proposal(schema(), vec![(0, origin)]) };
        SchemaPlan::check(Arc::new(Schema::new(schema())), &proposed)
    };
    let preserved = check(ProposedOrigin::Preserved(ColumnId(0)), vec![0]);
    assert_eq!(preserved.unwrap_err().code(), codes::PLAN_TYPE_TOO_WIDE);
    assert!(check(carried(0), vec![]).is_ok(), "a carried column is never laid out in memory");
}

#[test]
fn an_unknown_must_extension_refuses_and_any_other_is_ignored() {
    let mut proposed = proposal(vec![Field::new("k", DataType::Int64, false)], vec![(0, carried(0))]);
    proposed.ext = vec![("hint".into(), "x".into())];
    assert!(check(&proposed).is_ok());
    proposed.ext.push(("must-lookup".into(), String::new()));
    assert_eq!(refusal(&proposed), PlanError::UnknownMust { key: "must-lookup".into() });
}

#[test]
fn two_plans_have_one_digest_exactly_if_they_decide_the_same() {
    let plan = |name: &str| {
        check(&proposal(vec![Field::new(name, DataType::Int64, false)], vec![(0, carried(0))])).unwrap()
    };
    assert_eq!(plan("k").digest(), plan("k").digest());
    assert_ne!(plan("k").digest(), plan("id").digest());
}

/// id 0 `v`, 1 `year`, a partition.
fn partitioned() -> Arc<Schema> {
    let mark = [("skein.partition".to_owned(), "true".to_owned())].into_iter().collect();
    Arc::new(Schema::new(vec![
        Field::new("v", DataType::Utf8, true),
        Field::new("year", DataType::Utf8, true).with_metadata(mark),
    ]))
}

#[test]
fn partition_columns_are_carried_under_their_own_name_or_refused() {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let check = |names: &[&str], origins: Vec<ProposedOrigin>, shape: &str| {
        let target = names.iter().map(|name| text(name)).collect();
        let proposed = proposal(target, (0..).zip(origins).collect());
        SchemaPlan::check(partitioned(), &ProposedPlan { reads: vec![0, 1], shape: shape.into(), ..proposed })
    };
    let computed = || ProposedOrigin::Computed(vec![ColumnId(1)]);
    for shape in ["same", "filtered"] {
        let plan = check(&["year", "v", "copy"], vec![carried(1), carried(0), computed()], shape).unwrap();
        let written: Vec<_> = plan.written().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(written, ["v", "copy"]);
        let refused = |names: &[&str], origins| match check(names, origins, shape) {
            Err(error @ PlanError::PartitionChanged { .. }) => {
                assert_eq!(error.code(), codes::PLAN_PARTITION);
                error.to_string().rsplit(", ").next().unwrap().to_owned()
            }
            other => panic!("{names:?}: {other:?}"),
        };
        assert_eq!(refused(&["v"], vec![carried(0)]), "is left out");
        assert_eq!(refused(&["v", "y"], vec![carried(0), carried(1)]), "becomes \"y\"");
        assert_eq!(refused(&["year", "y"], vec![carried(1), carried(1)]), "becomes \"y\"");
        assert_eq!(refused(&["year"], vec![computed()]), "is computed");
        assert_eq!(refused(&["year"], vec![carried(0)]), "is replaced by another column");
        let preserved = ProposedOrigin::Preserved(ColumnId(1));
        assert_eq!(refused(&["year"], vec![preserved]), "is preserved instead of carried");
    }
    assert!(check(&["v"], vec![computed()], "free").is_ok());
    let free = check(&["year"], vec![computed()], "free").unwrap_err();
    assert_eq!(free.code(), codes::PLAN_PARTITION);
}
