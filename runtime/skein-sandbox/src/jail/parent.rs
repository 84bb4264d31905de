//! The parent's side: start, feed, read, time, kill.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use skein_types::{ModuleDigest, codes};

use super::child::ENVIRONMENT;
use super::{CompileReport, CompiledModule, JailOptions, MODULE_BYTES_MAX, SubmitError};
use crate::engine;

/// Bytes before the artifact: the report.
const REPORT_BYTES_MAX: u64 = 1 << 20;

/// How often, and how far apart, the parent looks whether a child that has answered is gone: five seconds in all.
const ENDING_POLLS: u32 = 2_500;
const ENDING_POLL: Duration = Duration::from_millis(2);

/// Checks and compiles a module in a child process. Blocks until the child is gone.
pub fn compile_in_jail(options: &JailOptions, module: &[u8]) -> Result<CompiledModule, SubmitError> {
    if module.len() > MODULE_BYTES_MAX {
        let message = format!("the module has {} bytes, {MODULE_BYTES_MAX} are allowed", module.len());
        return Err(SubmitError::refused(codes::MODULE_TOO_LARGE, message));
    }
    let mut child = Command::new(&options.exe)
        .args(&options.args)
        .args([options.memory.0.to_string(), options.cpu.as_secs().to_string()])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(SubmitError::Process)?;
    let (answer, status) = converse(&mut child, options, module)?;
    let compiled = understand(&answer, status, module)?;
    if u64::try_from(compiled.artifact.len()).unwrap_or(u64::MAX) > options.artifact.0 {
        return Err(SubmitError::Stopped(format!("more than {} of native code", options.artifact)));
    }
    Ok(compiled)
}

pub(super) fn converse(
    child: &mut Child,
    options: &JailOptions,
    sent: &[u8],
) -> Result<(Vec<u8>, ExitStatus), SubmitError> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(SubmitError::Protocol);
    };
    let bound = options.artifact.0.saturating_add(REPORT_BYTES_MAX);
    let (sender, receiver) = sync_channel(1);
    thread::scope(|scope| {
        // A child that stops reading fails the write; what it answered says why.
        scope.spawn(move || {
            let written = stdin.write_all(sent);
            drop(stdin);
            written
        });
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(bound + 1).read_to_end(&mut answer).map(|_| answer);
            // The receiver is gone only after the time is over, when nobody wants the answer.
            drop(sender.send(read));
        });
        let read = receiver.recv_timeout(options.wall);
        let too_large = matches!(&read, Ok(Ok(answer)) if answer.len() as u64 > bound);
        if too_large || !matches!(read, Ok(Ok(_))) {
            child.kill().map_err(SubmitError::Process)?;
        }
        let status = end_of(child).map_err(SubmitError::Process)?;
        match read {
            Ok(Ok(_)) if too_large => {
                Err(SubmitError::Stopped(format!("more than {bound} bytes of native code")))
            }
            Ok(Ok(answer)) => Ok((answer, status)),
            Ok(Err(error)) => Err(SubmitError::Process(error)),
            Err(RecvTimeoutError::Timeout) => Err(SubmitError::Late { within: options.wall }),
            Err(RecvTimeoutError::Disconnected) => Err(SubmitError::Protocol),
        }
    })
}

/// The end of a child that has answered, or was killed. One that closes its output and stays is killed as well.
fn end_of(child: &mut Child) -> std::io::Result<ExitStatus> {
    for _ in 0..ENDING_POLLS {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(ENDING_POLL);
    }
    child.kill()?;
    child.wait()
}

fn understand(answer: &[u8], status: ExitStatus, module: &[u8]) -> Result<CompiledModule, SubmitError> {
    if !status.success() {
        return Err(SubmitError::Stopped(format!("the compiler died at a limit ({status})")));
    }
    let end = answer.iter().position(|b| *b == b'\n').ok_or(SubmitError::Protocol)?;
    let (head, rest) = (&answer[..end], &answer[end + 1..]);
    match head.split_first() {
        Some((b'K', report)) => {
            let report: CompileReport = serde_json::from_slice(report).map_err(|_| SubmitError::Protocol)?;
            let engine = engine::compiled_for();
            Ok(CompiledModule { digest: ModuleDigest::of(module), engine, artifact: rest.to_vec(), report })
        }
        Some((b'E', id)) => {
            let code =
                codes::ALL.iter().find(|code| code.id.as_bytes() == id).ok_or(SubmitError::Protocol)?;
            let message: String = String::from_utf8_lossy(rest).chars().take(4000).collect();
            Err(SubmitError::refused(*code, message))
        }
        _ => Err(SubmitError::Protocol),
    }
}
