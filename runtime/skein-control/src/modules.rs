//! Modules: their bytes, the child that compiles them, the signed artifact that nodes run.
//!
//! Control hashes and keeps the bytes and never looks into them; the compiler is a process of its own under limits
//! (`skein compile`). What it makes is signed here, so a node runs nothing that did not go this way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use skein_sandbox::ArtifactKey;
use skein_sandbox::jail::{JailOptions, Said, SubmitError, compile_in_jail, describe_in_child};
use skein_types::{Blake3, Bytes, ModuleDigest, codes};

use crate::error::ServiceError;
use crate::shelf::{Aside, Shelf};

const ARTIFACT_BYTES_MAX: Bytes = Bytes(1 << 30);
/// Twice what a module's schema may take.
const WORDS_BYTES_MAX: Bytes = Bytes::mib(4);
const MODULE_BYTES_MAX: Bytes = Bytes(skein_api::MODULE_BYTES_MAX as u64);

/// Where modules lie and how they are made fit to run.
#[derive(Debug)]
pub(crate) struct Modules {
    bytes: Shelf,
    artifacts: Shelf,
    key: ArtifactKey,
    exe: PathBuf,
    /// One compiler at a time: each may use as much memory as the jail allows.
    compiler: Mutex<()>,
    /// Of artifacts that were asked for.
    digests: Mutex<BTreeMap<ModuleDigest, Blake3>>,
    /// What modules said of themselves that were compiled before they were asked.
    words: Shelf,
    /// Those that did not say it. One is asked at a time, and once by each process.
    mute: Mutex<BTreeSet<ModuleDigest>>,
}

impl Modules {
    pub(crate) fn open(
        dir: &Path,
        exe: PathBuf,
        key: &[u8; ArtifactKey::BYTES],
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            bytes: Shelf::open(&dir.join("modules"), MODULE_BYTES_MAX)?,
            artifacts: Shelf::open(&dir.join("artifacts"), ARTIFACT_BYTES_MAX)?,
            key: ArtifactKey::from_bytes(key),
            exe,
            compiler: Mutex::default(),
            digests: Mutex::default(),
            words: Shelf::open(&dir.join("words"), WORDS_BYTES_MAX)?,
            mute: Mutex::default(),
        })
    }

    /// For bytes that come one after the other.
    pub(crate) fn aside(&self) -> Result<Aside, ServiceError> {
        Ok(self.bytes.aside()?)
    }

    /// Keeps the bytes, durably.
    pub(crate) fn keep(&self, module: ModuleDigest, bytes: Aside) -> Result<(), ServiceError> {
        Ok(self.bytes.keep(&file(module), bytes)?)
    }

    /// Removes the bytes.
    pub(crate) fn forget(&self, module: ModuleDigest) -> Result<(), ServiceError> {
        Ok(self.bytes.remove(&file(module))?)
    }

    /// The bytes as they were submitted.
    pub(crate) fn bytes(&self, module: ModuleDigest) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(self.bytes.get(&file(module))?)
    }

    /// Makes the artifact if there is none. The inner error is the module's fault, for good.
    pub(crate) fn compile(&self, module: ModuleDigest) -> Result<Result<(), SubmitError>, ServiceError> {
        let _one = self.compiler.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.artifact(module)?.is_some() {
            return Ok(Ok(()));
        }
        let bytes = self.bytes(module)?;
        let bytes = bytes.ok_or_else(|| ServiceError::bug(format!("the bytes of {module} are gone")))?;
        match compile_in_jail(&JailOptions::standard(self.exe.clone()), &bytes) {
            Ok(compiled) => Ok(Ok(self.artifacts.put(&self.file_of(module), &self.key.sign(&compiled))?)),
            // Of this machine and not of the module: tried again.
            Err(error @ (SubmitError::Process(_) | SubmitError::Protocol)) => {
                Err(ServiceError::new(error.code(), error.to_string()))
            }
            Err(error @ SubmitError::Late { .. }) => Err(ServiceError::new(error.code(), error.to_string())
                .hint(Some("submit it again when the machine is less busy; nothing is held against it"))),
            Err(error @ (SubmitError::Refused { .. } | SubmitError::Stopped(_))) => Ok(Err(error)),
        }
    }

    /// What a compiled module says of itself. One that does not say it fails when it is planned with, as it always did.
    pub(crate) fn said(&self, module: ModuleDigest) -> Result<Option<Said>, ServiceError> {
        let Some(artifact) = self.artifact(module)? else { return Ok(None) };
        match describe_in_child(&self.exe, &artifact, &self.key.trust()) {
            Ok(said) => Ok(Some(said)),
            Err(error) => {
                tracing::info!(%module, %error, "a module did not say what it is");
                Ok(None)
            }
        }
    }

    /// The same of one that was compiled before this was asked: asked when somebody wants it, and kept. Nothing while another is asked:
    /// whoever wants it comes again, and has it otherwise meanwhile.
    pub(crate) fn said_late(&self, module: ModuleDigest) -> Result<Option<Said>, ServiceError> {
        let name = format!("{}.json", module.to_string().replace(':', "-"));
        if let Some(words) = self.words.get(&name)? {
            return serde_json::from_slice(&words)
                .map(Some)
                .map_err(|error| ServiceError::bug(error.to_string()));
        }
        let Ok(mut mute) = self.mute.try_lock() else { return Ok(None) };
        if mute.contains(&module) {
            return Ok(None);
        }
        let Some(said) = self.said(module)? else {
            // Without an artifact there was nobody to ask.
            if self.artifact(module)?.is_some() {
                mute.insert(module);
            }
            return Ok(None);
        };
        let words = serde_json::to_vec(&said).map_err(|error| ServiceError::bug(error.to_string()))?;
        self.words.put(&name, &words)?;
        Ok(Some(said))
    }

    /// The signed artifact.
    pub(crate) fn artifact(&self, module: ModuleDigest) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(self.artifacts.get(&self.file_of(module))?)
    }

    /// Whether the bytes that lie here are those that were submitted. What is not here any more is nobody's fault that this could find.
    pub(crate) fn check_bytes(&self, module: ModuleDigest) -> Result<bool, ServiceError> {
        let Some(bytes) = self.bytes(module)? else { return Ok(false) };
        let found = ModuleDigest::of(&bytes);
        if found != module {
            let message = format!("the bytes that lie as {module} are those of {found}");
            return Err(ServiceError::new(codes::MODULE_SWAPPED, message));
        }
        Ok(true)
    }

    /// Whether every compiled module is what was compiled and signed here. How many there are, and how many more another key signed.
    pub(crate) fn check_artifacts(&self) -> Result<(u64, u64), ServiceError> {
        let (mut count, mut others) = (0, 0);
        for name in self.artifacts.names()? {
            let Some(bytes) = self.artifacts.get(&name)? else { continue };
            let swapped = |what: String| {
                ServiceError::new(codes::MODULE_SWAPPED, format!("the compiled module {name}: {what}"))
            };
            // Of another key, from before: no node takes it, and it is compiled again.
            if !name.ends_with(&format!("-{}.skein", Blake3::of(&self.key.trust().to_bytes()).short())) {
                others += 1;
                continue;
            }
            let module = self.key.trust().module_of(&bytes).map_err(|error| swapped(error.to_string()))?;
            if !name.starts_with(&format!("{}-", module.to_string().replace(':', "-"))) {
                return Err(swapped(format!("it is that of {module}")));
            }
            count += 1;
        }
        Ok((count, others))
    }

    /// The name of its artifact for the engine of this program, signed with this key: after an upgrade, or with another key,
    /// there is none, and it is compiled again.
    fn file_of(&self, module: ModuleDigest) -> String {
        let (engine, key) = (skein_sandbox::compiled_for(), Blake3::of(&self.key.trust().to_bytes()));
        format!("{}-{}-{}.skein", module.to_string().replace(':', "-"), engine.short(), key.short())
    }

    /// What nodes ask for it by.
    pub(crate) fn artifact_digest(&self, module: ModuleDigest) -> Result<Option<Blake3>, ServiceError> {
        let mut digests = self.digests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = digests.get(&module) {
            return Ok(Some(*known));
        }
        let Some(artifact) = self.artifact(module)? else { return Ok(None) };
        let digest = Blake3::of(&artifact);
        digests.insert(module, digest);
        Ok(Some(digest))
    }

    /// The artifact that was named by this digest.
    pub(crate) fn named(&self, digest: Blake3) -> Result<Option<Vec<u8>>, ServiceError> {
        let digests = self.digests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(module) = digests.iter().find(|(_, named)| **named == digest).map(|(module, _)| *module)
        else {
            return Ok(None);
        };
        drop(digests);
        self.artifact(module)
    }

    /// What nodes check artifacts with: 64 hex digits.
    pub(crate) fn public_key(&self) -> String {
        Blake3(self.key.trust().to_bytes()).to_string().trim_start_matches("blake3:").to_owned()
    }
}

fn file(module: ModuleDigest) -> String {
    format!("{}.wasm", module.to_string().replace(':', "-"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use skein_types::ModuleDigest;

    use super::Modules;

    /// A program in place of ours that answers so and notes that it was asked.
    #[expect(clippy::disallowed_methods, reason = "a program of the test's own")]
    fn answering(dir: &Path, answer: &str) -> Modules {
        let exe = dir.join("exe");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = describe ] || exit 0\necho x >> {}/asked\n{answer}\n",
            dir.display()
        );
        std::fs::write(&exe, script).unwrap();
        std::fs::set_permissions(&exe, std::fs::Permissions::from_mode(0o700)).unwrap();
        // Another test's child may have the file open for a moment yet.
        while Command::new(&exe).stdin(Stdio::null()).status().is_err() {
            std::thread::yield_now();
        }
        Modules::open(dir, exe, &[1; 32]).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn asked(dir: &Path) -> usize {
        std::fs::read_to_string(dir.join("asked")).unwrap_or_default().lines().count()
    }

    #[test]
    fn a_module_that_was_not_asked_when_it_was_compiled_is_asked_once() {
        let place = tempfile::tempdir().unwrap();
        let says = r#"/bin/cat > /dev/null; printf '%s' '{"name":"old","version":"1","sdk":"x","encoding":"arrow","state":"none","imports":[],"params_schema":{"type":"object"}}'"#;
        let modules = answering(place.path(), says);
        let module = ModuleDigest([1; 32]);
        assert!(modules.said_late(module).unwrap().is_none(), "it is not compiled");
        assert_eq!(asked(place.path()), 0);
        modules.artifacts.put(&modules.file_of(module), b"compiled").unwrap();
        for _ in 0..2 {
            let said = modules.said_late(module).unwrap().unwrap();
            assert_eq!(said.params_schema, Some(serde_json::json!({ "type": "object" })));
        }
        let later = Modules::open(place.path(), place.path().join("exe"), &[1; 32]).unwrap();
        assert_eq!(later.said_late(module).unwrap().unwrap().name, "old");
        assert_eq!(asked(place.path()), 1);
    }

    #[test]
    fn one_that_does_not_say_it_is_not_asked_again_and_one_is_asked_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let modules = answering(place.path(), "/bin/cat > /dev/null; exit 3");
        let module = ModuleDigest([1; 32]);
        modules.artifacts.put(&modules.file_of(module), b"compiled").unwrap();
        let other = modules.mute.lock().unwrap();
        assert!(modules.said_late(module).unwrap().is_none());
        drop(other);
        assert_eq!(asked(place.path()), 0);
        for _ in 0..3 {
            assert!(modules.said_late(module).unwrap().is_none());
        }
        assert_eq!(asked(place.path()), 1);
    }
}
