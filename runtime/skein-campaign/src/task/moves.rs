//! The moves of a task, but for those that take it from a node (`release.rs`).

use skein_types::{AttemptId, Blake3, NodeId, Token};

use super::{Checkpoint, Claim, End, Ownership, Phase, StagedBy, TaskRefused};

impl Ownership {
    /// Gives the task to a node. The attempt is new and random.
    pub fn claim(&self, node: NodeId, incarnation: u64, attempt: AttemptId) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Ready => self.next_owner(Phase::Claimed { node, incarnation, attempt }),
            Phase::Claimed { .. } | Phase::Staged(_) | Phase::Intended(_) | Phase::Done(_) => {
                Err(self.elsewhere())
            }
        }
    }

    /// Its holder got to a durable point.
    pub fn checkpoint(&self, by: &Claim, number: u64, blob: Blake3) -> Result<Self, TaskRefused> {
        self.held_by(by)?;
        let last = self.checkpoint.map_or(0, |checkpoint| checkpoint.number);
        if last.checked_add(1) != Some(number) {
            return Err(TaskRefused::Checkpoint { given: number, last });
        }
        Ok(Self { checkpoint: Some(Checkpoint { number, blob, attempt: by.attempt }), ..*self })
    }

    /// Its holder has a result that waits to be published. From here on the node does not matter.
    pub fn stage(&self, by: &Claim, descriptor: Blake3) -> Result<Self, TaskRefused> {
        self.held_by(by)?;
        Ok(Self { phase: Phase::Staged(StagedBy { attempt: by.attempt, descriptor }), ..*self })
    }

    /// Its holder has an answer with nothing to publish.
    pub fn finish(&self, by: &Claim) -> Result<Self, TaskRefused> {
        self.held_by(by)?;
        Ok(Self { phase: Phase::Done(End::Finished), ..*self })
    }

    /// Its holder could not do it, and nobody shall try again.
    pub fn fail(&self, by: &Claim) -> Result<Self, TaskRefused> {
        self.held_by(by)?;
        Ok(Self { phase: Phase::Done(End::Failed), ..*self })
    }

    /// Through the door: from here on only this result can become visible. Together with the run's intent, in one
    /// transaction.
    pub const fn intend(&self) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Staged(staged) => Ok(Self { phase: Phase::Intended(staged), ..*self }),
            Phase::Ready | Phase::Claimed { .. } | Phase::Intended(_) | Phase::Done(_) => {
                Err(self.elsewhere())
            }
        }
    }

    /// The dataset's log has a commit with this descriptor, as read back from it.
    pub fn publish(&self, descriptor: Blake3) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Intended(staged) if staged.descriptor == descriptor => {
                Ok(Self { phase: Phase::Done(End::Published(staged)), ..*self })
            }
            Phase::Intended(_) => Err(TaskRefused::NotIntended),
            Phase::Ready | Phase::Claimed { .. } | Phase::Staged(_) | Phase::Done(_) => Err(self.elsewhere()),
        }
    }

    /// The dataset's log says that the intended result cannot become visible any more, whoever tries. Only then: without that
    /// record a publish that was sent and not heard of could still land.
    pub const fn shut(&self) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Intended(_) => Ok(Self { phase: Phase::Done(End::Failed), ..*self }),
            Phase::Ready | Phase::Claimed { .. } | Phase::Staged(_) | Phase::Done(_) => Err(self.elsewhere()),
        }
    }

    /// Nobody wants it any more. Refused while a node has it, which must give it back first, and from the intent on.
    pub fn cancel(&self) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Ready | Phase::Staged(_) => self.next_owner(Phase::Done(End::Cancelled)),
            Phase::Claimed { .. } | Phase::Intended(_) | Phase::Done(_) => Err(self.elsewhere()),
        }
    }

    /// What was staged cannot be used, for instance because the dataset moved: once more from the start.
    pub fn redo(&self) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Staged(_) => Self { checkpoint: None, ..*self }.next_owner(Phase::Ready),
            Phase::Ready | Phase::Claimed { .. } | Phase::Intended(_) | Phase::Done(_) => {
                Err(self.elsewhere())
            }
        }
    }

    /// Somebody asked to try a failed task again: from the start, with nothing held against it.
    pub fn reopen(&self) -> Result<Self, TaskRefused> {
        match self.phase {
            Phase::Done(End::Failed) => {
                Self { checkpoint: None, deaths: 0, ..*self }.next_owner(Phase::Ready)
            }
            Phase::Ready
            | Phase::Claimed { .. }
            | Phase::Staged(_)
            | Phase::Intended(_)
            | Phase::Done(End::Published(_) | End::Finished | End::Cancelled) => Err(self.elsewhere()),
        }
    }

    /// Whether a report comes from who has the task.
    pub fn held_by(&self, by: &Claim) -> Result<(), TaskRefused> {
        if self.holder().as_ref() == Some(by) {
            Ok(())
        } else {
            Err(TaskRefused::Fenced { given: by.token, current: self.token })
        }
    }

    pub(super) fn next_owner(&self, phase: Phase) -> Result<Self, TaskRefused> {
        let epoch = self.token.epoch.checked_add(1).ok_or(TaskRefused::Exhausted)?;
        Ok(Self { phase, token: Token { epoch, ..self.token }, ..*self })
    }

    pub(super) const fn elsewhere(&self) -> TaskRefused {
        TaskRefused::Phase { phase: self.phase.as_str() }
    }
}
