//! Which target columns a task gives, derived once from the plan.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use crate::schema::unflatten;
use crate::{Batch, Context, Failure, Origin, Output, Proposal, Shape, Source};

/// The plan as `process` needs it.
#[derive(Debug)]
pub(super) struct Layout {
    target: SchemaRef,
    made: SchemaRef,
    /// For each column of `made`: the source path to pass through, if it is preserved.
    preserved: Vec<Option<String>>,
    shape: Shape,
}

impl Layout {
    pub(super) fn new(source: &Source, plan: &Proposal) -> Result<Self, Failure> {
        let target = unflatten(&plan.target)?;
        let roots = (0u32..).zip(&plan.target).filter(|(_, field)| field.parent.is_none());
        let (mut made, mut preserved) = (Vec::new(), Vec::new());
        for ((id, _), field) in roots.zip(target.fields()) {
            let origin = plan.origins.iter().find(|(of, _)| *of == id).map(|(_, origin)| origin);
            match origin {
                Some(Origin::Carried(_)) => continue,
                Some(Origin::Preserved(from)) => preserved.push(Some(source.tree.path(*from))),
                Some(Origin::Computed(_)) => preserved.push(None),
                None => {
                    let message = format!("target column {:?} has no origin", field.name());
                    return Err(Failure::new("bad-plan", message));
                }
            }
            made.push(Arc::clone(field));
        }
        let shape = shape(&plan.shape)?;
        Ok(Self { target: Arc::new(target), made: Arc::new(Schema::new(made)), preserved, shape })
    }

    pub(super) fn context(&self, source: Source) -> Context {
        Context { source, target: Arc::clone(&self.target), made: Arc::clone(&self.made) }
    }

    pub(super) fn output(&self, batch: &Batch) -> Output {
        Output::new(self.shape, Arc::clone(&self.made), batch.first_row(), batch.rows())
    }

    pub(super) fn made(&self) -> SchemaRef {
        Arc::clone(&self.made)
    }

    pub(super) fn preserved(&self) -> &[Option<String>] {
        &self.preserved
    }

    pub(super) const fn shape(&self) -> Shape {
        self.shape
    }
}

fn shape(word: &str) -> Result<Shape, Failure> {
    [Shape::Same, Shape::Filtered, Shape::Free]
        .into_iter()
        .find(|shape| shape.as_str() == word)
        .ok_or_else(|| Failure::new("bad-plan", format!("shape {word:?} is not known")))
}
