//! Keeps the rows whose date or timestamp is not before a cutoff.
//!
//! Shape `filtered`: the one column is read, every column is carried. The cutoff is read as a value of the column's own
//! type, so the comparison is exact.

mod cutoff;

use schemars::JsonSchema;
use serde::Deserialize;
use skein_sdk::arrow_array::{Array, ArrayRef, BooleanArray, Scalar};
use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source};

use cutoff::cutoff;

/// What becomes of rows without a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// They go.
    #[default]
    Drop,
    /// They stay.
    Keep,
    /// They go to the quarantine, code `no-date`.
    Reject,
}

/// Parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Dotted path of the column to decide by: a date or timestamp.
    pub column: String,
    /// First date or time to keep: `2024-01-01`, `2024-01-01T12:00:00Z`.
    pub since: String,
    /// What becomes of rows without a date.
    #[serde(default)]
    pub nulls: Nulls,
}

/// One open task.
#[derive(Debug)]
pub struct KeepRecent {
    column: String,
    since: Scalar<ArrayRef>,
    nulls: Nulls,
}

impl Migration for KeepRecent {
    const NAME: &'static str = "keep-recent";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    type Params = Params;
    type State = ();

    fn plan(source: &Source, params: &Params) -> Result<Plan, Refusal> {
        cutoff(source, params)?;
        Ok(Plan::carry_all(source).read(&[&params.column]).filter())
    }

    fn open(context: &Context, params: Params, _: Option<()>) -> Result<Self, Failure> {
        let since = cutoff(context.source(), &params).map_err(|r| Failure::new(r.code, r.message))?;
        Ok(Self { column: params.column, since, nulls: params.nulls })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        let dates = batch.array(&self.column)?;
        let recent = arrow_ord::cmp::gt_eq(dates, &self.since)?;
        match (self.nulls, recent.nulls()) {
            (Nulls::Drop, _) | (Nulls::Keep | Nulls::Reject, None) => out.keep_only(&recent),
            (Nulls::Keep, Some(given)) => {
                let kept = recent.values() | &!given.inner();
                out.keep_only(&BooleanArray::new(kept, None))
            }
            (Nulls::Reject, Some(given)) => {
                for row in (0..batch.rows()).filter(|row| given.is_null(*row)) {
                    out.reject(row, "no-date", &format!("{} is null", self.column));
                }
                out.keep_only(&recent)
            }
        }
    }
}

skein_sdk::export!(KeepRecent);
