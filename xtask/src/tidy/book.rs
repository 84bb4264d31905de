//! The documentation is a book: every page stands in its table of contents, and its links do not leave it.
//!
//! mdBook renders only what SUMMARY.md lists, and turns a link to a page outside of the book into one to nowhere.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::source_tree::SourceTree;

use super::links;

const BOOK: &str = "docs/";
const SUMMARY: &str = "docs/SUMMARY.md";

pub(super) fn check(tree: &SourceTree) -> Vec<Finding> {
    let contents = tree.text(SUMMARY).unwrap_or_default();
    let listed: BTreeSet<String> = links::links(contents)
        .into_iter()
        .filter_map(|(_, target)| links::resolve(SUMMARY, target))
        .collect();
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md").filter(|(path, _)| path.starts_with(BOOK)) {
        if path != SUMMARY && !listed.contains(path) {
            findings.push(Finding::in_file(path, format!("is not in {SUMMARY}")));
        }
        for (line, target) in links::links(text) {
            let local = !target.contains("://") && !target.starts_with("mailto:");
            let outside = |file: String| !file.starts_with(BOOK);
            let file = target.split('#').next().unwrap_or(target);
            if local && links::resolve(path, file).is_none_or(outside) {
                let what = format!("link to {target} leaves the book: name the file in backticks instead");
                findings.push(Finding::at(path, line, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    fn said(page: &str) -> Vec<String> {
        let tree = SourceTree::of([
            ("docs/SUMMARY.md", "- [One](one.md)\n  - [Two](errors/two.md)\n"),
            ("docs/one.md", page),
            ("docs/errors/two.md", "[one](../one.md#x) [web](https://example.org)\n"),
            ("README.md", "[one](docs/one.md)\n"),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pages_that_are_listed_and_link_to_each_other_are_fine() {
        assert!(said("[two](errors/two.md)\n").is_empty());
    }

    #[test]
    fn a_page_that_no_reader_of_the_book_can_find_is_named() {
        let tree = SourceTree::of([("docs/SUMMARY.md", "# Contents\n"), ("docs/one.md", "One.\n")]);
        let found: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["docs/one.md: is not in docs/SUMMARY.md"]);
    }

    #[test]
    fn a_link_out_of_the_book_is_named() {
        assert_eq!(
            said("x\n[r](../README.md)\n"),
            ["docs/one.md:2: link to ../README.md leaves the book: name the file in backticks instead"]
        );
    }
}
