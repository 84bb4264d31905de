//! The child's side: limits on itself, then a question a line and an answer a rule, until nobody asks.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::asked::{Answer, Question};
use crate::evaluate::evaluate;

/// Bytes of a question. The parent asks none that is longer.
pub(crate) const QUESTION_MAX: u64 = 64 << 20;
/// Of the thread that evaluates: queries are trees, and so is what is done with them.
const STACK: usize = 256 << 20;

/// Body of `skein evaluate MEMORY`: `args` are the numbers after the word. Meant for [`crate::Jail`] only.
pub fn child_main(args: &[String]) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(args: &[String]) -> io::Result<()> {
    let memory = match args {
        [memory] => memory.parse::<u64>().map_err(io::Error::other)?,
        _ => return Err(io::Error::other("one number")),
    };
    confine(memory)?;
    let (sender, receiver) = sync_channel::<Question>(1);
    let evaluating = thread::Builder::new().stack_size(STACK).spawn(move || {
        while let Ok(question) = receiver.recv() {
            answer(&question)?;
        }
        Ok::<(), io::Error>(())
    })?;
    let mut input = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        input.by_ref().take(QUESTION_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            // Whoever asked is gone, and nobody waits for what is being evaluated.
            return Ok(());
        }
        let question = serde_json::from_slice(&line)?;
        if evaluating.is_finished() || sender.send(question).is_err() {
            return Err(io::Error::other("nobody evaluates"));
        }
    }
}

fn answer(question: &Question) -> io::Result<()> {
    let mut failed = None;
    let tell = |answer: &Answer| -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, answer)?;
        writeln!(out)?;
        out.flush()
    };
    evaluate(question, |answer| failed = tell(&answer).err().or_else(|| failed.take()));
    failed.map_or(Ok(()), Err)
}

/// Limits this process for good: so much memory, nothing written anywhere, no core of what it read.
fn confine(memory: u64) -> io::Result<()> {
    let set =
        |resource, value: u64| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    set(Resource::As, memory)?;
    set(Resource::Core, 0)?;
    set(Resource::Fsize, 0)?;
    Ok(())
}
