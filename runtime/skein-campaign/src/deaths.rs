//! What becomes of a task whose node died while it ran. The task may have killed it, or a neighbour, or the machine: only a
//! death alone says which (DESIGN §9).

/// What comes after a death. None of it spends the run's retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterDeath {
    /// It is queued again at once.
    Again,
    /// It is queued again, to run with no other task in its node.
    Alone,
    /// It killed its node with nobody else there: its module is suspended.
    SuspendModule,
}

/// Deaths after which a task runs alone.
const IN_COMPANY_MAX: u32 = 2;

/// What comes after one more death, if `before` nodes had died under the task, and it was `alone` in this one.
pub const fn after_death(before: u32, alone: bool) -> AfterDeath {
    let deaths = before.saturating_add(1);
    if deaths < IN_COMPANY_MAX {
        AfterDeath::Again
    } else if alone && deaths > IN_COMPANY_MAX {
        AfterDeath::SuspendModule
    } else {
        AfterDeath::Alone
    }
}

#[cfg(test)]
mod tests {
    use super::{AfterDeath, after_death};

    #[test]
    fn two_deaths_make_it_run_alone_and_a_third_one_alone_suspends_its_module() {
        use AfterDeath::{Again, Alone, SuspendModule};
        for (before, alone, after) in [
            (0, false, Again),
            (0, true, Again),
            (1, false, Alone),
            (1, true, Alone),
            (2, false, Alone),
            (2, true, SuspendModule),
            (9, false, Alone),
            (u32::MAX, true, SuspendModule),
        ] {
            assert_eq!(after_death(before, alone), after, "{before} before, alone: {alone}");
        }
    }
}
