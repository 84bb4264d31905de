//! One call of the binary, as a person would make it.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

use super::stage::Stage;
use crate::process;

/// The release binary, at work in the stage's directory with keys and caches of its own.
#[derive(Debug)]
pub(super) struct Skein<'a> {
    pub(super) binary: PathBuf,
    pub(super) stage: &'a Stage,
}

/// A call that ended as it was expected to.
#[derive(Debug)]
pub(super) struct Answer {
    /// The line that a person would type.
    pub(super) line: String,
    stdout: String,
}

impl Skein<'_> {
    /// Fails unless the call succeeds.
    pub(super) fn succeed(&self, arguments: &[&str]) -> Result<Answer> {
        let (line, output) = self.call(arguments)?;
        ensure!(output.status.success(), "{line}: {}\n{}", output.status, said(&output.stderr));
        Ok(Answer { line, stdout: said(&output.stdout) })
    }

    /// Fails unless the call is refused with this code and exit code.
    pub(super) fn refuse(&self, arguments: &[&str], code: &str, exit: i32) -> Result<Answer> {
        let (line, output) = self.call(arguments)?;
        let (status, messages) = (output.status, said(&output.stderr));
        ensure!(messages.contains(code), "{line}: wanted {code}, got {status}\n{messages}");
        ensure!(status.code() == Some(exit), "{line}: wanted exit code {exit}, got {status}\n{messages}");
        Ok(Answer { line, stdout: messages })
    }

    fn call(&self, arguments: &[&str]) -> Result<(String, Output)> {
        self.stage.interruption().check()?;
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.stage.root()).env("SKEIN_HOME", self.stage.path("home"));
        let line = process::shown(&command);
        let output = command.output().with_context(|| format!("cannot start {line}"))?;
        self.stage.interruption().check()?;
        Ok((line, output))
    }
}

impl Answer {
    /// Fails unless the words occur in what was said, whatever their case.
    pub(super) fn says(&self, words: &str) -> Result<()> {
        let said = self.stdout.to_lowercase();
        ensure!(said.contains(words), "{}: expected {words:?} in\n{}", self.line, self.stdout);
        Ok(())
    }

    /// The first line of what was said.
    pub(super) fn first_line(&self) -> &str {
        self.stdout.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("nothing said")
    }

    /// The lines after the first, as many as wanted.
    pub(super) fn details(&self, most: usize) -> Vec<String> {
        let lines = self.stdout.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.skip(1).take(most).map(str::to_owned).collect()
    }
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::super::stage::{Interruption, Stage};
    use super::Skein;
    use crate::surroundings::Surroundings;

    /// Calls `sh` where the demo calls `skein`.
    fn with_shell(look: impl FnOnce(&Skein<'_>)) {
        let place = tempfile::tempdir().unwrap();
        let guests = place.path().join("guests");
        fs::create_dir(&guests).unwrap();
        for module in ["lineitem_v2.wasm", "columns.wasm"] {
            File::create(guests.join(module)).unwrap();
        }
        let surroundings = Surroundings { guests, skein: PathBuf::from("sh"), python: PathBuf::new() };
        let stage = Stage::new(place.path(), &surroundings, &Interruption::listen().unwrap()).unwrap();
        look(&Skein { binary: surroundings.skein, stage: &stage });
        let left = stage.root().to_owned();
        drop(stage);
        assert!(!left.exists(), "the stage is still there");
    }

    #[test]
    fn a_refusal_needs_both_its_code_and_its_exit_code() {
        with_shell(|skein| {
            let said = "echo 'error[SK0107]: a socket' >&2; exit 65";
            let answer = skein.refuse(&["-c", said], "SK0107", 65).unwrap();
            assert_eq!(answer.first_line(), "error[SK0107]: a socket");
            assert!(skein.refuse(&["-c", said], "SK0108", 65).is_err());
            assert!(skein.refuse(&["-c", said], "SK0107", 1).is_err());
            assert!(skein.refuse(&["-c", "echo SK0107 >&2"], "SK0107", 65).is_err());
        });
    }

    #[test]
    fn a_call_that_fails_and_an_answer_without_the_words_end_the_story() {
        with_shell(|skein| {
            let error = skein.succeed(&["-c", "echo why >&2; exit 3"]).unwrap_err().to_string();
            assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
            let answer = skein.succeed(&["-c", "echo Already migrated"]).unwrap();
            assert!(answer.says("already migrated").is_ok());
            assert!(answer.says("published").is_err());
        });
    }
}
