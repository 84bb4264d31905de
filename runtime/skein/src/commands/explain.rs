//! `skein explain`: the page of an error code, from the binary itself.

use clap::Args;
use skein_types::{codes, nearest};

use crate::failure::{CommandResult, Failure};
use crate::render;

/// Code and page, in order of code.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));
/// What stands before the number of a code.
const PREFIX: &str = "SK";

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, such as SK0311; `311` will do [default: a list of all codes].
    pub(crate) code: Option<String>,
}

pub(crate) fn explain(args: &ExplainArgs) -> CommandResult {
    let Some(given) = &args.code else {
        codes::ALL.iter().for_each(|code| render::line(&format!("{} {}", code.id, code.title)));
        return Ok(());
    };
    let wanted = id(given);
    match PAGES.iter().find(|(code, _)| *code == wanted) {
        Some((_, page)) => {
            render::as_is(page.trim_end());
            Ok(())
        }
        None if codes::RETIRED.contains(&wanted.as_str()) => {
            Err(Failure::text(codes::USAGE, format!("{wanted} was withdrawn before anything raised it")))
        }
        None => {
            let near = nearest(&wanted, PAGES.iter().map(|(code, _)| *code));
            let hint = near.map_or_else(
                || "`skein explain` lists them".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            Err(Failure::text(codes::USAGE, format!("there is no code {given:?}")).hint(Some(hint)))
        }
    }
}

/// `sk311`, `SK0311` and `311` are one code.
fn id(given: &str) -> String {
    let upper = given.trim().to_uppercase();
    let number = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    format!("{PREFIX}{number:0>4}")
}

#[cfg(test)]
mod tests {
    use super::{PAGES, id};
    use skein_types::codes;

    #[test]
    fn every_code_has_its_page_in_the_binary() {
        let pages: Vec<&str> = PAGES.iter().map(|(code, _)| *code).collect();
        assert_eq!(pages, codes::ALL.iter().map(|code| code.id).collect::<Vec<_>>());
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        }
    }

    #[test]
    fn a_code_may_be_written_short() {
        assert_eq!(["SK0311", "sk0311", "311", " sk311"].map(id), ["SK0311"; 4]);
    }
}
