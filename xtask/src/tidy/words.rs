//! Words that must not be in the repository: notes to oneself, skipped tests, this machine's paths, registries' hosts.
//!
//! The words are put together from halves, so that this file passes its own check.

use crate::finding::Finding;
use crate::source_tree::SourceTree;

struct Ban {
    word: &'static str,
    /// Only in files with this ending; empty: everywhere.
    ending: &'static str,
    why: &'static str,
}

const fn ban(word: &'static str, ending: &'static str, why: &'static str) -> Ban {
    Ban { word, ending, why }
}

const BANS: [Ban; 14] = [
    ban(concat!("FIX", "ME"), "", "finish it or file it"),
    ban(concat!("XX", "X"), ".rs", "finish it or file it"),
    ban(concat!("TO", "DO"), "", "finish it or file it"),
    ban(concat!("todo", "!("), ".rs", "no stubs"),
    ban(concat!("unimplemented", "!("), ".rs", "no stubs"),
    ban(concat!("dbg", "!("), ".rs", "a leftover of debugging"),
    ban(concat!("#[ign", "ore"), ".rs", "a test that nobody runs guards nothing"),
    ban(concat!("#[all", "ow("), ".rs", "#[expect(…, reason = \"…\")] says when it is no longer needed"),
    ban(concat!("/ro", "ot/"), "", "a path of one machine"),
    ban(concat!("/wo", "rk/"), "", "a path of one machine"),
    ban(concat!("crates", ".io"), "", "name the package, not the registry's host"),
    ban(concat!("pypi", ".org"), "", "name the package, not the registry's host"),
    ban(concat!("python", "hosted.org"), "", "name the package, not the registry's host"),
    ban(concat!("registry.", "npmjs"), "", "name the package, not the registry's host"),
];

/// Written by cargo, which names its registry.
const GENERATED: [&str; 1] = ["Cargo.lock"];

pub(super) fn check(tree: &SourceTree) -> Vec<Finding> {
    let texts = tree.texts().filter(|(path, _)| !GENERATED.iter().any(|name| path.ends_with(name)));
    texts.flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let bans: Vec<_> = BANS.iter().filter(|b| path.ends_with(b.ending) && text.contains(b.word)).collect();
    let mut findings = Vec::new();
    for ban in bans {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| stands_alone(line, ban.word)) {
            let column = line.find(ban.word).unwrap_or_default();
            let what = format!("\"{}\": {}", &line[column..column + ban.word.len()], ban.why);
            findings.push(Finding::at(path, number + 1, what));
        }
    }
    findings
}

/// Whether the word is there and not merely the end of a longer one (`guests/wo…/` is no absolute path).
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source_tree::SourceTree;

    fn said(path: &str, text: &str) -> Vec<String> {
        check(&SourceTree::of([(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_note_to_oneself_is_found_with_its_line() {
        let note = format!("one\n// {}{}: later\n", "FIX", "ME");
        assert_eq!(said("a.rs", &note), [format!("a.rs:2: \"{}{}\": finish it or file it", "FIX", "ME")]);
    }

    #[test]
    fn a_skipped_test_a_stub_and_a_lint_switched_off_are_found() {
        for code in [["#[ign", "ore]"], ["todo", "!()"], ["dbg", "!(x)"], ["#[all", "ow(dead_code)]"]] {
            assert_eq!(said("a.rs", &code.concat()).len(), 1, "{code:?}");
        }
    }

    #[test]
    fn absolute_paths_of_a_machine_are_found_and_relative_ones_are_not() {
        assert_eq!(said("README.md", &["see /wo", "rk/main"].concat()).len(), 1);
        assert!(said("README.md", &["see host/wo", "rk/main"].concat()).is_empty());
    }

    #[test]
    fn a_registry_may_be_named_by_the_lock_file_alone() {
        let text = ["https://crates", ".io"].concat();
        assert_eq!(said("README.md", &text).len(), 1);
        assert!(said("Cargo.lock", &text).is_empty());
    }
}
