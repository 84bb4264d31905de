//! Settings that somebody may change while somebody else looks at them: whoever sets one says which version was seen.

use skein_api::{NamedPolicy, Page, PolicyPut, Text as ApiText, Time};
use skein_ledger::{Entry, Guard, PolicyRemoved, PolicySet, Subject, Text, UnitOutcome};
use skein_types::{Blake3, Timestamp, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::policy;
use crate::shown;

/// Blobs are kept as long as something names them; until then for so long.
const KEEP: u64 = 24 * 3_600_000;

/// Which version of a setting somebody saw who sets it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not looked at: good for what is not set yet.
    Nothing,
    /// Whatever is there shall be replaced.
    Any,
    /// This one.
    At(u64),
}

impl Seen {
    /// The version that has to be there still when something is written, if what is there may be replaced at all.
    pub(crate) fn against(self, what: &str, there: Option<u64>) -> Result<Option<u64>, ServiceError> {
        match (self, there) {
            (_, None) | (Self::Any, Some(_)) => Ok(there),
            (Self::At(seen), Some(version)) if seen == version => Ok(there),
            (Self::At(seen), Some(version)) => Err(moved(what, seen, version)),
            (Self::Nothing, Some(version)) => Err(ServiceError::new(
                codes::VERSION_MISSING,
                format!("{what} is set already, at version {version}"),
            )
            .hint(Some("send If-Match with the ETag that you saw, or If-Match: *"))),
        }
    }
}

fn moved(what: &str, seen: u64, version: u64) -> ServiceError {
    let message = format!("{what} is at version {version} and not at {seen}");
    ServiceError::new(codes::SETTING_MOVED, message)
        .hint(Some("read it again and repeat what still makes sense"))
}

impl Control {
    /// Writes what sets something, if nobody else set it meanwhile.
    pub(crate) fn set(
        &self,
        (what, subject, version): (&str, Subject, Option<u64>),
        unit: skein_ledger::Unit,
    ) -> Result<(), ServiceError> {
        match self.commit(unit.if_(Guard::SettingAt { setting: subject, version }))? {
            UnitOutcome::Applied(_) | UnitOutcome::Known(_) => Ok(()),
            UnitOutcome::Refused { found, .. } => {
                Err(ServiceError::new(codes::SETTING_MOVED, format!("{what} moved meanwhile: {found}"))
                    .hint(Some("read it again and repeat what still makes sense")))
            }
        }
    }

    /// Sets a policy that campaigns can name.
    pub(crate) fn put_policy(
        &self,
        who: &Principal,
        (named, seen): (&str, Seen),
        asked: &PolicyPut,
    ) -> Result<NamedPolicy, ServiceError> {
        policy::rules(&asked.policy)?;
        let named = name("policy", named)?;
        let what = format!("policy {named}");
        let version = seen.against(&what, self.ledger.policy(&named)?.map(|row| row.version))?;
        let bytes =
            serde_json::to_vec(&asked.policy).map_err(|error| ServiceError::bug(error.to_string()))?;
        let set = PolicySet { name: named.clone(), blob: Blake3::of(&bytes), note: Text::clip(&asked.note) };
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        let unit = who.unit().then(Entry::PutBlob { bytes, keep_until }).decide(set);
        self.set((&what, Subject::Policy(named.clone()), version), unit)?;
        self.policy_named(named.as_str())
    }

    /// A policy by its name.
    pub(crate) fn policy_named(&self, named: &str) -> Result<NamedPolicy, ServiceError> {
        let row = self.ledger.policy(&name("policy", named)?)?;
        self.shown_policy(&row.ok_or_else(|| ServiceError::absent("policy", named))?)
    }

    /// Policies by name.
    pub(crate) fn policies(&self, part: &ListPart) -> Result<Page<NamedPolicy>, ServiceError> {
        let after = part.after.as_deref().map(|after| name("after", after)).transpose()?;
        self.ledger.at_once(|| {
            let page = self.ledger.policies(after.as_ref(), part.limit())?;
            shown::page(page.items, page.next.map(|next| next.to_string()), |row| self.shown_policy(&row))
        })?
    }

    /// Removes a policy. Campaigns that were made with it have it still.
    pub(crate) fn remove_policy(
        &self,
        who: &Principal,
        (named, seen): (&str, Seen),
    ) -> Result<NamedPolicy, ServiceError> {
        let shown = self.policy_named(named)?;
        let named = name("policy", named)?;
        let what = format!("policy {named}");
        let version = seen.against(&what, Some(shown.version))?;
        let removed = PolicyRemoved { name: named.clone(), reason: Text::clip("asked") };
        self.set((&what, Subject::Policy(named), version), who.unit().decide(removed))?;
        Ok(shown)
    }

    fn shown_policy(&self, row: &skein_ledger::Policy) -> Result<NamedPolicy, ServiceError> {
        let gone = || ServiceError::bug(format!("the blob of policy {} is gone", row.name));
        let bytes = self.ledger.blob(row.blob)?.ok_or_else(gone)?;
        Ok(NamedPolicy {
            name: ApiText::escaped(row.name.as_str()),
            policy: skein_api::parse(&bytes, skein_api::BODY_BYTES_MAX)?,
            note: ApiText::escaped(row.note.as_str()),
            version: row.version,
            since: Time(row.since),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use skein_types::codes;

    #[test]
    fn what_is_there_is_replaced_by_whoever_saw_it_or_says_that_it_does_not_matter() {
        let code = |seen: Seen, there| seen.against("x", there).map_err(|error| error.code);
        assert_eq!(code(Seen::Nothing, None), Ok(None));
        assert_eq!(code(Seen::At(3), None), Ok(None));
        assert_eq!(code(Seen::Nothing, Some(3)), Err(codes::VERSION_MISSING));
        assert_eq!(code(Seen::At(2), Some(3)), Err(codes::SETTING_MOVED));
        assert_eq!(code(Seen::At(3), Some(3)), Ok(Some(3)));
        assert_eq!(code(Seen::Any, Some(3)), Ok(Some(3)));
    }
}
