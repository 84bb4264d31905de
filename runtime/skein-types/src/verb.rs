//! What people may ask of a campaign. Which is possible in which state is `skein-campaign`'s business.

use crate::word::words;

words! {
    /// What somebody asks of a campaign.
    Verb {
        /// Look at every dataset and say what would be done.
        Plan = "plan",
        /// Carry out the plan.
        Start = "start",
        /// Start nothing new until resumed.
        Pause = "pause",
        /// Go on after a pause or a halt.
        Resume = "resume",
        /// End it; what is published stays.
        Cancel = "cancel",
        /// Try runs again that are at rest.
        Retry = "retry",
        /// Leave runs out.
        Skip = "skip",
        /// Make old versions current again.
        RollBack = "roll_back",
        /// Give old versions up.
        Finalize = "finalize",
    }
}
