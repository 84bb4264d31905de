//! What a backup says of itself, and whether that is so.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use skein_api::Time;
use skein_types::{Blake3, Bytes, ServerId, codes};

use super::{KEYS, SERVER, digest, failed, sync};
use crate::error::ServiceError;

/// The only one so far.
pub(super) const FORMAT: u32 = 1;
const FILE: &str = "manifest.json";
const DIGEST: &str = "manifest.blake3";
const BYTES_MAX: u64 = 256 << 20;

/// What is in a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) skein: String,
    pub(super) made: Time,
    pub(super) server: ServerId,
    /// The head of the ledger's chain.
    pub(super) position: u64,
    pub(super) hash: Blake3,
    /// Whether the keys are in it.
    pub(super) keys: bool,
    /// By path.
    pub(super) files: Vec<Entry>,
}

/// A file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// In the backup.
    pub(super) path: String,
    pub(super) bytes: Bytes,
    pub(super) blake3: Blake3,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Manifest {
    /// Writes it into a backup, durably.
    pub(super) fn write(&self, root: &Path) -> Result<(), ServiceError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| ServiceError::bug(error.to_string()))?;
        let digest = Blake3::of(&text).to_string();
        for (name, bytes) in [(FILE, &text[..]), (DIGEST, digest.as_bytes())] {
            let path = root.join(name);
            let written = File::create_new(&path).and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            });
            written.map_err(|error| failed("write", &path, &error))?;
        }
        sync(&root.join(SERVER))?;
        sync(root)
    }

    /// Reads it and everything that it names: what is there is what was written.
    pub(super) fn check(root: &Path) -> Result<Self, ServiceError> {
        let manifest = Self::read(root)?;
        for file in &manifest.files {
            let is_inside = Path::new(&file.path).components().enumerate().all(|(place, part)| match part {
                Component::Normal(name) => place > 0 || name == SERVER || name == KEYS,
                Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => false,
            });
            if !is_inside {
                return Err(damaged(root, &format!("it names {:?}", file.path)));
            }
            let path = root.join(&file.path);
            if !path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                return Err(damaged(root, &format!("{} is not there", file.path)));
            }
            let (bytes, blake3) = digest(&path)?;
            if (bytes, blake3) != (file.bytes, file.blake3) {
                return Err(damaged(root, &format!("{} is not what was written", file.path)));
            }
        }
        Ok(manifest)
    }

    fn read(root: &Path) -> Result<Self, ServiceError> {
        let bytes = match read(&root.join(FILE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let message = format!("{} holds no backup", root.display());
                return Err(ServiceError::new(codes::BACKUP_FOREIGN, message)
                    .hint(Some("name the directory that `skein backup` wrote")));
            }
            read => read.map_err(|error| failed("read", &root.join(FILE), &error))?,
        };
        let said = read(&root.join(DIGEST)).unwrap_or_default();
        if said != Blake3::of(&bytes).to_string().as_bytes() {
            return Err(damaged(root, "its manifest is not what was written"));
        }
        let foreign = |error: serde_json::Error| {
            ServiceError::new(codes::BACKUP_FOREIGN, format!("{}: {error}", root.join(FILE).display()))
        };
        let Head { format } = serde_json::from_slice(&bytes).map_err(foreign)?;
        if format != FORMAT {
            let message = format!("{} has format {format}, and this program knows {FORMAT}", root.display());
            return Err(ServiceError::new(codes::BACKUP_FOREIGN, message)
                .hint(Some("restore it with the version of skein that wrote it, or a later one")));
        }
        serde_json::from_slice(&bytes).map_err(foreign)
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn damaged(root: &Path, how: &str) -> ServiceError {
    ServiceError::new(codes::BACKUP_DAMAGED, format!("{}: {how}", root.display()))
        .hint(Some("use another backup; nothing was restored"))
}
