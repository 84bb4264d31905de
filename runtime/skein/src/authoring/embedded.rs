//! The files that `build.rs` puts into the binary.

use skein_types::Blake3;

/// Path relative to the root of the repository, and text.
pub(crate) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Text of a file of the repository's root.
pub(crate) fn text(path: &str) -> &'static str {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found.map(|(_, text)| *text).expect("`build.rs` embeds it, else there would be no binary")
}

/// Digest over all of them: names the unpacked copy, so that two builds of Skein never share one.
pub(crate) fn digest() -> Blake3 {
    let mut bytes = Vec::new();
    for (path, text) in FILES {
        for part in [path, text] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    Blake3::of(&bytes)
}
