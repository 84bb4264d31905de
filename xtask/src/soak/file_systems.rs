//! The suites that touch a store, on file systems of our own making: an image of each kind, mounted in a namespace that
//! ends with the tests. `cargo xtask test` runs the same suites on whatever the machine's temporary directory is.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::environment;
use crate::process;
use crate::project::Project;
use crate::surroundings::Surroundings;
use crate::test;

/// What a store's file system decides the outcome of.
const SUITES: [&str; 7] = ["files", "place", "modes", "mixed", "compaction", "many", "crash"];
/// Room for the largest of them.
const SIZE: &str = "3G";

/// A file system that Skein accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ext4,
    Xfs,
    Btrfs,
    Tmpfs,
}

const KINDS: [Kind; 4] = [Kind::Ext4, Kind::Xfs, Kind::Btrfs, Kind::Tmpfs];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Tmpfs => "tmpfs",
        }
    }

    /// The program that makes one, and the Debian package that has it.
    const fn maker(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ext4 => Some(("mkfs.ext4", "e2fsprogs")),
            Self::Xfs => Some(("mkfs.xfs", "xfsprogs")),
            Self::Btrfs => Some(("mkfs.btrfs", "btrfs-progs")),
            Self::Tmpfs => None,
        }
    }

    /// Makes the image `$I` and mounts it on `$D`.
    fn mounting(self) -> String {
        match self.maker() {
            Some((maker, _)) => {
                format!("truncate -s {SIZE} \"$I\"; {maker} -q \"$I\"; mount -o loop \"$I\" \"$D\"")
            }
            None => format!("mount -t tmpfs -o size={SIZE} tmpfs \"$D\""),
        }
    }
}

/// Runs the suites on one file system after the other.
pub(crate) fn run(project: &Project, surroundings: &Surroundings, rounds: u32, seed: u64) -> Result<()> {
    for (maker, package) in KINDS.iter().filter_map(|kind| kind.maker()) {
        if process::stdout(Command::new("sh").args(["-c", &format!("command -v {maker}")])).is_err() {
            bail!("{maker} is missing; install {package}");
        }
    }
    // Built where the rest is: the mounted file system is for data alone.
    process::run(surroundings.given_to(tests(project.cargo()).arg("--no-run")))?;
    let desk = project.target().join("file-systems");
    std::fs::create_dir_all(&desk).with_context(|| format!("cannot make {}", desk.display()))?;
    for kind in KINDS {
        println!("on {}, {rounds} kills", kind.name());
        let image = desk.join("image");
        let ended = on(kind, project, (&image, &desk), surroundings, (rounds, seed));
        remove(&image)?;
        ended?;
    }
    Ok(())
}

fn tests(mut cargo: Command) -> Command {
    cargo.args(["test", "--locked", "--workspace"]).args(test::CRASH_POINTS);
    cargo.args(SUITES.iter().flat_map(|suite| ["--test", suite]));
    cargo
}

fn on(
    kind: Kind,
    project: &Project,
    (image, desk): (&Path, &Path),
    surroundings: &Surroundings,
    (rounds, seed): (u32, u64),
) -> Result<()> {
    let mounted = desk.join("mounted");
    std::fs::create_dir_all(&mounted)?;
    let cargo = tests(project.cargo());
    let script =
        format!("set -e; mount --make-rprivate /; {}; chmod 1777 \"$D\"; exec \"$@\"", kind.mounting());
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(environment::cargo()).args(cargo.get_args());
    command.current_dir(project.root()).env("I", image).env("D", &mounted).env("TMPDIR", &mounted);
    command.env("SKEIN_SOAK_ROUNDS", rounds.to_string()).env("SKEIN_SEED", seed.to_string());
    process::run(surroundings.given_to(&mut command)).with_context(|| format!("on {}", kind.name()))
}

fn remove(image: &Path) -> Result<()> {
    match std::fs::remove_file(image) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", image.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn an_image_is_made_with_the_tool_of_its_kind_and_memory_needs_none() {
        let xfs = "truncate -s 3G \"$I\"; mkfs.xfs -q \"$I\"; mount -o loop \"$I\" \"$D\"";
        assert_eq!(Kind::Xfs.mounting(), xfs);
        assert_eq!(Kind::Tmpfs.mounting(), "mount -t tmpfs -o size=3G tmpfs \"$D\"");
    }
}
