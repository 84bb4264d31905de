//! What is read: the projections as structs, and what lists may be filtered by.

mod access;
mod approval;
mod campaign;
mod catalogue;
mod event;
mod key;
mod node;
mod run;
mod settings;

pub use access::{Team, Token};
pub use approval::{Approval, Comment, Slice, WaveApproval};
pub use campaign::{Campaign, CampaignFilter, CampaignPlan, CampaignsFrom, Wave};
pub use catalogue::{Dataset, DatasetFilter, Module, ModuleState, ModulesOf};
pub use event::EventFilter;
pub use key::SigningKey;
pub use node::{Lease, Node, NodeState, Ready, TaskFilter};
pub use run::{CourseStep, Door, Failure, Run, RunCounts, RunFilter};
pub use settings::{Fleet, PlannedRule, Policy, Quota, Rule, Secret, Webhook};
