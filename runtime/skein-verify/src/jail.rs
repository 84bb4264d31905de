//! The parent's side: so many children as may be asked at a time, each started when it is first needed and again when a rule ended
//! it. Who is asked while all are at work waits, so there should be one for each who may ask.

mod time;

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
use time::Time;

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
    /// Of a whole child.
    pub memory: Bytes,
    /// Children at a time; at least one.
    pub children: usize,
}

impl JailOptions {
    /// Memory of a child where nobody says otherwise: what queries may keep, the stack, and what no pool counts.
    pub const MEMORY: Bytes = Bytes(1 << 30);
}

/// Children that evaluate rules, each one question at a time.
#[derive(Debug)]
pub struct Jail {
    options: JailOptions,
    place: Mutex<Place>,
    free: Condvar,
}

/// Where children are while nobody asks them.
#[derive(Debug)]
struct Place {
    /// In somebody's hands, or about to be.
    taken: usize,
    idle: Vec<Running>,
}

/// A child in the hands of the one who asks it.
struct Turn<'a> {
    jail: &'a Jail,
    running: Option<Running>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut place = self.jail.place();
        place.taken = place.taken.saturating_sub(1);
        place.idle.extend(self.running.take());
        drop(place);
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
    fn answer(&self, wall: Duration, over: &dyn Fn() -> Option<String>) -> Result<Answer, Answer> {
        let most = (wall + GRACE).as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..=most {
            match self.answers.recv_timeout(LOOK_EVERY) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) => {
                    over().map_or(Ok(()), |why| Err(Answer { late: true, ..Answer::inconclusive(&why) }))?;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let why = "it needs more memory than a rule may have, or is nested too deeply";
                    return Err(Answer::inconclusive(why));
                }
            }
        }
        Err(Answer::too_late(wall.as_millis()))
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
        let place = Place { taken: 0, idle: Vec::new() };
        Self { options, place: Mutex::new(place), free: Condvar::new() }
    }

    /// Answers of all rules, in their order. Who asks while all children are at work waits, which is not time of its rules. `stop` is
    /// asked a few times a second: what was not answered when it says so is not known.
    pub fn ask(&self, question: &Question, clock: &dyn Clock, stop: &dyn Fn() -> bool) -> Vec<Answer> {
        let Some(mut turn) = self.turn(stop) else {
            return question.rules.iter().map(|_| Answer::inconclusive(STOPPED)).collect();
        };
        let mut time = Time::new(clock, question.limits);
        let mut answers: Vec<Answer> = Vec::with_capacity(question.rules.len());
        while let Some(next) = question.rules.get(answers.len()) {
            let why = if stop() { Some(STOPPED.to_owned()) } else { time.refuses(next) };
            if let Some(why) = why {
                answers.push(Answer::inconclusive(&why));
                continue;
            }
            let rest = question.rules.get(answers.len()..).unwrap_or_default().to_vec();
            let rest = Question { rules: rest, ..question.clone() };
            if let Err(answer) = self.asked(&mut turn.running, &rest, (&mut answers, &mut time), stop) {
                // The rule whose answer did not come is the one that ended the child, or would not end.
                turn.running = None;
                if let Some(answer) = answer {
                    if let Some(rule) = question.rules.get(answers.len()) {
                        time.took(rule, &answer);
                    }
                    answers.push(answer);
                }
            }
        }
        answers
    }

    /// A child that nobody else has, or the place for one; none if nobody waits for it any more.
    fn turn(&self, stop: &dyn Fn() -> bool) -> Option<Turn<'_>> {
        let mut place = self.place();
        while place.taken >= self.options.children.max(1) {
            if stop() {
                return None;
            }
            let waited = self.free.wait_timeout(place, LOOK_EVERY);
            place = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        place.taken += 1;
        Some(Turn { jail: self, running: place.idle.pop() })
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers of these rules, one after the other. An error is that of the first that was not answered, if it was at work, and none
    /// where the rest is not to be tried: the child is then at what nobody wants to know.
    fn asked(
        &self,
        running: &mut Option<Running>,
        question: &Question,
        (answers, time): (&mut Vec<Answer>, &mut Time<'_>),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Option<Answer>> {
        let running = self.told(running, question).map_err(|why| Some(Answer::inconclusive(&why)))?;
        let wall = Duration::from_millis(question.limits.wall.0);
        for (at, rule) in question.rules.iter().enumerate() {
            if at > 0 && (stop() || time.refuses(rule).is_some()) {
                return Err(None);
            }
            let over = || if stop() { Some(STOPPED.to_owned()) } else { time.is_over(rule) };
            let answer = running.answer(wall, &over).map_err(Some)?;
            time.took(rule, &answer);
            answers.push(answer);
        }
        Ok(())
    }

    /// A child that was told what is asked.
    fn told<'a>(
        &self,
        running: &'a mut Option<Running>,
        question: &Question,
    ) -> Result<&'a mut Running, String> {
        let mut line = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        line.push(b'\n');
        if line.len() as u64 >= QUESTION_MAX {
            return Err("there are too many files for it".to_owned());
        }
        let told = running.as_mut().is_some_and(|running| running.questions.write_all(&line).is_ok());
        if !told {
            // None yet, or somebody else ended it since it was last asked.
            let mut started =
                self.start().map_err(|error| format!("rules cannot be evaluated here: {error}"))?;
            let gone = |_| "the process that evaluates rules ends at once".to_owned();
            started.questions.write_all(&line).map_err(gone)?;
            return Ok(running.insert(started));
        }
        running.as_mut().ok_or_else(|| "no process evaluates it".to_owned())
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
