//! The parent's side: one child, started when it is first needed and again when a rule ended it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use skein_types::{Bytes, Clock};

use crate::asked::{Answer, Question};
use crate::child::QUESTION_MAX;

/// What a child may be late beyond a rule's time: it measures that itself, and cannot where it never gets to.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether anybody still waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Of a rule that nobody waits for any more.
const STOPPED: &str = "it was not evaluated to its end: the run is stopped";
/// Bytes of an answer.
const ANSWER_MAX: u64 = 64 << 10;

/// How the child is started.
#[derive(Clone, Debug)]
pub struct JailOptions {
    /// The program; its main calls [`crate::child_main`] with what follows `args`.
    pub exe: PathBuf,
    /// Words that make it do so.
    pub args: Vec<String>,
    /// Of the whole child.
    pub memory: Bytes,
}

impl JailOptions {
    /// Memory of a child where nobody says otherwise: what queries may keep, the stack, and what no pool counts.
    pub const MEMORY: Bytes = Bytes(1 << 30);
}

/// A child that evaluates rules, one question at a time.
#[derive(Debug)]
pub struct Jail {
    options: JailOptions,
    place: Mutex<Place>,
    free: Condvar,
}

/// Where the child is while nobody asks it.
#[derive(Debug)]
struct Place {
    taken: bool,
    running: Option<Running>,
}

/// The child in the hands of the one who asks it.
struct Turn<'a> {
    jail: &'a Jail,
    running: Option<Running>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.jail.place() = Place { taken: false, running: self.running.take() };
        self.jail.free.notify_one();
    }
}

#[derive(Debug)]
struct Running {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<Answer>,
}

impl Running {
    /// The next answer, unless the rule takes longer than it may or nobody wants it any more.
    fn answer(&self, wall: Duration, late: &dyn Fn() -> Option<String>) -> Result<Answer, String> {
        let most = (wall + GRACE).as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..=most {
            match self.answers.recv_timeout(LOOK_EVERY) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => late().map_or(Ok(()), Err)?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(
                        "it needs more memory than a rule may have, or is nested too deeply".to_owned()
                    );
                }
            }
        }
        Err(format!("it takes longer than {} ms", wall.as_millis()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, most often.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Jail {
    /// Nothing is started yet.
    pub const fn new(options: JailOptions) -> Self {
        let place = Place { taken: false, running: None };
        Self { options, place: Mutex::new(place), free: Condvar::new() }
    }

    /// Answers of all rules, in their order. Whoever else asks waits, which is not time of its rules. `stop` is asked a few times a
    /// second: what was not answered when it says so is not known.
    pub fn ask(&self, question: &Question, clock: &dyn Clock, stop: &dyn Fn() -> bool) -> Vec<Answer> {
        let Some(mut turn) = self.turn(stop) else {
            return question.rules.iter().map(|_| Answer::inconclusive(STOPPED)).collect();
        };
        let until = clock.elapsed() + Duration::from_millis(question.limits.all.0);
        let late = || {
            if stop() {
                return Some(STOPPED.to_owned());
            }
            let all = question.limits.all.0;
            (clock.elapsed() >= until).then(|| format!("all rules together take longer than {all} ms"))
        };
        let running = &mut turn.running;
        let mut answers: Vec<Answer> = Vec::with_capacity(question.rules.len());
        while let Some(rest) = question.rules.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            if let Some(why) = late() {
                answers.push(Answer::inconclusive(&why));
                continue;
            }
            let rest = Question { rules: rest.to_vec(), ..question.clone() };
            if let Err(why) = self.asked(running, &rest, &mut answers, &late) {
                // The rule whose answer did not come is the one that ended the child, or would not end.
                *running = None;
                answers.push(Answer::inconclusive(&why));
            }
        }
        answers
    }

    /// The child when nobody else has it; none if nobody waits for it any more.
    fn turn(&self, stop: &dyn Fn() -> bool) -> Option<Turn<'_>> {
        let mut place = self.place();
        while place.taken {
            if stop() {
                return None;
            }
            let waited = self.free.wait_timeout(place, LOOK_EVERY);
            place = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        place.taken = true;
        Some(Turn { jail: self, running: place.running.take() })
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(
        &self,
        running: &mut Option<Running>,
        question: &Question,
        answers: &mut Vec<Answer>,
        late: &dyn Fn() -> Option<String>,
    ) -> Result<(), String> {
        let mut line = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        line.push(b'\n');
        if line.len() as u64 >= QUESTION_MAX {
            return Err("there are too many files for it".to_owned());
        }
        let told = running.as_mut().is_some_and(|running| running.questions.write_all(&line).is_ok());
        let running = match running {
            Some(running) if told => running,
            // None yet, or somebody else ended it since it was last asked.
            there => {
                let mut started =
                    self.start().map_err(|error| format!("rules cannot be evaluated here: {error}"))?;
                let gone = |_| "the process that evaluates rules ends at once".to_owned();
                started.questions.write_all(&line).map_err(gone)?;
                there.insert(started)
            }
        };
        let wall = Duration::from_millis(question.limits.wall.0);
        question.rules.iter().try_for_each(|_| {
            answers.push(running.answer(wall, late)?);
            Ok(())
        })
    }

    fn start(&self) -> std::io::Result<Running> {
        let mut child = Command::new(&self.options.exe)
            .args(&self.options.args)
            .arg(self.options.memory.0.to_string())
            .env_clear()
            // Each arena reserves addresses, which count.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(questions), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("a child without pipes"));
        };
        let (sender, answers) = sync_channel(1);
        // Ends with the child, or when nobody wants its answers.
        thread::Builder::new().name("rules".to_owned()).spawn(move || {
            let mut out = BufReader::new(out);
            loop {
                let mut line = Vec::new();
                let read = out.by_ref().take(ANSWER_MAX).read_until(b'\n', &mut line);
                let answer = read.ok().and_then(|_| serde_json::from_slice(&line).ok());
                let Some(answer) = answer else { return };
                if sender.send(answer).is_err() {
                    return;
                }
            }
        })?;
        Ok(Running { child, questions, answers })
    }
}

#[cfg(test)]
mod tests;
