//! The pages in docs/errors say what the code does: class, exit code, status and retry.

use std::path::PathBuf;

use skein_types::{ErrorClass, Retry, codes};

#[expect(clippy::disallowed_methods, reason = "the repository's own pages, read by a test")]
fn page(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/errors").join(name);
    std::fs::read_to_string(path).unwrap_or_default()
}

fn in_words(class: ErrorClass) -> String {
    class.as_str().replace('_', " ")
}

#[test]
fn each_page_states_class_exit_code_status_and_retry_of_its_code() {
    for code in codes::ALL {
        let retry = match code.class.retry() {
            Retry::Never => "not retried",
            Retry::OnceElsewhere => "tried once more elsewhere",
            Retry::Backoff => "retried with backoff",
        };
        let (class, exit, status) = (in_words(code.class), code.exit_code(), code.http_status());
        let wanted = format!("Class {class} · exit code {exit} · HTTP {status} · {retry}");
        let text = page(&format!("{}.md", code.id));
        assert_eq!(text.lines().nth(2), Some(wanted.as_str()), "{}", code.id);
    }
}

#[test]
fn the_table_of_classes_is_the_one_in_the_code() {
    let readme = page("README.md");
    for class in ErrorClass::ALL {
        let row = readme.lines().find(|line| line.starts_with(&format!("| {} |", in_words(class))));
        let cells: Vec<_> = row.expect("every class has a row").split('|').map(str::trim).collect();
        assert_eq!(cells[3], class.exit_code().to_string(), "{class:?}");
        assert_eq!(cells[4], class.http_status().to_string(), "{class:?}");
    }
}

#[test]
fn every_code_that_is_more_exact_than_its_class_is_listed_with_its_numbers() {
    let readme = page("README.md");
    for code in codes::ALL {
        let (exit, status) = (code.exit_code(), code.http_status());
        let exact = (exit, status) != (code.class.exit_code(), code.class.http_status());
        let row = format!("| [{id}]({id}.md) | {} | {exit} | {status} |", code.title, id = code.id);
        assert_eq!(readme.contains(&row), exact, "{row}");
    }
}

#[test]
fn a_page_says_what_to_do_and_does_not_ramble() {
    for code in codes::ALL {
        let text = page(&format!("{}.md", code.id));
        assert!(text.contains("**Usual cause.**") && text.contains("**What to do.**\n\n- "), "{}", code.id);
        let lines = text.lines().count();
        assert!((10..=30).contains(&lines), "{}: {lines} lines", code.id);
    }
}
