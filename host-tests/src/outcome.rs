//! What a call answered, and the assertions that every refusal must pass.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use skein_types::Code;

use crate::project;

/// Exit status and output of a call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its answer.
    pub stdout: String,
    /// Its messages.
    pub stderr: String,
}

impl Outcome {
    /// Exit code; fails if a signal ended the process.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:#?}"))
    }

    /// Whether SIGKILL ended it, as at a crash point.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// Fails unless the call succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.status.code(), Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The answer as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Fails unless the call was refused in the form that is owed to people: code, exit code, and a page.
    #[track_caller]
    pub fn refused(&self, code: Code) -> &Self {
        // On a slow machine a line of progress may stand before it.
        let first = self.stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        assert!(first.starts_with(&format!("error[{}]: ", code.id)), "wanted {code}:\n{}", self.stderr);
        assert_eq!(self.status.code(), Some(i32::from(code.exit_code())), "{}", self.stderr);
        let page = format!("docs/errors/{}.md", code.id);
        assert!(
            self.stderr.lines().any(|line| line.trim() == format!("see `skein explain {}`", code.id)),
            "{}",
            self.stderr
        );
        assert!(project::root().join(&page).is_file(), "{page} does not exist");
        self
    }

    /// Fails unless a call with `-o json` was refused with this code.
    #[track_caller]
    pub fn refused_json(&self, code: Code) -> &Self {
        let error = &self.json()["error"];
        assert_eq!(error["code"], code.id, "{error}");
        assert_eq!(error["class"], code.class.as_str(), "{error}");
        assert_eq!(error["docs"], format!("docs/errors/{}.md", code.id), "{error}");
        assert_eq!(self.status.code(), Some(i32::from(code.exit_code())), "{error}");
        self
    }
}
