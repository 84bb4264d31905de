//! `skein audit verify`: of a server, of one that is stopped, or of an exported file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use skein_api::{AuditVerified, AuditVerify, ChainHead, HEADS_MAX, List, SigningKeys, Text, Time};
use skein_attest::{AttestError, Ring, anchored};
use skein_control::verify_stopped;
use skein_types::{Clock, ServerId, SystemClock, codes};

use super::export;
use super::trust::{self, Keys, failed, read};
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::render::{self, grouped};
use crate::server::Server;
use crate::settings::Settings;
use crate::view::View;

/// Of an anchor.
const ANCHOR_BYTES_MAX: u64 = 1 << 30;
/// A ledger of millions takes as long.
const PATIENCE: Duration = Duration::from_secs(3_600);

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A file that `skein audit export` wrote: it is verified by itself, and no server is asked.
    #[arg(value_name = "FILE", conflicts_with = "dir")]
    file: Option<PathBuf>,
    /// What was kept elsewhere: a head (POSITION:HASH), a file of heads, or an anchor that `skein serve --anchor` wrote. May be given
    /// more than once.
    #[arg(long, value_name = "HEAD|FILE")]
    against: Vec<String>,
    /// Whose signatures on an anchor are believed: PEM, or what `skein audit keys export` writes [default: the keys that the ledger has].
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A server that is stopped, by its directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The chain alone: no tables, blobs, modules and statements.
    #[arg(long)]
    chain: bool,
}

/// What was kept elsewhere.
struct Elsewhere {
    heads: Vec<ChainHead>,
    /// Anchors, to be read when it is known whose signatures are believed.
    anchors: Vec<(PathBuf, String)>,
    keys: Keys,
}

/// Heads from elsewhere, and what can be said of the anchors among them.
struct Known {
    heads: Vec<ChainHead>,
    anchors: Vec<Anchored>,
}

/// An anchor whose lines are all what was signed: how far it goes. What was decided behind that, nobody vouches for.
#[derive(Serialize)]
struct Anchored {
    file: String,
    server: ServerId,
    lines: u64,
    position: u64,
    at: Time,
    age_ms: u64,
}

/// An answer, and the anchors that it was compared with.
#[derive(Serialize)]
struct Compared<T> {
    #[serde(flatten)]
    of: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    anchors: Vec<Anchored>,
}

pub(super) fn verify(
    (settings, view): (&Settings, View),
    server: impl FnOnce() -> Result<Server, Failure>,
    args: &VerifyArgs,
) -> CommandResult {
    let elsewhere = Elsewhere::read(args)?;
    if let Some(file) = &args.file {
        let Known { heads, anchors } =
            elsewhere.all(&Ring::default(), None).map_err(|error| failed(&error))?;
        let records = export::verified(file, &heads)?;
        let on_it = heads.iter().filter(|head| head.position >= records.behind.position).count();
        let compared = Compared { of: records, anchors };
        view.told(&compared, || {
            told(records.records, records.head);
            told_of((on_it as u64, records.head.position), &compared.anchors);
            if on_it < heads.len() {
                let before = grouped((heads.len() - on_it) as u64);
                render::line(&format!("{before} more are before what it has, and say nothing of it"));
            }
        });
        return Ok(());
    }
    let (verified, anchors) = match &args.dir {
        Some(dir) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
            let key = Home::at(&settings.home).artifact_key()?;
            let mut anchors = Vec::new();
            let heads = |ring: &Ring, server| -> Result<_, AttestError> {
                let known = elsewhere.all(ring, Some(server))?;
                anchors = known.anchors;
                Ok(known.heads)
            };
            let answer = verify_stopped(dir, &key, heads, &clock);
            let verified =
                answer.map_err(|error| Failure::text(error.code, error.message.clone()).hint(error.hint))?;
            (verified, anchors)
        }
        None => asked(&server()?, elsewhere, !args.chain)?,
    };
    let compared = Compared { of: verified, anchors };
    view.told(&compared, || {
        told(verified.position, ChainHead { position: verified.position, hash: verified.hash });
        told_of((verified.heads, verified.position), &compared.anchors);
        if verified.rows > 0 {
            let AuditVerified { rows, blobs, modules, secrets, statements, .. } = verified;
            render::line(&format!(
                "{} rows follow from it; {} blobs, {} modules and {} signed statements are what they are called, and {} of secrets are there",
                grouped(rows),
                grouped(blobs),
                grouped(modules),
                grouped(statements),
                render::counted(secrets, "sealed value")
            ));
        }
        if verified.passed_over > 0 {
            let others = render::counted(verified.passed_over, "compiled module");
            render::line(&format!("{others} of another artifact key: no node takes them, and none was looked at"));
        }
    });
    Ok(())
}

fn told(records: u64, head: ChainHead) {
    render::line(&format!("{} records, each as the next one says; the head is", grouped(records)));
    render::line(&head.to_string());
}

/// How many heads lie on a record that goes so far, and how far each anchor goes.
fn told_of((heads, end): (u64, u64), anchors: &[Anchored]) {
    if heads > 0 {
        render::line(&format!(
            "{} from elsewhere on it",
            if heads == 1 { "a head lies".to_owned() } else { format!("{} heads lie", grouped(heads)) }
        ));
    }
    for Anchored { file, server, lines, position, at, age_ms } in anchors {
        let behind = match end.saturating_sub(*position) {
            0 => "nothing is behind it".to_owned(),
            behind => format!("it vouches for none of the {} behind it", render::counted(behind, "record")),
        };
        render::line(&format!(
            "{file} has {} of {server}; the last one is of position {position}, {} old ({at}), and {behind}",
            render::counted(*lines, "line"),
            age(*age_ms)
        ));
    }
}

/// About how long.
fn age(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..120 => render::counted(seconds, "second"),
        seconds @ 120..7_200 => render::counted(seconds / 60, "minute"),
        seconds @ 7_200..172_800 => render::counted(seconds / 3_600, "hour"),
        seconds => render::counted(seconds / 86_400, "day"),
    }
}

/// Asks a server, for as many heads at a time as it takes.
fn asked(
    server: &Server,
    elsewhere: Elsewhere,
    deep: bool,
) -> Result<(AuditVerified, Vec<Anchored>), Failure> {
    let known = match elsewhere.anchors.is_empty() {
        true => elsewhere.all(&Ring::default(), None),
        false => {
            let keys = server.get::<SigningKeys>("audit/keys")?;
            elsewhere.all(&trust::ring(&keys), Some(keys.server))
        }
    };
    let Known { heads, anchors } = known.map_err(|error| failed(&error))?;
    let said = |heads: &[ChainHead]| heads.iter().map(|head| Text::escaped(&head.to_string())).collect();
    let (rest, last) = heads.split_at(heads.len().saturating_sub(HEADS_MAX));
    for some in rest.chunks(HEADS_MAX) {
        let ask = AuditVerify { heads: List::first(said(some)).0, deep: false };
        server.post_long::<AuditVerified>("audit/verification", &ask, PATIENCE)?;
    }
    let ask = AuditVerify { heads: List::first(said(last)).0, deep };
    let verified: AuditVerified = server.post_long("audit/verification", &ask, PATIENCE)?;
    Ok((AuditVerified { heads: heads.len() as u64, ..verified }, anchors))
}

impl Elsewhere {
    fn read(args: &VerifyArgs) -> Result<Self, Failure> {
        let (mut heads, mut anchors) = (Vec::new(), Vec::new());
        for said in &args.against {
            let text = said.trim();
            if let Ok(head) = text.parse::<ChainHead>() {
                heads.push(head);
                continue;
            }
            let path = PathBuf::from(text);
            if !path.exists() {
                let problem =
                    text.parse::<ChainHead>().err().map(|error| error.to_string()).unwrap_or_default();
                return Err(Failure::text(
                    codes::USAGE,
                    format!("--against: {problem}, and there is no such file"),
                ));
            }
            let bytes = read(&path, ANCHOR_BYTES_MAX)?;
            let text = String::from_utf8(bytes)
                .map_err(|error| Failure::new(codes::ATTEST_FORM, &error).about(&path))?;
            if text.starts_with('{') {
                anchors.push((path, text));
                continue;
            }
            let before = heads.len();
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let head = line.trim().parse::<ChainHead>();
                heads.push(head.map_err(|error| Failure::new(codes::ATTEST_FORM, &error).about(&path))?);
            }
            // It may be what somebody left of one that said more.
            if heads.len() == before {
                let message = "it has no head, so there is nothing to compare with";
                return Err(Failure::text(codes::ATTEST_FORM, message).about(&path));
            }
        }
        if anchors.is_empty() && !args.key.is_empty() {
            let message = "--key says whose signatures on an anchor are believed, and --against names none";
            return Err(Failure::text(codes::USAGE, message));
        }
        Ok(Self { heads, anchors, keys: Keys::read(&args.key)? })
    }

    /// All heads, if every line of the anchors is what was signed, and of this server.
    fn all(self, ring: &Ring, server: Option<ServerId>) -> Result<Known, AttestError> {
        let mut known = Known { heads: self.heads, anchors: Vec::new() };
        let (trust, now) = (self.keys.trust(ring)?, SystemClock::start().now());
        for (path, text) in &self.anchors {
            let lines = anchored(text, &trust)?;
            let Some(last) = lines.last() else { continue };
            if let Some(server) = server.filter(|server| *server != last.server) {
                let problem = format!("it is of {}, and this is {server}", last.server);
                return Err(AttestError::Anchor { line: 1, problem });
            }
            known.anchors.push(Anchored {
                file: path.display().to_string(),
                server: last.server,
                lines: lines.len() as u64,
                position: last.position,
                at: Time(last.at),
                age_ms: now.0.saturating_sub(last.at.0),
            });
            let heads = lines.into_iter().map(|line| ChainHead { position: line.position, hash: line.hash });
            known.heads.extend(heads);
        }
        Ok(known)
    }
}
