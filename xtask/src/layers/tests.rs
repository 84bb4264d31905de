//! Broken workspaces, one rule each.

use super::check;
use crate::source_tree::SourceTree;

const TABLES: &str = "\
<!-- layers -->
| Crate | Level | May also use | Never names | Does not know |
|---|---|---|---|---|
| `low` | L0 | | `tokio*` | all |
| `left` | L1 | | | right |
| `right` | L1 | | | left |
<!-- /layers -->
<!-- owners -->
| Dependency | Only in | In tests |
|---|---|---|
| `wasmtime*` | `right` | no |
| `anyhow` | | yes |
<!-- /owners -->
";

const ROOT: &str = "[workspace]\nmembers = [\"low\", \"left\", \"right\"]\n";

fn manifest(name: &str, dependencies: &str) -> String {
    format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{dependencies}")
}

/// What `layers` says if `left` has these dependencies.
fn said_of_left(dependencies: &str) -> Vec<String> {
    said(&manifest("left", dependencies), TABLES)
}

fn said(left: &str, tables: &str) -> Vec<String> {
    let low = manifest("low", "");
    let right = manifest("right", "[dependencies]\nlow.workspace = true\nwasmtime.workspace = true\n");
    let tree = SourceTree::of([
        ("ARCHITECTURE.md", tables),
        ("Cargo.toml", ROOT),
        ("low/Cargo.toml", &low),
        ("left/Cargo.toml", left),
        ("right/Cargo.toml", &right),
    ]);
    check(&tree).expect("readable").iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_workspace_has_no_findings() {
    assert!(said_of_left("[dependencies]\nlow.workspace = true\n").is_empty());
}

#[test]
fn crates_of_one_level_may_not_know_each_other_in_any_section() {
    for section in
        ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"]
    {
        assert_eq!(
            said_of_left(&format!("[{section}]\nright.workspace = true\n")),
            ["left/Cargo.toml: left (Host(1)) may not know right (Host(1))"],
        );
    }
}

#[test]
fn an_exception_in_the_table_permits_a_crate() {
    let tables = TABLES.replace("`left` | L1 | |", "`left` | L1 | `right` |");
    let left = manifest("left", "[dependencies]\nright.workspace = true\n");
    assert!(said(&left, &tables).is_empty());
}

#[test]
fn an_owned_dependency_is_named_by_its_owner_alone_also_under_another_name() {
    let found = ["left/Cargo.toml: only right may name wasmtime-wasi"];
    assert_eq!(said_of_left("[dev-dependencies]\nwasmtime-wasi.workspace = true\n"), found);
    assert_eq!(
        said_of_left("[dependencies]\nw = { package = \"wasmtime-wasi\", workspace = true }\n"),
        found
    );
}

#[test]
fn what_tests_may_name_stays_out_of_normal_dependencies() {
    assert!(said_of_left("[dev-dependencies]\nanyhow.workspace = true\n").is_empty());
    let found = said_of_left("[dependencies]\nanyhow.workspace = true\n");
    assert_eq!(found, ["left/Cargo.toml: nobody may name anyhow"]);
}

#[test]
fn what_a_row_never_names_is_refused() {
    let tables = TABLES.replace("`left` | L1 | | |", "`left` | L1 | | `tokio*` |");
    let left = manifest("left", "[dependencies]\ntokio-util.workspace = true\n");
    assert_eq!(said(&left, &tables), ["left/Cargo.toml: left must not name tokio-util"]);
}

#[test]
fn versions_and_lints_come_from_the_workspace() {
    let found = said_of_left("[dependencies]\nserde = \"1\"\n");
    assert_eq!(found, ["left/Cargo.toml: serde must come from [workspace.dependencies]: workspace = true"]);
    let found = said("[package]\nname = \"left\"\n", TABLES);
    assert_eq!(found, ["left/Cargo.toml: needs [lints] workspace = true"]);
}

#[test]
fn table_and_workspace_name_the_same_crates() {
    let tables = TABLES.replace("`left`", "`lost`");
    assert_eq!(
        said(&manifest("left", ""), &tables),
        [
            "left/Cargo.toml: left has no row in the layers table of ARCHITECTURE.md",
            "ARCHITECTURE.md: the layers table names lost, which does not exist",
        ]
    );
}

#[test]
fn a_crate_has_one_row() {
    let row = "| `right` | L1 | | | left |\n";
    let tables = TABLES.replace(row, &format!("{row}| `right` | L2 | | | left |\n"));
    assert_eq!(said(&manifest("left", ""), &tables), ["ARCHITECTURE.md: the layers table names right twice"]);
}

#[test]
fn a_manifest_outside_the_workspace_is_found() {
    let tree = SourceTree::of([
        (
            "ARCHITECTURE.md",
            "<!-- layers -->\n|Crate|Level|May also use|Never names|\n<!-- /layers --><!-- owners -->\n|Dependency|Only in|In tests|\n<!-- /owners -->",
        ),
        ("Cargo.toml", "[workspace]\nmembers = []\n"),
        ("stray/Cargo.toml", "[package]\nname = \"stray\"\n"),
        ("low/fuzz/Cargo.toml", "[workspace]\n[package]\nname = \"fuzz\"\n"),
    ]);
    let found: Vec<_> = check(&tree).expect("readable").iter().map(ToString::to_string).collect();
    assert_eq!(found, ["stray/Cargo.toml: is not a member of the workspace"]);
}

#[test]
fn a_missing_table_is_an_error_and_not_a_pass() {
    let tree = SourceTree::of([("ARCHITECTURE.md", "# nothing"), ("Cargo.toml", ROOT)]);
    let error = check(&tree).expect_err("no table");
    assert_eq!(format!("{error:#}"), "ARCHITECTURE.md: no layers table");
}
