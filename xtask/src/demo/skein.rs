//! Calls of the binary, as a person would make them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::stage::Stage;
use crate::process;

/// The release binary, at work in the stage's directory with keys and caches of its own.
#[derive(Debug)]
pub(super) struct Skein<'a> {
    pub(super) binary: PathBuf,
    pub(super) stage: &'a Stage,
}

impl Skein<'_> {
    /// Fails unless the call succeeds.
    pub(super) fn succeed(&self, arguments: &[&str]) -> Result<()> {
        self.said(self.command(arguments)).map(drop)
    }

    /// Asks a server with somebody's token; fails unless it answers with a document.
    pub(super) fn ask(&self, arguments: &[&str], (server, token): (&str, &str)) -> Result<Value> {
        let mut command = self.command(arguments);
        command.args(["-o", "json"]).env("SKEIN_SERVER", server).env("SKEIN_TOKEN", token);
        let said = self.said(command)?;
        serde_json::from_str(&said).with_context(|| format!("skein {}: {said}", arguments.join(" ")))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.stage.root()).env("SKEIN_HOME", self.stage.path("home"));
        command
    }

    fn said(&self, mut command: Command) -> Result<String> {
        self.stage.interruption().check()?;
        let said = process::stdout(&mut command);
        // A call that ended because of it is no failure of its own.
        self.stage.interruption().check()?;
        said
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::super::stage::{Interruption, MODULES, Stage};
    use super::Skein;
    use crate::surroundings::Surroundings;

    #[test]
    fn a_call_that_fails_or_answers_no_document_ends_the_story_and_the_stage_goes_with_it() {
        let place = tempfile::tempdir().unwrap();
        let guests = place.path().join("guests");
        fs::create_dir(&guests).unwrap();
        for module in MODULES {
            File::create(guests.join(module)).unwrap();
        }
        let surroundings = Surroundings { guests, skein: PathBuf::from("sh"), python: PathBuf::new() };
        let stage = Stage::new(place.path(), &surroundings, &Interruption::listen().unwrap()).unwrap();
        // `sh` where the demo calls `skein`.
        let skein = Skein { binary: surroundings.skein, stage: &stage };
        let error = skein.succeed(&["-c", "echo why >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
        let told = skein.ask(&["-c", "echo \"{\\\"to\\\":\\\"$SKEIN_TOKEN\\\"}\""], ("", "tk")).unwrap();
        assert_eq!(told["to"], "tk");
        assert!(skein.ask(&["-c", "echo done"], ("", "tk")).is_err());
        let left = stage.root().to_owned();
        drop(stage);
        assert!(!left.exists(), "the stage is still there");
    }
}
