//! Submitting modules, and the bytes that nodes fetch.

use sha2::{Digest as _, Sha256};
use skein_api::node::{BlobError, check_blob};
use skein_api::{Module, ModuleBan, ModuleRestore, Page};
use skein_ledger::{
    Entry, Found, ModuleBanned, ModuleCompiled, ModuleRefused, ModuleRestored, ModuleState, ModuleSubmitted,
    ModulesOf, Name, Text, Unit, UnitOutcome,
};
use skein_types::{Blake3, Bytes, ModuleDigest, Timestamp, codes};

use crate::access::Principal;
use crate::control::{Control, name};
use crate::decide;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::places::{Full, Place};
use crate::points::point;
use crate::shelf::Aside;
use crate::shown;

/// A checkpoint that no task names is kept for so long.
const KEEP: u64 = 24 * 3_600_000;

/// Modules that are sent at a time.
pub const UPLOADS: usize = 8;
/// Of one team: whoever sends slowly holds up nobody else's.
pub const UPLOADS_OF_TEAM: usize = 2;

/// Versions of modules that a team may have, those that were refused too: a server forgets none.
pub const MODULES_OF_TEAM: u64 = 10_000;
/// Of all its modules that are kept, each counted once.
pub const MODULES_BYTES_OF_TEAM: Bytes = Bytes(4 << 30);

/// A module on its way. Dropped before it is submitted, nothing is left of it.
#[derive(Debug)]
pub struct Upload {
    owner: Name,
    of: Name,
    version: Name,
    aside: Aside,
    digest: Sha256,
    bytes: Bytes,
    _place: Place<Name>,
}

impl Upload {
    /// Some more of it. May wait for the disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ServiceError> {
        self.digest.update(bytes);
        self.bytes = Bytes(self.bytes.0 + bytes.len() as u64);
        Ok(self.aside.write(bytes)?)
    }
}

/// A module that was taken in.
#[derive(Debug)]
pub struct Submitted {
    /// As it is now.
    pub module: Module,
    /// Whether it was not there before under this name and version.
    pub new: bool,
}

impl Control {
    /// Takes the bytes of a module of a team as they come. Refused before they do if it cannot be called so, or if there are too
    /// many just now.
    pub(crate) fn upload(&self, owner: Name, (of, version): (&str, &str)) -> Result<Upload, ServiceError> {
        let (of, version) = (name("name", of)?, name("version", version)?);
        // The same again is no more than there is.
        if self.ledger.module_named(&of, &version)?.is_none() {
            self.room_for_module(&owner, Bytes(1))?;
        }
        self.may_compile_more(&owner)?;
        let place = self.uploads.take(&owner).map_err(|full| {
            let message = match full {
                Full::OfOne => format!("{UPLOADS_OF_TEAM} modules of {owner} are being sent already"),
                Full::All => format!("{UPLOADS} modules are being sent already"),
            };
            ServiceError::new(codes::SERVER_BUSY, message)
        })?;
        let aside = self.modules.aside()?;
        Ok(Upload { owner, of, version, aside, digest: Sha256::new(), bytes: Bytes(0), _place: place })
    }

    /// Keeps a module and has it compiled. The same bytes under the same name are the same; other bytes are refused.
    pub(crate) fn submit_module(
        &self,
        who: &Principal,
        upload: Upload,
        (said, (source, commit)): (Option<ModuleDigest>, (Option<Text>, Option<Name>)),
    ) -> Result<Submitted, ServiceError> {
        let Upload { owner, of, version, aside, digest, bytes, _place } = upload;
        let digest = ModuleDigest(digest.finalize().into());
        if let Some(said) = said.filter(|said| *said != digest) {
            let message = format!("what came is {digest}, and the request says {said}");
            return Err(ServiceError::new(codes::DIGEST_DIFFERS, message)
                .hint(Some("send it again; compare with `sha256sum FILE` if it stays so")));
        }
        let there = self.there_already(who, (&of, &version), digest)?;
        let before = self.ledger.module(digest)?.map(|module| module.state);
        if !there {
            self.room_for_module(&owner, if before.is_none() { bytes } else { Bytes(0) })?;
        }
        point!("module.before-bytes")?;
        // The bytes first: a record of a module that is not there would be a promise that nobody can keep. Of one that was refused there
        // is the verdict, which the same bytes get again.
        if before != Some(ModuleState::Refused) {
            self.modules.keep(digest, aside)?;
        }
        point!("module.after-bytes")?;
        let submitted = ModuleSubmitted {
            module: digest,
            name: of.clone(),
            version: version.clone(),
            bytes,
            owner: Some(owner.clone()),
            source,
            commit,
        };
        // It may be known from a time that was not answered.
        let mut new = !there;
        if new {
            let outcome = self.commit(who.unit().decide(submitted))?;
            // Somebody else's came first: it is as if it had been there.
            new = outcome.is_done() || !self.there_already(who, (&of, &version), digest)?;
            if new {
                decide::done(&outcome)?;
            }
        }
        point!("module.after-submitted")?;
        match before {
            Some(
                ModuleState::Ready | ModuleState::Refused | ModuleState::Suspended | ModuleState::Banned,
            ) => {}
            None | Some(ModuleState::Submitted) => self.will_compile(digest, Some(owner)),
        }
        let module = shown::module(&self.find_module(of.as_str(), version.as_str())?);
        Ok(Submitted { module, new })
    }

    /// Refused where a team has as many modules as it may, or has no room for one of so many bytes.
    fn room_for_module(&self, owner: &Name, bytes: Bytes) -> Result<(), ServiceError> {
        let Some(why) = too_many(self.ledger.modules_of(owner)?, bytes) else { return Ok(()) };
        Err(ServiceError::new(codes::MODULES_FULL, format!("team {owner} has {why}"))
            .hint(Some("submit what is released and not each build; try others out with `skein run`")))
    }

    /// Whether a version is there with these bytes. Refused where other bytes are. Where it is another team's nothing is said of it,
    /// neither which bytes it has nor whether these are they; only that it is taken cannot be hidden.
    fn there_already(
        &self,
        who: &Principal,
        (of, version): (&Name, &Name),
        digest: ModuleDigest,
    ) -> Result<bool, ServiceError> {
        let Some(there) = self.ledger.module_named(of, version)? else { return Ok(false) };
        let message = match who.may_see_module(&there) {
            true if there.digest == digest => return Ok(true),
            true => format!("{of} {version} is {} already", there.digest),
            false => format!("{of} {version} is taken"),
        };
        Err(ServiceError::new(codes::MODULE_TAKEN, message)
            .hint(Some("a version never changes: submit it as another one")))
    }

    /// Compiles a module that was compiled before, if that was for another engine or signed with another key.
    pub(crate) fn compile_again(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        let refused =
            |error: skein_sandbox::jail::SubmitError| ServiceError::new(error.code(), error.to_string());
        self.modules.compile(module)?.map_err(refused)
    }

    /// Compiles what was submitted, and writes down what came of it.
    pub(crate) fn compile(&self, module: ModuleDigest) -> Result<(), ServiceError> {
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
        let unit = match compiled {
            Ok(()) => self.with_what_it_says(module, unit)?,
            Err(refused) => {
                let code =
                    Name::new(refused.code().id).map_err(|error| ServiceError::bug(error.to_string()))?;
                let message = Text::clip(&refused.to_string());
                unit.decide(ModuleRefused { module, code, message })
            }
        };
        self.note_compiled(module, unit)?;
        point!("module.after-compiled")?;
        self.forget_refused(module)
    }

    /// That it is compiled, with what it says of itself, which pages show and ask its parameters by.
    fn with_what_it_says(&self, module: ModuleDigest, unit: Unit) -> Result<Unit, ServiceError> {
        let Some(said) = self.modules.said(module)? else {
            return Ok(unit.decide(ModuleCompiled { module, manifest: None }));
        };
        let bytes = serde_json::to_vec(&said).map_err(|error| ServiceError::bug(error.to_string()))?;
        let manifest = Some(Blake3::of(&bytes));
        let keep_until = Timestamp(self.clock.now().0.saturating_add(KEEP));
        Ok(unit.then(Entry::PutBlob { bytes, keep_until }).decide(ModuleCompiled { module, manifest }))
    }

    /// Removes the bytes of a module that was refused: nothing runs them, and whoever sent them has them.
    pub(crate) fn forget_refused(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        match self.ledger.module(module)?.map(|row| row.state) {
            Some(ModuleState::Refused) => self.modules.forget(module),
            Some(
                ModuleState::Submitted | ModuleState::Ready | ModuleState::Suspended | ModuleState::Banned,
            )
            | None => Ok(()),
        }
    }

    /// What came of it counts only for a module that is still to be compiled. Banned meanwhile, it stays banned, and is compiled again
    /// if it is restored.
    fn note_compiled(&self, module: ModuleDigest, unit: Unit) -> Result<(), ServiceError> {
        let outcome = self.commit(unit)?;
        if let UnitOutcome::Refused { found: Found::Module { state }, .. } = &outcome {
            tracing::info!(%module, %state, "what came of compiling a module is not needed any more");
            return Ok(());
        }
        decide::done(&outcome)
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
        let restored = self.find_module(of, version)?;
        if restored.state == ModuleState::Submitted {
            self.will_compile(restored.digest, restored.owner.clone());
        }
        Ok(shown::module(&restored))
    }

    /// A module by its name and version.
    pub(crate) fn find_module(&self, of: &str, version: &str) -> Result<skein_ledger::Module, ServiceError> {
        let found = self.ledger.module_named(&name("name", of)?, &name("version", version)?)?;
        found.ok_or_else(|| ServiceError::absent("module", &format!("{of}@{version}")))
    }

    /// A module under the first of its names that somebody sees. The same bytes may be several teams', each with its own name.
    pub(crate) fn module_seen_by(
        &self,
        who: &Principal,
        digest: ModuleDigest,
    ) -> Result<Option<skein_ledger::Module>, ServiceError> {
        Ok(self.ledger.module_among(digest, who.sees_modules_of()?.as_deref())?)
    }

    /// What somebody knows a module as.
    pub(crate) fn module_called(
        &self,
        who: &Principal,
        digest: ModuleDigest,
    ) -> Result<Option<String>, ServiceError> {
        Ok(self.module_seen_by(who, digest)?.map(|found| format!("{}@{}", found.name, found.version)))
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
        self.write(self.itself.unit().then(Entry::PutRows { bytes: bytes.to_vec(), keep_until }))
    }
}

/// Why a team with these modules gets none of so many bytes more, if it does not.
fn too_many(has: ModulesOf, bytes: Bytes) -> Option<String> {
    if has.versions >= MODULES_OF_TEAM {
        return Some(format!("{MODULES_OF_TEAM} versions of modules, as many as may be"));
    }
    let full = has.bytes.0.saturating_add(bytes.0) > MODULES_BYTES_OF_TEAM.0;
    full.then(|| format!("{} of modules of at most {MODULES_BYTES_OF_TEAM}", has.bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skein_ledger::ModulesOf;
    use skein_ledger::{ModuleCompiled, ModuleRefused, ModuleState, ModuleSubmitted, Name, Text};
    use skein_types::{Bytes, ModuleDigest, Role, codes};

    use super::{MODULES_BYTES_OF_TEAM, MODULES_OF_TEAM, too_many};
    use crate::access::{Principal, Right};
    use crate::list::ListPart;
    use crate::scene::{HandClock, open};

    #[test]
    fn a_team_has_so_many_versions_and_so_many_bytes_of_modules_and_no_more() {
        let fits =
            |versions, has, more| too_many(ModulesOf { versions, bytes: Bytes(has) }, Bytes(more)).is_none();
        let most = MODULES_BYTES_OF_TEAM.0;
        assert!(fits(MODULES_OF_TEAM - 1, most - 5, 5) && !fits(MODULES_OF_TEAM - 1, most - 5, 6));
        assert!(!fits(MODULES_OF_TEAM, 0, 0));
    }

    #[test]
    fn a_team_that_has_as_much_as_it_may_sends_no_more_but_what_it_sent_before() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let named = |text: &str| Name::new(text).unwrap();
        let large = |number: u8, version: &str, bytes| ModuleSubmitted {
            module: ModuleDigest([number; 32]),
            name: named("m"),
            version: named(version),
            bytes: Bytes(bytes),
            owner: Some(named("pay")),
            source: None,
            commit: None,
        };
        let half = MODULES_BYTES_OF_TEAM.0 / 2;
        // The same bytes under another version take no more room.
        let unit = control.itself.unit().decide(large(1, "1", half)).decide(large(1, "2", half));
        control.write(unit).unwrap();
        let sends = |team: &str, version| control.upload(named(team), ("m", version)).map(drop);
        sends("pay", "3").unwrap();
        let unit = control.itself.unit().decide(large(2, "3", half));
        control.write(unit).unwrap();
        assert_eq!(sends("pay", "4").unwrap_err().code, codes::MODULES_FULL);
        sends("pay", "3").unwrap();
        sends("shop", "4").unwrap();
        // Of one that is refused nothing is kept.
        let (module, code) = (ModuleDigest([2; 32]), named("SK0107"));
        let refused = ModuleRefused { module, code, message: Text::clip("imports a socket") };
        control.write(control.itself.unit().decide(refused)).unwrap();
        sends("pay", "4").unwrap();
        // What came whole is looked at once more.
        let mut upload = control.upload(named("pay"), ("m", "4")).unwrap();
        upload.write(b"bytes").unwrap();
        control.write(control.itself.unit().decide(large(3, "5", half - 4))).unwrap();
        let sent = control.submit_module(control.everybody(), upload, (None, (None, None)));
        assert_eq!(sent.unwrap_err().code, codes::MODULES_FULL);
    }

    #[test]
    fn whoever_is_in_as_many_teams_as_may_be_sees_the_modules_of_all_and_everybodys() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let team = |number: usize| Name::new(format!("t{number:02}")).unwrap();
        let right = |number| Right { team: Some(team(number)), role: Role::Viewer };
        let rights = (0..skein_ledger::GRANTS_MAX).map(right).collect();
        let who = Principal { rights, ..control.everybody().clone() };
        for (number, owner) in
            [Some(team(0)), Some(team(63)), Some(Name::new("local").unwrap())].into_iter().enumerate()
        {
            let number = u8::try_from(number).unwrap();
            let submitted = ModuleSubmitted {
                module: ModuleDigest([number; 32]),
                name: Name::new("m").unwrap(),
                version: Name::new(number.to_string()).unwrap(),
                bytes: Bytes(1),
                owner,
                source: None,
                commit: None,
            };
            control.write(control.itself.unit().decide(submitted)).unwrap();
        }
        let part = ListPart::default();
        assert_eq!(control.modules(&part, who.sees_modules_of().unwrap()).unwrap().items.len(), 3);
    }

    #[test]
    fn a_ban_outlives_the_end_of_a_compilation_that_was_going_on() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let (admin, module) = (control.everybody().clone(), ModuleDigest([7; 32]));
        let named = |text: &str| Name::new(text).unwrap();
        let submitted = ModuleSubmitted {
            module,
            name: named("m"),
            version: named("1"),
            bytes: Bytes(4),
            owner: None,
            source: None,
            commit: None,
        };
        control.write(control.itself.unit().decide(submitted)).unwrap();
        let found = control.find_module("m", "1").unwrap();
        let reason = |text: &str| serde_json::json!({ "reason": text });
        let ban = serde_json::from_value(reason("it leaks")).unwrap();
        control.ban_module(&admin, &found, &ban).unwrap();
        let refused =
            ModuleRefused { module, code: named("SK0107"), message: Text::clip("imports a socket") };
        let ends = [
            control.itself.unit().decide(ModuleCompiled { module, manifest: None }),
            control.itself.unit().decide(refused),
        ];
        for unit in ends {
            control.note_compiled(module, unit).unwrap();
            assert_eq!(control.find_module("m", "1").unwrap().state, ModuleState::Banned);
        }
        // Restored, it is what it was before, and nobody has to start the server again to have it compiled.
        assert!(!control.is_to_be_compiled(module));
        let restore = serde_json::from_value(reason("it does not")).unwrap();
        control.restore_module(&admin, &found, &restore).unwrap();
        assert_eq!(control.find_module("m", "1").unwrap().state, ModuleState::Submitted);
        assert!(control.is_to_be_compiled(module));
    }
}
