//! The module.

use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source};

use crate::compile::{Column, Origin, compile};
use crate::spec::Spec;
use crate::transform::{Change, Named, Ready, nulled, repeat};

/// One open task: the columns to make.
#[derive(Debug)]
pub struct Columns {
    made: Vec<Made>,
}

#[derive(Debug)]
struct Made {
    name: String,
    nulled: String,
    origin: Origin,
    hidden: bool,
    changes: Vec<Ready>,
}

impl Migration for Columns {
    const NAME: &'static str = "columns";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const EXT: &'static [(&'static str, &'static str)] = &[("name-from-params", "name")];

    type Params = Spec;
    type State = ();

    fn plan(source: &Source, spec: &Spec) -> Result<Plan, Refusal> {
        compile(spec, source).map(|compiled| compiled.plan)
    }

    fn open(context: &Context, spec: Spec, _: Option<()>) -> Result<Self, Failure> {
        let compiled = compile(&spec, context.source()).map_err(|r| Failure::new(r.code, r.message))?;
        let made = compiled.columns.into_iter().filter(Column::is_made).enumerate().map(Made::new);
        Ok(Self { made: made.collect::<Result<_, _>>()? })
    }

    fn process(&mut self, batch: &Batch, out: &mut Output) -> Result<(), Failure> {
        for made in &self.made {
            let mut array = match &made.origin {
                Origin::Source(path) => batch.array(path)?.clone(),
                Origin::Constant(value) => repeat(value, batch.rows())?,
            };
            let named = Named { column: &made.name, nulled: &made.nulled, hidden: made.hidden };
            for change in &made.changes {
                array = change.apply(&array, named, out)?;
            }
            out.set(&made.name, array)?;
        }
        Ok(())
    }
}

impl Made {
    fn new((nth, column): (usize, Column)) -> Result<Self, Failure> {
        let hidden = column.changes.iter().any(Change::hides);
        let changes = column.changes.into_iter().map(Change::ready).collect::<Result<_, _>>()?;
        let nulled = nulled(&column.name, nth);
        Ok(Self { name: column.name, nulled, origin: column.origin, hidden, changes })
    }
}
