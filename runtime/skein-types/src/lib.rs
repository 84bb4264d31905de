//! The words of Skein as types: ids, units, error classes, codes, the column tree and the schema plan.
//!
//! Level 0. Everything here is plain data and pure functions over it: no tokio, no IO, no clock of its
//! own. It knows Arrow schemas, because a schema plan is about them, but no file format, no engine and
//! no store.

mod access;
mod chain;
mod class;
mod clock;
mod code;
mod column;
pub mod crash;
mod described;
mod digest;
pub mod format;
mod guess;
mod id;
mod nearest;
mod plan;
mod quota;
mod reason;
mod receiver;
mod row_width;
mod rule;
mod schema_text;
mod selection;
mod shape;
mod state;
mod text;
mod token;
mod trace;
mod types_view;
mod unify;
mod unit;
mod verb;
mod verify_level;
mod vital;
mod word;

pub use access::{Role, TokenKind};
pub use chain::chain;
pub use class::{ErrorClass, Retry};
pub use clock::{Clock, LONGEST_WAIT, SystemClock, Timestamp};
pub use code::{Code, codes};
pub use column::{ColumnId, ColumnNode, ColumnTree, ColumnTreeError};
pub use digest::{Blake3, DigestParseError, ModuleDigest, ParamsDigest, Sha256};
pub use guess::reject_bounds;
pub use id::{
    AttemptId, CampaignId, CauseId, DatasetId, DeliveryId, IdParseError, NodeId, RunId, ServerId, TaskId,
    TokenId, WebhookId,
};
pub use nearest::nearest;
pub use plan::{
    ColumnPlan, Origin, PlanError, ProposedOrigin, ProposedPlan, SENSITIVE, SchemaPlan, is_sensitive,
    sensitive, sensitive_names,
};
pub use quota::{Bounds, Excess, FuelBudget, QuotaOf, QuotaOfParseError, Resource};
pub use reason::Reason;
pub use receiver::ReceiverKind;
pub use row_width::{ROW_BYTES_MAX, fixed_list_bytes, fixed_list_bytes_of_items, row_width, widest_row};
pub use rule::{
    Check, Literal, RULES_MAX, Rule, RuleError, RuleResult, RuleVerdict, RulesLead, SQL_MAX, Severity,
    WrittenRule,
};
pub use schema_text::{schema_of_text, schema_text};
pub use selection::{Selection, SelectionError};
pub use shape::{Encoding, Shape, StateKind};
pub use state::{CampaignState, NodeMark, Risk, RunState, SliceState, Verdict, WaveState};
pub use text::{Actor, Name, Text, TextError};
pub use token::Token;
pub use trace::{TraceId, TraceParseError};
pub use types_view::{guest_view, guest_view_type};
pub use unify::{
    ABSENT, FileView, PARTITION, PRESENTED_MAX, STORED, Standing, UnifyError, alike, is_partition,
    schema_difference, unify, unmarked,
};
pub use unit::{Bytes, Fuel, Millis, Rows, SizeParseError, grouped};
pub use verb::Verb;
pub use verify_level::VerifyLevel;
pub use vital::Vital;
pub use word::UnknownWord;
