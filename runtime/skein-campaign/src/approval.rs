//! Who may approve a slice of a plan, what a slice needs, and whether a plan has what it needs.
//!
//! A plan is sliced by the teams that its datasets belong to. Each slice is approved, declined, or put off until later by its
//! team; by its risk it needs nobody, one approver of the team, or two, one of them of the team. Two tokens of one person are
//! one [`Person`]. Whoever made the campaign, planned it or submitted its module approves nothing of it.
//!
//! A slice that is put off lets the others go on; its own runs need what they need all the same.

mod person;

use std::collections::BTreeSet;

use skein_types::{Risk, SliceState, Timestamp};

pub use person::{NotPlain, Person, plain};

use crate::policy::Span;

/// How many have to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Persons.
    pub approvals: u32,
    /// Of these, so many as approvers of the slice's team.
    pub of_owner: u32,
}

impl Need {
    /// Nobody.
    pub const NOBODY: Self = Self { approvals: 0, of_owner: 0 };

    /// What a slice of this risk needs. On a machine that is one user's alone there is nobody who could look over another's
    /// shoulder.
    pub const fn of(risk: Risk, single_user: bool) -> Self {
        match (risk, single_user) {
            (_, true) | (Risk::Low, false) => Self::NOBODY,
            (Risk::Moderate, false) => Self { approvals: 1, of_owner: 1 },
            (Risk::High, false) => Self { approvals: 2, of_owner: 1 },
        }
    }
}

/// An approval, as far as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whose.
    pub person: Person,
    /// Given as an approver of the slice's team.
    pub of_owner: bool,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// So many more persons.
    pub approvals: u32,
    /// One of them an approver of the slice's team.
    pub of_owner: bool,
}

/// What a slice lacks; nothing, if it has what it needs.
pub fn lack<'a>(need: Need, given: impl IntoIterator<Item = &'a Given>) -> Option<Lack> {
    let (mut all, mut of_owner) = (BTreeSet::new(), BTreeSet::new());
    for one in given {
        all.insert(&one.person);
        if one.of_owner {
            of_owner.insert(&one.person);
        }
    }
    let count = |persons: &BTreeSet<&Person>| u32::try_from(persons.len()).unwrap_or(u32::MAX);
    let owners_missing = need.of_owner.saturating_sub(count(&of_owner));
    let missing = need.approvals.saturating_sub(count(&all)).max(owners_missing);
    (missing > 0).then_some(Lack { approvals: missing, of_owner: owners_missing > 0 })
}

/// Somebody who wants to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub person: Person,
    /// Behind the token is a person and no program.
    pub is_person: bool,
    /// An approver of the slice's team.
    pub of_owner: bool,
    /// An approver of any team.
    pub of_any: bool,
}

/// Who has a hand in a campaign and may not approve it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Who made it; none where control did by itself.
    pub author: Option<Person>,
    /// Who submitted its module, and who asked for its plan: the last who changed what is to be approved.
    pub pushers: BTreeSet<Person>,
}

/// Why somebody may not approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A program never does.
    NotAPerson,
    /// It is their own campaign.
    Author,
    /// It is their own module, or they planned it last.
    Pusher,
    /// They are no approver of the slice's team, and none of another whose second approval would count.
    Role,
    /// They have approved it already, and another person is needed.
    Already,
}

/// Whether somebody may approve a slice. `given` are the approvals that it has.
pub fn may_approve(asker: &Asker, excluded: &Excluded, (need, given): (Need, &[Given])) -> Result<(), Unfit> {
    if !asker.is_person {
        return Err(Unfit::NotAPerson);
    }
    if excluded.author.as_ref() == Some(&asker.person) {
        return Err(Unfit::Author);
    }
    if excluded.pushers.contains(&asker.person) {
        return Err(Unfit::Pusher);
    }
    // Somebody of another team helps only where more are needed than have to be of this one.
    let helps = need.approvals > need.of_owner && asker.of_any;
    if !asker.of_owner && !helps {
        return Err(Unfit::Role);
    }
    if given.iter().any(|one| one.person == asker.person && (one.of_owner || !asker.of_owner)) {
        return Err(Unfit::Already);
    }
    Ok(())
}

/// Whether an approval is too old. What was started in time goes on.
pub fn has_expired(given: Timestamp, expires: Span, now: Timestamp) -> bool {
    expires.after(given) <= now
}

/// A slice, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What was said.
    pub state: SliceState,
    /// What it needs.
    pub need: Need,
    /// Its runs start later.
    pub deferred: bool,
}

impl Slice {
    /// Whether its runs may be carried out, when their time has come.
    pub const fn may_run(self) -> bool {
        match self.state {
            SliceState::Approved => true,
            SliceState::Undecided => self.need.approvals == 0,
            SliceState::Declined => false,
        }
    }

    /// Whether the campaign needs not wait for it.
    pub const fn is_decided(self) -> bool {
        match self.state {
            SliceState::Approved | SliceState::Declined => true,
            SliceState::Undecided => self.need.approvals == 0 || self.deferred,
        }
    }
}

/// What all slices come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Some wait for people.
    Undecided,
    /// The campaign may start.
    Decided,
    /// There is nothing left to do.
    Declined,
}

/// What all slices of a plan come to. A plan without any has nothing to do, which nobody has to approve.
pub fn standing(slices: impl IntoIterator<Item = Slice>) -> Standing {
    let (mut any, mut kept) = (false, false);
    for slice in slices {
        if !slice.is_decided() {
            return Standing::Undecided;
        }
        any = true;
        kept |= slice.state != SliceState::Declined;
    }
    if any && !kept { Standing::Declined } else { Standing::Decided }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(person: &str, of_owner: bool) -> Given {
        Given { person: Person::of(person), of_owner }
    }

    fn asker(name: &str, of_owner: bool) -> Asker {
        Asker { person: Person::of(name), is_person: true, of_owner, of_any: true }
    }

    #[test]
    fn risk_says_how_many_and_one_user_needs_nobody() {
        assert_eq!(Need::of(Risk::Low, false), Need::NOBODY);
        assert_eq!(Need::of(Risk::Moderate, false), Need { approvals: 1, of_owner: 1 });
        assert_eq!(Need::of(Risk::High, false), Need { approvals: 2, of_owner: 1 });
        assert!(Risk::ALL.iter().all(|risk| Need::of(*risk, true) == Need::NOBODY));
    }

    #[test]
    fn two_tokens_of_one_person_are_one_person() {
        let need = Need::of(Risk::High, false);
        let [one, other] = ["Ada (tok_1)", "ada (tok_2)"].map(|actor| given(actor, true));
        assert_eq!(lack(need, &[one, other]), Some(Lack { approvals: 1, of_owner: false }));
        assert_eq!(lack(need, &[given("ada", true), given("ben", false)]), None);
    }

    #[test]
    fn of_two_one_is_of_the_team_and_two_others_do_not_do() {
        let need = Need::of(Risk::High, false);
        assert_eq!(lack(need, &[]), Some(Lack { approvals: 2, of_owner: true }));
        let others = [given("ada", false), given("ben", false)];
        assert_eq!(lack(need, &others), Some(Lack { approvals: 1, of_owner: true }));
    }

    #[test]
    fn neither_author_nor_pusher_nor_program_nor_the_same_twice() {
        let excluded =
            Excluded { author: Some(Person::of("ada")), pushers: BTreeSet::from([Person::of("ben")]) };
        let (moderate, high) = (Need::of(Risk::Moderate, false), Need::of(Risk::High, false));
        let may = |asker: &Asker, need, given: &[Given]| may_approve(asker, &excluded, (need, given));
        assert_eq!(may(&asker("Ada (tok_9)", true), high, &[]), Err(Unfit::Author));
        assert_eq!(may(&asker("ben", true), high, &[]), Err(Unfit::Pusher));
        assert_eq!(may(&Asker { is_person: false, ..asker("cy", true) }, high, &[]), Err(Unfit::NotAPerson));
        assert_eq!(may(&asker("cy", true), high, &[given("cy", true)]), Err(Unfit::Already));
        assert_eq!(may(&asker("cy", false), moderate, &[]), Err(Unfit::Role));
        assert_eq!(may(&Asker { of_any: false, ..asker("cy", false) }, high, &[]), Err(Unfit::Role));
        assert_eq!(may(&asker("cy", false), high, &[]), Ok(()));
        // An approver of another team who became one of this says so once more.
        assert_eq!(may(&asker("cy", true), high, &[given("cy", false)]), Ok(()));
    }

    #[test]
    fn a_plan_waits_for_each_slice_and_ends_when_all_are_declined() {
        let slice = |state, deferred| Slice { state, need: Need::of(Risk::High, false), deferred };
        let (open, yes, no) = (SliceState::Undecided, SliceState::Approved, SliceState::Declined);
        assert_eq!(standing([slice(yes, false), slice(open, false)]), Standing::Undecided);
        assert_eq!(standing([slice(yes, false), slice(no, false)]), Standing::Decided);
        assert_eq!(standing([slice(no, false), slice(no, true)]), Standing::Declined);
        assert_eq!(standing([]), Standing::Decided);
        // What is put off does not hold the others up, and does not run without what it needs.
        let later = slice(open, true);
        assert_eq!((standing([later]), later.may_run()), (Standing::Decided, false));
        assert!(Slice { need: Need::NOBODY, ..slice(open, false) }.may_run());
    }

    #[test]
    fn an_approval_holds_for_so_long() {
        let week = Span::days(7);
        let end = week.after(Timestamp(5));
        assert!(!has_expired(Timestamp(5), week, Timestamp(end.0 - 1)));
        assert!(has_expired(Timestamp(5), week, end));
    }
}
