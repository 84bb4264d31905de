//! One call of the binary.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::project;

/// No call of these tests works for longer; beyond it is stuck.
const DEADLINE: Duration = Duration::from_secs(180);

/// A `skein` command under construction.
#[derive(Debug)]
pub struct Call {
    command: Command,
    input: Option<Vec<u8>>,
}

/// A call that has been started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

impl Call {
    pub(crate) fn new(directory: &Path, home: &Path) -> Self {
        Self::of(Command::new(project::skein()), directory, home)
    }

    /// The binary behind another program, such as `unshare`, that runs the rest of its command line.
    pub fn behind(program: &str, arguments: &[&str], home: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::of(command, home, home)
    }

    fn of(mut command: Command, directory: &Path, home: &Path) -> Self {
        // Nothing of the developer's environment may decide a test: no colours, no settings, no secrets.
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(directory).env_clear().env("PATH", path).env("SKEIN_HOME", home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, input: None }
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// `--params JSON`.
    pub fn params(self, params: &serde_json::Value) -> Self {
        self.arg("--params").arg(params.to_string())
    }

    /// One more variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Bytes on stdin.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(bytes.into());
        self
    }

    /// As this user and group, without any others. Needs root, as the tests have.
    pub fn as_user(mut self, uid: u32) -> Self {
        self.command.uid(uid).gid(uid);
        self
    }

    /// Starts the call.
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        if let Some(bytes) = self.input {
            // A process that does not read all of it closes the pipe; that is its right.
            child.stdin.take().unwrap().write_all(&bytes).ok();
        }
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        Running { child, stdout, stderr }
    }

    /// Starts the call and waits for its end.
    pub fn finish(self) -> Outcome {
        self.start().finish()
    }
}

impl Running {
    /// Waits for the end.
    pub fn finish(mut self) -> Outcome {
        let mut receive = |from: &Receiver<Vec<u8>>| match from.recv_timeout(DEADLINE) {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.child.kill().ok();
                panic!("the call is still at work after {DEADLINE:?}")
            }
        };
        let (stdout, stderr) = (receive(&self.stdout), receive(&self.stderr));
        Outcome { status: self.child.wait().unwrap(), stdout, stderr }
    }

    /// Kills it with SIGKILL and waits for the end.
    pub fn kill(mut self) -> Outcome {
        self.child.kill().unwrap();
        self.finish()
    }

    /// Whether it has ended by now.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read before an error is still the best answer to show.
        pipe.read_to_end(&mut bytes).ok();
        sender.send(bytes).ok();
    });
    receiver
}
