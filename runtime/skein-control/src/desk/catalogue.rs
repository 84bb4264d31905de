//! Modules.

use skein_api::{Campaign, Module, ModuleBan, ModuleRestore, Page};
use skein_ledger::Text;
use skein_types::ModuleDigest;

use super::Desk;
use super::looked_up::ModuleSaid;
use crate::access::{Act, NOBODYS};
use crate::error::ServiceError;
use crate::list::{CampaignOrder, CampaignPart, ListPart};
use crate::shown;
use crate::submit::{Submitted, Upload};

impl Desk<'_> {
    /// Takes the bytes of a module of a team as they come.
    pub fn upload(&self, team: Option<&str>, named: (&str, &str)) -> Result<Upload, ServiceError> {
        let owner = self.who.team_for(Act::Submit, team)?;
        let owner = owner.map_or_else(|| crate::control::name("owner", NOBODYS), Ok)?;
        self.control.upload(owner, named)
    }

    /// Keeps a module that came whole, and has it compiled. The same bytes under the same name are the same; other bytes are
    /// refused, and so is what is not what its digest says. Where it was made from and which commit of that is what whoever submits
    /// it says.
    pub fn submit_module(
        &self,
        upload: Upload,
        digest: Option<ModuleDigest>,
        (source, commit): (Option<String>, Option<String>),
    ) -> Result<Submitted, ServiceError> {
        let source =
            source.map(Text::new).transpose().map_err(|error| ServiceError::unfit("source", &error))?;
        let commit = commit.map(|commit| crate::control::name("commit", &commit)).transpose()?;
        // It may have been revoked while the bytes came.
        self.control.check_still(self.who)?;
        self.control.submit_module(self.who, upload, (digest, (source, commit)))
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

    /// Why whoever asks may not judge modules, if so: for who is offered to.
    pub fn may_judge_modules(&self) -> Result<(), ServiceError> {
        self.who.check_whole(Act::Govern)
    }

    /// A module by its name and version.
    pub fn module(&self, of: &str, version: &str) -> Result<Module, ServiceError> {
        Ok(shown::module(&self.module_seen(of, version)?))
    }

    /// The bytes of a module, as they were submitted. Those of one that was refused are not kept.
    pub fn module_bytes(&self, of: &str, version: &str) -> Result<Vec<u8>, ServiceError> {
        let found = self.module_seen(of, version)?;
        let bytes = self.control.modules.bytes(found.digest)?;
        bytes.ok_or_else(|| ServiceError::absent("bytes of module", &format!("{of}@{version}")))
    }

    /// What a module says of itself, as it was asked when it was compiled; none of one that was compiled before it was asked for.
    pub fn module_said(&self, of: &str, version: &str) -> Result<Option<ModuleSaid>, ServiceError> {
        self.control.module_said(&self.module_seen(of, version)?)
    }

    /// The versions that there are of a module's name.
    pub fn module_versions(&self, of: &str, part: &ListPart) -> Result<Page<Module>, ServiceError> {
        self.control.module_versions(of, part, self.who.sees_modules_of()?)
    }

    /// Campaigns of a module, the newest first.
    pub fn campaigns_of_module(
        &self,
        (of, version): (&str, &str),
        most: usize,
    ) -> Result<Page<Campaign>, ServiceError> {
        let module = Some(self.module_seen(of, version)?.digest);
        let order = CampaignOrder::Newest;
        self.campaigns(&CampaignPart { module, order, limit: Some(most), ..CampaignPart::default() })
    }

    /// Modules by name and version.
    pub fn modules(&self, part: &ListPart) -> Result<Page<Module>, ServiceError> {
        self.control.modules(part, self.who.sees_modules_of()?)
    }

    fn module_seen(&self, of: &str, version: &str) -> Result<skein_ledger::Module, ServiceError> {
        let found = self.control.find_module(of, version)?;
        self.may_use(&found, &format!("{of}@{version}"))?;
        Ok(found)
    }

    /// A module by its digest or by `name@version`, under a name that whoever asks sees. Another team's is not there.
    pub(super) fn module_to_use(&self, named: &str) -> Result<skein_ledger::Module, ServiceError> {
        let found = match named.parse::<ModuleDigest>() {
            Ok(digest) => self.control.module_seen_by(self.who, digest)?,
            Err(_) => self.control.module_by(named)?.filter(|found| self.may_use(found, named).is_ok()),
        };
        found.ok_or_else(|| {
            ServiceError::absent("module", named).hint(Some(
                "name it as NAME@VERSION or by its digest, sha256:…; `skein module list` shows what is there",
            ))
        })
    }

    /// Refuses another team's module as one that is not there.
    fn may_use(&self, module: &skein_ledger::Module, named: &str) -> Result<(), ServiceError> {
        if self.who.may_see_module(module) { Ok(()) } else { Err(ServiceError::absent("module", named)) }
    }
}
