//! What always holds, as functions: the model checks them in every state, and running code asserts them in debug builds.

use skein_types::{AttemptId, Blake3};

use super::{Claim, End, Ownership, Phase, may_collect};

/// Something that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Broken {
    /// A token that is older than the one before it.
    #[error("a token shrank")]
    TokenShrank,
    /// Another owner with the same token.
    #[error("a task changed hands and its epoch did not grow")]
    HandsWithoutEpoch,
    /// A report of somebody who does not have the task changed it.
    #[error("a report changed a task that is another attempt's")]
    Foreign,
    /// A checkpoint that follows none or the wrong one.
    #[error("a checkpoint does not follow the last one")]
    CheckpointOrder,
    /// Work that begins, or a result that changes, after the intent.
    #[error("a task was executed again after its intent")]
    AfterIntent,
    /// A result becomes visible that was not announced.
    #[error("a publish without an intent")]
    NotIntended,
    /// Something leads out of an end.
    #[error("a task came back from its end")]
    FromTheEnd,
    /// Files that are needed were swept.
    #[error("needed files were swept")]
    Swept,
}

/// A change of a task's record from `before` to `after`, made because of `by`'s report or, without one, by control itself.
pub fn change(before: &Ownership, after: &Ownership, by: Option<&Claim>) -> Result<(), Broken> {
    if before == after {
        return Ok(());
    }
    tokens(before, after)?;
    if by.is_some() && before.holder().as_ref() != by {
        return Err(Broken::Foreign);
    }
    checkpoints(before, after)?;
    phases(&before.phase, &after.phase)
}

fn tokens(before: &Ownership, after: &Ownership) -> Result<(), Broken> {
    if after.token < before.token {
        return Err(Broken::TokenShrank);
    }
    let owner = after.holder().map(|claim| (claim.node, claim.incarnation, claim.attempt));
    let was = before.holder().map(|claim| (claim.node, claim.incarnation, claim.attempt));
    let taken_back = after.phase == Phase::Ready && before.phase != Phase::Ready;
    if after.token == before.token && ((owner.is_some() && owner != was) || taken_back) {
        return Err(Broken::HandsWithoutEpoch);
    }
    Ok(())
}

fn checkpoints(before: &Ownership, after: &Ownership) -> Result<(), Broken> {
    let number = |task: &Ownership| task.checkpoint.map_or(0, |checkpoint| checkpoint.number);
    let (was, is) = (number(before), number(after));
    // From the start again is a new owner's business, and no work's.
    let dropped = is == 0 && after.token > before.token;
    if is == was || is == was + 1 || dropped { Ok(()) } else { Err(Broken::CheckpointOrder) }
}

fn phases(before: &Phase, after: &Phase) -> Result<(), Broken> {
    let holds = |fine: bool, broken| if fine { Ok(()) } else { Err(broken) };
    match before {
        Phase::Intended(was) => {
            let ends = [Phase::Done(End::Published(*was)), Phase::Done(End::Failed), *before];
            holds(ends.contains(after), Broken::AfterIntent)
        }
        Phase::Done(was) => {
            let reopened = *was == End::Failed && *after == Phase::Ready;
            holds(reopened || after == before, Broken::FromTheEnd)
        }
        Phase::Staged(was) => {
            let intent = [Phase::Intended(*was), *before].contains(after);
            holds(intent || !visible(after), Broken::NotIntended)
        }
        Phase::Ready | Phase::Claimed { .. } => holds(!visible(after), Broken::NotIntended),
    }
}

/// Whether something is, or is about to be, made visible.
const fn visible(phase: &Phase) -> bool {
    match phase {
        Phase::Intended(_) | Phase::Done(End::Published(_)) => true,
        Phase::Ready
        | Phase::Claimed { .. }
        | Phase::Staged(_)
        | Phase::Done(End::Finished | End::Failed | End::Cancelled) => false,
    }
}

/// What the dataset's log says was published for the task (05-I1).
pub fn published(task: &Ownership, descriptor: Blake3) -> Result<(), Broken> {
    match task.intended() {
        Some(staged) if staged.descriptor == descriptor => Ok(()),
        Some(_) | None => Err(Broken::NotIntended),
    }
}

/// Before staged files are swept.
pub fn swept(task: &Ownership, attempt: AttemptId) -> Result<(), Broken> {
    if may_collect(task, attempt) { Ok(()) } else { Err(Broken::Swept) }
}
