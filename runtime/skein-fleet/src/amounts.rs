//! How much of each resource, in the unit of each (see [`Resource`]), and how people read it.

use std::fmt;
use std::ops::Index;

use skein_types::{Bytes, Resource};

const RESOURCES: usize = 5;
/// What a node has or has not: more of it than there is cannot be in use. Of the others more tasks only make each slower.
pub(crate) const SOLID: [Resource; 2] = [Resource::Memory, Resource::Slots];
/// What is held back by a rate while it flows.
pub(crate) const FLOWS: [Resource; 2] = [Resource::Read, Resource::Write];

const fn place(resource: Resource) -> usize {
    match resource {
        Resource::Cpu => 0,
        Resource::Memory => 1,
        Resource::Slots => 2,
        Resource::Read => 3,
        Resource::Write => 4,
    }
}

/// An amount of each resource. Sums stop at the largest number, differences at nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts([u64; RESOURCES]);

impl Amounts {
    /// Nothing of anything.
    pub const NONE: Self = Self([0; RESOURCES]);

    /// These, and nothing of the others.
    pub fn of(amounts: impl IntoIterator<Item = (Resource, u64)>) -> Self {
        amounts.into_iter().fold(Self::NONE, |all, (resource, amount)| all.with(resource, amount))
    }

    /// The same with another amount of one resource.
    #[must_use]
    pub const fn with(mut self, resource: Resource, amount: u64) -> Self {
        self.0[place(resource)] = amount;
        self
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What is left without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self(self.0.map(|amount| amount.saturating_mul(u64::from(count))))
    }

    /// The larger of each.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    /// The smaller of each.
    #[must_use]
    pub fn or_less(self, other: Self) -> Self {
        self.each(other, u64::min)
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| of(self.0[at], other.0[at])))
    }

    /// The first of these resources of which this is more than `bound`.
    pub(crate) fn beyond(&self, bound: &Self, resources: &[Resource]) -> Option<Resource> {
        resources.iter().copied().find(|resource| self[*resource] > bound[*resource])
    }

    /// The largest part that this is of a whole, and of which resource. What there is nothing of in the whole does not count.
    pub(crate) fn dominant(&self, whole: &Whole) -> (Resource, f64) {
        let parts = Resource::ALL.iter().map(|r| (*r, real(self[*r]) * whole.0[place(*r)]));
        parts.fold((Resource::Slots, 0.0), |most, part| if part.1 > most.1 { part } else { most })
    }

    /// As [`Amounts::dominant`], the part alone.
    pub(crate) fn share(&self, whole: &Whole) -> f64 {
        let part = |at: usize| real(self.0[at]) * whole.0[at];
        (1..RESOURCES).fold(part(0), |most, at| most.max(part(at)))
    }
}

impl Index<Resource> for Amounts {
    type Output = u64;
    fn index(&self, resource: Resource) -> &u64 {
        &self.0[place(resource)]
    }
}

/// What parts are taken of: one by each amount, 0 where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whole([f64; RESOURCES]);

impl Whole {
    pub(crate) fn new(amounts: &Amounts) -> Self {
        Self(amounts.0.map(|amount| if amount == 0 { 0.0 } else { 1.0 / real(amount) }))
    }
}

/// As a real number. Amounts above 2^53 lose their last digits, which no share shows.
#[expect(clippy::cast_precision_loss, reason = "a share of 2^53 bytes is exact enough")]
pub(crate) const fn real(amount: u64) -> f64 {
    amount as f64
}

/// As an amount again: nothing for what is no amount, the largest for what is larger.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the language defines it to stop at both ends"
)]
pub(crate) const fn whole(number: f64) -> u64 {
    number as u64
}

/// An amount of a resource as people read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken(pub Resource, pub u64);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(resource, amount) = self;
        match resource {
            Resource::Cpu if amount.is_multiple_of(1_000) => {
                let cores = amount / 1_000;
                write!(f, "{cores} core{}", if cores == 1 { "" } else { "s" })
            }
            Resource::Cpu => {
                let text = format!("{}.{:03}", amount / 1_000, amount % 1_000);
                write!(f, "{} cores", text.trim_end_matches('0'))
            }
            Resource::Memory => write!(f, "{} of memory", Bytes(*amount)),
            Resource::Slots => write!(f, "{amount} slot{}", if *amount == 1 { "" } else { "s" }),
            Resource::Read => write!(f, "{}/s of reading", Bytes(*amount)),
            Resource::Write => write!(f, "{}/s of writing", Bytes(*amount)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amounts, Spoken, Whole, whole};
    use skein_types::Resource;

    #[test]
    fn the_largest_part_decides_and_what_there_is_none_of_does_not_count() {
        let total = Amounts::of([(Resource::Cpu, 4_000), (Resource::Slots, 10)]);
        let used = Amounts::of([(Resource::Cpu, 1_000), (Resource::Slots, 5), (Resource::Read, 1 << 30)]);
        assert_eq!(used.dominant(&Whole::new(&total)), (Resource::Slots, 0.5));
        assert!((used.share(&Whole::new(&total)) - 0.5).abs() < 1e-12);
        assert!(used.share(&Whole::new(&Amounts::NONE)) == 0.0);
    }

    #[test]
    fn amounts_read_as_people_say_them() {
        let said = [
            (Resource::Cpu, 2_000, "2 cores"),
            (Resource::Cpu, 1_000, "1 core"),
            (Resource::Cpu, 250, "0.25 cores"),
            (Resource::Memory, 2 << 30, "2GiB of memory"),
            (Resource::Slots, 1, "1 slot"),
            (Resource::Slots, 8, "8 slots"),
            (Resource::Read, 50 << 20, "50MiB/s of reading"),
            (Resource::Write, 1 << 10, "1KiB/s of writing"),
        ];
        for (resource, amount, text) in said {
            assert_eq!(Spoken(resource, amount).to_string(), text);
        }
    }

    #[test]
    fn numbers_that_are_no_amounts_become_the_nearest_that_are() {
        assert_eq!([-1.0, f64::NAN, 1.9, f64::INFINITY].map(whole), [0, 0, 1, u64::MAX]);
    }
}
