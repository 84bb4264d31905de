//! Relative links in Markdown lead to a file of the repository, and their anchors to a heading of it.

use crate::finding::Finding;
use crate::source_tree::SourceTree;

pub(super) fn check(tree: &SourceTree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (line, target) in links(text) {
            if let Some(what) = broken(tree, path, target) {
                findings.push(Finding::at(path, line, what));
            }
        }
    }
    findings
}

/// Line number and target of each inline link outside code blocks.
pub(super) fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, opening) in line.match_indices("](") {
            let target = &line[at + opening.len()..];
            if let Some(end) = target.find(')') {
                found.push((number + 1, &target[..end]));
            }
        }
    }
    found
}

fn broken(tree: &SourceTree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(f, a)| (f, Some(a)));
    let Some(path) = resolve(from, file) else {
        return Some(format!("link to {target} leaves the repository"));
    };
    if !tree.has(&path) {
        return Some(format!("link to {target}: {path} does not exist"));
    }
    let anchor = anchor?;
    let headings = tree.text(&path).unwrap_or_default();
    let known = headings.lines().filter(|l| l.starts_with('#')).any(|l| slug(l) == anchor);
    (!known).then(|| format!("link to {target}: no such heading in {path}"))
}

pub(super) fn resolve(from: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A heading as its anchor: lower case, spaces as dashes, no punctuation.
fn slug(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    fn said(text: &str) -> Vec<String> {
        let tree = SourceTree::of([
            ("docs/guide.md", text),
            ("docs/other.md", "# Other things, and `more`\n"),
            ("README.md", ""),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_to_files_directories_headings_and_the_web_resolve() {
        let text = "[a](other.md) [b](../README.md) [c](../docs) [d](https://example.org/x)
            [e](other.md#other-things-and-more)";
        assert!(said(text).is_empty());
    }

    #[test]
    fn a_link_to_nothing_is_found() {
        assert_eq!(
            said("x\n[a](gone.md)"),
            ["docs/guide.md:2: link to gone.md: docs/gone.md does not exist"]
        );
        assert_eq!(
            said("[a](other.md#gone)"),
            ["docs/guide.md:1: link to other.md#gone: no such heading in docs/other.md"]
        );
        assert_eq!(said("[a](../../up.md)"), ["docs/guide.md:1: link to ../../up.md leaves the repository"]);
    }

    #[test]
    fn code_blocks_hold_no_links() {
        assert!(said("```\n[a](gone.md)\n```\n").is_empty());
    }
}
