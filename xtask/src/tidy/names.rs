//! Names of files and tests, and the doc that every module starts with.

use crate::finding::Finding;
use crate::source_tree::SourceTree;

/// A homeless function shows a missing noun; these names hide it.
const HOMELESS: [&str; 10] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "handler", "handlers"];

pub(super) fn check(tree: &SourceTree) -> Vec<Finding> {
    tree.ending(".rs").flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if path.ends_with("/mod.rs") {
        findings.push(Finding::in_file(path, "a module is foo.rs beside foo/, never mod.rs"));
    }
    for word in path.trim_end_matches(".rs").split(['/', '_', '-']).filter(|w| HOMELESS.contains(w)) {
        findings.push(Finding::in_file(path, format!("\"{word}\" names no thing; find the noun")));
    }
    if !text.starts_with("//! ") {
        findings.push(Finding::at(
            path,
            1,
            "a module starts with //!: what for, invariants, what it does not know",
        ));
    }
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
        if line.starts_with("fn test_") {
            findings.push(Finding::at(path, number + 1, "a test's name is a sentence without test_"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    fn said(path: &str, text: &str) -> Vec<String> {
        check(&SourceTree::of([(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn mod_rs_is_refused() {
        assert_eq!(
            said("a/src/plan/mod.rs", "//! Plans.\n"),
            ["a/src/plan/mod.rs: a module is foo.rs beside foo/, never mod.rs"]
        );
    }

    #[test]
    fn a_file_or_directory_named_after_no_thing_is_refused() {
        let found = said("a/src/path_utils.rs", "//! Paths.\n");
        assert_eq!(found, ["a/src/path_utils.rs: \"utils\" names no thing; find the noun"]);
        assert_eq!(said("a/src/common/paths.rs", "//! Paths.\n").len(), 1);
        assert!(said("a/src/utility_bill.rs", "//! Bills.\n").is_empty());
    }

    #[test]
    fn a_module_without_a_doc_is_refused() {
        assert_eq!(said("a/src/plan.rs", "use std::fmt;\n").len(), 1);
    }

    #[test]
    fn a_test_called_test_is_refused() {
        let text = format!("//! Plans.\n#[test]\n{} test_plan() {{}}\n", "fn");
        assert_eq!(
            said("a/src/plan.rs", &text),
            ["a/src/plan.rs:3: a test's name is a sentence without test_"]
        );
    }
}
