//! Python with duckdb, polars, pandas, pyarrow and pyspark, which write and read files as strangers do, and with Playwright, which looks at
//! pages as people do.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::project;

/// No question of these tests takes longer; beyond it the process is stuck.
const DEADLINE: Duration = Duration::from_secs(300);

/// `SKEIN_PYTHON`, else the virtual environment that `cargo xtask` makes.
pub fn interpreter() -> PathBuf {
    let python = project::given("SKEIN_PYTHON").unwrap_or_else(|| project::target().join("venv/bin/python"));
    assert!(
        python.is_file(),
        "no Python with duckdb, polars, pandas, pyarrow and pyspark at {}; `cargo xtask test` makes it, or set SKEIN_PYTHON",
        python.display()
    );
    python
}

fn script(name: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new(interpreter());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(project::root().join("host-tests/foreign").join(name)).args(arguments);
    command
}

/// Runs a script of `host-tests/tests/` on what it is given, and returns what it answers in its last line.
#[track_caller]
pub fn play(script: &str, given: &Value) -> Value {
    let mut command = Command::new(interpreter());
    let path = project::root().join("host-tests/tests").join(script);
    let output =
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(path).arg(given.to_string()).output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{script} failed:\n{}{}", said[0], said[1]);
    serde_json::from_str(said[0].lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {}{}", said[0], said[1]))
}

/// Runs a script of `host-tests/foreign/` and returns what it printed.
pub fn run(name: &str, arguments: &[&Path]) -> String {
    let output = script(name, arguments).output().unwrap();
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{name} {arguments:?} failed:\n{}{}", said[0], said[1]);
    String::from_utf8(output.stdout).unwrap()
}

/// A script of `host-tests/foreign/` that stays and answers each line of JSON with one. It ends with its standard input,
/// so with whoever started it.
#[derive(Debug)]
pub struct Worker {
    name: String,
    child: Child,
    questions: Option<ChildStdin>,
    answers: Receiver<String>,
    messages: File,
}

impl Worker {
    /// Starts it.
    pub fn start(name: &str, arguments: &[&Path]) -> Self {
        let messages = tempfile::tempfile().unwrap();
        let mut command = script(name, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(messages.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let questions = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // One question is asked at a time.
        let (answer, answers) = sync_channel(1);
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| answer.send(line)));
        Self { name: name.to_owned(), child, questions, answers, messages }
    }

    /// Asks and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, question: &Value) -> Value {
        self.say(question);
        self.answer()
    }

    /// Asks; [`Worker::answer`] waits.
    pub fn say(&mut self, question: &Value) {
        if let Err(error) = writeln!(self.questions.as_mut().unwrap(), "{question}") {
            self.fail(&error);
        }
    }

    /// Waits for the answer to what was asked.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        match self.answers.recv_timeout(DEADLINE) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            Err(error) => self.fail(&error),
        }
    }

    /// Fails with what it has written to its standard error.
    #[track_caller]
    fn fail(&mut self, error: &dyn Error) -> ! {
        let mut said = Vec::new();
        self.messages.rewind().unwrap();
        self.messages.read_to_end(&mut said).unwrap();
        panic!("{} does not answer: {error}\n{}", self.name, String::from_utf8_lossy(&said));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.questions.take());
        if thread::panicking() {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}
