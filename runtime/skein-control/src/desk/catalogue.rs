//! Modules.

use skein_api::{Module, ModuleBan, ModuleRestore, Page};
use skein_ledger::Name;

use super::Desk;
use crate::access::{Act, NOBODYS};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::shown;

impl Desk<'_> {
    /// Keeps a module of a team, compiles it, and answers what became of it. The same bytes under the same name are the same;
    /// other bytes are refused.
    pub fn submit_module(
        &self,
        team: Option<&str>,
        (of, version): (&str, &str),
        bytes: &[u8],
    ) -> Result<Module, ServiceError> {
        let owner = self.who.team_for(Act::Submit, team)?;
        let owner = owner.map_or_else(|| crate::control::name("owner", NOBODYS), Ok)?;
        self.control.submit_module(self.who, (owner, of, version), bytes)
    }

    /// Lets a suspended module run again. Its campaigns stay halted until they are resumed.
    pub fn restore_module(
        &self,
        of: &str,
        version: &str,
        asked: &ModuleRestore,
    ) -> Result<Module, ServiceError> {
        let found = self.module_seen(of, version)?;
        // Other teams may have the same module, whose nodes it would end too.
        self.who.check_whole(Act::Govern)?;
        self.control.restore_module(self.who, &found, asked)
    }

    /// Lets nothing of a module run any more, and halts its campaigns.
    pub fn ban_module(&self, of: &str, version: &str, asked: &ModuleBan) -> Result<Module, ServiceError> {
        let found = self.module_seen(of, version)?;
        self.who.check_whole(Act::Govern)?;
        self.control.ban_module(self.who, &found, asked)
    }

    /// A module by its name and version.
    pub fn module(&self, of: &str, version: &str) -> Result<Module, ServiceError> {
        Ok(shown::module(&self.module_seen(of, version)?))
    }

    /// Modules by name and version.
    pub fn modules(&self, part: &ListPart) -> Result<Page<Module>, ServiceError> {
        let mut owners = self.who.sees();
        if let Some(owners) = &mut owners {
            owners.push(crate::control::name("owner", NOBODYS)?);
        }
        self.control.modules(part, owners)
    }

    /// What is nobody's is for everybody.
    fn module_seen(&self, of: &str, version: &str) -> Result<skein_ledger::Module, ServiceError> {
        let found = self.control.find_module(of, version)?;
        self.may_use(&found, &format!("{of}@{version}"))?;
        Ok(found)
    }

    /// Refuses another team's module as one that is not there.
    pub(super) fn may_use(&self, module: &skein_ledger::Module, named: &str) -> Result<(), ServiceError> {
        match module.owner.as_ref().map(Name::as_str) {
            None | Some(NOBODYS) => Ok(()),
            Some(owner) => self.who.check(Act::See, Some(owner), ("module", named)),
        }
    }
}
