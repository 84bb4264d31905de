//! Builds every guest component once and collects the `.wasm` files in one directory; those of `migrations-wasm/` also in
//! `modules/` beside the binaries, which call them by name.
//!
//! A guest is a member under `migrations-wasm/` or `host-tests/guests/` that is built as a cdylib.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::layers::Manifest;
use crate::process;
use crate::project::Project;
use crate::source_tree::SourceTree;

pub(crate) const TARGET: &str = "wasm32-wasip2";
const PLACES: [&str; 2] = ["migrations-wasm/", "host-tests/guests/"];

/// Package names of all guests.
pub(crate) fn packages(tree: &SourceTree) -> Result<Vec<String>> {
    let members = Manifest::members(tree)?;
    let guests = members.into_iter().filter(|m| m.cdylib && PLACES.iter().any(|p| m.dir().starts_with(p)));
    Ok(guests.map(|m| m.name).collect())
}

/// Builds and answers the directory that holds `<package with underscores>.wasm` for each.
pub(crate) fn build(project: &Project) -> Result<PathBuf> {
    let packages = packages(&SourceTree::load(project.root())?)?;
    let mut cargo = project.cargo();
    // RUSTFLAGS in the environment would replace the target's own flags, SIMD among them.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["build", "--locked", "--profile", "guest", "--target", TARGET]);
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    process::run(&mut cargo)?;
    let collected = collect(project, &packages)?;
    install(project, &collected)?;
    Ok(collected)
}

/// Puts the ready-made modules where the binaries of this build find them by name. Test guests stay out.
fn install(project: &Project, collected: &Path) -> Result<()> {
    let members = Manifest::members(&SourceTree::load(project.root())?)?;
    for profile in ["debug", "release"] {
        let modules = project.target().join(profile).join("modules");
        fs::create_dir_all(&modules)?;
        for module in members.iter().filter(|m| m.cdylib && m.dir().starts_with(PLACES[0])) {
            let file = format!("{}.wasm", module.name.replace('-', "_"));
            fs::copy(collected.join(&file), modules.join(&file))
                .with_context(|| format!("cannot install {file}"))?;
        }
    }
    Ok(())
}

/// The directory of guests that were built before; installs and builds nothing.
fn collect(project: &Project, packages: &[String]) -> Result<PathBuf> {
    let built = project.target().join(TARGET).join("guest");
    let collected = project.target().join("guests");
    fs::create_dir_all(&collected)?;
    for package in packages {
        let file = format!("{}.wasm", package.replace('-', "_"));
        let from = built.join(&file);
        if !from.is_file() {
            bail!("{package} was built, but there is no {}: is it a cdylib?", from.display());
        }
        fs::copy(&from, collected.join(&file)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use super::packages;
    use crate::source_tree::SourceTree;

    #[test]
    fn guests_are_the_cdylib_members_in_the_two_places() {
        let cdylib = |name: &str| {
            format!("[package]\nname = \"{name}\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n")
        };
        let tree = SourceTree::of([
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"migrations-wasm/a\", \"host-tests/guests/b\", \"host-tests/guests/c\", \"x\"]",
            ),
            ("migrations-wasm/a/Cargo.toml", &cdylib("a")),
            ("host-tests/guests/b/Cargo.toml", &cdylib("b")),
            ("host-tests/guests/c/Cargo.toml", "[package]\nname = \"c\"\n"),
            ("x/Cargo.toml", &cdylib("x")),
        ]);
        assert_eq!(packages(&tree).expect("readable"), ["a", "b"]);
    }
}
