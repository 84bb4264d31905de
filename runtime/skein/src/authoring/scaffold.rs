//! The files of a new crate, from its name and the schemas it is made for.
//!
//! A function from values to texts: it reads no dataset and writes nothing. Names of columns come from strangers and appear
//! in the code only as literals.

use std::path::Path;

use arrow_schema::{DataType, Field, FieldRef, Schema};

use super::conversion;
use super::difference::{self, Difference, Fate};
use super::name::CrateName;
use super::{embedded, lock, rust};
use crate::render::text::{padded, width};

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../template/", $name, ".in"))
    };
}

/// What the crate is made for.
#[derive(Debug)]
pub(crate) struct Purpose<'a> {
    pub(crate) name: &'a CrateName,
    /// Where the crate will be, as the author names it.
    pub(crate) directory: &'a Path,
    /// Directory of the SDK.
    pub(crate) sdk: &'a Path,
    /// Whether that is the copy in Skein's home.
    pub(crate) own_sdk: bool,
    /// As the author named it.
    pub(crate) dataset: Option<&'a Path>,
    pub(crate) source: &'a Schema,
    pub(crate) target: Option<&'a Schema>,
    /// Rows in the fixture, and whether they are real.
    pub(crate) rows: usize,
    pub(crate) real: bool,
}

/// Pairs of names that may be one column, at most so many.
const ALIKE_SHOWN: usize = 3;

/// Cells that a column's name gets where it stands before its type.
const NAME_ROOM: usize = 60;

/// Path within the crate and text of each file but the fixture's data.
pub(crate) fn files(purpose: &Purpose<'_>) -> Vec<(&'static str, String)> {
    let package = purpose.name.package();
    let body = match purpose.target {
        Some(target) => towards(&difference::between(purpose.source, target)),
        None => Body::of_examples(purpose.source),
    };
    let values = values(purpose, &body);
    let say = |text: &str| fill(text, &values);
    let fixture =
        if purpose.real { template!("fixture-sample.md") } else { template!("fixture-synthetic.md") };
    let mut test = template!("sample.rs").to_owned();
    if purpose.target.is_some() {
        test.push_str(template!("sample_target.rs"));
    }
    if !body.unwritten.is_empty() {
        test.push_str(template!("sample_unwritten.rs"));
    }
    vec![
        ("Cargo.toml", say(template!("Cargo.toml"))),
        ("Cargo.lock", lock::of_crate(package, "0.1.0", embedded::text("Cargo.lock"))),
        ("rust-toolchain.toml", embedded::text("rust-toolchain.toml").to_owned()),
        (".cargo/config.toml", say(template!("config.toml"))),
        (".gitignore", say(template!("gitignore"))),
        ("README.md", say(template!("README.md"))),
        ("fixture/README.md", say(fixture)),
        ("src/lib.rs", format!("{}\n", say(template!("lib.rs")).trim_end())),
        ("tests/sample.rs", say(&test)),
    ]
}

/// What stands in the templates' `{{places}}`.
fn values(purpose: &Purpose<'_>, body: &Body) -> Vec<(&'static str, String)> {
    let package = purpose.name.package();
    let dataset = purpose.dataset.map(|path| path.display().to_string());
    let note = if purpose.own_sdk {
        "Unpacked by `skein` from itself. README.md says what to do where it is missing."
    } else {
        "README.md says where else it can come from."
    };
    let target_line =
        |f: &FieldRef| format!("        {},\n", rust::text(&format!("{} {}", f.name(), typed(f))));
    let target_lines =
        purpose.target.map_or_else(String::new, |t| t.fields().iter().map(target_line).collect());
    let ignored = if body.unwritten.is_empty() {
        ""
    } else {
        concat!("#[", "ignore = \"until every column is written\"]\n")
    };
    vec![
        ("package", package.to_owned()),
        ("name", rust::text(package)),
        ("library", purpose.name.library()),
        ("type", purpose.name.type_name()),
        ("sdk", toml::Value::from(purpose.sdk.display().to_string()).to_string()),
        ("directory", purpose.directory.display().to_string()),
        ("sdk_note", note.to_owned()),
        ("rows", purpose.rows.to_string()),
        ("origin", dataset.as_ref().map_or_else(String::new, |path| format!(" from {path:?}"))),
        ("dataset", dataset.unwrap_or_else(|| "DATASET".to_owned())),
        ("source_lines", described(purpose.source).iter().map(|line| format!("//! {line}\n")).collect()),
        ("target_lines", target_lines),
        ("ignored", ignored.to_owned()),
        ("imports", imports(&format!("{}{}{}", body.plan, body.process, body.functions))),
        ("unwritten", body.unwritten_constant()),
        ("plan", body.plan.clone()),
        ("process", body.process.clone()),
        ("functions", body.functions.clone()),
    ]
}

/// Replaces each `{{key}}`, once through: what a value says is not looked at again.
fn fill(text: &str, values: &[(&str, String)]) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (key, after) = after.split_once("}}").expect("the templates are constants");
        made.push_str(before);
        let value = values.iter().find(|(name, _)| *name == key);
        made.push_str(&value.expect("the templates name no other places").1);
        rest = after;
    }
    made + rest
}

/// The parts of `src/lib.rs` that depend on the schemas.
#[derive(Debug, Default)]
struct Body {
    plan: String,
    process: String,
    functions: String,
    /// Columns whose values only the author can say.
    unwritten: Vec<String>,
}

/// Towards a target: each column according to its fate.
fn towards(difference: &Difference) -> Body {
    let mut body = Body::default();
    body.plan_line("let plan = Plan::carry_all(source);");
    for fate in &difference.fates {
        match fate {
            Fate::Carried => {}
            Fate::Dropped { name } => body.plan_line(&format!("let plan = plan.drop({});", rust::text(name))),
            Fate::Changed { from, to } => body.changed(from, to),
            Fate::Added { to } => body.added(to),
        }
    }
    for (gone, new) in difference.alike.iter().take(ALIKE_SHOWN) {
        let (gone, new) = (rust::text(gone), rust::text(new));
        body.plan_line(&format!(
            "// If {new} is {gone} under another name, this stands for the lines about the two:"
        ));
        body.plan_line(&format!("// let plan = plan.rename({gone}, {new});"));
    }
    if let Some(order) = &difference.order {
        let names: Vec<String> = order.iter().map(|name| rust::text(name)).collect();
        body.plan_line(&format!("let plan = plan.order(&[{}]);", names.join(", ")));
    }
    body.close()
}

impl Body {
    fn plan_line(&mut self, line: &str) {
        self.plan.push_str(&format!("        {line}\n"));
    }

    fn process_line(&mut self, line: &str) {
        self.process.push_str(&format!("        {line}\n"));
    }

    fn compute(&mut self, to: &Field, reads: &str) {
        let (name, data_type) = (rust::text(to.name()), rust::data_type(to.data_type()));
        self.plan_line(&format!(
            "let plan = plan.compute({name}, {data_type}, {}, &[{reads}]);",
            to.is_nullable()
        ));
    }

    fn changed(&mut self, from: &Field, to: &Field) {
        let name = rust::text(from.name());
        self.plan_line(&format!("source.expect({name}, &{})?;", rust::data_type(from.data_type())));
        self.compute(to, &name);
        self.process_line(&format!(
            "// {name}: {} before, {} from now on.",
            shown(&typed(from)),
            shown(&typed(to))
        ));
        match conversion::statements(from, to) {
            Some(statements) => self.process.push_str(&statements),
            None => {
                self.unwritten.push(to.name().clone());
                self.process_line(&format!(
                    "// Read it with `batch.array({name})?` or a typed reader, and `out.set({name}, ...)?`."
                ));
            }
        }
    }

    fn added(&mut self, to: &Field) {
        let name = rust::text(to.name());
        self.compute(to, "");
        self.process_line(&format!("// {name}: new, {}.", shown(&typed(to))));
        if to.is_nullable() {
            let data_type = rust::data_type(to.data_type());
            self.process_line("// Null until you say better: name the columns that it is made from in `plan`, and set it here.");
            self.process_line(&format!("out.set({name}, new_null_array(&{data_type}, batch.rows()))?;"));
        } else {
            self.unwritten.push(to.name().clone());
            self.process_line(&format!(
                "// It may not be null: name in `plan` what it is made from, and `out.set({name}, ...)?`."
            ));
        }
    }

    /// Without a target: everything is carried, and what else can be said stands there to be tried.
    fn of_examples(source: &Schema) -> Self {
        let mut body = Self::default();
        body.plan_line(
            "// Everything is carried: the host copies it as it is stored, and it never comes in here.",
        );
        body.plan_line("let plan = Plan::carry_all(source);");
        body.plan_line("// Each of these lines works as it stands: take the slashes away.");
        let columns = source.fields();
        let is = |wanted: &DataType| columns.iter().find(|f| f.data_type() == wanted).cloned();
        let text = is(&DataType::Utf8);
        if let Some(renamed) = text.as_ref().or_else(|| columns.first()) {
            let new = unused(source, &format!("new_{}", renamed.name()));
            let (old, new) = (rust::text(renamed.name()), rust::text(&new));
            body.plan_line(&format!("// let plan = plan.rename({old}, {new});"));
        }
        if let Some(last) = columns.last().filter(|_| columns.len() > 1) {
            body.plan_line(&format!("// let plan = plan.drop({});", rust::text(last.name())));
        }
        if let Some(text) = text {
            let (name, new) =
                (rust::text(text.name()), rust::text(&unused(source, &format!("{}_upper", text.name()))));
            body.plan_line(
                "// A computed column: what it reads is all that comes in; its values are made in `process`.",
            );
            body.plan_line(&format!(
                "// let plan = plan.compute({new}, skein_sdk::arrow_schema::DataType::Utf8, true, &[{name}]);"
            ));
            body.process_line("// The values of the computed column in `plan`'s example:");
            body.process_line(&format!(
                "// let values = batch.strs({name})?.iter().map(|value| value.map(str::to_uppercase));"
            ));
            body.process_line("// let values: skein_sdk::arrow_array::StringArray = values.collect();");
            body.process_line(&format!("// out.set({new}, std::sync::Arc::new(values))?;"));
        }
        body.close()
    }

    /// What holds the parts together.
    fn close(mut self) -> Self {
        if !self.process.lines().any(|line| !line.trim_start().starts_with("//")) {
            self.process_line("// Nothing is computed yet: goes with the first `out.set`.");
            self.process_line("let _ = (batch, out);");
        }
        if !self.unwritten.is_empty() {
            let check = "        if let Some(name) = UNWRITTEN.first() {\n            \
                         let message = format!(\"say in src/lib.rs, `process`, what the values of {name:?} are\");\n            \
                         return Err(Refusal::new(\"not-written\", message));\n        }\n";
            self.plan = format!("{check}{}", self.plan);
        }
        for (call, function) in
            [("reject_nulls(", conversion::REJECT_NULLS), ("decimal(", conversion::DECIMAL)]
        {
            if self.process.contains(call) {
                self.functions.push_str(function);
            }
        }
        self
    }

    fn unwritten_constant(&self) -> String {
        if self.unwritten.is_empty() {
            return String::new();
        }
        let names: Vec<String> = self.unwritten.iter().map(|name| rust::text(name)).collect();
        format!(
            "/// Columns whose values nobody has written yet. Until a name is taken away here, the plan is refused.\n\
             const UNWRITTEN: &[&str] = &[{}];\n\n",
            names.join(", ")
        )
    }
}

/// The `use` lines that a piece of code needs.
fn imports(code: &str) -> String {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let used = |names: &[&str]| {
        let word = |name: &str| {
            let around = |c: char| !c.is_alphanumeric() && c != '_';
            code.split(around).any(|found| found == name)
        };
        names.iter().filter(|name| word(name)).map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    let mut arrays = if code.contains("is_null(") { vec!["Array".to_owned()] } else { Vec::new() };
    arrays.extend(used(&[
        "BooleanArray",
        "Decimal128Array",
        "Float32Array",
        "Float64Array",
        "Int16Array",
        "Int32Array",
        "Int64Array",
        "Int8Array",
        "StringArray",
        "UInt16Array",
        "UInt32Array",
        "UInt64Array",
        "UInt8Array",
        "new_null_array",
    ]));
    let types = used(&["DataType", "Field", "IntervalUnit", "TimeUnit"]);
    let mut lines = String::new();
    if !used(&["Arc"]).is_empty() {
        lines.push_str("use std::sync::Arc;\n\n");
    }
    for (module, names) in [("skein_sdk::arrow_array", arrays), ("skein_sdk::arrow_schema", types)] {
        match names.as_slice() {
            [] => {}
            [one] => lines.push_str(&format!("use {module}::{one};\n")),
            many => lines.push_str(&format!("use {module}::{{{}}};\n", many.join(", "))),
        }
    }
    lines + "use skein_sdk::{Batch, Context, Failure, Migration, Output, Plan, Refusal, Source};\n"
}

/// Name and type of each column, in two columns.
fn described(schema: &Schema) -> Vec<String> {
    let names: Vec<String> = schema.fields().iter().map(|f| shown(f.name())).collect();
    let room = names.iter().map(|name| width(name)).max().unwrap_or(0).min(NAME_ROOM);
    names
        .iter()
        .zip(schema.fields())
        .map(|(name, f)| format!("{}  {}", padded(name, room), shown(&typed(f))))
        .collect()
}

/// A name in a comment: as a literal if it is more than a word.
fn shown(text: &str) -> String {
    if text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) { text.to_owned() } else { rust::text(text) }
}

fn typed(field: &Field) -> String {
    format!("{}{}", field.data_type(), if field.is_nullable() { "" } else { " not null" })
}

/// A name that no column has.
fn unused(schema: &Schema, name: &str) -> String {
    let mut name = name.to_owned();
    while schema.field_with_name(&name).is_ok() {
        name.push('_');
    }
    name
}
