//! What the tests need of the machine beside tools: to be root, and to mount in a namespace of their own.
//!
//! Full disks, read-only mounts and users without rights are real ones in the tests, so there is no testing without.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// The advice of the tests themselves, which fail without it too.
const ADVICE: &str = "run the tests as root, with unshare, mount and losetup of util-linux, chattr and mkfs.ext4 of \
                      e2fsprogs; in a container, with the capability SYS_ADMIN and loop devices";

/// Fails unless this process may do what the tests do.
pub(crate) fn require() -> Result<()> {
    let user = process::stdout(Command::new("id").arg("-u"))?;
    be_root(user.trim_end())?;
    mount_in("unshare")?;
    // The power is cut from file systems in images.
    process::stdout(Command::new("losetup").arg("--find"))
        .with_context(|| format!("the tests find no loop device: {ADVICE}"))?;
    for (tool, argument) in [("script", "--version"), ("chattr", "-V"), ("mkfs.ext4", "-V")] {
        start(tool, argument)?;
    }
    Ok(())
}

fn be_root(user: &str) -> Result<()> {
    if user != "0" {
        bail!("the tests mount file systems and change users, which user {user} may not: {ADVICE}");
    }
    Ok(())
}

/// In a namespace that ends with the command, so nothing stays mounted.
fn mount_in(unshare: &str) -> Result<()> {
    let mut command = Command::new(unshare);
    command.args(["--mount", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /tmp"]);
    process::stdout(&mut command).with_context(|| format!("the tests cannot mount: {ADVICE}"))?;
    Ok(())
}

fn start(tool: &str, argument: &str) -> Result<()> {
    // Only whether there is one: asked for its version, `chattr` answers and fails.
    let started = Command::new(tool).arg(argument).output();
    started.with_context(|| format!("the tests cannot start {tool}: {ADVICE}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{be_root, mount_in, require, start};

    #[test]
    fn the_machine_that_runs_the_tests_has_what_they_need() {
        require().expect("root, unshare, mount, losetup, script, chattr and mkfs.ext4");
    }

    #[test]
    fn whoever_is_not_root_is_told_so_with_advice() {
        be_root("0").expect("root may");
        let refused = be_root("1000").expect_err("is not root").to_string();
        assert_eq!(
            refused,
            "the tests mount file systems and change users, which user 1000 may not: run the tests as root, with \
             unshare, mount and losetup of util-linux, chattr and mkfs.ext4 of e2fsprogs; in a container, with the \
             capability SYS_ADMIN and loop devices"
        );
    }

    #[test]
    fn a_tool_that_is_missing_or_refuses_is_named_with_advice() {
        for (refused, reason) in [
            (mount_in("no-such-unshare"), "cannot start no-such-unshare"),
            (mount_in("false"), "false --mount sh -c"),
            (start("no-such-chattr", "-V"), "the tests cannot start no-such-chattr"),
        ] {
            let said = format!("{:#}", refused.expect_err("there is no such tool"));
            assert!(said.starts_with("the tests cannot ") && said.contains(reason), "{said}");
            assert!(
                said.contains("run the tests as root, with unshare, mount and losetup of util-linux"),
                "{said}"
            );
        }
    }
}
