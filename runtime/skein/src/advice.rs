//! Advice on modules and plans: what is allowed and could be better, each on one line with what to do.
//!
//! Advice never stops anything; what must not be is an error and has a code. It looks at what the jail saw, what the module
//! says about itself and what it plans, never at data.

use skein_sandbox::jail::CompileReport;
use skein_sandbox::{Limits, Manifest};
use skein_types::{ColumnPlan, Origin, SchemaPlan, Shape};

use crate::render;

/// Functions of a module that nobody optimised; optimised ones of the SDK have a few thousand.
const FUNCTIONS_UNOPTIMISED: u32 = 8_000;
/// Below, calls cost more than rows.
const BATCH_BYTES_MIN: u32 = 64 << 10;
/// Batches of more than this part of an agent's memory leave too little for what is made from them.
const BATCH_MEMORY_PART: u64 = 8;
/// Columns that one line names.
const NAMES_SHOWN: usize = 5;

/// The module for migrations without code.
const READY_MADE: &str = "columns";

/// Interfaces that link and give nothing.
const EMPTY: [(&str, &str); 3] = [
    (
        "wasi:filesystem/",
        "there are no files in the sandbox: take what it needs from parameters or include it when it is built",
    ),
    ("wasi:sockets/", "there is no network in the sandbox: every connection fails"),
    ("wasi:http/", "there is no network in the sandbox: every request fails"),
];

/// On the module itself.
pub(crate) fn of_module(report: &CompileReport, manifest: &Manifest, limits: &Limits) -> Vec<String> {
    let mut advice = Vec::new();
    if report.debug_info || report.functions > FUNCTIONS_UNOPTIMISED {
        let what = if report.debug_info { "it has debug information" } else { "it looks unoptimised" };
        advice.push(format!(
            "{what}: `skein build --release` makes a smaller and faster module for publishing"
        ));
    } else if !report.simd {
        // Unoptimised code has few vectors either way.
        advice.push(
            "it uses no SIMD: build with `-C target-feature=+simd128` (rustflags of wasm32-wasip2 in .cargo/config.toml)"
                .to_owned(),
        );
    }
    for (prefix, why) in EMPTY {
        if let Some(import) = report.imports.iter().find(|import| import.starts_with(prefix)) {
            advice.push(format!("it imports {import}: {why}"));
        }
    }
    advice.extend(of_batches(manifest, limits));
    advice.extend(of_params(manifest));
    advice
}

fn of_batches(manifest: &Manifest, limits: &Limits) -> Option<String> {
    let bytes = manifest.batch_bytes?;
    let most = limits.memory.0 / BATCH_MEMORY_PART;
    if bytes < BATCH_BYTES_MIN {
        let text = format!(
            "it asks for batches of {bytes} bytes: calls will cost more than rows; 0 lets the host decide"
        );
        return Some(text);
    }
    (u64::from(bytes) > most).then(|| {
        let (memory, most) = (limits.memory, skein_types::Bytes(most));
        format!("it asks for batches of {bytes} bytes, an agent has {memory}: at most {most} leaves room for what is made from them")
    })
}

/// Parameters whose misspelt names are taken for absent ones.
fn of_params(manifest: &Manifest) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(&manifest.params_schema).ok()?;
    let has_properties =
        schema.get("properties")?.as_object().is_some_and(|properties| !properties.is_empty());
    let is_closed = schema.get("additionalProperties") == Some(&serde_json::Value::Bool(false));
    (has_properties && !is_closed).then(|| {
        "its parameters take unknown names, so a misspelt one goes unnoticed: add #[serde(deny_unknown_fields)]".to_owned()
    })
}

/// On what it does to one schema.
pub(crate) fn of_plan(manifest: &Manifest, plan: &SchemaPlan) -> Vec<String> {
    let named = |why: &str, of: &dyn Fn(&ColumnPlan) -> bool| {
        some_names(plan, of).map(|shown| format!("{shown}: {why}"))
    };
    let nullable = |column: &ColumnPlan| column.field.is_nullable();
    let advice = [
        unchanged(plan),
        named("preserved, which reads and compares every value; carried columns are safe without", &|column| {
            matches!(column.origin, Origin::Preserved { .. })
        }),
        named("may be null from now on; tell its readers, or declare it not null in `compute`", &|column| {
            nullable(column) && before(plan, column) == Some(false)
        }),
        named(
            "never null from now on; reject the rows without a value, else the run ends with SK0319",
            &|column| !nullable(column) && before(plan, column) == Some(true),
        ),
        (!plan.needs_guest() && manifest.name != READY_MADE).then(|| {
            format!(
                "nothing is computed: the ready-made module `{READY_MADE}` renames, drops and orders from a spec"
            )
        }),
    ];
    advice.into_iter().flatten().collect()
}

/// The names of the columns that are such, as many as a line takes; `None` if none is.
fn some_names(plan: &SchemaPlan, of: &dyn Fn(&ColumnPlan) -> bool) -> Option<String> {
    let names = plan.columns().iter().filter(|column| of(column)).map(|c| format!("{:?}", c.field.name()));
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| render::first_of(&names, NAMES_SHOWN))
}

/// On columns that go through the module and come back as they were.
fn unchanged(plan: &SchemaPlan) -> Option<String> {
    let shown = some_names(plan, &|column| is_unchanged(plan, column))?;
    Some(match plan.shape() {
        Shape::Free => format!(
            "shape free sends {shown} through the module under their own names and types: if every row becomes at most \
             one, `filtered` or `same` would carry them"
        ),
        Shape::Same | Shape::Filtered => format!(
            "{shown}: computed from the column of the same name and type alone; if the values stay, carry it, and it never \
             enters the sandbox"
        ),
    })
}

/// Whether a column is made from the one of its own name, type and nullability, and from nothing else.
fn is_unchanged(plan: &SchemaPlan, column: &ColumnPlan) -> bool {
    let Origin::Computed { from } = &column.origin else { return false };
    let tree = plan.source_tree();
    // Under `free` every column names all that is read.
    let alone = plan.shape() == Shape::Free || from.len() == 1;
    let mut of_source = from.iter().filter_map(|id| tree.get(*id).filter(|_| tree.root_of(*id) == *id));
    alone
        && of_source.any(|node| {
            let (was, is) = (&node.field, &column.field);
            was.name() == is.name()
                && was.data_type() == is.data_type()
                && was.is_nullable() == is.is_nullable()
        })
}

/// Whether the source's column of a computed one's name may be null.
fn before(plan: &SchemaPlan, column: &ColumnPlan) -> Option<bool> {
    let Origin::Computed { .. } = &column.origin else { return None };
    plan.source().field_with_name(column.field.name()).ok().map(arrow_schema::Field::is_nullable)
}

pub(crate) fn told(advice: &[String]) {
    if !advice.is_empty() {
        render::line("");
        render::line("advice");
        advice.iter().for_each(|line| render::line(&format!("- {line}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};
    use skein_sandbox::jail::CompileReport;
    use skein_sandbox::{Limits, Manifest};
    use skein_types::{ColumnId, Encoding, ProposedOrigin, ProposedPlan, SchemaPlan, StateKind};

    use super::{of_module, of_plan};

    fn manifest(batch_bytes: Option<u32>, params_schema: &str) -> Manifest {
        Manifest {
            name: "m".to_owned(),
            version: "1".to_owned(),
            sdk: "s".to_owned(),
            encoding: Encoding::Arrow,
            state: StateKind::None,
            batch_bytes,
            params_schema: params_schema.to_owned(),
            ext: Vec::new(),
        }
    }

    fn module(report: &CompileReport, batch_bytes: Option<u32>, params_schema: &str) -> String {
        of_module(report, &manifest(batch_bytes, params_schema), &Limits::STANDARD).join("\n")
    }

    #[test]
    fn a_sound_module_gets_none() {
        let sound = CompileReport { simd: true, functions: 2_000, modules: 1, ..CompileReport::default() };
        let closed = r#"{"properties": {"a": {}}, "additionalProperties": false}"#;
        assert_eq!(module(&sound, Some(1 << 20), closed), "");
        assert_eq!(module(&sound, None, ""), "");
    }

    #[test]
    fn what_could_be_better_is_said_with_what_to_do() {
        let sound = CompileReport { simd: true, ..CompileReport::default() };
        let debug = CompileReport { debug_info: true, ..CompileReport::default() };
        let plain = CompileReport::default();
        let files = CompileReport { imports: vec!["wasi:filesystem/types@0.2.6".to_owned()], ..sound };
        assert!(module(&debug, None, "").contains("--release"));
        assert!(module(&plain, None, "").contains("+simd128"));
        assert!(module(&files, None, "").contains("no files in the sandbox"));
        assert!(module(&sound, Some(100), "").contains("batches of 100 bytes"));
        assert!(module(&sound, Some(32 << 20), "").contains("at most 8MiB"));
        assert!(module(&sound, None, r#"{"properties": {"a": {}}}"#).contains("deny_unknown_fields"));
    }

    /// A plan for `id` not null and `note`, of which `origin` says what becomes.
    fn plan(target: Vec<Field>, origins: Vec<ProposedOrigin>, shape: &str) -> String {
        let source = Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("note", DataType::Utf8, true),
        ]);
        let carries = origins.iter().all(|origin| matches!(origin, ProposedOrigin::Carried(_)));
        let reads = if carries { Vec::new() } else { vec![0, 1] };
        let proposed = ProposedPlan {
            target: Schema::new(target),
            origins: (0..).zip(origins).collect(),
            reads,
            shape: shape.to_owned(),
            ext: Vec::new(),
        };
        of_plan(&manifest(None, ""), &SchemaPlan::check(Arc::new(source), &proposed).unwrap()).join("\n")
    }

    #[test]
    fn columns_that_could_be_carried_are_named() {
        let id = || Field::new("id", DataType::Int64, false);
        let note = || Field::new("note", DataType::Utf8, true);
        let computed = |from: &[u32]| ProposedOrigin::Computed(from.iter().map(|id| ColumnId(*id)).collect());
        let said = plan(vec![id(), note()], vec![computed(&[0]), computed(&[0, 1])], "same");
        assert!(
            said.starts_with("\"id\": computed from the column of the same name and type alone"),
            "{said}"
        );
        let said = plan(vec![id(), note()], vec![computed(&[0, 1]), computed(&[0, 1])], "free");
        assert!(said.starts_with("shape free sends \"id\", \"note\" through the module"), "{said}");
        let preserved = ProposedOrigin::Preserved(ColumnId(0));
        let said = plan(vec![id()], vec![preserved], "same");
        assert!(said.starts_with("\"id\": preserved"), "{said}");
    }

    #[test]
    fn changes_of_nullability_and_plans_without_work_are_pointed_out() {
        let computed = |from: u32| ProposedOrigin::Computed(vec![ColumnId(from)]);
        let carried = |from: u32| ProposedOrigin::Carried(ColumnId(from));
        let said = plan(
            vec![Field::new("id", DataType::Int64, true), Field::new("note", DataType::Utf8, false)],
            vec![computed(0), computed(1)],
            "same",
        );
        assert!(said.contains("\"id\": may be null from now on"), "{said}");
        assert!(said.contains("\"note\": never null from now on"), "{said}");
        let said = plan(vec![Field::new("id", DataType::Int64, false)], vec![carried(0)], "same");
        assert!(said.contains("the ready-made module `columns`"), "{said}");
    }
}
