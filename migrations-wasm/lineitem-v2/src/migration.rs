//! The module: plan and batches.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use skein_sdk::arrow_array::{ArrayRef, RecordBatch};
use skein_sdk::arrow_schema::{DataType, Field, Schema};
use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source};

use crate::transform::{GROSS, Inputs, NET, transform};

/// Source columns that the computation reads, with their types.
const READS: [(&str, DataType); 6] = [
    ("l_extendedprice", DataType::Decimal128(15, 2)),
    ("l_discount", DataType::Decimal128(15, 2)),
    ("l_tax", DataType::Decimal128(15, 2)),
    ("l_shipdate", DataType::Date32),
    ("l_receiptdate", DataType::Date32),
    ("l_returnflag", DataType::Utf8),
];

/// Source columns that go unchanged, with their new names, in target order.
const CARRIED: [(&str, &str); 10] = [
    ("l_orderkey", "order_key"),
    ("l_linenumber", "line_number"),
    ("l_partkey", "part_key"),
    ("l_suppkey", "supplier_key"),
    ("l_quantity", "quantity"),
    ("l_linestatus", "line_status"),
    ("l_shipdate", "ship_date"),
    ("l_commitdate", "commit_date"),
    ("l_shipmode", "ship_mode"),
    ("l_comment", "comment"),
];

/// Whether columns that do not change are carried by the host or go through the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowShape {
    /// Shape `same`: ten columns are carried.
    #[default]
    Same,
    /// Shape `free`: every column goes through the module. For measuring what carrying is worth.
    Free,
}

/// Parameters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Whether columns that do not change are carried by the host (`same`, the standard) or go through the module.
    #[serde(default)]
    pub shape: RowShape,
}

/// One open task.
#[derive(Debug)]
pub struct LineitemV2 {
    shape: RowShape,
    target: Arc<Schema>,
}

impl Migration for LineitemV2 {
    const NAME: &'static str = "lineitem-v2";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    type Params = Params;
    type State = ();

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        for (name, data_type) in &READS {
            source.expect(name, data_type)?;
        }
        match params.shape {
            RowShape::Same => same(source),
            RowShape::Free => free(source),
        }
    }

    fn open(context: &Context, params: Params, _: Option<()>) -> Result<Self, Failure> {
        Ok(Self { shape: params.shape, target: Arc::clone(context.target()) })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let computed = transform(&inputs(batch)?);
        match self.shape {
            RowShape::Same => {
                for row in &computed.out_of_range {
                    out.reject(row.row, "out-of-range", row.what);
                }
                let columns = computed.columns();
                columns.into_iter().try_for_each(|(name, array)| out.set(name, array))
            }
            RowShape::Free => {
                if let Some(row) = computed.out_of_range.first() {
                    return Err(Failure::new("out-of-range", row.what));
                }
                let carried = CARRIED.iter().map(|(name, _)| batch.array(name).map(Arc::clone));
                let mut columns: Vec<ArrayRef> = carried.collect::<Result<_, _>>()?;
                columns.extend(computed.columns().into_iter().map(|(_, array)| array));
                out.push(RecordBatch::try_new(Arc::clone(&self.target), columns)?)
            }
        }
    }
}

/// The six inputs of a batch.
fn inputs(batch: &Batch) -> Result<Inputs<'_>, Failure> {
    Ok(Inputs {
        extended_price: batch.decimals("l_extendedprice")?,
        discount: batch.decimals("l_discount")?,
        tax: batch.decimals("l_tax")?,
        ship_date: batch.dates("l_shipdate")?,
        receipt_date: batch.dates("l_receiptdate")?,
        return_flag: batch.strs("l_returnflag")?,
    })
}

/// The computed columns: name, type, source columns.
fn computed() -> [(&'static str, DataType, &'static [&'static str]); 4] {
    [
        ("net_price", NET, &["l_extendedprice", "l_discount"]),
        ("gross_price", GROSS, &["l_extendedprice", "l_discount", "l_tax"]),
        ("ship_delay_days", DataType::Int32, &["l_shipdate", "l_receiptdate"]),
        ("return_status", DataType::Utf8, &["l_returnflag"]),
    ]
}

fn same(source: &Source) -> Result<Plan, Refusal> {
    let mut plan = Plan::carry_all(source);
    for dropped in
        ["l_extendedprice", "l_discount", "l_tax", "l_receiptdate", "l_returnflag", "l_shipinstruct"]
    {
        plan = plan.drop(dropped);
    }
    for (from, to) in CARRIED {
        plan = plan.rename(from, to);
    }
    plan = plan.order(&CARRIED.map(|(_, to)| to));
    for (name, data_type, from) in computed() {
        plan = plan.compute(name, data_type, nullable(source, from)?, from);
    }
    Ok(plan)
}

fn free(source: &Source) -> Result<Plan, Refusal> {
    let mut fields = Vec::with_capacity(14);
    for (from, to) in CARRIED {
        fields.push(source.field(from)?.clone().with_name(to));
    }
    for (name, data_type, from) in computed() {
        fields.push(Field::new(name, data_type, nullable(source, from)?));
    }
    let mut reads: Vec<&str> = CARRIED.iter().map(|(from, _)| *from).collect();
    reads.extend(READS.iter().map(|(name, _)| *name).filter(|name| *name != "l_shipdate"));
    Ok(Plan::carry_all(source).reshape(&Schema::new(fields), &reads))
}

/// A computed value is null if one of its inputs is.
fn nullable(source: &Source, from: &[&str]) -> Result<bool, Refusal> {
    let mut any = false;
    for name in from {
        any |= source.field(name)?.is_nullable();
    }
    Ok(any)
}
