//! Skein's own directory: keys and compiled artifacts.
//!
//! ```text
//! <home>/keys/artifact.key        ed25519 seed that signs compiled artifacts          0600
//! <home>/keys/secret-digest.key   keys the digests of secrets in parameter digests    0600
//! <home>/keys/secrets.key          seals the secrets of a server's teams               0600
//! <home>/keys/statements.key       signs what a server says of what it published      0600
//! <home>/modules/<name>.wasm       modules that can be called by name; put there by people
//! <home>/contexts.toml              servers by name, and what opens them                0600
//! <home>/artifacts/<digest>.skein compiled, signed modules; may be deleted at any time
//! ```
//! Keys are made on first use, with create-if-absent, so that two first runs agree.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};
use skein_dataset::Finding;
use skein_types::{ModuleDigest, codes};

use crate::aside;
use crate::failure::Failure;

const KEY_BYTES: usize = 32;
const KEYS: [&str; 3] = ["artifact.key", "secret-digest.key", "secrets.key"];
/// Made by a server when it first signs something: there may be none, also in a backup.
const STATEMENTS: &str = "statements.key";
const ARTIFACT_BYTES_MAX: u64 = 1 << 30;

/// The directory.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where people put modules that they call by name.
    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }

    /// Where a server keeps its state if nothing else is said.
    pub(crate) fn server(&self) -> PathBuf {
        self.root.join("server")
    }

    /// Where the files of the keys are.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Seed of the key that signs compiled artifacts.
    pub(crate) fn artifact_key(&self) -> Result<[u8; KEY_BYTES], Failure> {
        self.key("artifact.key")
    }

    /// Key of the digests of secrets.
    pub(crate) fn secret_digest_key(&self) -> Result<[u8; KEY_BYTES], Failure> {
        self.key("secret-digest.key")
    }

    /// Key that seals the secrets of a server's teams.
    pub(crate) fn secrets_key(&self) -> Result<[u8; KEY_BYTES], Failure> {
        self.key("secrets.key")
    }

    /// Refuses keys that cannot be taken, and others than those that are here: what is here may open somebody's secrets.
    pub(crate) fn keys_fit(&self, from: &Path) -> Result<(), Failure> {
        for name in with_statements(from) {
            let (path, theirs) = (self.root.join("keys").join(name), from.join(name));
            let their = read_key(&theirs).map_err(|error| unreadable(&theirs, &error))?;
            let here = match read_key(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                read => read.map_err(|error| unreadable(&path, &error))?,
            };
            if their != here {
                return Err(Failure::text(codes::KEY_OTHER, format!("{} is another key", path.display()))
                    .hint(Some(
                        "restore with another SKEIN_HOME, or move the key away if nothing needs it",
                    )));
            }
        }
        Ok(())
    }

    /// Takes keys that are not here yet.
    pub(crate) fn take_keys(&self, from: &Path) -> Result<(), Failure> {
        let dir = self.root.join("keys");
        make_dir(&dir).map_err(|error| unreadable(&dir, &error))?;
        for name in with_statements(from) {
            let (theirs, path) = (from.join(name), dir.join(name));
            let key = read_key(&theirs).map_err(|error| unreadable(&theirs, &error))?;
            place_key(&path, &key).map_err(|error| unreadable(&path, &error))?;
        }
        Ok(())
    }

    /// A compiled module, if there is one; anything unreadable counts as absent and is compiled again.
    pub(crate) fn artifact(&self, module: ModuleDigest, engine: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.artifact_path(module, engine)).ok()?;
        file.take(ARTIFACT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Keeps a compiled module. Failing to is only slow next time.
    pub(crate) fn keep_artifact(&self, module: ModuleDigest, engine: &str, signed: &[u8]) {
        let path = self.artifact_path(module, engine);
        let kept = make_dir(&self.root.join("artifacts"))
            .and_then(|()| aside::replace(&path, |file| file.write_all(signed)));
        if let Err(error) = kept {
            tracing::warn!(path = %path.display(), %error, "compiled module not kept");
        }
    }

    /// What `skein doctor` says about it. Makes nothing.
    pub(crate) fn finding(&self) -> Finding {
        const CHECK: &str = "home";
        let root = self.root.display();
        let hint = Some("set SKEIN_HOME to a directory that you can write");
        let denied = |error: std::io::Error| {
            Finding::problem(CHECK, codes::PERMISSION, format!("{root}: {error}"), hint)
        };
        let keys = KEYS.map(|name| self.root.join("keys").join(name));
        for key in keys {
            match read_key(&key) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return denied(std::io::Error::other(format!("{}: {error}", key.display()))),
            }
        }
        let nearest = self.root.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
        let writable = rustix::fs::accessat(
            rustix::fs::CWD,
            nearest,
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        );
        if let Err(errno) = writable {
            return denied(errno.into());
        }
        let kept = std::fs::read_dir(self.root.join("artifacts")).map_or(0, Iterator::count);
        let made = if self.root.exists() { "" } else { ", which the first use makes" };
        Finding::ok(CHECK, format!("{root}{made}: keys are private, {kept} compiled modules kept"))
    }

    fn artifact_path(&self, module: ModuleDigest, engine: &str) -> PathBuf {
        let hex = module.to_string().replace(':', "-");
        self.root.join("artifacts").join(format!("{hex}-{engine}.skein"))
    }

    fn key(&self, name: &str) -> Result<[u8; KEY_BYTES], Failure> {
        let path = self.root.join("keys").join(name);
        let failed = |error: std::io::Error| {
            Failure::text(codes::PERMISSION, format!("key {}: {error}", path.display()))
                .hint(Some("set SKEIN_HOME to a directory that you can write"))
        };
        make_dir(&self.root.join("keys")).map_err(failed)?;
        match read_key(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => return read.map_err(failed),
        }
        create_key(&path).map_err(failed)?;
        read_key(&path).map_err(failed)
    }
}

/// Names of the keys that are there.
fn with_statements(from: &Path) -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(from.join(STATEMENTS).exists().then_some(STATEMENTS))
}

fn read_key(path: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    let mut file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        let message = "it can be read by others; make it private with chmod 600 or delete it";
        return Err(std::io::Error::new(ErrorKind::PermissionDenied, message));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// A whole key appears under its name or none does: written aside, synced, then linked without replacing.
fn create_key(path: &Path) -> std::io::Result<()> {
    let mut key = [0; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    place_key(path, &key)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::text(codes::PERMISSION, format!("key {}: {error}", path.display()))
}

fn place_key(path: &Path, key: &[u8; KEY_BYTES]) -> std::io::Result<()> {
    let (partial, mut file) = aside::file(path)?;
    let written = file.write_all(key).and_then(|()| file.sync_all());
    let linked = match written.and_then(|()| std::fs::hard_link(&partial, path)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    std::fs::remove_file(&partial)?;
    linked
}

/// With what leads to it, for its owner alone.
pub(crate) fn make_dir(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
