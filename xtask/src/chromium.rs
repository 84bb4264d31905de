//! The browser in which tests look at the portal: Debian's Chromium, of whatever version it has.

use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

const ADVICE: &str = "the tests look at the portal in Chromium, which must be found as `chromium` (Debian: apt-get install chromium)";

/// Installs it where it is missing.
pub(crate) fn install() -> Result<()> {
    if require().is_ok() {
        return Ok(());
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(&mut apt).context(ADVICE)
    };
    apt(&["update", "--quiet"])?;
    apt(&["install", "--quiet", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"])?;
    require()
}

/// Fails if it does not start.
pub(crate) fn require() -> Result<()> {
    starts("chromium")
}

fn starts(program: &str) -> Result<()> {
    process::stdout(Command::new(program).arg("--version")).context(ADVICE).map(drop)
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn a_machine_without_a_browser_is_told_how_to_get_one() {
        let said = format!("{:#}", starts("no-such-chromium").expect_err("there is none"));
        assert!(said.contains("apt-get install chromium") && said.contains("cannot start"), "{said}");
    }
}
