//! `skein dataset scrub`: every byte of what a dataset has is read again.

use std::time::{Duration, Instant};

use skein_api::DatasetScrub;
use skein_types::codes;

use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::{Server, encoded};
use crate::view::View;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Nodes that are at work for longer than that have other things to do.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// Has it read, waits for the end, and says what was found; fails if something is damaged.
#[expect(clippy::disallowed_methods, reason = "how long somebody waits at a terminal decides nothing")]
pub(super) fn scrub(server: &Server, dataset: &str, view: View) -> CommandResult {
    let path = format!("datasets/{}/scrub", encoded(dataset));
    let before: DatasetScrub = server.get(&path)?;
    let mut now: DatasetScrub = server.post(&path, &serde_json::json!({}))?;
    let began = Instant::now();
    while now.under_way && began.elapsed() < PATIENCE {
        std::thread::sleep(LOOK_EVERY);
        now = server.get(&path)?;
    }
    if now.at == before.at {
        let message = format!("{dataset} could not be read to its end");
        return Err(Failure::text(codes::IO, message).hint(Some("the server's log says why; try it again")));
    }
    view.told(&now, || said(&now));
    match now.versions.iter().find(|version| !version.damaged.is_empty()) {
        None => Ok(()),
        Some(version) if version.current => Err(Failure::told(codes::PUBLISHED_DAMAGED)),
        Some(_) => Err(Failure::told(codes::KEPT_VERSION_DAMAGED)),
    }
}

fn said(scrub: &DatasetScrub) {
    for version in scrub.versions.iter() {
        let what = if version.current { "current" } else { "kept" };
        let files = render::counted(version.files, "file");
        let found = match version.damaged.len() {
            0 => "as the log says".to_owned(),
            damaged => format!("{} damaged", render::counted(damaged as u64, "file")),
        };
        render::line(&format!("version {} ({what}): {files}, {}, {found}", version.version, version.bytes));
        for file in version.damaged.iter() {
            render::line(&format!("  {}: {}", file.path, file.how));
        }
    }
}
