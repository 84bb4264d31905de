//! The commands of `docs/tutorial.md`, run as they stand there.
//!
//! What is in a block of `sh` is run; other blocks are for reading. Each block is a shell of its own that begins where the
//! one before it ended, as if one person typed them all.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Site, authors, project, python};

/// One block and what became of it.
#[derive(Debug)]
pub struct Step {
    /// The commands.
    pub commands: String,
    /// How long they took.
    pub took: Duration,
    /// All that they said.
    pub said: String,
}

/// Whoever follows the page: has `skein`, `duckdb` and cargo, and is somewhere.
#[derive(Debug)]
pub struct Reader {
    path: std::ffi::OsString,
    place: PathBuf,
    where_to: PathBuf,
}

impl Reader {
    /// A reader in an empty site.
    pub fn new(site: &Site) -> Self {
        let tools = site.directory("tools");
        symlink(project::skein(), tools.join("skein")).unwrap();
        let duckdb = "import sys, duckdb\nduckdb.sql(sys.argv[2])";
        let python = python::interpreter();
        let shim = format!("#!/bin/sh\nexec '{}' -c '{duckdb}' \"$@\"\n", python.display());
        let shim = site.file("tools/duckdb", shim);
        std::fs::set_permissions(shim, std::fs::Permissions::from_mode(0o755)).unwrap();
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&inherited))).unwrap();
        Self { path, place: site.directory("work"), where_to: site.path("place") }
    }

    /// Types a block; fails unless all of it succeeds.
    #[track_caller]
    pub fn follow(&mut self, commands: &str) -> Step {
        let started = Instant::now();
        let script = format!("exec 2>&1\ntrap 'pwd > \"$WHERE_TO\"' EXIT\n{commands}");
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &script]).current_dir(&self.place).env_clear();
        shell.envs(authors::environment()).env("PATH", &self.path).env("WHERE_TO", &self.where_to);
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{commands}\nended with {}:\n{said}", output.status);
        self.place = std::fs::read_to_string(&self.where_to).unwrap().trim_end().into();
        Step { commands: commands.to_owned(), took: started.elapsed(), said }
    }
}

/// The blocks of `sh` of a page, in order.
pub fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while lines.any(|line| line == "```sh") {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n") + "\n");
    }
    blocks
}
