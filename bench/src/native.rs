//! The transform of `lineitem-v2` compiled natively, in the place of the sandbox: same pipeline, same validation.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Decimal128Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use lineitem_v2::{Inputs, transform};
use skein_node::{Agent, AgentSource, SchemaGroup};
use skein_sandbox::{GuestError, Processed, Seed, Usage};
use skein_types::Selection;

/// Agents of a schema group that work natively.
pub(crate) fn agents(group: &SchemaGroup) -> Box<dyn AgentSource> {
    // Metadata of fields and schema is the host's business, here as in the sandbox.
    let plain = |schema: Schema| Arc::new(Schema::new(schema.fields().clone()));
    Box::new(Native { input: plain(group.plan.guest_input()), output: plain(group.plan.guest_output()) })
}

#[derive(Clone, Debug)]
struct Native {
    input: SchemaRef,
    output: SchemaRef,
}

impl AgentSource for Native {
    fn open(&self, _: Seed, _: Option<Vec<u8>>) -> Result<Box<dyn Agent>, GuestError> {
        Ok(Box::new(self.clone()))
    }
}

impl Native {
    fn transform(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let column = |name: &str| {
            let place = self.input.index_of(name).map_err(|error| error.to_string())?;
            Ok::<_, String>(batch.column(place))
        };
        let computed = transform(&Inputs {
            extended_price: column("l_extendedprice")?.as_primitive::<Decimal128Type>(),
            discount: column("l_discount")?.as_primitive::<Decimal128Type>(),
            tax: column("l_tax")?.as_primitive::<Decimal128Type>(),
            ship_date: column("l_shipdate")?.as_primitive::<Date32Type>(),
            receipt_date: column("l_receiptdate")?.as_primitive::<Date32Type>(),
            return_flag: column("l_returnflag")?.as_string::<i32>(),
        });
        if let Some(row) = computed.out_of_range.first() {
            return Err(format!("row {}: {}", row.row, row.what));
        }
        let columns = computed.columns().map(|(_, array)| array).to_vec();
        for column in &columns {
            column.to_data().validate_full().map_err(|error| error.to_string())?;
        }
        RecordBatch::try_new(SchemaRef::clone(&self.output), columns).map_err(|error| error.to_string())
    }
}

impl Agent for Native {
    fn reseed(&mut self, _: Seed) {}

    fn process(&mut self, _: u64, batch: &RecordBatch) -> Result<Processed, GuestError> {
        let failed = |message| GuestError::Failure { call: "process", code: "native".to_owned(), message };
        let data = vec![self.transform(batch).map_err(failed)?];
        Ok(Processed { data, selection: Selection::all(batch.num_rows()), rejects: Vec::new() })
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>, GuestError> {
        Ok(Vec::new())
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>, GuestError> {
        Ok(None)
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}
