//! A spec laid over a source: which columns are carried, which are made and how.

use skein_sdk::arrow_array::{ArrayRef, Scalar};
use skein_sdk::arrow_schema::DataType;
use skein_sdk::{Plan, Refusal, Source, nearest};

use crate::spec::{OnError, Spec, Step};
use crate::transform::{self, Change, is_text, scalar};

/// Where a made column's values start.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    Source(String),
    Constant(Scalar<ArrayRef>),
}

/// A top-level target column; carried as long as it is from the source and nothing changes it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) changes: Vec<Change>,
    data_type: DataType,
    nullable: bool,
}

impl Column {
    pub(crate) fn is_made(&self) -> bool {
        !self.changes.is_empty() || matches!(self.origin, Origin::Constant(_))
    }
}

/// The plan and the columns to make.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) plan: Plan,
    pub(crate) columns: Vec<Column>,
}

/// Lays the steps over a source, in order.
pub(crate) fn compile(spec: &Spec, source: &Source) -> Result<Compiled, Refusal> {
    let columns = source.schema().fields().iter().map(|field| Column {
        name: field.name().clone(),
        origin: Origin::Source(field.name().clone()),
        changes: Vec::new(),
        data_type: field.data_type().clone(),
        nullable: field.is_nullable(),
    });
    let mut compiling = Compiling { source, plan: Plan::carry_all(source), columns: columns.collect() };
    for (at, step) in spec.steps.iter().enumerate() {
        let told = |refusal: Refusal| Refusal {
            message: format!("step {}: {}", at + 1, refusal.message),
            ..refusal
        };
        compiling.step(step).map_err(told)?;
        compiling.plan.lower().map_err(told)?;
    }
    Ok(Compiled { plan: compiling.plan, columns: compiling.columns })
}

struct Compiling<'a> {
    source: &'a Source,
    plan: Plan,
    columns: Vec<Column>,
}

impl Compiling<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Refusal> {
        match step {
            Step::Rename { column, to } => self.rename(column, to),
            Step::Drop { columns } => {
                for column in columns {
                    self.replan(|plan| plan.drop(column));
                    self.columns.retain(|c| &c.name != column);
                }
            }
            Step::Order { columns } => {
                let names: Vec<&str> = columns.iter().map(String::as_str).collect();
                self.replan(|plan| plan.order(&names));
            }
            Step::Add { column, data_type, value } => self.add(column, data_type, value)?,
            Step::Cast { columns, to, on_error } => {
                self.change(columns, |column| cast(column, to, *on_error))?;
            }
            Step::Default { columns, value, required } => self.change(columns, |column| {
                let value = scalar(value, &column.data_type).map_err(|e| Refusal::new("bad-default", e))?;
                column.nullable &= !required;
                Ok(Change::Fill(value))
            })?,
            Step::Trim { columns } => self.change(columns, |column| texts(column, Change::Trim))?,
            Step::Case { columns, to } => self.change(columns, |column| texts(column, Change::Case(*to)))?,
            Step::Hash { columns, key } => self.change(columns, |column| {
                // A column that was long texts before may go on being one for its readers.
                let is_long = column.data_type == DataType::LargeUtf8;
                let text = if is_long { DataType::LargeUtf8 } else { DataType::Utf8 };
                possible(&column.data_type, &text)?;
                column.data_type = text;
                Ok(Change::Hash(key.clone()))
            })?,
            Step::Mask { columns, keep_first, keep_last, with } => self.change(columns, |column| {
                texts(column, Change::Mask { keep_first: *keep_first, keep_last: *keep_last, with: *with })
            })?,
        }
        Ok(())
    }

    fn rename(&mut self, column: &str, to: &str) {
        self.replan(|plan| plan.rename(column, to));
        if let Some(found) = self.columns.iter_mut().find(|c| c.name == column) {
            to.clone_into(&mut found.name);
        }
    }

    fn add(&mut self, name: &str, data_type: &DataType, value: &serde_json::Value) -> Result<(), Refusal> {
        if self.columns.iter().any(|c| c.name == name) {
            return Err(Refusal::new("duplicate-column", format!("there is a column {name:?} already")));
        }
        let constant = scalar(value, data_type).map_err(|e| Refusal::new("bad-value", e))?;
        let (data_type, nullable) = (data_type.clone(), value.is_null());
        self.replan(|plan| plan.compute(name, data_type.clone(), nullable, &[]));
        let (name, origin) = (name.to_owned(), Origin::Constant(constant));
        self.columns.push(Column { name, origin, changes: Vec::new(), data_type, nullable });
        Ok(())
    }

    /// Adds a change to each of the columns and makes them computed ones.
    fn change(
        &mut self,
        names: &[String],
        make: impl Fn(&mut Column) -> Result<Change, Refusal>,
    ) -> Result<(), Refusal> {
        for name in names {
            let at = self.find(name)?;
            let column = &mut self.columns[at];
            let change =
                make(column).map_err(|r| Refusal { message: format!("column {name:?}: {}", r.message), ..r });
            let change = change.map_err(|refusal| match &column.origin {
                Origin::Source(path) => self.source.id(path).map_or(refusal.clone(), |id| refusal.at(id)),
                Origin::Constant(_) => refusal,
            })?;
            column.changes.push(change);
            let reads: Vec<&str> = match &column.origin {
                Origin::Source(path) => vec![path],
                Origin::Constant(_) => vec![],
            };
            let plan = self.plan.clone();
            self.plan = plan.compute(name, column.data_type.clone(), column.nullable, &reads);
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<usize, Refusal> {
        if let Some(at) = self.columns.iter().position(|c| c.name == name) {
            return Ok(at);
        }
        let message = if self.source.id(name).is_ok() && name.contains('.') {
            format!("{name:?} is inside a struct: only whole columns can be changed")
        } else {
            let near = nearest(name, self.columns.iter().map(|c| c.name.as_str()));
            let hint = near.map(|n| format!(", did you mean {n:?}?")).unwrap_or_default();
            format!("there is no column {name:?}{hint}")
        };
        Err(Refusal::new("missing-column", message))
    }

    fn replan(&mut self, step: impl FnOnce(Plan) -> Plan) {
        self.plan = step(self.plan.clone());
    }
}

fn cast(column: &mut Column, to: &DataType, on_error: OnError) -> Result<Change, Refusal> {
    possible(&column.data_type, to)?;
    column.nullable |= on_error == OnError::Null;
    column.data_type = to.clone();
    Ok(Change::Cast { to: to.clone(), on_error })
}

fn texts(column: &Column, change: Change) -> Result<Change, Refusal> {
    if is_text(&column.data_type) {
        return Ok(change);
    }
    Err(Refusal::new("not-text", format!("{} is no text, cast it first", column.data_type)))
}

fn possible(from: &DataType, to: &DataType) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal::new("impossible-cast", format!("{from} cannot become {to}{why}")));
    if !transform::possible(from, to) {
        return refuse("");
    }
    let zoned =
        |t: &DataType| matches!(t, DataType::Timestamp(_, Some(zone)) if !crate::data_type::is_fixed(zone));
    if zoned(from) || zoned(to) {
        return refuse(": named time zones are not supported");
    }
    Ok(())
}
