//! How long a file may be, tests not counted.

use crate::finding::Finding;
use crate::source_tree::SourceTree;

const FILE: usize = 600;
const LIB: usize = 120;
const MAIN: usize = 150;
const MOST_EXCEPTIONS: usize = 10;

/// Files that may be longer, and why. A file that no longer needs its entry is reported, too.
pub(super) const EXCEPTIONS: &[(&str, &str)] = &[];

pub(super) fn check(tree: &SourceTree, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = stale(tree, exceptions);
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !is_test_file(path)) {
        let (lines, limit) = (lines_without_tests(text), limit(path));
        if lines > limit && !exceptions.iter().any(|(file, _)| *file == path) {
            findings.push(Finding::in_file(path, format!("{lines} lines without tests, {limit} allowed")));
        }
    }
    findings
}

fn limit(path: &str) -> usize {
    match path.rsplit('/').next() {
        Some("lib.rs") => LIB,
        Some("main.rs") => MAIN,
        Some(_) | None => FILE,
    }
}

/// `tests.rs`, `foo/tests/…` and integration tests.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

/// An inline test module runs from its attribute to the closing brace in the first column.
fn lines_without_tests(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.clone().take(3).any(|l| l.starts_with("mod ") && l.ends_with('{'))
        {
            lines.by_ref().find(|l| *l == "}");
        } else {
            count += 1;
        }
    }
    count
}

fn stale(tree: &SourceTree, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if exceptions.len() > MOST_EXCEPTIONS {
        let what = format!("{} exceptions, {MOST_EXCEPTIONS} allowed", exceptions.len());
        findings.push(Finding::in_file("xtask/src/tidy/lengths.rs", what));
    }
    for (path, reason) in exceptions {
        let needed = tree.text(path).is_ok_and(|text| lines_without_tests(text) > limit(path));
        if !needed {
            findings.push(Finding::in_file(path, "needs no exception to the length any more"));
        }
        if reason.is_empty() {
            findings.push(Finding::in_file(path, "an exception to the length needs a reason"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    fn said(path: &str, text: &str, exceptions: &[(&str, &str)]) -> Vec<String> {
        check(&SourceTree::of([(path, text)]), exceptions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_of_600_lines_is_fine_and_one_of_601_is_not() {
        assert!(said("a/src/plan.rs", &"x\n".repeat(600), &[]).is_empty());
        let found = said("a/src/plan.rs", &"x\n".repeat(601), &[]);
        assert_eq!(found, ["a/src/plan.rs: 601 lines without tests, 600 allowed"]);
    }

    #[test]
    fn tests_are_not_counted_and_what_follows_them_is() {
        let body = "x\n".repeat(599);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    y\n".repeat(500));
        assert!(said("a/src/plan.rs", &format!("{body}{tests}x\n"), &[]).is_empty());
        assert_eq!(said("a/src/plan.rs", &format!("{body}{tests}x\nx\n"), &[]).len(), 1);
        assert!(said("a/src/plan/tests.rs", &"x\n".repeat(900), &[]).is_empty());
        assert!(said("a/tests/publish.rs", &"x\n".repeat(900), &[]).is_empty());
    }

    #[test]
    fn lib_and_main_are_tables_of_contents() {
        assert_eq!(said("a/src/lib.rs", &"x\n".repeat(121), &[]).len(), 1);
        assert!(said("a/src/main.rs", &"x\n".repeat(150), &[]).is_empty());
        assert_eq!(said("a/src/main.rs", &"x\n".repeat(151), &[]).len(), 1);
    }

    #[test]
    fn an_exception_holds_only_while_it_is_needed_and_gives_a_reason() {
        let long = "x\n".repeat(601);
        assert!(said("a/src/plan.rs", &long, &[("a/src/plan.rs", "one table")]).is_empty());
        let found = said("a/src/plan.rs", "x\n", &[("a/src/plan.rs", "")]);
        assert_eq!(
            found,
            [
                "a/src/plan.rs: needs no exception to the length any more",
                "a/src/plan.rs: an exception to the length needs a reason",
            ]
        );
    }

    #[test]
    fn the_eleventh_exception_is_refused() {
        let long = "x\n".repeat(601);
        let eleven = [("a/src/plan.rs", "one table"); 11];
        let found = said("a/src/plan.rs", &long, &eleven);
        assert_eq!(found, ["xtask/src/tidy/lengths.rs: 11 exceptions, 10 allowed"]);
    }
}
