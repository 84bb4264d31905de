//! Structs and one list of structs to flat rows.
//!
//! Shape `free`: a row with a list of three elements becomes three rows. Names of what was nested are joined: `customer.name`
//! becomes `customer_name`. Structs inside structs are flattened all the way; other lists and maps stay as they are.

mod flatten;
mod layout;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use skein_sdk::arrow_array::RecordBatch;
use skein_sdk::arrow_schema::Schema;
use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source};

use layout::Leaf;

/// Parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Top-level list whose elements become rows; none: only structs are flattened.
    #[serde(default)]
    pub explode: Option<String>,
    /// Whether a row whose list is empty or null stays as one row of nulls.
    #[serde(default)]
    pub keep_empty: bool,
    /// Name of a column with the element's place in its list, from 0.
    #[serde(default)]
    pub position: Option<String>,
    /// Between the joined names.
    #[serde(default = "underscore")]
    pub separator: String,
}

fn underscore() -> String {
    "_".to_owned()
}

/// One open task.
#[derive(Debug)]
pub struct FlattenNested {
    params: Params,
    leaves: Vec<Leaf>,
    target: Arc<Schema>,
}

impl Migration for FlattenNested {
    const NAME: &'static str = "flatten-nested";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    type Params = Params;
    type State = ();

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        let leaves = layout::leaves(source, params)?;
        let schema = layout::target(&leaves, params);
        let reads: Vec<&str> = source.schema().fields().iter().map(|f| f.name().as_str()).collect();
        Ok(Plan::carry_all(source).reshape(&schema, &reads))
    }

    fn open(context: &Context, params: Params, _: Option<()>) -> Result<Self, Failure> {
        let leaves =
            layout::leaves(context.source(), &params).map_err(|r| Failure::new(r.code, r.message))?;
        Ok(Self { params, leaves, target: Arc::clone(context.target()) })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let columns = flatten::columns(batch, &self.leaves, &self.params)?;
        out.push(RecordBatch::try_new(Arc::clone(&self.target), columns)?)
    }
}

skein_sdk::export!(FlattenNested);
