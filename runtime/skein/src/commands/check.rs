//! `skein check`: what a module is, and what it would do to a dataset.

use std::sync::Arc;

use serde::Serialize;
use skein_node::SchemaGroup;
use skein_sandbox::{Limits, Manifest};
use skein_types::{Bytes, Clock, ColumnPlan, Fuel, Millis, Origin, SchemaPlan, SystemClock};

use crate::args::{CheckArgs, Output};
use crate::datasets;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::modules;
use crate::render;
use crate::secrets;
use crate::selection;
use crate::settings::Settings;

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plans: Vec<PlanLines>,
}

#[derive(Serialize)]
struct LimitLines {
    memory: Bytes,
    fuel_per_call: Fuel,
    wall_per_call: Millis,
    output_bytes_per_call: Bytes,
}

#[derive(Serialize)]
struct PlanLines {
    files: usize,
    first_file: String,
    shape: skein_types::Shape,
    reads: Vec<String>,
    columns: Vec<ColumnLine>,
    dropped: Vec<String>,
}

#[derive(Serialize)]
struct ColumnLine {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
    origin: &'static str,
    from: Vec<String>,
}

pub(crate) fn check(settings: &Settings, args: &CheckArgs) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let params = secrets::params(&args.with, &home)?;
    let fresh = modules::compile(&args.module, &home, &clock)?;
    let limits = Limits::STANDARD;
    let manifest = modules::describe(&fresh.module, &limits)?;
    let files = selection::choice(&args.selection)?;
    let plans = match &args.dataset {
        None => Vec::new(),
        Some(path) => {
            let dataset = datasets::open(settings, path, Arc::clone(&clock), datasets::default_threads())?;
            skein_node::plan_only(&dataset, &fresh.module, &params, &limits, &files)
                .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?
        }
    };
    let checked = checked(&fresh, manifest, &limits, &plans);
    match args.output {
        Output::Json => render::json(&checked),
        Output::Table => told(&checked),
    }
    Ok(())
}

fn checked(fresh: &modules::Fresh, manifest: Manifest, limits: &Limits, plans: &[SchemaGroup]) -> Checked {
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
        plans: plans.iter().map(plan_lines).collect(),
    }
}

fn plan_lines(group: &SchemaGroup) -> PlanLines {
    let plan = &group.plan;
    let tree = plan.source_tree();
    let mut used = std::collections::BTreeSet::new();
    let columns = plan.columns().iter().map(|column| column_line(plan, column, &mut used)).collect();
    let dropped = tree.roots().iter().filter(|root| !used.contains(*root)).map(|root| tree.path(*root));
    PlanLines {
        files: group.files.len(),
        first_file: group.files.first().cloned().unwrap_or_default(),
        shape: plan.shape(),
        reads: plan.reads().iter().map(|id| tree.path(*id)).collect(),
        columns,
        dropped: dropped.collect(),
    }
}

fn column_line(
    plan: &SchemaPlan,
    column: &ColumnPlan,
    used: &mut std::collections::BTreeSet<skein_types::ColumnId>,
) -> ColumnLine {
    let tree = plan.source_tree();
    let (origin, from) = match &column.origin {
        Origin::Carried { source, .. } => ("carried", vec![*source]),
        Origin::Computed { from } => ("computed", from.clone()),
        Origin::Preserved { source } => ("preserved", vec![*source]),
    };
    used.extend(from.iter().map(|id| tree.root_of(*id)));
    ColumnLine {
        name: column.field.name().clone(),
        data_type: column.field.data_type().to_string(),
        nullable: column.field.is_nullable(),
        origin,
        from: from.iter().map(|id| tree.path(*id)).collect(),
    }
}

fn told(checked: &Checked) {
    let say = |name: &str, text: String| render::line(&format!("{name:<9} {text}"));
    say("module", format!("{} {}", checked.name, checked.version));
    say("digest", checked.module.to_string());
    say("made with", checked.sdk.clone());
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
    say("imports", checked.imports.join(", "));
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
    if let Some(keys) = checked.params_schema.as_ref().and_then(|s| s.get("properties")?.as_object()) {
        say("params", keys.keys().cloned().collect::<Vec<_>>().join(", "));
    }
    checked.plans.iter().for_each(plan_told);
}

/// The schema plan as a diff: ` ` carried under its name, `>` carried under another, `~` made anew under its name,
/// `+` new, `=` preserved, `-` dropped.
fn plan_told(plan: &PlanLines) {
    let more = match plan.files {
        0 | 1 => String::new(),
        2 => " and 1 more file".to_owned(),
        files => format!(" and {} more files", files - 1),
    };
    let reads = if plan.reads.is_empty() { "nothing".to_owned() } else { plan.reads.join(", ") };
    render::line(&format!("\nplan for {}{more}: shape {}, reads {reads}", plan.first_file, plan.shape));
    let width = plan.columns.iter().map(|c| c.name.len()).max().unwrap_or(0);
    for column in &plan.columns {
        let same_name = column.from.contains(&column.name);
        let (mark, how) = match (column.origin, same_name) {
            ("carried", true) => (' ', "carried".to_owned()),
            ("carried", false) => ('>', format!("carried from {}", column.from.join(", "))),
            ("preserved", _) => ('=', format!("preserved from {}", column.from.join(", "))),
            (_, true) => ('~', format!("computed from {}", column.from.join(", "))),
            (_, false) if column.from.is_empty() => ('+', "computed from nothing".to_owned()),
            (_, false) => ('+', format!("computed from {}", column.from.join(", "))),
        };
        let null = if column.nullable { "" } else { " not null" };
        render::line(&format!("{mark} {:<width$}  {}{null}  {how}", column.name, column.data_type));
    }
    plan.dropped.iter().for_each(|name| render::line(&format!("- {name:<width$}  dropped")));
}
