//! What the rules of one question may still take: each by itself, all of them, readers' among them, and none of a set of which one
//! took too long. Whoever's rules are slow so takes his own rules' time first, and never a place at a node for long.

use std::time::Duration;

use skein_types::Clock;

use crate::asked::{Answer, Asked, Limits, Whose};

/// The time of one question.
pub(super) struct Time<'a> {
    clock: &'a dyn Clock,
    limits: Limits,
    until: Duration,
    readers: Duration,
    began: Duration,
    late: Vec<Whose>,
}

impl<'a> Time<'a> {
    /// It begins now.
    pub(super) fn new(clock: &'a dyn Clock, limits: Limits) -> Self {
        let began = clock.elapsed();
        let until = began + Duration::from_millis(limits.all.0);
        Self { clock, limits, until, readers: Duration::ZERO, began, late: Vec::new() }
    }

    /// Why a rule is not tried, or not for any longer.
    pub(super) fn is_over(&self, rule: &Asked) -> Option<String> {
        let (now, Limits { all, readers, .. }) = (self.clock.elapsed(), self.limits);
        if now >= self.until {
            return Some(format!("all rules together take longer than {} ms", all.0));
        }
        let is_readers = matches!(rule.whose, Whose::Reader(_));
        let taken = self.readers + now.saturating_sub(self.began);
        (is_readers && taken >= Duration::from_millis(readers.0))
            .then(|| format!("readers' rules together take longer than {} ms", readers.0))
    }

    /// Why a rule is not even begun.
    pub(super) fn refuses(&mut self, rule: &Asked) -> Option<String> {
        self.began = self.clock.elapsed();
        if self.late.contains(&rule.whose) {
            return Some("it is not tried: another rule of the same team took too long".to_owned());
        }
        self.is_over(rule)
    }

    /// A rule was answered, or given up.
    pub(super) fn took(&mut self, rule: &Asked, answer: &Answer) {
        if matches!(rule.whose, Whose::Reader(_)) {
            self.readers += self.clock.elapsed().saturating_sub(self.began);
        }
        if answer.late {
            self.late.push(rule.whose.clone());
        }
    }
}
