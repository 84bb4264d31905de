//! Examples in documentation: to look for some, rustdoc takes seconds a crate, so a library without any says `doctest = false`,
//! and one that has some does not.

use anyhow::Result;

use crate::finding::Finding;
use crate::layers::Manifest;
use crate::source_tree::SourceTree;

pub(super) fn check(tree: &SourceTree) -> Result<Vec<Finding>> {
    let members = Manifest::members(tree)?.into_iter();
    let libraries = members.filter(|member| tree.has(&format!("{}/src/lib.rs", member.dir())));
    Ok(libraries.filter_map(|member| finding(tree, &member)).collect())
}

fn finding(tree: &SourceTree, member: &Manifest) -> Option<Finding> {
    let sources = format!("{}/src/", member.dir());
    let example = tree
        .ending(".rs")
        .filter(|(path, _)| path.starts_with(&sources))
        .find_map(|(path, text)| Some((path, line_of_example(text)?)));
    match (example, member.doctest) {
        (Some((path, line)), false) => Some(Finding::at(
            path,
            line,
            format!("nobody compiles this example: {} says doctest = false", member.path),
        )),
        (None, true) => {
            Some(Finding::in_file(&member.path, "it has no examples: say doctest = false under [lib]"))
        }
        (Some(_), true) | (None, false) => None,
    }
}

/// The first line, from 1, of what rustdoc would compile, or of documentation from elsewhere.
fn line_of_example(text: &str) -> Option<usize> {
    let mut inside = false;
    let found = text.lines().map(str::trim_start).position(|line| {
        if line.starts_with("#[doc = include") || line.starts_with("#![doc = include") {
            return true;
        }
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let Some(language) = doc.and_then(|doc| doc.trim_start().strip_prefix("```")) else { return false };
        inside = !inside;
        inside && is_code(language)
    });
    Some(found? + 1)
}

/// Whether rustdoc takes a block with these words behind its fence for Rust: it does so unless one says otherwise.
fn is_code(language: &str) -> bool {
    let known = ["rust", "no_run", "should_panic", "compile_fail"];
    let mut words = language.split([',', ' ']).filter(|word| !word.is_empty());
    words.all(|word| known.contains(&word) || word.starts_with("edition"))
}

#[cfg(test)]
mod tests {
    use super::{check, line_of_example};
    use crate::source_tree::SourceTree;

    #[test]
    fn a_block_without_a_language_or_in_rust_is_an_example_and_others_are_none() {
        for text in
            ["/// ```\n/// f()\n/// ```", "    //! ```rust,no_run\n", "#[doc = include_str!(\"../A.md\")]"]
        {
            assert_eq!(line_of_example(text), Some(1), "{text}");
        }
        for text in
            ["//! ```text\n//! a\n//! ```\n", "/// ```toml\n/// ```", "let fence = \"```\";", "// ```"]
        {
            assert_eq!(line_of_example(text), None, "{text}");
        }
        assert_eq!(line_of_example("//! ```text\n//! ```\n//!\n//! ```\n//! f()\n"), Some(4));
    }

    fn said(lib: &str, source: &str) -> Vec<String> {
        let tree = SourceTree::of([
            ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"bin\"]"),
            ("a/Cargo.toml", &format!("[package]\nname = \"one\"\n{lib}")),
            ("a/src/lib.rs", "//! None.\n"),
            ("a/src/deep/x.rs", source),
            ("a/tests/x.rs", "//! ```\n"),
            ("bin/Cargo.toml", "[package]\nname = \"two\""),
            ("bin/src/main.rs", "//! ```\n"),
        ]);
        check(&tree).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_library_says_whether_it_has_examples_and_is_right() {
        let never = "[lib]\ndoctest = false";
        let (none, some) = ("//! No.\n", "//! Yes.\n\n/// ```\n/// f()\n/// ```\n");
        assert!(said(never, none).is_empty() && said("", some).is_empty());
        assert_eq!(
            said(never, some),
            ["a/src/deep/x.rs:3: nobody compiles this example: a/Cargo.toml says doctest = false"]
        );
        assert_eq!(said("", none), ["a/Cargo.toml: it has no examples: say doctest = false under [lib]"]);
    }
}
