//! A command that is printed anywhere (in a hint, on a page, in the docs) is one that there is, with options that it has.

use std::path::Path;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::Cli;

/// Texts of these files say commands.
const KINDS: [&str; 2] = ["rs", "md"];
/// Beside an old one, what it was; and what is not to be taken by its word.
const OTHERS: [&str; 2] = ["CHANGELOG.md", "printed.rs"];

fn files(below: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let named = |ends: &str| path.extension().is_some_and(|kind| kind == ends);
        let other = OTHERS.iter().any(|other| path.ends_with(other));
        match path.is_dir() {
            true => files(&path, found),
            false if KINDS.iter().any(|kind| named(kind)) && !other => found.push(path),
            false => {}
        }
    }
}

/// Commands between backquotes, and those in `code` of pages.
fn commands(text: &str) -> Vec<String> {
    let quoted = text.split("`skein ").skip(1).filter_map(|rest| Some(rest.split_once('`')?.0.to_owned()));
    let pages = text.split("code { \"skein ").skip(1);
    // What stands between two texts is a value.
    let pages = pages.filter_map(|rest| Some(rest.split_once(" }")?.0.replace(" \"", "").replace("\" ", "")));
    quoted.chain(pages).filter(|command| !command.contains('\n')).collect()
}

/// Its words, with a word for each value; none if it is a pattern of several commands.
fn words(command: &str) -> Option<Vec<String>> {
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in command.chars() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => {
                depth = depth.saturating_sub(1);
                plain.push('1');
            }
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let pattern = plain.contains(['|', '[', '…', '\'', '<', '>', '$', '=', '*', ',']) || plain.contains("..");
    let words = plain.split_whitespace().map(|word| word.trim_matches(['"', '\\']).to_owned());
    (!pattern && !plain.contains("COMMAND")).then(|| words.collect())
}

#[test]
fn every_command_that_is_printed_is_one_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for below in ["runtime", "docs", "README.md"] {
        match root.join(below) {
            file if file.is_file() => found.push(file),
            directory => files(&directory, &mut found),
        }
    }
    let (mut all, mut wrong) = (0, Vec::new());
    for file in found {
        for command in commands(&String::from_utf8(std::fs::read(&file).unwrap()).unwrap()) {
            let Some(words) = words(&command) else { continue };
            all += 1;
            let parsed =
                Cli::command().try_get_matches_from(std::iter::once("skein".to_owned()).chain(words));
            // What is missing or no good value is so on purpose: a name stands for it.
            if let Err(error) = parsed
                && matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand)
            {
                wrong.push(format!("{}: skein {command}", file.display()));
            }
        }
    }
    assert!(all > 200, "only {all} were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
