//! Rules that the model can leave out, to show that it would notice.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// A report counts only for the attempt that has the task.
    FenceReports,
    /// The last exchange is taken once, older ones never.
    CountExchanges,
    /// A task whose answer was lost is given again.
    GiveAgain,
    /// The record of a publish is made only if there is none.
    CreateIfAbsent,
    /// A publish that shall not be is shut in the dataset's log.
    ShutInTheLog,
    /// What is announced is not cancelled.
    NoCancelAfterIntent,
    /// A cancelled run is over only when no node has it.
    CancelWaits,
    /// What is announced is not run again.
    NoRunAfterIntent,
    /// Staged results are not swept.
    KeepStaged,
    /// What a checkpoint goes on from is not swept.
    KeepCheckpoints,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) left_out: Option<Rule>,
}

impl Rules {
    pub(crate) fn without(&self, rule: Rule) -> bool {
        self.left_out == Some(rule)
    }
}
