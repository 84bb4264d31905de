//! Submitting modules, and the bytes that nodes fetch.

use skein_api::node::{BlobError, check_blob};
use skein_api::{Module, ModuleRestore, Page};
use skein_ledger::{
    Entry, Guard, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleState, ModuleSubmitted, Name, Text,
    Unit,
};
use skein_types::{Blake3, Bytes, ModuleDigest, Timestamp, codes};

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
    pub fn submit_module(&self, of: &str, version: &str, bytes: &[u8]) -> Result<Module, ServiceError> {
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
            owner: None,
        };
        let before = self.ledger.module(digest)?.map(|module| module.state);
        // It may be known from a time that was not answered.
        if there.is_none() {
            self.write(Unit::by(self.user.clone()).decide(submitted))?;
        }
        point!("module.after-submitted")?;
        match before {
            Some(ModuleState::Ready | ModuleState::Refused | ModuleState::Suspended) => {}
            None | Some(ModuleState::Submitted) => self.compile(digest)?,
        }
        self.module(of.as_str(), version.as_str())
    }

    /// Compiles a module that was compiled before, if that was for another engine or signed with another key.
    pub(crate) fn compile_again(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let refused =
            |error: skein_sandbox::jail::SubmitError| ServiceError::new(error.code(), error.to_string());
        self.modules.compile(module)?.map_err(refused)
    }

    fn compile(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let unit = Unit::by(self.itself.clone());
        let compiled = self.modules.compile(module)?;
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

    /// Lets a suspended module run again. Its campaigns stay halted until they are resumed.
    pub fn restore_module(
        &self,
        of: &str,
        version: &str,
        asked: &ModuleRestore,
    ) -> Result<Module, ServiceError> {
        let found = self.ledger.module_named(&name("name", of)?, &name("version", version)?)?;
        let found = found.ok_or_else(|| ServiceError::absent("module", &format!("{of}@{version}")))?;
        let guard = Guard::ModuleIs { module: found.digest, state: ModuleState::Suspended };
        let restored = ModuleRestored { module: found.digest, reason: Text::clip(asked.reason.as_str()) };
        let unit = Unit::by(self.user.clone()).if_(guard).decide(restored);
        if !self.commit(unit)?.is_done() {
            let message = format!("module {of}@{version} is {} and not suspended", found.state);
            return Err(ServiceError::new(codes::MODULE_STATE, message)
                .hint(Some("`skein module list` shows where each is")));
        }
        self.module(of, version)
    }

    /// A module by its name and version.
    pub fn module(&self, of: &str, version: &str) -> Result<Module, ServiceError> {
        let found = self.ledger.module_named(&name("name", of)?, &name("version", version)?)?;
        let found = found.ok_or_else(|| ServiceError::absent("module", &format!("{of}@{version}")))?;
        Ok(shown::module(&found))
    }

    /// Modules by name and version.
    pub fn modules(&self, part: &ListPart) -> Result<Page<Module>, ServiceError> {
        let after = part.after.as_deref().and_then(|key| key.split_once('@'));
        let after = after.map(|(of, version)| Ok((name("after", of)?, name("after", version)?)));
        let page = self
            .ledger
            .modules(after.transpose().map_err(|error: ServiceError| error)?.as_ref(), part.limit())?;
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
        self.write(Unit::by(self.itself.clone()).then(Entry::PutBlob { bytes: bytes.to_vec(), keep_until }))
    }
}
