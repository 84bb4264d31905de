//! The commands of a page, typed as they stand there into one shell.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::tutorial::Step;
use crate::{Site, project};

/// Begins a line that stands between what two blocks say.
const MARK: &str = "== of the test ==";

/// A shell of somebody who has `skein` and is in a directory.
#[derive(Debug)]
pub struct Shell {
    place: PathBuf,
    path: OsString,
    variables: Vec<(String, OsString)>,
}

impl Shell {
    /// In the directory `work` of a site.
    pub fn new(site: &Site) -> Self {
        let tools = site.directory("tools");
        symlink(project::skein(), tools.join("skein")).unwrap();
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&inherited)));
        Self { place: site.directory("work"), path: path.unwrap(), variables: Vec::new() }
    }

    /// With one more variable.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Types blocks, one after the other; fails unless all of it succeeds.
    #[track_caller]
    pub fn types(&self, blocks: &[String]) -> Vec<Step> {
        let marked = |block: &String| format!("echo; echo \"{MARK} $EPOCHREALTIME\"\n{block}\n");
        let all: String = blocks.iter().map(marked).collect();
        let script = format!("exec 2>&1\n{all}\necho; echo \"{MARK} $EPOCHREALTIME\"\n");
        let mut shell = Command::new("timeout");
        shell.args(["500", "bash", "-euo", "pipefail", "-c", &script]).current_dir(&self.place).env_clear();
        shell.env("PATH", &self.path).envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "ended with {}:\n{said}", output.status);
        let parts: Vec<&str> = said.split(MARK).skip(1).collect();
        let began = |part: &&str| part.split_whitespace().next().unwrap().parse::<f64>().unwrap();
        let times: Vec<f64> = parts.iter().map(began).collect();
        let step = |(at, block): (usize, &String)| Step {
            commands: block.clone(),
            took: Duration::from_secs_f64((times[at + 1] - times[at]).max(0.0)),
            said: parts[at].split_once('\n').unwrap_or_default().1.to_owned(),
        };
        blocks.iter().enumerate().map(step).collect()
    }
}

/// A chapter of a page: what stands below its heading, up to the next one; what stands before the first has none.
#[track_caller]
pub fn chapter<'a>(page: &'a str, heading: &str) -> &'a str {
    let mut rest = page;
    if !heading.is_empty() {
        let (_, below) =
            page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
        rest = below;
    }
    rest.split_once("\n## ").map_or(rest, |(chapter, _)| chapter)
}
