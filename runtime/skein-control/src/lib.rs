//! What drives campaigns: reconcilers over ledger, machines and datasets; the nodes of this machine; and the service
//! functions that every face calls.

mod supervisor;

pub use supervisor::{Launch, NodeCommand, Roster, STOP_GRACE, Supervisor};
