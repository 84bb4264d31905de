//! `skein run --round-trip`: what was published goes back and forth once, and every byte is compared on the way.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use skein_dataset::{Rehearsal, Rehearsed, rehearse};
use skein_node::RunReport;
use skein_types::{Clock, codes};

use crate::datasets;
use crate::failure::Failure;
use crate::render;
use crate::settings::Settings;

/// What is shown of a round trip.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    base: u64,
    published: u64,
    back: u64,
    forward: u64,
    files: u64,
    bytes: u64,
    before: String,
    after: String,
}

/// Takes a published result back and forth. Its report has the version that is current then.
pub(super) fn made(
    settings: &Settings,
    path: &Path,
    report: &mut RunReport,
    (clock, threads): (Arc<dyn Clock>, usize),
) -> Result<Shown, Failure> {
    let dataset = datasets::open(settings, path, clock, threads)?;
    let base = report.version.saturating_sub(1);
    match rehearse(&dataset, (report.run, base), |_| Ok(())) {
        Ok(Rehearsal::Passed(Rehearsed { base, published, back, forward, files, bytes, before, after })) => {
            report.version = forward;
            let (before, after) = (before.to_string(), after.to_string());
            Ok(Shown { base, published, back, forward, files, bytes: bytes.0, before, after })
        }
        Ok(Rehearsal::Overtaken { version, by }) => {
            let message = format!("version {version} is published and was not taken back: {by}");
            Err(Failure::text(codes::REHEARSAL_DISTURBED, message))
        }
        Err(error) => {
            let stands =
                if error.leaves_new() { "the result stays current" } else { "the old version is current" };
            Err(Failure::new(error.code(), &error).hint(Some(stands)))
        }
    }
}

pub(super) fn told(shown: &Shown) {
    render::line(&format!(
        "  {:<8} version {} back as {}, version {} forward as {}; {}, every byte the same",
        "trip",
        shown.base,
        shown.back,
        shown.published,
        shown.forward,
        render::counted(shown.files, "file")
    ));
}
