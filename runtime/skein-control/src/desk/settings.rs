//! Policies.

use skein_api::{NamedPolicy, Page, PolicyPut};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;

impl Desk<'_> {
    /// Sets a policy that campaigns can name.
    pub fn put_policy(
        &self,
        named: &str,
        seen: Seen,
        asked: &PolicyPut,
    ) -> Result<NamedPolicy, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.put_policy(self.who, (named, seen), asked)
    }

    /// A policy by its name. They are for everybody.
    pub fn policy(&self, named: &str) -> Result<NamedPolicy, ServiceError> {
        self.control.policy_named(named)
    }

    /// Policies by name.
    pub fn policies(&self, part: &ListPart) -> Result<Page<NamedPolicy>, ServiceError> {
        self.control.policies(part)
    }

    /// Removes a policy. Campaigns that were made with it have it still.
    pub fn remove_policy(&self, named: &str, seen: Seen) -> Result<NamedPolicy, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.remove_policy(self.who, (named, seen))
    }
}
