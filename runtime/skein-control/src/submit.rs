//! Submitting modules, and the bytes that nodes fetch.

use skein_api::node::{BlobError, check_blob};
use skein_api::{Module, ModuleBan, ModuleRestore, Page};
use skein_ledger::{
    Entry, ModuleBanned, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleState, ModuleSubmitted, Name,
    Text,
};
use skein_types::{Blake3, Bytes, ModuleDigest, Timestamp, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::points::point;
use crate::shown;

/// A checkpoint that no task names is kept for so long.
const KEEP: u64 = 24 * 3_600_000;

impl Control {
    /// Keeps a module, compiles it, and answers what became of it. The same bytes under the same name are the same; other
    /// bytes are refused.
    pub(crate) fn submit_module(
        &self,
        who: &Principal,
        (owner, of, version): (Name, &str, &str),
        bytes: &[u8],
    ) -> Result<Module, ServiceError> {
        let (of, version) = (name("name", of)?, name("version", version)?);
        let digest = ModuleDigest::of(bytes);
        let there = self.ledger.module_named(&of, &version)?;
        if let Some(other) = there.as_ref().filter(|there| there.digest != digest) {
            let message = format!("{of} {version} is {} already", other.digest);
            return Err(ServiceError::new(codes::MODULE_TAKEN, message)
                .hint(Some("a version never changes: submit it as another one")));
        }
        point!("module.before-bytes")?;
        // The bytes first: a record of a module that is not there would be a promise that nobody can keep.
        self.modules.keep(digest, bytes)?;
        point!("module.after-bytes")?;
        let submitted = ModuleSubmitted {
            module: digest,
            name: of.clone(),
            version: version.clone(),
            bytes: Bytes(bytes.len() as u64),
            owner: Some(owner),
            source: None,
            commit: None,
        };
        let before = self.ledger.module(digest)?.map(|module| module.state);
        // It may be known from a time that was not answered.
        if there.is_none() {
            self.write(who.unit().decide(submitted))?;
        }
        point!("module.after-submitted")?;
        match before {
            Some(
                ModuleState::Ready | ModuleState::Refused | ModuleState::Suspended | ModuleState::Banned,
            ) => {}
            None | Some(ModuleState::Submitted) => self.compile(digest)?,
        }
        Ok(shown::module(&self.find_module(of.as_str(), version.as_str())?))
    }

    /// Compiles a module that was compiled before, if that was for another engine or signed with another key.
    pub(crate) fn compile_again(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let refused =
            |error: skein_sandbox::jail::SubmitError| ServiceError::new(error.code(), error.to_string());
        self.modules.compile(module)?.map_err(refused)
    }

    fn compile(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let (unit, began) = (self.itself.unit(), self.clock.elapsed());
        let compiled = self.modules.compile(module);
        let outcome = match &compiled {
            Ok(Ok(())) => "ready",
            Ok(Err(_)) => "refused",
            Err(_) => "failed",
        };
        self.metrics.compiled(outcome, self.clock.elapsed().saturating_sub(began));
        let compiled = compiled?;
        point!("module.after-artifact")?;
        match compiled {
            Ok(()) => self.write(unit.decide(ModuleCompiled { module, manifest: None })),
            Err(refused) => {
                let code =
                    Name::new(refused.code().id).map_err(|error| ServiceError::bug(error.to_string()))?;
                let message = Text::clip(&refused.to_string());
                self.write(unit.decide(ModuleRefused { module, code, message }))
            }
        }?;
        point!("module.after-compiled")
    }

    /// Lets nothing of a module run any more, under whatever name it was submitted, and halts its campaigns.
    pub(crate) fn ban_module(
        &self,
        who: &Principal,
        found: &skein_ledger::Module,
        asked: &ModuleBan,
    ) -> Result<Module, ServiceError> {
        let module = found.digest;
        let banned = ModuleBanned { module, reason: Text::clip(asked.reason.as_str()) };
        let mut state = self.state();
        // Refused where it is banned already: then only its campaigns are looked at once more.
        self.commit(who.unit().decide(banned))?;
        self.halt_all_of(&mut state, module)?;
        drop(state);
        self.wake.nodes();
        Ok(shown::module(&self.find_module(found.name.as_str(), found.version.as_str())?))
    }

    /// Lets a suspended or banned module run again. Its campaigns stay halted until they are resumed.
    pub(crate) fn restore_module(
        &self,
        who: &Principal,
        found: &skein_ledger::Module,
        asked: &ModuleRestore,
    ) -> Result<Module, ServiceError> {
        let (of, version) = (found.name.as_str(), found.version.as_str());
        let restored = ModuleRestored { module: found.digest, reason: Text::clip(asked.reason.as_str()) };
        let unit = who.unit().decide(restored);
        if !self.commit(unit)?.is_done() {
            let message =
                format!("module {of}@{version} is {} and neither suspended nor banned", found.state);
            return Err(ServiceError::new(codes::MODULE_STATE, message)
                .hint(Some("`skein module list` shows where each is")));
        }
        Ok(shown::module(&self.find_module(of, version)?))
    }

    /// A module by its name and version.
    pub(crate) fn find_module(&self, of: &str, version: &str) -> Result<skein_ledger::Module, ServiceError> {
        let found = self.ledger.module_named(&name("name", of)?, &name("version", version)?)?;
        found.ok_or_else(|| ServiceError::absent("module", &format!("{of}@{version}")))
    }

    /// Modules by name and version.
    pub(crate) fn modules(
        &self,
        part: &ListPart,
        owners: Option<Vec<Name>>,
    ) -> Result<Page<Module>, ServiceError> {
        let after = part.after.as_deref().and_then(|key| key.split_once('@'));
        let after = after.map(|(of, version)| Ok((name("after", of)?, name("after", version)?)));
        let page = self.ledger.modules(
            owners.as_deref(),
            after.transpose().map_err(|error: ServiceError| error)?.as_ref(),
            part.limit(),
        )?;
        let next = page.next.map(|(of, version)| format!("{of}@{version}"));
        shown::page(page.items, next, |module| Ok(shown::module(&module)))
    }

    /// Bytes by their digest: compiled modules, parameters, checkpoints.
    pub fn blob(&self, digest: Blake3) -> Result<Vec<u8>, ServiceError> {
        if let Some(artifact) = self.modules.named(digest)? {
            return Ok(artifact);
        }
        Ok(self.ledger.blob(digest)?.ok_or(BlobError::NotFound { named: digest })?)
    }

    /// Keeps bytes that a node made.
    pub fn put_blob(&self, digest: Blake3, bytes: &[u8]) -> Result<(), ServiceError> {
        check_blob(digest, bytes)?;
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        self.write(self.itself.unit().then(Entry::PutBlob { bytes: bytes.to_vec(), keep_until }))
    }
}
