//! The host's rules for plans, so that a test fails where a run would be refused.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow_schema::{DataType, Field, FieldRef, Schema};

use super::pick::{Pick, Taken};
use crate::schema::unflatten;
use crate::source::is_partition;
use crate::tree::Tree;
use crate::{Origin, Proposal, Shape};

/// Where a target column comes from.
#[derive(Clone, Debug)]
pub(super) enum From {
    Carried { root: usize, pick: Pick },
    Made,
}

/// A plan that keeps the rules.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) proposal: Proposal,
    pub(super) target: Schema,
    pub(super) from: Vec<From>,
    /// Index of a source column and what of it is read.
    pub(super) input: Vec<(usize, Pick)>,
    pub(super) shape: Shape,
    reads: Vec<String>,
}

impl Checked {
    /// The target schema.
    pub const fn target(&self) -> &Schema {
        &self.target
    }

    /// Dotted paths of the source columns that the module reads.
    pub fn reads(&self) -> Vec<&str> {
        self.reads.iter().map(String::as_str).collect()
    }

    /// How rows relate.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Names of the target columns that are carried.
    pub fn carried(&self) -> Vec<&str> {
        let carried = self.target.fields().iter().zip(&self.from);
        carried
            .filter(|(_, from)| matches!(from, From::Carried { .. }))
            .map(|(f, _)| f.name().as_str())
            .collect()
    }

    /// The target columns that the module gives.
    pub(super) fn made(&self) -> Vec<FieldRef> {
        let made = self.target.fields().iter().zip(&self.from);
        made.filter(|(_, from)| matches!(from, From::Made)).map(|(f, _)| FieldRef::clone(f)).collect()
    }

    /// The plan as the contract has it.
    pub const fn proposal(&self) -> &Proposal {
        &self.proposal
    }
}

pub(super) fn check(source: &Schema, proposal: Proposal) -> Result<Checked, String> {
    let target = unflatten(&proposal.target).map_err(|e| e.to_string())?;
    let shape =
        [Shape::Same, Shape::Filtered, Shape::Free].into_iter().find(|s| s.as_str() == proposal.shape);
    let shape = shape.ok_or_else(|| format!("shape {:?} is not known", proposal.shape))?;
    names(&target)?;
    let origins: BTreeMap<u32, &Origin> = proposal.origins.iter().map(|(id, o)| (*id, o)).collect();
    if origins.len() != proposal.origins.len() {
        return Err("a target column has two origins".to_owned());
    }
    let reads: BTreeSet<u32> = proposal.reads.iter().copied().collect();
    let rules = Rules { source: Tree::new(source), target: Tree::new(&target), origins, reads, shape };
    let from = rules.target.roots().iter().map(|id| rules.column(*id)).collect::<Result<Vec<_>, _>>()?;
    source
        .fields()
        .iter()
        .enumerate()
        .try_for_each(|(place, field)| partition(place, field, &target, (&from, shape)))?;
    let input = rules.input();
    let paths = rules.reads.iter().map(|id| rules.source.path(*id)).collect();
    Ok(Checked { target, from, input, shape, reads: paths, proposal })
}

/// A partition column is carried under its own name, whole and once; under `free` it is not there.
fn partition(
    place: usize,
    field: &Field,
    target: &Schema,
    (from, shape): (&[From], Shape),
) -> Result<(), String> {
    if !is_partition(field) {
        return Ok(());
    }
    let is_it = |from: &From| matches!(from, From::Carried { root, .. } if *root == place);
    let kept: Vec<bool> = target.fields().iter().map(|f| f.name() == field.name()).collect();
    let carried: Vec<bool> = from.iter().map(is_it).collect();
    let once = kept.iter().filter(|kept| **kept).count() == usize::from(shape != Shape::Free);
    if kept == carried && once { Ok(()) } else { Err(format!("partition column {:?} changes", field.name())) }
}

fn names(target: &Schema) -> Result<(), String> {
    if target.fields().is_empty() {
        return Err("the target has no columns".to_owned());
    }
    let mut seen = HashSet::new();
    match target.fields().iter().find(|f| f.name().is_empty() || !seen.insert(f.name())) {
        Some(field) => Err(format!("the target column name {:?} is empty or there twice", field.name())),
        None => Ok(()),
    }
}

struct Rules<'a> {
    source: Tree,
    target: Tree,
    origins: BTreeMap<u32, &'a Origin>,
    reads: BTreeSet<u32>,
    shape: Shape,
}

impl Rules<'_> {
    fn column(&self, id: u32) -> Result<From, String> {
        let name = self.target.path(id);
        let Some(origin) = self.origins.get(&id) else { return Err(format!("{name:?} has no origin")) };
        match origin {
            Origin::Carried(from) => self.carried(id, *from),
            Origin::Computed(from) => {
                from.iter().try_for_each(|id| self.must_be_read(&name, *id))?;
                Ok(From::Made)
            }
            Origin::Preserved(from) => {
                self.must_be_read(&name, *from)?;
                let same = self.root(*from)?.1.clone().with_name(&name);
                if self.shape == Shape::Free || !alike(&same, self.field(id)) {
                    return Err(format!("{name:?} cannot be preserved: other type, or shape `free`"));
                }
                Ok(From::Made)
            }
        }
    }

    fn carried(&self, id: u32, from: u32) -> Result<From, String> {
        let name = self.target.path(id);
        if self.shape == Shape::Free {
            return Err(format!("{name:?} is carried under `free`"));
        }
        let (root, field) = self.root(from)?;
        let pick = self.lay(id, from)?;
        let expected = pick.field(field, &name);
        if !alike(&expected, self.field(id)) {
            return Err(format!("carried column {name:?} changes its type or nullability"));
        }
        Ok(From::Carried { root, pick })
    }

    /// Lays a carried target field over its source field.
    fn lay(&self, target: u32, source: u32) -> Result<Pick, String> {
        let (Some(to), Some(from)) = (self.target.get(target), self.source.get(source)) else {
            return Err(format!("unknown column {source}"));
        };
        if to.children.is_empty() || matches!(from.field.data_type(), DataType::Map(_, _)) {
            return Ok(Pick::Whole);
        }
        let is_struct = matches!(from.field.data_type(), DataType::Struct(_));
        let mut taken = Vec::with_capacity(to.children.len());
        for (place, child) in to.children.iter().enumerate() {
            let name = self.field(*child).name().clone();
            let found = if is_struct { self.child(*child, &from.children) } else { Some(place) };
            let at = found.filter(|at| *at < from.children.len());
            let at = at.ok_or_else(|| format!("{:?} comes from nowhere", self.target.path(*child)))?;
            let pick = self.lay(*child, from.children[at])?;
            taken.push(Taken { from: at, name, pick });
        }
        Ok(Pick::Children(taken))
    }

    fn child(&self, target: u32, among: &[u32]) -> Option<usize> {
        match self.origins.get(&target) {
            Some(Origin::Carried(id)) => among.iter().position(|a| a == id),
            Some(Origin::Computed(_) | Origin::Preserved(_)) => None,
            None => {
                let name = self.field(target).name();
                among.iter().position(|a| self.source.get(*a).is_some_and(|n| n.field.name() == name))
            }
        }
    }

    fn field(&self, target: u32) -> &Field {
        &self.target.get(target).expect("target ids come from the target's own tree").field
    }

    fn root(&self, id: u32) -> Result<(usize, &Field), String> {
        let place = self.source.roots().iter().position(|r| *r == id);
        let place = place.ok_or_else(|| format!("source column {id} is unknown or not at the top level"))?;
        let node = self.source.get(id).ok_or_else(|| format!("unknown column {id}"))?;
        Ok((place, &node.field))
    }

    fn must_be_read(&self, name: &str, id: u32) -> Result<(), String> {
        if self.source.get(id).is_none() {
            return Err(format!("{name:?} names unknown source column {id}"));
        }
        if self.covered(id) {
            Ok(())
        } else {
            Err(format!("{name:?} uses {:?} unread", self.source.path(id)))
        }
    }

    fn covered(&self, id: u32) -> bool {
        let mut at = Some(id);
        while let Some(current) = at {
            if self.reads.contains(&current) {
                return true;
            }
            at = self.source.get(current).and_then(|n| n.parent);
        }
        false
    }

    /// What batches contain.
    fn input(&self) -> Vec<(usize, Pick)> {
        let roots = self.source.roots().iter().enumerate();
        roots.filter_map(|(place, id)| Some((place, self.part(*id)?))).collect()
    }

    fn part(&self, id: u32) -> Option<Pick> {
        if self.covered(id) {
            return Some(Pick::Whole);
        }
        let node = self.source.get(id)?;
        let child = |(from, child): (usize, &u32)| {
            let pick = self.part(*child)?;
            let name = self.source.get(*child)?.field.name().clone();
            Some(Taken { from, name, pick })
        };
        let taken: Vec<_> = node.children.iter().enumerate().filter_map(child).collect();
        if taken.is_empty() {
            return None;
        }
        // A map is read whole: keys without values are no map.
        let is_map = matches!(node.field.data_type(), DataType::Map(_, _));
        Some(if is_map { Pick::Whole } else { Pick::Children(taken) })
    }
}

/// Equal name, type and nullability, at every level.
fn alike(a: &Field, b: &Field) -> bool {
    a.name() == b.name() && a.data_type() == b.data_type() && a.is_nullable() == b.is_nullable()
}
