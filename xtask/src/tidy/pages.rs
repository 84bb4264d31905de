//! Every error code has a page with its title, and every page a code.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::finding::Finding;
use crate::source_tree::SourceTree;

const CATALOGUE: &str = "runtime/skein-types/src/code.rs";
const PAGES: &str = "docs/errors/";

pub(super) fn check(tree: &SourceTree) -> Result<Vec<Finding>> {
    let codes = codes(tree.text(CATALOGUE)?);
    if codes.is_empty() {
        bail!("{CATALOGUE} holds no codes that I can read");
    }
    let mut findings = Vec::new();
    for (id, title) in &codes {
        let path = format!("{PAGES}{id}.md");
        let wanted = format!("# {id}: {title}");
        match tree.text(&path).ok().and_then(|text| text.lines().next()) {
            None => findings.push(Finding::in_file(&path, format!("{id} ({title}) has no page"))),
            Some(first) if first != wanted => {
                findings.push(Finding::at(&path, 1, format!("starts with {wanted:?}")));
            }
            Some(_) => {}
        }
    }
    for (path, _) in tree.ending(".md").filter(|(path, _)| path.starts_with(PAGES)) {
        let id = path.trim_start_matches(PAGES).trim_end_matches(".md");
        if id.starts_with("SK") && !codes.contains_key(id) {
            findings.push(Finding::in_file(path, "is the page of no code"));
        }
    }
    Ok(findings)
}

/// Id and title from lines such as `NAME = "SK0101" BadInput "title".exit(5);`.
fn codes(catalogue: &str) -> BTreeMap<&str, &str> {
    let entries = catalogue.lines().filter(|line| line.contains(" = \"SK")).filter_map(|line| {
        let mut quoted = line.split('"').skip(1).step_by(2);
        let (id, title) = (quoted.next()?, quoted.next()?);
        (id.len() == 6 && id.starts_with("SK")).then_some((id, title))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    /// The second line names numbers that are withdrawn: no codes.
    const CODES: &str = "    TRAP = \"SK0301\" Fault \"the module trapped\";\n    [\"SK0322\", \"SK0526\"]\n";

    fn said(page: (&str, &str)) -> Vec<String> {
        let tree = SourceTree::of([("runtime/skein-types/src/code.rs", CODES), page]);
        check(&tree).expect("readable").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_page_that_starts_with_its_title_is_fine() {
        assert!(said(("docs/errors/SK0301.md", "# SK0301: the module trapped\n\nMore.\n")).is_empty());
    }

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        assert_eq!(
            said(("docs/errors/SK0302.md", "# SK0302: gone\n")),
            [
                "docs/errors/SK0301.md: SK0301 (the module trapped) has no page",
                "docs/errors/SK0302.md: is the page of no code",
            ]
        );
    }

    #[test]
    fn a_page_with_another_title_is_found() {
        assert_eq!(
            said(("docs/errors/SK0301.md", "# SK0301: trap\n")),
            ["docs/errors/SK0301.md:1: starts with \"# SK0301: the module trapped\""]
        );
    }

    #[test]
    fn an_unreadable_catalogue_is_an_error_and_not_a_pass() {
        let tree = SourceTree::of([("runtime/skein-types/src/code.rs", "")]);
        assert!(check(&tree).is_err());
    }
}
