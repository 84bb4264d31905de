//! What is read: the projections as structs, and what lists may be filtered by.

mod campaign;
mod catalogue;
mod node;
mod run;

pub use campaign::{Campaign, CampaignPlan, Wave};
pub use catalogue::{Dataset, DatasetFilter, Module, ModuleState};
pub use node::{Lease, Node, NodeState, TaskFilter};
pub use run::{Door, Failure, Run, RunCounts, RunFilter};
