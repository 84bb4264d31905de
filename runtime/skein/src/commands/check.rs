//! `skein check`: what a module is, and what it would do to a dataset.

mod params;

use std::sync::Arc;

use serde::Serialize;
use skein_dataset::NameRule;
use skein_node::{Lineage, Migration, Params, Planned, Progress, Resize, RunRequest};
use skein_sandbox::{Limits, Manifest};
use skein_types::{Bytes, Clock, Fuel, Millis, RunId, SystemClock, VerifyLevel};

use crate::advice;
use crate::args::{CheckArgs, Output};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::modules;
use crate::render::text::escaped;
use crate::render::{self, lineage};
use crate::secrets;
use crate::selection;
use crate::settings::{Page, Settings};

#[derive(Serialize)]
struct Checked {
    module: skein_types::ModuleDigest,
    name: String,
    version: String,
    sdk: String,
    state: skein_types::StateKind,
    size: Bytes,
    compile: Millis,
    imports: Vec<String>,
    functions: u32,
    limits: LimitLines,
    params_schema: Option<serde_json::Value>,
    advice: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plans: Vec<Lineage>,
    /// Instead of plans, if a run would have nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_migrated: Option<Done>,
}

#[derive(Serialize)]
struct Done {
    version: u64,
    migration: Migration,
}

#[derive(Serialize)]
struct LimitLines {
    memory: Bytes,
    fuel_per_call: Fuel,
    wall_per_call: Millis,
    output_bytes_per_call: Bytes,
}

pub(crate) fn check(settings: &Settings, args: &CheckArgs) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let params = secrets::params(&args.with, &home)?;
    let fresh = modules::compile(&args.module, &home, &clock)?;
    let limits = Limits::STANDARD;
    let manifest = modules::describe(&fresh.module, &limits)?;
    let request = request(args, params)?;
    let planned = match &args.dataset {
        None => Planned::Ready(Vec::new()),
        Some(path) => {
            let dataset = datasets::open(settings, path, Arc::clone(&clock), request.threads)?;
            skein_node::plan_only(&dataset, &fresh.module, &request, &Progress::default())
                .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?
        }
    };
    let checked = checked(&fresh, manifest, &limits, planned);
    match args.output {
        Output::Json => render::json(&checked),
        Output::Table => told(&checked, settings.page),
    }
    Ok(())
}

/// The run that is asked about.
fn request(args: &CheckArgs, params: Params) -> Result<RunRequest, Failure> {
    let limits = Limits::STANDARD;
    Ok(RunRequest {
        run: RunId::new(uuid::Uuid::now_v7()),
        params,
        name: args.name.clone(),
        again: args.again,
        threads: datasets::default_threads(),
        rejects_max: limits.rejects,
        allow_empty: false,
        verify: VerifyLevel::Counts,
        limits,
        files: selection::choice(&args.selection)?,
        checkpoint_rows: RunRequest::CHECKPOINT_ROWS,
        resize: Resize::NONE,
        names: NameRule::Hashed,
        sensitive: Vec::new(),
    })
}

fn checked(fresh: &modules::Fresh, manifest: Manifest, limits: &Limits, planned: Planned) -> Checked {
    let (plans, already_migrated) = match planned {
        Planned::Ready(plans) => (plans, None),
        Planned::AlreadyMigrated { version, migration } => (Vec::new(), Some(Done { version, migration })),
    };
    let mut advice = advice::of_module(&fresh.report, &manifest, limits);
    advice.extend(plans.iter().flat_map(|group| advice::of_plan(&manifest, &group.plan)));
    Checked {
        module: fresh.module.digest(),
        name: manifest.name,
        version: manifest.version,
        sdk: manifest.sdk,
        state: manifest.state,
        size: fresh.size,
        compile: fresh.compile,
        imports: fresh.report.imports.clone(),
        functions: fresh.report.functions,
        limits: LimitLines {
            memory: limits.memory,
            fuel_per_call: limits.fuel_per_call,
            wall_per_call: limits.wall_per_call,
            output_bytes_per_call: limits.output_bytes_per_call,
        },
        params_schema: serde_json::from_str(&manifest.params_schema).ok(),
        advice,
        plans: plans.iter().map(Lineage::of).collect(),
        already_migrated,
    }
}

/// Of WASI a module gets nothing but what links: how many interfaces is enough to know.
fn imports(all: &[String]) -> String {
    let (wasi, ours): (Vec<_>, Vec<_>) = all.iter().partition(|import| import.starts_with("wasi:"));
    let mut parts: Vec<String> = ours.into_iter().cloned().collect();
    if !wasi.is_empty() {
        parts.push(format!("{} of WASI (empty stubs, -o json lists them)", wasi.len()));
    }
    parts.join(", ")
}

fn told(checked: &Checked, page: Page) {
    let say = |name: &str, text: String| render::line(&format!("{name:<9} {text}"));
    say("module", escaped(&format!("{} {}", checked.name, checked.version)));
    say("digest", checked.module.to_string());
    say("made with", escaped(&checked.sdk));
    say("state", checked.state.to_string());
    say(
        "size",
        format!(
            "{}, {} functions, compiled in {}",
            checked.size,
            checked.functions,
            render::duration(checked.compile.0)
        ),
    );
    say("exports", "skein:migration/migrate@0.1.0".to_owned());
    say("imports", escaped(&imports(&checked.imports)));
    say(
        "limits",
        format!(
            "{} memory, {} fuel and {} per call, {} per answer",
            checked.limits.memory,
            render::grouped(checked.limits.fuel_per_call.0),
            render::duration(checked.limits.wall_per_call.0),
            checked.limits.output_bytes_per_call
        ),
    );
    if let Some(schema) = &checked.params_schema {
        params::lines(schema).iter().enumerate().for_each(|(at, line)| {
            say(if at == 0 { "params" } else { "" }, escaped(line));
        });
    }
    if let Some(Done { version, migration }) = &checked.already_migrated {
        let what = escaped(&format!("{} {}", migration.name, migration.version));
        render::line(&format!(
            "already migrated: {what} was applied to all of these files, version {version}"
        ));
    }
    for plan in &checked.plans {
        render::line("");
        lineage::told(plan, page);
    }
    advice::told(&checked.advice);
    advice::told(&checked.advice);
}
