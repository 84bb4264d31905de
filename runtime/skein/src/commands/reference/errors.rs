//! The page of all error codes: the catalogue by area, the classes, and what is more exact than its class.

use std::fmt::Write as _;

use skein_types::{Code, ErrorClass, codes};

const INTRODUCTION: &str = "\
# Error codes

What a person can meet has a code and a page here. `skein` prints the code in front of the message, the same code is in
`-o json`, and codes never change their meaning.

## Classes

The class says whose fault it is and who may try again; it decides the exit code and, for interfaces that speak HTTP,
the status.

| Class | Whose | Exit code | HTTP status | Retry |
|---|---|---|---|---|
";

const UNHARMED: &str = "
Whatever the code: an error leaves the dataset as it was, and nothing staged stays behind. The two exceptions say so on
their pages: [SK0523](SK0523.md), where the outcome has to be looked up, and [SK0522](SK0522.md), where the log
cannot be trusted.
";

/// Areas by the first two digits of their codes.
const AREAS: [(&str, &str); 8] = [
    ("SK00", "General"),
    ("SK01", "Modules"),
    ("SK02", "Plans and parameters"),
    ("SK03", "Running a module"),
    ("SK04", "Approvals"),
    ("SK05", "Datasets"),
    ("SK06", "Ledger, campaigns and nodes"),
    ("SK07", "The service"),
];

pub(super) fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for class in ErrorClass::ALL {
        let (whose, retry) = in_short(class);
        let (exit, status) = (class.exit_code(), class.http_status());
        row(&mut page, &[in_words(class), whose, &exit.to_string(), &status.to_string(), retry]);
    }
    page.push_str(
        "\nSuccess is 0, also for \"already migrated\".\n\nSome codes are more exact than their class:\n\n",
    );
    page.push_str("| Code | Means | Exit code | HTTP status |\n|---|---|---|---|\n");
    for code in codes::ALL {
        let (exit, status) = (code.exit_code(), code.http_status());
        if (exit, status) != (code.class.exit_code(), code.class.http_status()) {
            row(&mut page, &[&link(code), code.title, &exit.to_string(), &status.to_string()]);
        }
    }
    page.push_str(UNHARMED);
    for (prefix, title) in AREAS {
        // Writing to a string cannot fail.
        let _ok = write!(page, "\n## {title}\n\n| Code | Means | Class |\n|---|---|---|\n");
        for code in codes::ALL.iter().filter(|code| code.id.starts_with(prefix)) {
            row(&mut page, &[&link(code), code.title, in_words(code.class)]);
        }
    }
    let retired = codes::RETIRED.join(" and ");
    let _ok = write!(
        page,
        "\n## Retired\n\n{retired} were withdrawn before anything raised them. Their numbers are not given out again.\n"
    );
    page
}

fn row(page: &mut String, cells: &[&str]) {
    let _ok = writeln!(page, "| {} |", cells.join(" | "));
}

fn link(code: &Code) -> String {
    format!("[{id}]({id}.md)", id = code.id)
}

const fn in_words(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Fault => "fault",
        ErrorClass::Denied => "denied",
        ErrorClass::BadInput => "bad input",
        ErrorClass::Conflict => "conflict",
        ErrorClass::Transient => "transient",
        ErrorClass::Bug => "bug",
    }
}

/// Whose fault it is, and who may try again.
const fn in_short(class: ErrorClass) -> (&'static str, &'static str) {
    match class {
        ErrorClass::Fault => {
            ("the module failed: a trap, a wrong answer, a limit of its own", "once, elsewhere")
        }
        ErrorClass::Denied => ("a policy, permission or signature refuses", "never"),
        ErrorClass::BadInput => ("what was given cannot be used: module, parameters, file", "never"),
        ErrorClass::Conflict => ("somebody else was faster, or the thing moved", "never blindly"),
        ErrorClass::Transient => ("the outside world failed in a way that passes", "with backoff"),
        ErrorClass::Bug => ("a mistake in Skein", "never; report it"),
    }
}

#[cfg(test)]
mod tests {
    use super::{AREAS, page};
    use skein_types::codes;

    #[test]
    fn every_code_has_an_area_and_so_a_row() {
        for code in codes::ALL {
            assert_eq!(AREAS.iter().filter(|(prefix, _)| code.id.starts_with(prefix)).count(), 1, "{code}");
            assert!(page().contains(&format!("| [{code}]({code}.md) | {} | ", code.title)), "{code}");
        }
    }
}
