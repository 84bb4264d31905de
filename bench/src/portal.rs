//! The portal over a hundred thousand datasets of one campaign that is at work: how soon a browser shows something, what pages weigh,
//! how the heat map moves, and what a hundred who watch cost the server.
//!
//! The browser is Debian's Chromium on the same machine, without a graphics processor, beside the server and its nodes: what it takes of the
//! two cores the others do not have.

mod viewers;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use skein_bench::report::{Figure, Report};
use skein_bench::rival::Python;

use crate::scale::{Scale, Stocked};

/// Of the design's numbers.
const PAINT_MUST: f64 = 1_000.0;
const PAINT_AIM: f64 = 400.0;
const BYTES_MUST: f64 = 150.0;
const NODES_MUST: f64 = 3_000.0;
const FRAMES_MUST: f64 = 50.0;
const SEEN_MUST: f64 = 250.0;
/// An answer of the browser's script.
const ANSWER_MAX: u64 = 1 << 20;

/// What a browser saw.
#[derive(Debug, Deserialize)]
struct Seen {
    pages: std::collections::BTreeMap<String, Weight>,
    map: Moves,
}

#[derive(Debug, Deserialize)]
struct Weight {
    paint_ms: f64,
    bytes: f64,
    nodes: f64,
}

#[derive(Debug, Deserialize)]
struct Moves {
    fps: f64,
    /// Between two frames, 95th percentile.
    slow: f64,
}

pub(crate) fn measure(scale: &Scale<'_>, python: &Python) -> anyhow::Result<Report> {
    let stocked = scale.stocked()?;
    let Stocked { server, client, campaign } = &stocked;
    let idle = viewers::measure(server, client, (campaign, 0), &*scale.clock)?;
    let watched = viewers::measure(server, client, (campaign, viewers::MANY), &*scale.clock)?;
    // At rest: what moves by itself is not what is timed.
    client.act(campaign, "pause", "running")?;
    let link = client.post("portal/links", &json!({}))?;
    let link = link["url"].as_str().context("a link")?;
    let seen = browsed(python, &json!({ "link": link, "origin": server.address(), "campaign": campaign }))?;
    let most = |of: fn(&Weight) -> f64| seen.pages.values().map(of).fold(0.0, f64::max);
    let beside = |what: &'static str, unit: &'static str, value: f64| Figure {
        what,
        unit,
        value,
        must: None,
        aim: None,
    };
    let at_most = |what, unit, value, must| Figure { must: Some(must), ..beside(what, unit, value) };
    let each = (watched.cpu - idle.cpu) / viewers::MANY as f64;
    let mut figures = vec![
        Figure {
            aim: Some(PAINT_AIM),
            ..at_most("first paint, slowest of six pages", "ms", most(|one| one.paint_ms), PAINT_MUST)
        },
        at_most(
            "bytes of the heaviest page, with all its files",
            "kB",
            most(|one| one.bytes) / 1e3,
            BYTES_MUST,
        ),
        at_most("nodes of the largest page", "", most(|one| one.nodes), NODES_MUST),
        at_most("heat map, milliseconds between frames", "ms", 1e3 / seen.map.fps, 1e3 / FRAMES_MUST),
        beside("heat map, frames a second", "", seen.map.fps),
        beside("heat map, between two frames, p95", "ms", seen.map.slow),
        at_most(
            "a change seen by 100 who watch, p95",
            "ms",
            watched.late.context("changes that were seen")?,
            SEEN_MUST,
        ),
        beside("of a core for each who watches a campaign at work", "%", each * 100.0),
    ];
    for (name, page) in &seen.pages {
        let what: &'static str = match name.as_str() {
            "overview" => "paint of the overview",
            "datasets" => "paint of the datasets",
            "campaigns" => "paint of the campaigns",
            "campaign" => "paint of the campaign",
            "plan" => "paint of the plan",
            _ => "paint of its runs",
        };
        figures.push(beside(what, "ms", page.paint_ms));
    }
    drop(stocked);
    scale.cleared()?;
    Ok(Report {
        name: "portal",
        timed: "pages over a campaign at work, by Chromium on the machine of the server",
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        contenders: Vec::new(),
        figures,
    })
}

fn browsed(python: &Python, asked: &Value) -> anyhow::Result<Seen> {
    let script: &Path = &python.scripts.join("portal_browser.py");
    let mut browser = Command::new(&python.interpreter);
    let mut browser = browser.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    writeln!(browser.stdin.take().context("a piped stdin")?, "{asked}")?;
    let mut answer = String::new();
    browser.stdout.take().context("a piped stdout")?.take(ANSWER_MAX).read_to_string(&mut answer)?;
    let ended = browser.wait()?;
    anyhow::ensure!(ended.success(), "the browser's script ended with {ended}");
    serde_json::from_str(&answer).with_context(|| format!("the browser answers {answer:?}"))
}
