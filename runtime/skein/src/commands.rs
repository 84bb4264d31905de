//! One file per command.

pub(crate) mod build;
pub(crate) mod campaign;
pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod dataset;
pub(crate) mod dev;
pub(crate) mod discard;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod finalize;
pub(crate) mod fleet;
pub(crate) mod forget;
pub(crate) mod gc;
pub(crate) mod history;
pub(crate) mod module;
pub(crate) mod new;
pub(crate) mod node;
pub(crate) mod publish;
pub(crate) mod recover;
pub(crate) mod reference;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod run_manifest;
pub(crate) mod serve;
