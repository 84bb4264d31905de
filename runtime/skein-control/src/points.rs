//! Named places where a test kills this process: before and after each durable step of a server.
//!
//! They are points of `skein-dataset`'s registry of a kind (see its `crash`): nothing without the feature `crash-points`. The
//! ledger's own are reached through `skein_types::crash`. `host-tests/tests/faults` kills a server at each of them.

use crate::error::ServiceError;
use skein_types::codes;

/// Every point of this crate, in the order in which a server meets them.
pub const CRASH_POINTS: &[&str] = &[
    "server.after-id",
    "node.before-lost",
    "node.after-lost",
    "node.before-joined",
    "node.after-joined",
    "module.before-bytes",
    "module.after-bytes",
    "module.after-submitted",
    "module.after-artifact",
    "module.after-compiled",
    "dataset.before-managed",
    "dataset.after-managed",
    "dataset.after-registered",
    "dataset.after-released",
    "dataset.after-removed",
    "import.after-noted",
    "import.after-managed",
    "import.after-decided",
    "import.after-part",
    "campaign.before-created",
    "campaign.after-created",
    "act.before-moved",
    "act.after-moved",
    "act.after-runs",
    "plan.before-tasks",
    "plan.after-tasks",
    "plan.before-waves",
    "plan.after-waves",
    "plan.after-runs",
    "plan.after-planned",
    "plan.after-tasks-gone",
    "admit.before-enqueue",
    "admit.after-enqueue",
    "exchange.before-claims",
    "exchange.after-claims",
    "exchange.before-results",
    "exchange.after-results",
    "door.before-intend",
    "door.after-intend",
    "door.after-back",
    "door.after-proof",
    "door.after-forward",
    "door.after-publish",
    "door.after-confirm",
    "undo.before-reverting",
    "undo.after-reverting",
    "undo.after-rolled-back",
    "undo.after-reverted",
    "undo.before-cancelled",
    "undo.after-cancelled",
    "undo.after-given-up",
    "undo.after-finalized",
    "collect.after-removed",
    "herald.before-noted",
    "herald.after-noted",
    "herald.after-sent",
];

/// Whether this is where the process dies; a `Result` that is always `Ok` without the feature.
macro_rules! point {
    ($name:literal) => {
        $crate::points::passed(skein_dataset::crash_point!($crate::points::CRASH_POINTS, $name))
    };
}
pub(crate) use point;

pub(crate) fn passed(answer: std::io::Result<()>) -> Result<(), ServiceError> {
    answer.map_err(|error| ServiceError::new(codes::IO, error.to_string()))
}

/// From now on points of crates that cannot kill are reached as those of this one.
#[cfg(feature = "crash-points")]
pub(crate) fn take_in_the_ledgers() {
    skein_types::crash::told(|name| {
        if let Err(error) = skein_dataset::crash::reach(name) {
            tracing::warn!(name, %error, "a crash point of the ledger cannot fail");
        }
    });
}

/// The call of the ledger in which a node's results are taken and tasks are given to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanging {
    pub(crate) results: bool,
    pub(crate) claims: bool,
}

impl Exchanging {
    pub(crate) fn before(self) -> Result<(), ServiceError> {
        if self.results {
            point!("exchange.before-results")?;
        }
        if self.claims { point!("exchange.before-claims") } else { Ok(()) }
    }

    pub(crate) fn after(self) -> Result<(), ServiceError> {
        if self.results {
            point!("exchange.after-results")?;
        }
        if self.claims { point!("exchange.after-claims") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::CRASH_POINTS;

    #[test]
    fn names_are_listed_once_and_are_no_other_crates() {
        let others = skein_dataset::CRASH_POINTS.iter().chain(skein_ledger::CRASH_POINTS);
        for name in others {
            assert!(!CRASH_POINTS.contains(name), "{name}");
        }
        for (i, name) in CRASH_POINTS.iter().enumerate() {
            assert!(!CRASH_POINTS[..i].contains(name), "{name} twice");
        }
    }
}
