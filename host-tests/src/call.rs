//! One call of the binary.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::project;

/// No call of these tests works for longer; beyond it is stuck.
const DEADLINE: Duration = Duration::from_secs(600);

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
    stdout: Arc<Heard>,
    stderr: Arc<Heard>,
}

/// One of the streams that a call writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Answers.
    Stdout,
    /// Messages.
    Stderr,
}

/// What a stream has said so far, and whether it has ended.
#[derive(Debug, Default)]
struct Heard {
    so_far: Mutex<(Vec<u8>, bool)>,
    grown: Condvar,
}

impl Heard {
    /// Waits until `enough` holds of the text and of whether the stream has ended; `None` after the deadline.
    fn wait(&self, enough: impl Fn(&str, bool) -> bool) -> Option<String> {
        let short = |(bytes, ended): &mut (Vec<u8>, bool)| !enough(&String::from_utf8_lossy(bytes), *ended);
        let so_far = self.so_far.lock().unwrap();
        let (so_far, waited) = self.grown.wait_timeout_while(so_far, DEADLINE, short).unwrap();
        (!waited.timed_out()).then(|| String::from_utf8_lossy(&so_far.0).into_owned())
    }
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

    /// More variables.
    pub fn envs<'a>(self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        variables.into_iter().fold(self, |call, (name, value)| call.env(name, value))
    }

    /// Bytes on stdin.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(bytes.into());
        self
    }

    /// Leaves stdin open for [`Running::types`].
    pub fn open_input(mut self) -> Self {
        self.command.stdin(Stdio::piped());
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
        let mut receive = |from: &Heard| {
            from.wait(|_, ended| ended).unwrap_or_else(|| {
                self.child.kill().ok();
                panic!("the call is still at work after {DEADLINE:?}")
            })
        };
        let (stdout, stderr) = (receive(&self.stdout), receive(&self.stderr));
        Outcome { status: self.child.wait().unwrap(), stdout, stderr }
    }

    /// Waits until it has written what `is_said` looks for; answers all that the stream has said by then.
    #[track_caller]
    pub fn says(&mut self, stream: Stream, is_said: impl Fn(&str) -> bool) -> String {
        let said = self.hears(stream, &is_said);
        if !is_said(&said) {
            self.child.kill().ok();
            panic!("never said, or not within {DEADLINE:?}: {said:?}");
        }
        said
    }

    /// The like, but it may also end without having said so.
    pub fn hears(&self, stream: Stream, is_said: impl Fn(&str) -> bool) -> String {
        let from = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        from.wait(|text, ended| ended || is_said(text)).unwrap_or_default()
    }

    /// What a stream has said so far.
    pub fn has_said(&self, stream: Stream) -> String {
        self.hears(stream, |_| true)
    }

    /// Writes to its stdin, which stays open.
    pub fn types(&mut self, bytes: &[u8]) {
        self.child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        let sent =
            Command::new("sh").arg("-c").arg(format!("kill -INT {}", self.child.id())).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has stopped, as at `SKEIN_STOP_AT`; `false` if it has ended instead.
    pub fn has_stopped(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let pid = rustix::process::Pid::from_child(&self.child);
        let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), either).unwrap().unwrap().stopped()
    }

    /// Lets it go on.
    pub fn goes_on(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
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

fn drain(mut pipe: impl Read + Send + 'static) -> Arc<Heard> {
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    thread::spawn(move || {
        let mut piece = [0; 4096];
        loop {
            // What could be read before an error is still the best answer to show.
            let read = pipe.read(&mut piece).unwrap_or(0);
            let mut so_far = listener.so_far.lock().unwrap();
            so_far.0.extend_from_slice(&piece[..read]);
            so_far.1 = read == 0;
            listener.grown.notify_all();
            if read == 0 {
                return;
            }
        }
    });
    heard
}
