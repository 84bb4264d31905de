//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! Each rule is a function from the repository's text to findings. What clippy can check is left to clippy.

mod book;
mod examples;
mod lengths;
mod links;
mod names;
mod pages;
mod words;

use anyhow::Result;

use crate::finding::Finding;
use crate::source_tree::SourceTree;

pub(crate) fn check(tree: &SourceTree) -> Result<Vec<Finding>> {
    let mut findings = lengths::check(tree, lengths::EXCEPTIONS);
    findings.extend(names::check(tree));
    findings.extend(words::check(tree));
    findings.extend(links::check(tree));
    findings.extend(book::check(tree));
    findings.extend(pages::check(tree)?);
    findings.extend(examples::check(tree)?);
    Ok(findings)
}
