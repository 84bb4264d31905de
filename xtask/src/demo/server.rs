//! The server of the story, and questions to it as a person would ask them with `curl`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::stage::Stage;
use super::story::{ADMIN, owner};
use super::warehouse::TEAMS;
use crate::process;
use crate::stopwatch::Stopwatch;

/// What the steps wait for takes a few seconds; a minute of nothing is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// `skein serve` with two nodes of one slot each. Dropped, it is killed, and its nodes end with it.
#[derive(Debug)]
pub(super) struct Server<'a> {
    process: Option<Child>,
    pub(super) address: String,
    /// What a person would type.
    pub(super) line: String,
    pub(super) stage: &'a Stage,
}

/// What was answered, and the line that asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) line: String,
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Of one question.
pub(super) struct Question<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Whose token: a file in the stage's directory.
    pub(super) token: &'a str,
    /// More arguments of curl.
    pub(super) with: &'a [&'a str],
}

impl<'a> Server<'a> {
    pub(super) fn start(binary: &Path, stage: &'a Stage) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--access", "tokens", "--listen", "127.0.0.1:0", "--dir", "server"]);
        command.args(["--nodes", "2", "--slots", "1"]).current_dir(stage.root());
        command.env("SKEIN_HOME", stage.path("home")).env("SKEIN_LOG", "error").stdout(Stdio::piped());
        let line = process::shown(&command);
        let mut child = command.spawn().context("the server does not start")?;
        let stdout = child.stdout.take().context("a piped stdout")?;
        let mut server = Self { process: Some(child), address: String::new(), line, stage };
        let mut said = BufReader::new(stdout).lines();
        let first = said.next().context("the server said nothing")??;
        let address = first.split_whitespace().nth(2).map(|word| word.trim_end_matches(',').to_owned());
        server.address = address.with_context(|| format!("the server said {first:?}"))?;
        // Where the token is comes next; nobody reads what it may say later.
        said.next().context("the server did not say where the admin's token is")??;
        Ok(server)
    }

    /// Asks with curl; an answer that is no JSON is an error, a refusal is not.
    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Answer> {
        self.stage.interruption().check()?;
        let token = self.stage.read(question.token)?;
        let url = format!("{}{}", self.address, question.path);
        let mut command = Command::new("curl");
        command.current_dir(self.stage.root()).args(["-sS", "-X", question.method]);
        command.args(question.with).arg(&url);
        let line =
            format!("curl -H \"Authorization: Bearer $(cat {})\" {}", question.token, shown(question, &url));
        command.args(["-H", &format!("Authorization: Bearer {}", token.trim()), "-w", "\n%{http_code}"]);
        let output = command.output().context("the demo asks with curl, which does not start: install it")?;
        ensure!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).context("an answer in UTF-8")?;
        let (body, status) = said.rsplit_once('\n').context("a status")?;
        let body = if body.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(body).context(line.clone())?
        };
        Ok(Answer { line, status: status.trim().parse()?, body })
    }

    /// Asks and fails unless it is done.
    pub(super) fn done(&self, question: &Question<'_>) -> Result<Answer> {
        let answer = self.ask(question)?;
        ensure!((200..300).contains(&answer.status), "{}: {} {}", answer.line, answer.status, answer.body);
        Ok(answer)
    }

    /// Asks the same until the answer is as wanted.
    pub(super) fn until(
        &self,
        question: &Question<'_>,
        mut is_it: impl FnMut(&Value) -> Result<bool>,
    ) -> Result<Answer> {
        let watch = Stopwatch::start();
        loop {
            let answer = self.done(question)?;
            if is_it(&answer.body)? {
                return Ok(answer);
            }
            if watch.elapsed() > PATIENCE {
                bail!("{}: nothing more for {PATIENCE:?}: {}", answer.line, answer.body);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Processes that the server has started: its nodes.
    #[expect(clippy::disallowed_methods, reason = "a list of processes, by the system")]
    pub(super) fn nodes(&self) -> Result<Vec<u32>> {
        let process = self.process.as_ref().context("a server")?.id();
        let mut nodes = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
            let children = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
            nodes.extend(children.split_whitespace().filter_map(|number| number.parse::<u32>().ok()));
        }
        Ok(nodes)
    }

    /// Leaves it at work, and says how to look at it and to end it.
    pub(super) fn stays(mut self) {
        println!("open {} and sign in with the token in {ADMIN}", self.address);
        println!("whoever made a campaign does not approve it: {} is an owner's token", owner(TEAMS[0]));
        if let Some(process) = self.process.take() {
            let process = process.id();
            println!("the server is process {process}: `kill {process}` ends it");
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if process.kill().is_ok() {
            process.wait().ok();
        }
    }
}

fn shown(question: &Question<'_>, url: &str) -> String {
    let quoted = |word: &&str| match word.contains([' ', '{', '"', '*', '?']) {
        true => format!("'{word}'"),
        false => (*word).to_owned(),
    };
    let words: Vec<String> = question.with.iter().map(quoted).collect();
    let method = if question.method == "GET" { String::new() } else { format!("-X {} ", question.method) };
    format!("{method}{} {url}", words.join(" ")).replace("  ", " ")
}
