//! A digest over every file of a dataset, to show that bytes are identical.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

/// Names and contents of all files below a path. Equal imprints mean equal bytes under equal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Imprint(blake3::Hash);

impl Imprint {
    pub(super) fn of(dataset: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(dataset, &mut files)?;
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let mut whole = blake3::Hasher::new();
        for (name, content) in &files {
            whole.update(name.as_bytes()).update(&[0]).update(content.as_bytes());
        }
        Ok(Self(whole.finalize()))
    }
}

fn collect(path: &Path, files: &mut Vec<(String, blake3::Hash)>) -> Result<()> {
    if path.is_file() {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?).with_context(|| format!("cannot read {}", path.display()))?;
        files.push((path.to_string_lossy().into_owned(), hasher.finalize()));
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;
    use std::path::Path;

    use super::Imprint;

    fn put(path: &Path, text: &str) {
        File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn an_imprint_changes_with_a_byte_a_name_and_a_new_file_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        put(&file, "one");
        let before = Imprint::of(dir.path()).unwrap();
        put(&file, "two");
        assert_ne!(Imprint::of(dir.path()).unwrap(), before);
        put(&file, "one");
        assert_eq!(Imprint::of(dir.path()).unwrap(), before);
        fs::rename(&file, dir.path().join("b")).unwrap();
        assert_ne!(Imprint::of(dir.path()).unwrap(), before);
        put(&file, "one");
        assert_ne!(Imprint::of(dir.path()).unwrap(), before);
    }
}
