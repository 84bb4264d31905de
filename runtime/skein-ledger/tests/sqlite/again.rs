//! Running a test again as another process: to be killed, to be the second one, to be in a namespace of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

const INSIDE: &str = "SKEIN_TEST_INSIDE";

/// The directory that the process which started this one gave it. None if nobody did.
pub(crate) fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

/// `test`, with the name of its module, as another process.
pub(crate) fn again(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, directory);
    command
}

/// The like after `prepare`, a shell script with `$W` as its directory, in a mount namespace of its own. Takes root.
pub(crate) fn in_namespace(test: &str, directory: &Path, prepare: &str) {
    let script =
        format!("set -e; mount --make-rprivate /; {prepare}; exec \"$T\" --exact {test} --nocapture");
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .env("W", directory)
        .env("T", std::env::current_exe().unwrap())
        .env(INSIDE, directory)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let advice =
        "run the tests as root, with unshare, mount and losetup of util-linux and mkfs.ext4 of e2fsprogs";
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}\n{advice}");
}

/// A number from the environment, by which a soak asks for its long form.
#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
