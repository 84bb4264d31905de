//! Heads of the ledger, written into a file that lies elsewhere: `skein serve --anchor PATH`.
//!
//! Each line is signed and names the one before. A line is added when the log has grown and a minute is over, and at once when a
//! campaign has come to its end. The file is only ever appended to, so it may be one that nothing else can be done to (`chattr +a`, a
//! mount that keeps what was written). If it cannot be written the server goes on, says so in its log once and tries again; what it says
//! then covers what it did not. What was written of a line stays, and the next one is in a line of its own: readers pass over it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use skein_attest::{AnchorLine, Anchored};
use skein_ledger::{Event, EventFilter, Head, Kind, Limit};
use skein_types::{Blake3, codes};

use crate::control::Control;
use crate::error::ServiceError;

/// Between two lines, as long as no campaign ends.
const INTERVAL: Duration = Duration::from_secs(60);
/// How soon it is seen that a campaign ended.
const LOOK: Duration = Duration::from_secs(1);
/// Of the last line of a file that goes on. A line has some 500.
const LINE_MAX: u64 = 64 << 10;

/// The thread that writes it. Dropped, it writes a last line and ends.
#[derive(Debug)]
pub struct Anchor {
    stop: Arc<Stop>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Said once, to end.
#[derive(Debug, Default)]
struct Stop {
    said: Mutex<bool>,
    heard: Condvar,
}

impl Stop {
    fn now(&self) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }

    /// Whether it was said, by now or within so long.
    fn wait(&self, most: Duration) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(said, most, |said| !*said);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Where it is written, and what was.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    file: File,
    /// Of the last line.
    prev: Blake3,
    position: u64,
    /// There may be the beginning of a line at its end.
    torn: bool,
}

impl Anchor {
    /// Opens the file, which may be one that this server has written before, and starts to write.
    pub fn start(control: &Arc<Control>, path: &Path) -> Result<Self, ServiceError> {
        let writer = Writer::open(path, control)?;
        let (stop, control) = (Arc::<Stop>::default(), Arc::clone(control));
        let thread = std::thread::Builder::new().name("anchor".to_owned());
        let told = Arc::clone(&stop);
        let thread = thread.spawn(move || run(&control, &told, writer)).map_err(failed(path))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        self.stop.now();
        if let Some(Err(_)) = self.thread.take().map(std::thread::JoinHandle::join) {
            tracing::error!("the thread that writes the anchor panicked");
        }
    }
}

fn run(control: &Control, stop: &Stop, mut writer: Writer) {
    let (mut looked, mut why, mut told) = (writer.position, "start", false);
    let mut due = Duration::ZERO;
    loop {
        let ended = match control.campaign_ended(&mut looked) {
            Ok(ended) => ended,
            Err(error) => {
                tracing::warn!(%error, "the log cannot be read for the anchor");
                false
            }
        };
        let (now, stopped) = (control.clock.elapsed(), stop.wait(Duration::ZERO));
        if ended || stopped || now >= due {
            let why = if stopped {
                "end"
            } else if ended {
                "campaign"
            } else {
                why
            };
            match writer.write(control, why) {
                Ok(()) => told = false,
                Err(error) if !told => {
                    tracing::warn!(%error, "the anchor cannot be written");
                    told = true;
                }
                Err(_) => {}
            }
            due = now.saturating_add(INTERVAL);
        }
        if stopped {
            return;
        }
        why = "interval";
        stop.wait(LOOK);
    }
}

impl Control {
    /// Whether a line of an anchor says what this server's record says.
    fn goes_on(&self, path: &Path, line: &AnchorLine) -> Result<(), ServiceError> {
        let there = match line.position {
            0 => Some(Head::GENESIS.hash),
            position => self.ledger.event(position)?.map(|recorded| recorded.hash),
        };
        let how = if line.server != self.server {
            format!("its last line is of {}, and this is {}", line.server, self.server)
        } else if there.is_none() {
            let end = self.ledger.head()?.position;
            format!("it goes to position {}, and the record ends at {end}", line.position)
        } else if there != Some(line.hash) {
            format!("it knows position {} otherwise than the record", line.position)
        } else {
            return Ok(());
        };
        Err(ServiceError::new(codes::ANCHOR_DIFFERS, format!("{}: {how}", path.display())).hint(Some(
            "was this server restored of a backup? Then name a file that is not there yet, and keep this one",
        )))
    }

    /// Whether a campaign came to its end, or was rolled out, since the log was looked at last.
    fn campaign_ended(&self, looked: &mut u64) -> Result<bool, ServiceError> {
        let head = self.ledger.head()?.position;
        let kinds = vec![Kind::CampaignRolledOut, Kind::CampaignMoved];
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let mut ended = false;
        let mut after = *looked;
        loop {
            let page = self.ledger.events(after, &filter, Limit::MAX)?;
            ended |= page.items.iter().any(|recorded| {
                let event = &recorded.event;
                let over = matches!(event, Event::CampaignMoved(moved) if moved.to.is_terminal());
                over || event.kind() == Kind::CampaignRolledOut
            });
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        *looked = head;
        Ok(ended)
    }
}

impl Writer {
    /// Goes on behind the last line of the file, if there is one: of this server, and on its record. A record that was cut, written anew or
    /// restored is found here, and no line is put behind those that it contradicts.
    fn open(path: &Path, control: &Control) -> Result<Self, ServiceError> {
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
            let length = file.metadata()?.len();
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(length.saturating_sub(LINE_MAX)))?;
            (&file).take(LINE_MAX).read_to_end(&mut tail)?;
            Ok((file, tail))
        };
        let (file, tail) = open().map_err(failed(path))?;
        let text = String::from_utf8_lossy(&tail);
        let (mut prev, mut position) = (Blake3([0; 32]), 0);
        if !text.is_empty() {
            let refused = |error: &dyn std::fmt::Display| {
                let message = format!("{}: its last line is none of an anchor: {error}", path.display());
                ServiceError::new(codes::ANCHOR_PLACE, message)
                    .hint(Some("name a file that is not there yet, and keep this one"))
            };
            let whole = |line| AnchorLine::read(line).map(|read| read.map(|read| (line, read))).transpose();
            let last = text.lines().rev().find_map(whole).transpose().map_err(|error| refused(&error))?;
            let (last, line) = last.ok_or_else(|| refused(&"it has no end"))?;
            control.goes_on(path, &line)?;
            (prev, position) = (Blake3::of(last.as_bytes()), line.position);
        }
        let torn = !text.is_empty() && !text.ends_with('\n');
        Ok(Self { path: path.to_owned(), file, prev, position, torn })
    }

    /// Adds the head, if it is another.
    fn write(&mut self, control: &Control, why: &'static str) -> Result<(), ServiceError> {
        let (signer, at) = control.signer()?;
        let head = control.ledger.head()?;
        if head.position == self.position {
            return Ok(());
        }
        let what = Anchored { server: control.server, at, head: (head.position, head.hash), why };
        let line = AnchorLine::new(&what, self.prev, &signer).to_json();
        let apart = if self.torn { "\n" } else { "" };
        self.torn = true;
        self.file.write_all(format!("{apart}{line}\n").as_bytes()).map_err(failed(&self.path))?;
        // It is there, and the next one follows it, whether or not it is on the disk yet.
        (self.prev, self.position, self.torn) = (Blake3::of(line.as_bytes()), head.position, false);
        self.file.sync_data().map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ServiceError + use<> {
    let path = path.display().to_string();
    move |error| ServiceError::new(codes::ANCHOR_PLACE, format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;

    use skein_attest::{Trust, anchored};

    use super::Writer;
    use crate::scene::{HandClock, open};

    #[test]
    fn a_line_that_could_not_be_written_leaves_an_anchor_that_reads_on() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let path = place.path().join("anchor");
        let mut writer = Writer::open(&path, &control).unwrap();
        let tear =
            || OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"server\":\"s").unwrap();
        let lines = || {
            let trust = Trust::through(Vec::new(), &control.keys().unwrap()).unwrap();
            let mut text = String::new();
            std::fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
            anchored(&text, &trust).map(|lines| lines.len())
        };
        writer.write(&control, "start").unwrap();
        // The disk is full, and then it is not.
        control.rotate_key(&control.itself).unwrap();
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = std::mem::replace(&mut writer.file, full);
        writer.write(&control, "interval").unwrap_err();
        writer.file = file;
        tear();
        writer.write(&control, "interval").unwrap();
        assert_eq!(lines().unwrap(), 2);
        // Whoever wrote it died.
        drop(writer);
        tear();
        assert!(lines().is_err());
        let mut writer = Writer::open(&path, &control).unwrap();
        control.rotate_key(&control.itself).unwrap();
        writer.write(&control, "start").unwrap();
        assert_eq!(lines().unwrap(), 3);
        // What has no line of an anchor is left to itself.
        std::fs::File::create(&path).unwrap();
        tear();
        assert_eq!(Writer::open(&path, &control).unwrap_err().code, skein_types::codes::ANCHOR_PLACE);
    }

    #[test]
    fn an_anchor_goes_on_with_its_own_record_alone() {
        let place = tempfile::tempdir().unwrap();
        let (mine, other, path) =
            (place.path().join("mine"), place.path().join("other"), place.path().join("anchor"));
        let control = open(&mine, &Arc::new(HandClock::default()));
        control.rotate_key(&control.itself).unwrap();
        Writer::open(&path, &control).unwrap().write(&control, "start").unwrap();
        let refused = |control: &crate::control::Control| {
            let error = Writer::open(&path, control).unwrap_err();
            assert_eq!(error.code, skein_types::codes::ANCHOR_DIFFERS, "{error}");
            error.message
        };
        let strangers = open(&other, &Arc::new(HandClock::default()));
        strangers.rotate_key(&strangers.itself).unwrap();
        assert!(refused(&strangers).contains("its last line is of srv_"));
        drop(strangers);
        Writer::open(&path, &control).unwrap();
        // One that has another record under the same id.
        drop(control);
        let id = std::fs::read(mine.join("server/id")).unwrap();
        std::fs::File::create(other.join("server/id")).unwrap().write_all(&id).unwrap();
        let anew = open(&other, &Arc::new(HandClock::default()));
        assert!(refused(&anew).contains("otherwise than the record"));
        drop(anew);
        // And one that was cut.
        std::fs::remove_dir_all(other.join("ledger")).unwrap();
        let cut = open(&other, &Arc::new(HandClock::default()));
        assert!(refused(&cut).contains("and the record ends at 0"));
    }
}
