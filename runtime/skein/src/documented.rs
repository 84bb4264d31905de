//! Whether the commands that the pages print are commands: each is parsed as it stands there.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::Cli;

const PAGE_BYTES_MAX: u64 = 1 << 20;

/// Of a line of a shell, the words of each command that begins with `skein`.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let (mut quote, mut redirected, mut chars) = (None, false, line.chars().peekable());
    let ends = |word: &mut Option<String>, words: &mut Vec<String>, redirected: &mut bool| {
        if let Some(word) = word.take() {
            if std::mem::take(redirected) {
                return;
            }
            words.push(word);
        }
    };
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '$') if chars.peek() == Some(&'(') => {
                let inner: String = chars.by_ref().skip(1).take_while(|c| *c != ')').collect();
                all.extend(commands(&inner));
                word.get_or_insert_default().push_str("said");
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&') => {
                ends(&mut word, &mut words, &mut redirected);
                all.push(std::mem::take(&mut words));
            }
            (None, '>' | '<') => {
                // The number of what is redirected.
                word = word.filter(|word| word.bytes().any(|byte| !byte.is_ascii_digit()));
                ends(&mut word, &mut words, &mut redirected);
                redirected = true;
            }
            (None, c) if c.is_whitespace() => ends(&mut word, &mut words, &mut redirected),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    ends(&mut word, &mut words, &mut redirected);
    all.push(words);
    all.retain(|words| words.first().is_some_and(|word| word == "skein"));
    all
}

/// Lines of shells in the blocks of a page, those that go on put together.
fn lines(page: &str) -> Vec<String> {
    let (mut all, mut inside, mut begun) = (Vec::new(), false, String::new());
    for line in page.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            inside = !inside && matches!(kind.trim(), "" | "sh" | "bash" | "console");
        } else if inside {
            match line.strip_suffix('\\') {
                Some(part) => begun.push_str(part),
                None => all.push(std::mem::take(&mut begun) + line.trim_start_matches("$ ")),
            }
        }
    }
    all
}

fn pages(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    entries.flat_map(|path| if path.is_dir() { pages(&path) } else { vec![path] }).filter(is_page).collect()
}

fn text(page: &Path) -> String {
    let mut text = String::new();
    File::open(page).unwrap().take(PAGE_BYTES_MAX).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_command_that_a_page_prints_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut all = pages(&root.join("docs"));
    // Made by the binary, with the shape of commands and not commands.
    all.retain(|page| !page.ends_with("reference/cli.md"));
    all.push(root.join("README.md"));
    let (mut parsed, mut wrong) = (0, Vec::new());
    for page in all {
        for line in lines(&text(&page)) {
            for words in commands(&line) {
                parsed += 1;
                match Cli::try_parse_from(&words) {
                    Err(error)
                        if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
                    {
                        let name = page.strip_prefix(root).unwrap().display();
                        wrong.push(format!("{name}: {line}\n{error}"));
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed > 100, "{parsed} commands");
}

#[test]
fn a_line_of_a_shell_is_words_and_more_than_one_command() {
    let of = |line: &str| commands(line);
    assert_eq!(of("skein run a 'b c' # why"), [["skein", "run", "a", "b c"]]);
    assert_eq!(of("id=$(skein history a | jq .) > file"), [["skein", "history", "a"]]);
    assert_eq!(of("skein serve --log info 2>&1 | jq"), [["skein", "serve", "--log", "info"]]);
}
