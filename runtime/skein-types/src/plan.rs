//! The schema plan: what becomes of each column, checked against the source schema.
//!
//! A guest *proposes* a plan ([`ProposedPlan`], straight from the contract); [`SchemaPlan::check`] is the only way
//! to a [`SchemaPlan`], so everything after it may rely on the invariants:
//!
//! - every top-level target column has exactly one [`Origin`];
//! - a carried column has the source column's type and nullability; only names, order and the presence of fields
//!   inside structs differ, and its leaves map one to one to source leaves;
//! - `reads` is sorted, without ids that lie under another one, and covers everything computed or preserved;
//! - under `free` nothing is carried;
//! - a partition column is carried under its own name and comes up nowhere else; under `free` it is not in the target;
//! - no computed or preserved column is wide by its type alone: what it takes, its values take.
//!
//! Types here are the guest's view (see [`crate::guest_view`]): the host maps carried columns back to the stored type.

mod carry;
mod check;
mod partition;
mod sensitive;
mod types;

pub use sensitive::{SENSITIVE, is_sensitive, sensitive, sensitive_names};

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use serde::Serialize;

use crate::{Blake3, Code, ColumnId, ColumnTree, ColumnTreeError, ErrorClass, Shape, codes};

/// Where a guest says that a target column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposedOrigin {
    /// Copied by the host from this source column.
    Carried(ColumnId),
    /// Made by the guest from these source columns.
    Computed(Vec<ColumnId>),
    /// Passed through the guest unchanged from this source column.
    Preserved(ColumnId),
}

/// A plan as a guest answered it; nothing about it is known to be true.
#[derive(Clone, Debug)]
pub struct ProposedPlan {
    /// Target schema.
    pub target: Schema,
    /// Pre-order target field id and origin.
    pub origins: Vec<(u32, ProposedOrigin)>,
    /// Source columns that batches must contain.
    pub reads: Vec<u32>,
    /// `same`, `filtered` or `free`.
    pub shape: String,
    /// Open extensions; a key that starts with `must-` and is unknown refuses the plan.
    pub ext: Vec<(String, String)>,
}

/// Where a target column comes from, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Copied by the host.
    Carried {
        /// The top-level source column.
        source: ColumnId,
        /// For each leaf of the target column, in order, its source leaf.
        leaves: Vec<ColumnId>,
    },
    /// Made by the guest from these source columns (possibly none: a constant).
    Computed {
        /// Source columns, sorted.
        from: Vec<ColumnId>,
    },
    /// Passed through the guest, checked equal by the host.
    Preserved {
        /// The top-level source column.
        source: ColumnId,
    },
}

/// One top-level target column.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    /// Name, type in the guest's view, nullability.
    pub field: FieldRef,
    /// Where it comes from.
    pub origin: Origin,
}

/// A checked plan.
#[derive(Clone, Debug)]
pub struct SchemaPlan {
    source: SchemaRef,
    tree: ColumnTree,
    columns: Vec<ColumnPlan>,
    reads: Vec<ColumnId>,
    shape: Shape,
    /// See [`sensitive`](mod@sensitive).
    sensitive: BTreeSet<ColumnId>,
}

/// Why a proposed plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum PlanError {
    #[error("the plan names source column {id}, the source has {count}")]
    UnknownColumn { id: u32, count: usize },
    #[error("the plan names target field {id}, the target has {count}")]
    UnknownTarget { id: u32, count: usize },
    #[error("target column {column:?} has no origin")]
    NoOrigin { column: String },
    #[error("target field {column:?} has two origins")]
    TwoOrigins { column: String },
    #[error("target field {column:?} has an origin of its own below a column that is not carried")]
    MisplacedOrigin { column: String },
    #[error("the target has no columns")]
    EmptyTarget,
    #[error("the target has two columns named {column:?}")]
    DuplicateName { column: String },
    #[error("target column {column:?}: {reason}")]
    BadName { column: String, reason: &'static str },
    #[error("target column {column:?} has type {data_type}, which Parquet cannot carry")]
    ImpossibleType { column: String, data_type: String },
    #[error("target column {column:?} has {found} {unit} in a row by its type alone, {limit} are allowed")]
    TooWide { column: String, found: u64, limit: u64, unit: &'static str },
    #[error("carried column {column:?} is {source_type} in the source and {target_type} in the target")]
    CarriedTypeChanged { column: String, source_type: String, target_type: String },
    #[error(
        "carried column {column:?} changes from nullable={source_nullable} to nullable={target_nullable}"
    )]
    CarriedNullabilityChanged { column: String, source_nullable: bool, target_nullable: bool },
    #[error("carried column {column:?}: field {field:?} does not come from the same place in the source")]
    CarriedElsewhere { column: String, field: String },
    #[error("preserved column {column:?} is {source_type} in the source and {target_type} in the target")]
    PreservedTypeChanged { column: String, source_type: String, target_type: String },
    #[error("target column {column:?} uses source column {source_column:?}, which `reads` does not list")]
    NotRead { column: String, source_column: String },
    #[error("shape `free` cannot carry {column:?}: rows have no position to be carried to")]
    CarriedUnderFree { column: String },
    #[error("shape {0}")]
    Shape(#[from] crate::UnknownWord),
    #[error("partition column {column:?}, which stands in the names of directories, {how}")]
    PartitionChanged { column: String, how: String },
    #[error("extension {key:?} must be understood and is not known here")]
    UnknownMust { key: String },
    #[error("target schema: {0}")]
    Tree(#[from] ColumnTreeError),
    #[error("the columns of all files together: {0}")]
    Source(#[source] ColumnTreeError),
}

impl PlanError {
    /// The catalogue's entry for this refusal.
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownColumn { .. } | Self::UnknownTarget { .. } => codes::PLAN_UNKNOWN_COLUMN,
            Self::NoOrigin { .. }
            | Self::TwoOrigins { .. }
            | Self::MisplacedOrigin { .. }
            | Self::EmptyTarget
            | Self::DuplicateName { .. }
            | Self::BadName { .. }
            | Self::Shape(_)
            | Self::Tree(_)
            | Self::Source(_) => codes::PLAN_BAD_TARGET,
            Self::ImpossibleType { .. } => codes::PLAN_IMPOSSIBLE_TYPE,
            Self::TooWide { .. } => codes::PLAN_TYPE_TOO_WIDE,
            Self::CarriedTypeChanged { .. }
            | Self::CarriedNullabilityChanged { .. }
            | Self::CarriedElsewhere { .. }
            | Self::PreservedTypeChanged { .. } => codes::PLAN_CARRIED_CHANGED,
            Self::NotRead { .. } => codes::PLAN_NOT_READ,
            Self::CarriedUnderFree { .. } => codes::PLAN_FREE_CARRIES,
            Self::PartitionChanged { .. } => codes::PLAN_PARTITION,
            Self::UnknownMust { .. } => codes::PLAN_UNKNOWN_MUST,
        }
    }

    /// Blame and retry.
    pub const fn class(&self) -> ErrorClass {
        self.code().class
    }
}

impl SchemaPlan {
    /// Checks a proposal against the source schema (in the guest's view). The first violation is returned.
    pub fn check(source: SchemaRef, proposed: &ProposedPlan) -> Result<Self, PlanError> {
        check::check(source, proposed)
    }

    /// The source schema, in the guest's view.
    pub const fn source(&self) -> &SchemaRef {
        &self.source
    }

    /// The source's columns.
    pub const fn source_tree(&self) -> &ColumnTree {
        &self.tree
    }

    /// Top-level target columns in order.
    pub fn columns(&self) -> &[ColumnPlan] {
        &self.columns
    }

    /// Source columns that the guest reads: sorted, none below another.
    pub fn reads(&self) -> &[ColumnId] {
        &self.reads
    }

    /// How output rows relate to input rows.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether the guest has to run at all. It has not if nothing is computed or preserved and no row can go.
    pub fn needs_guest(&self) -> bool {
        self.shape != Shape::Same
            || !self.reads.is_empty()
            || self.columns.iter().any(|c| !matches!(c.origin, Origin::Carried { .. }))
    }

    /// The target schema in the guest's view.
    pub fn target(&self) -> Schema {
        Schema::new(self.columns.iter().map(|c| FieldRef::clone(&c.field)).collect::<Vec<_>>())
    }

    /// The target without partition columns: what stands in files.
    pub fn written(&self) -> Schema {
        let written = self.columns.iter().filter(|column| !self.is_partition(column));
        Schema::new(written.map(|c| FieldRef::clone(&c.field)).collect::<Vec<_>>())
    }

    /// Whether a target column is carried in directory names.
    pub fn is_partition(&self, column: &ColumnPlan) -> bool {
        match &column.origin {
            Origin::Carried { source, .. } => {
                self.tree.get(*source).is_some_and(|node| crate::is_partition(&node.field))
            }
            Origin::Computed { .. } | Origin::Preserved { .. } => false,
        }
    }

    /// What the guest gets: the source pruned to `reads`, in source order.
    pub fn guest_input(&self) -> Schema {
        let pruned = self.tree.roots().iter().filter_map(|root| self.prune(*root)).collect::<Vec<_>>();
        Schema::new(pruned)
    }

    /// What the guest must answer: the computed and preserved target columns in target order.
    pub fn guest_output(&self) -> Schema {
        let made = self.columns.iter().filter(|c| !matches!(c.origin, Origin::Carried { .. }));
        Schema::new(made.map(|c| FieldRef::clone(&c.field)).collect::<Vec<_>>())
    }

    /// Parquet leaf ordinals that `reads` covers, sorted.
    pub fn read_leaves(&self) -> Vec<usize> {
        self.reads.iter().filter_map(|id| self.tree.get(*id)).flat_map(|n| n.leaves.clone()).collect()
    }

    /// Digest of everything that the plan decides.
    pub fn digest(&self) -> Blake3 {
        #[derive(Serialize)]
        struct Canonical<'a> {
            target: Vec<(&'a str, String, bool, &'a Origin)>,
            reads: &'a [ColumnId],
            shape: Shape,
        }
        let target = self.columns.iter().map(|c| {
            (c.field.name().as_str(), c.field.data_type().to_string(), c.field.is_nullable(), &c.origin)
        });
        let canonical = Canonical { target: target.collect(), reads: &self.reads, shape: self.shape };
        Blake3::of(&serde_json::to_vec(&canonical).expect("plain data always serialises"))
    }

    fn is_read(&self, id: ColumnId) -> bool {
        check::covers(&self.reads, &self.tree, id)
    }

    fn prune(&self, id: ColumnId) -> Option<FieldRef> {
        let node = self.tree.get(id)?;
        if self.is_read(id) {
            return Some(FieldRef::clone(&node.field));
        }
        let children: Vec<FieldRef> = node.children.iter().filter_map(|c| self.prune(*c)).collect();
        if children.is_empty() {
            return None;
        }
        let data_type = carry::with_children(node.field.data_type(), children)?;
        let field = Field::new(node.field.name(), data_type, node.field.is_nullable());
        Some(Arc::new(field.with_metadata(node.field.metadata().clone())))
    }
}
