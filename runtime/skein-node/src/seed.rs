//! Seeds of a guest's clock and randomness: a function of what is migrated, never of when, where or by how many.

use skein_sandbox::Seed;
use skein_types::{Blake3, ModuleDigest, ParamsDigest};

/// What the seeds of one file are made of.
#[derive(Debug, Clone)]
pub(crate) struct FileSeed {
    hasher: blake3::Hasher,
}

impl FileSeed {
    /// `footer` covers the file's footer bytes and size; `path` is relative to the dataset.
    pub(crate) fn new(module: ModuleDigest, params: ParamsDigest, footer: Blake3, path: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("skein 2026-11 row group seed");
        hasher.update(&module.0).update(&params.0).update(&footer.0).update(path.as_bytes()).update(&[0]);
        Self { hasher }
    }

    pub(crate) fn row_group(&self, row_group: usize) -> Seed {
        let mut hasher = self.hasher.clone();
        hasher.update(&(row_group as u64).to_le_bytes());
        Seed(*hasher.finalize().as_bytes())
    }
}
