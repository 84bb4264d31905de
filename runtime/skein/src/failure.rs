//! How an error reaches the user: a code, one line, a hint, a page; and the exit code.

use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use skein_node::RunError;
use skein_types::{Code, ErrorClass, chain, codes};

use crate::args::Format;
use crate::render;
use crate::render::text::cut;

/// Of an error's line; a name in it may be as long as a file.
const ROOM: usize = 4096;

/// Any error, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    on_stderr: bool,
    /// Whether the command has printed it in its own form already.
    told: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    class: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    docs: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

pub(crate) type CommandResult = Result<(), Failure>;

impl Failure {
    pub(crate) fn new(code: Code, error: &dyn Error) -> Self {
        Self::text(code, chain(error))
    }

    pub(crate) fn text(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), hint: None, on_stderr: false, told: false }
    }

    /// A file that was given and cannot be read. That it is not there is one error whatever it was to be, and no second try mends it.
    pub(crate) fn unread(path: &Path, otherwise: Code, error: &std::io::Error) -> Self {
        let absent = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        Self::new(if absent { codes::FILE_NOT_FOUND } else { otherwise }, error).about(path)
    }

    /// What the command has printed already: only the exit code is left to say.
    pub(crate) fn told(code: Code) -> Self {
        Self { told: true, ..Self::text(code, "") }
    }

    pub(crate) fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into).or(self.hint);
        self
    }

    /// For people whatever the output is, because standard output has said it already.
    pub(crate) fn on_stderr(self) -> Self {
        Self { on_stderr: true, ..self }
    }

    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says which line of a list the message is about.
    pub(crate) fn in_line(mut self, line: u64) -> Self {
        self.message = format!("line {line}: {}", self.message);
        self
    }

    /// Says which file the message is about.
    pub(crate) fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// Lines below the message, such as a guest's backtrace.
    pub(crate) fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// Prints the error where its reader looks and answers the exit code.
    pub(crate) fn report(&self, format: Format) -> ExitCode {
        match format {
            Format::Json | Format::Ndjson | Format::Table if self.told => {}
            Format::Json if !self.on_stderr => render::json(&Envelope { error: self.body() }),
            Format::Ndjson if !self.on_stderr => render::json_line(&Envelope { error: self.body() }),
            Format::Json | Format::Ndjson | Format::Table => {
                let say =
                    |before: &str, text: &str| render::to_stderr(&cut(&format!("{before}{text}"), ROOM));
                say(&format!("error[{}]: ", self.code.id), &self.message);
                self.details.iter().for_each(|line| say("  ", line));
                self.hint.iter().for_each(|hint| say("  hint: ", hint));
                say("  see ", &format!("`skein explain {}`", self.code.id));
            }
        }
        ExitCode::from(self.code.exit_code())
    }
}

impl Failure {
    /// As it is shown where it is one of many.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.body()).expect("an error is plain data")
    }

    fn body(&self) -> Body<'_> {
        Body {
            code: self.code.id,
            class: self.code.class.as_str(),
            message: &self.message,
            details: &self.details,
            hint: self.hint.as_deref(),
            docs: self.docs(),
        }
    }

    fn docs(&self) -> String {
        format!("docs/errors/{}.md", self.code.id)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        crate::commands::run::failed(&error)
    }
}

/// What was printed and did not arrive. Only that the reader went away is not worth an error.
pub(crate) fn of_output() -> CommandResult {
    match render::lost() {
        None => Ok(()),
        Some(error) => {
            let failure = Failure::text(codes::IO, format!("the output was not written in full: {error}"));
            Err(failure.hint(Some("what the command did is done; only its answer is missing")).on_stderr())
        }
    }
}

/// Which of several failures decides the exit code: what a person must look into before what a second call may mend.
pub(crate) const fn severity(code: &Code) -> u8 {
    match code.class {
        ErrorClass::Bug => 5,
        ErrorClass::Fault => 4,
        ErrorClass::Denied => 3,
        ErrorClass::BadInput => 2,
        ErrorClass::Conflict => 1,
        ErrorClass::Transient => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    use super::Failure;
    use skein_types::codes;

    #[test]
    fn a_file_that_is_not_there_is_one_error_whatever_it_was_to_be() {
        let code = |kind: ErrorKind| {
            Failure::unread(Path::new("a"), codes::RULE_INVALID, &Error::from(kind)).code().id
        };
        assert_eq!(code(ErrorKind::NotFound), codes::FILE_NOT_FOUND.id);
        assert_eq!(code(ErrorKind::NotADirectory), codes::FILE_NOT_FOUND.id);
        assert_eq!(code(ErrorKind::InvalidData), codes::RULE_INVALID.id);
        assert_eq!(codes::FILE_NOT_FOUND.exit_code(), 5);
    }
}
