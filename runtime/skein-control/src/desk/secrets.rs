//! Teams' secrets. Nothing here answers a value.

use skein_api::{Page, Secret};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;

impl Desk<'_> {
    /// Sets a secret of a team.
    pub fn set_secret(
        &self,
        (team, named): (&str, &str),
        seen: Seen,
        value: &[u8],
    ) -> Result<Secret, ServiceError> {
        self.who.check(Act::KeepSecrets, Some(team), ("team", team))?;
        self.control.set_secret(self.who, (team, named, seen), value)
    }

    /// A secret, without its value.
    pub fn secret(&self, team: &str, named: &str) -> Result<Secret, ServiceError> {
        self.who.check(Act::See, Some(team), ("team", team))?;
        self.control.secret(team, named)
    }

    /// Secrets of a team, by name.
    pub fn secrets(&self, team: &str, part: &ListPart) -> Result<Page<Secret>, ServiceError> {
        self.who.check(Act::See, Some(team), ("team", team))?;
        self.control.secrets(team, part)
    }

    /// Removes a secret.
    pub fn remove_secret(&self, (team, named): (&str, &str), seen: Seen) -> Result<Secret, ServiceError> {
        self.who.check(Act::KeepSecrets, Some(team), ("team", team))?;
        self.control.remove_secret(self.who, (team, named, seen))
    }
}
