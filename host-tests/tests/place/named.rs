//! Modules by name, and what a slip of the hand gets.

use host_tests::{Call, Guard, guests, project};
use serde_json::json;
use skein_types::codes;

use crate::{orders, rename};

#[test]
fn a_module_is_found_by_name_beside_the_executable_or_in_the_home() {
    let (site, dataset) = orders(1);
    let skein = site.borrow(project::skein());
    let home = site.directory("home");
    let columns = guests::component("columns");
    for (place, version) in [("modules", 1), ("home/modules", 2)] {
        let modules = site.directory(place);
        std::fs::copy(&columns, modules.join("columns.wasm")).unwrap();
        let call = Call::behind(skein.to_str().unwrap(), &["run", "columns"], &home).arg(&dataset);
        let report = call.params(&rename_again(version)).arg("-o").arg("json").finish().succeeded().json();
        assert_eq!(report["version"], version);
        std::fs::remove_dir_all(modules).unwrap();
    }
    let modules = site.directory("modules");
    std::fs::copy(guests::component("keep-recent"), modules.join("keep_recent.wasm")).unwrap();
    let check = Call::behind(skein.to_str().unwrap(), &["check", "keep-recent"], &home).finish().succeeded();
    assert!(check.stdout.starts_with("module    keep-recent "), "{}", check.stdout);
}

fn rename_again(version: u64) -> serde_json::Value {
    let names = ["customer", "client", "buyer"];
    let at = usize::try_from(version).unwrap();
    json!({ "name": format!("rename-{version}"), "steps": [{ "rename": names[at - 1], "to": names[at] }] })
}

#[test]
fn a_name_that_nobody_has_is_told_where_it_was_looked_for() {
    let (site, dataset) = orders(1);
    let skein = site.borrow(project::skein());
    let home = site.directory("home");
    let modules = site.directory("home/modules");
    std::fs::copy(guests::component("keep-recent"), modules.join("keep_recent.wasm")).unwrap();
    let guard = Guard::over(&dataset);
    let run = |name: &str| {
        Call::behind(skein.to_str().unwrap(), &["run", name], &home).arg(&dataset).params(&rename()).finish()
    };
    let outcome = run("keep-recnet");
    outcome.refused(codes::MODULE_NOT_FOUND);
    let said = format!(
        "error[SK0114]: no module \"keep-recnet\" is installed, and it is no path of a file\n  \
         looked in {}/modules\n  looked in {}\n  hint: did you mean keep-recent?\n",
        skein.parent().unwrap().display(),
        modules.display()
    );
    assert!(outcome.stderr.starts_with(&said), "wanted {said}{}", outcome.stderr);
    assert!(run("columns").stderr.contains("  hint: installed: keep-recent\n"));
    // A path is never looked up.
    let outcome = run("./keep-recent");
    outcome.refused(codes::MODULE_NOT_FOUND);
    assert!(outcome.stderr.contains("cannot read module ./keep-recent"), "{}", outcome.stderr);
    guard.untouched();
}

#[test]
fn what_lies_in_the_working_directory_is_no_installed_module() {
    let (site, dataset) = orders(1);
    let skein = site.borrow(project::skein());
    let home = site.directory("home");
    let modules = site.directory("home/modules");
    std::fs::copy(guests::component("columns"), modules.join("columns.wasm")).unwrap();
    // Calls work in their home.
    for name in ["columns", "loose", "loose.wasm"] {
        site.file(&format!("home/{name}"), "put here by somebody else");
    }
    let call = |name: &str| {
        Call::behind(skein.to_str().unwrap(), &["run", name], &home).arg(&dataset).params(&rename())
    };
    call("columns").finish().succeeded();
    for (name, code) in
        [("./columns", codes::NOT_WASM), ("loose.wasm", codes::NOT_WASM), ("loose", codes::MODULE_NOT_FOUND)]
    {
        call(name).finish().refused(code);
    }
    assert!(call("loose").finish().stderr.contains("  hint: the file of that name here is ./loose\n"));
}

#[test]
fn misspelt_keys_are_refused_with_the_nearest_at_every_level_of_a_spec() {
    let (site, dataset) = orders(1);
    let guard = Guard::over(&dataset);
    for (spec, said) in [
        (json!({ "name": "x", "stesp": [] }), "unknown key `stesp`, did you mean `steps`?"),
        (json!({ "name": "x", "steps": [{ "renam": "customer", "to": "c" }] }), "did you mean `rename`?"),
        (json!({ "name": "x", "steps": [{ "cast": "amount", "too": "int64" }] }), "did you mean `to`?"),
    ] {
        let outcome = site.run(&guests::component("columns"), &dataset).params(&spec).finish();
        outcome.refused(codes::PARAMS_INVALID);
        assert!(outcome.stderr.contains(said), "wanted {said}:\n{}", outcome.stderr);
    }
    let nameless = json!({ "nam": "x", "steps": [] });
    let outcome = site.run(&guests::component("columns"), &dataset).params(&nameless).finish();
    outcome.refused(codes::PARAMS_INVALID);
    let said = "`name` is missing: it tells this migration from others: did you mean it by \"nam\"?";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);

    let key = site.file("key", "hot");
    let hash = json!({ "name": "x", "steps": [{ "hash": "customer", "key": { "$secret": "pepper" } }] });
    let outcome = site
        .run(&guests::component("columns"), &dataset)
        .params(&hash)
        .arg("--secret")
        .arg(format!("peper=@{}", key.display()))
        .finish();
    outcome.refused(codes::SECRET_MISSING);
    assert!(outcome.stderr.contains("  hint: \"peper\" was given: is it the same?"), "{}", outcome.stderr);
    guard.untouched();
}
