//! `skein audit verify`: of a server, of one that is stopped, or of an exported file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use skein_api::{AuditVerified, AuditVerify, ChainHead, HEADS_MAX, List, SigningKeys, Text};
use skein_attest::{AttestError, Ring, anchored};
use skein_control::verify_stopped;
use skein_types::{Clock, SystemClock, codes};

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

pub(super) fn verify(
    (settings, view): (&Settings, View),
    server: impl FnOnce() -> Result<Server, Failure>,
    args: &VerifyArgs,
) -> CommandResult {
    let elsewhere = Elsewhere::read(args)?;
    if let Some(file) = &args.file {
        let heads = elsewhere.all(&Ring::default()).map_err(|error| failed(&error))?;
        let records = export::verified(file, &heads)?;
        view.told(&records, || {
            told(records.records, records.head);
            compared(heads.len() as u64);
        });
        return Ok(());
    }
    let verified = match &args.dir {
        Some(dir) => {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
            let key = Home::at(&settings.home).artifact_key()?;
            let answer = verify_stopped(dir, &key, |ring| elsewhere.all(ring), &clock);
            answer.map_err(|error| Failure::text(error.code, error.message.clone()).hint(error.hint))?
        }
        None => asked(&server()?, elsewhere, !args.chain)?,
    };
    view.told(&verified, || {
        told(verified.position, ChainHead { position: verified.position, hash: verified.hash });
        compared(verified.heads);
        if verified.rows > 0 {
            let AuditVerified { rows, blobs, modules, statements, .. } = verified;
            render::line(&format!(
                "{} rows follow from it; {} blobs, {} modules and {} signed statements are what they are called",
                grouped(rows),
                grouped(blobs),
                grouped(modules),
                grouped(statements)
            ));
        }
    });
    Ok(())
}

fn told(records: u64, head: ChainHead) {
    render::line(&format!("{} records, each as the next one says; the head is", grouped(records)));
    render::line(&head.to_string());
}

fn compared(heads: u64) {
    if heads > 0 {
        render::line(&format!(
            "{} from elsewhere on it",
            if heads == 1 { "a head lies".to_owned() } else { format!("{} heads lie", grouped(heads)) }
        ));
    }
}

/// Asks a server, for as many heads at a time as it takes.
fn asked(server: &Server, elsewhere: Elsewhere, deep: bool) -> Result<AuditVerified, Failure> {
    let ring = match elsewhere.anchors.is_empty() {
        true => Ring::default(),
        false => trust::ring(&server.get::<SigningKeys>("audit/keys")?),
    };
    let heads = elsewhere.all(&ring).map_err(|error| failed(&error))?;
    let said = |heads: &[ChainHead]| heads.iter().map(|head| Text::escaped(&head.to_string())).collect();
    let (rest, last) = heads.split_at(heads.len().saturating_sub(HEADS_MAX));
    for some in rest.chunks(HEADS_MAX) {
        let ask = AuditVerify { heads: List::first(said(some)).0, deep: false };
        server.post_long::<AuditVerified>("audit/verification", &ask, PATIENCE)?;
    }
    let ask = AuditVerify { heads: List::first(said(last)).0, deep };
    let verified: AuditVerified = server.post_long("audit/verification", &ask, PATIENCE)?;
    Ok(AuditVerified { heads: heads.len() as u64, ..verified })
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
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let head = line.trim().parse::<ChainHead>();
                heads.push(head.map_err(|error| Failure::new(codes::ATTEST_FORM, &error).about(&path))?);
            }
        }
        Ok(Self { heads, anchors, keys: Keys::read(&args.key)? })
    }

    /// All heads, if every line of the anchors is what was signed.
    fn all(self, ring: &Ring) -> Result<Vec<ChainHead>, AttestError> {
        let mut heads = self.heads;
        let trust = self.keys.trust(ring)?;
        for (_, text) in &self.anchors {
            let lines = anchored(text, &trust)?;
            heads
                .extend(lines.into_iter().map(|line| ChainHead { position: line.position, hash: line.hash }));
        }
        Ok(heads)
    }
}
