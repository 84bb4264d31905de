//! Where things are: the root of the workspace and cargo's target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::environment;
use crate::process;

/// The workspace that this command is run in.
#[derive(Debug, Deserialize)]
pub(crate) struct Project {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Project {
    /// Asks cargo, which knows every way to move its target directory.
    pub(crate) fn discover() -> Result<Self> {
        let mut metadata = Command::new(environment::cargo());
        metadata.args(["metadata", "--no-deps", "--format-version=1"]);
        let json = process::stdout(&mut metadata)?;
        serde_json::from_str(&json).context("cargo metadata")
    }

    pub(crate) fn root(&self) -> &Path {
        &self.workspace_root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target_directory
    }

    /// `cargo`, at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(environment::cargo());
        cargo.current_dir(&self.workspace_root);
        cargo
    }
}
