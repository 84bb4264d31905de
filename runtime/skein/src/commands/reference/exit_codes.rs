//! The page of exit codes: what each means to whoever called, and which errors give it.

use std::fmt::Write as _;

use skein_types::codes;

const INTRODUCTION: &str = "\
# Exit codes

What a program that calls `skein` can tell from how it ended. Which error it was is in the code (`SK0739`) that is printed, with
`-o json` as a document. 2 and 101 are not given.

| Exit code | Means | Errors |
|---|---|---|
| 0 | done, or there was nothing to do; with `--wait`: planned, rolled out, rolled back | |
";

/// What each exit code means, whatever the error.
const MEANS: [(u8, &str); 12] = [
    (
        1,
        "it ran and failed: the module, or a campaign that was halted, refused as a whole, or could not be planned or undone",
    ),
    (3, "it waits for a person: a start, an approval, a wave, or runs that rules hold"),
    (4, "no token that counts, or none that can be read"),
    (5, "what was named is not there"),
    (6, "somebody else was faster, or it moved: look at it again"),
    (7, "refused by a role, a policy, a permission or a signature"),
    (64, "the command line or a file of settings cannot be understood"),
    (65, "what was given cannot be used"),
    (70, "a mistake in Skein"),
    (75, "it may pass: try again later"),
    (124, "`--timeout` was over; the campaign goes on"),
    (130, "Ctrl-C, or the answer to a question was no"),
];

pub(super) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (exit, means) in MEANS {
        let those: Vec<String> = codes::ALL
            .iter()
            .filter(|code| code.exit_code() == exit)
            .map(|code| format!("[{id}](../errors/{id}.md)", id = code.id))
            .collect();
        let errors = match those.len() {
            0..=3 => those.join(" "),
            _more => format!("{} and others of [the catalogue](../errors/README.md)", those[..3].join(" ")),
        };
        // Writing to a string cannot fail.
        let _ok = writeln!(page, "| {exit} | {means} | {errors} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::MEANS;
    use skein_types::codes;

    #[test]
    fn every_exit_code_that_an_error_gives_has_a_meaning_and_no_other_has() {
        for code in codes::ALL {
            let exit = code.exit_code();
            assert_eq!(
                MEANS.iter().filter(|(means, _)| *means == exit).count(),
                1,
                "{code} exits with {exit}"
            );
        }
        for (exit, _) in MEANS {
            assert!(codes::ALL.iter().any(|code| code.exit_code() == exit), "{exit}");
        }
    }
}
