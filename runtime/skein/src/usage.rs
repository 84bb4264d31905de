//! A command line that cannot be understood: in the parser's words for people, as an error document for programs.
//!
//! Who asked for JSON gets JSON, also where the line that asks for it is the one that is refused.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use skein_types::{codes, nearest};

use crate::args::Format;
use crate::failure::Failure;
use crate::render;

/// Of many words that are somewhat like the one that was typed, the one that is most.
fn narrow(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return };
    let Some(ContextValue::Strings(like)) = error.get(ContextKind::SuggestedSubcommand) else { return };
    if let Some(one) = nearest(typed, like.iter().map(String::as_str)) {
        let one = ContextValue::Strings(vec![one.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, one);
    }
}

/// Help and version are not errors.
pub(crate) fn refused(mut error: clap::Error) -> ExitCode {
    advise(&mut error);
    narrow(&mut error);
    if !error.use_stderr() {
        render::raw(&shown(&error));
        return ExitCode::SUCCESS;
    }
    if let Some(format) = wants_json(std::env::args_os().skip(1)) {
        return failure(&error.render().to_string()).report(format);
    }
    render::raw_to_stderr(&format!("{}\n", shown(&error).trim_end()));
    ExitCode::from(codes::USAGE.exit_code())
}

/// With colours where the stream is a terminal that shows them; clap's own printing would panic on a closed pipe.
fn shown(error: &clap::Error) -> String {
    use std::io::IsTerminal as _;
    let terminal =
        if error.use_stderr() { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    if terminal { error.render().ansi().to_string() } else { error.render().to_string() }
}

/// Elsewhere `--output` is how the format is called.
fn advise(error: &mut clap::Error) {
    let is_output = |value: &ContextValue| matches!(value, ContextValue::String(text) if text == "--output");
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_output)
    {
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::TrailingArg);
        error.insert(ContextKind::SuggestedArg, ContextValue::String("-o, --format".to_owned()));
    }
}

/// Whether the line asks for JSON and in which form, as far as can be told without understanding it.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> Option<Format> {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).take_while(|word| *word != "--").collect();
    let asks = |json: &str| {
        let joined = |word: &str| {
            ["-o=", "-o", "--format="].iter().any(|option| word.strip_prefix(option) == Some(json))
        };
        words.iter().any(|word| joined(word))
            || words.windows(2).any(|two| matches!(two, ["-o" | "--format", asked] if *asked == json))
    };
    match (asks("json"), asks("ndjson")) {
        (true, _) => Some(Format::Json),
        (false, true) => Some(Format::Ndjson),
        (false, false) => None,
    }
}

/// The parser's text, taken apart: what is wrong, what might be meant, how it is used.
fn failure(text: &str) -> Failure {
    let mut paragraphs = text.trim().split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let (mut hints, mut details) = (Vec::new(), Vec::new());
    for line in paragraphs.flat_map(str::lines).map(str::trim) {
        match line.strip_prefix("tip: ") {
            Some(tip) => hints.push(tip.to_owned()),
            None if line.is_empty() || line.starts_with("For more information") => {}
            None => details.push(line.to_owned()),
        }
    }
    let hint = (!hints.is_empty()).then(|| hints.join("; "));
    let hint = hint.unwrap_or_else(|| "`--help` says what there is".to_owned());
    Failure::text(codes::USAGE, message).details(details).hint(Some(hint))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{narrow, wants_json};
    use crate::args::{Cli, Format};

    #[test]
    fn who_mistypes_a_noun_is_told_the_one_that_is_nearest() {
        let told = |typed: &str| {
            let mut error = Cli::try_parse_from(["skein", typed]).unwrap_err();
            narrow(&mut error);
            error.render().to_string().lines().find(|line| line.contains("tip:")).unwrap().trim().to_owned()
        };
        assert_eq!(told("campain"), "tip: a similar subcommand exists: 'campaign'");
        assert_eq!(told("datset"), "tip: a similar subcommand exists: 'dataset'");
    }

    #[test]
    fn who_asks_for_json_is_known_whatever_else_is_wrong() {
        let asks = |line: &str| wants_json(line.split(' ').map(Into::into));
        let all =
            ["run -o json --nope", "run -ojson", "run --format json", "history x --format=json", "-o=json"];
        assert_eq!(all.map(asks), [Some(Format::Json); 5]);
        assert_eq!(["list -o ndjson", "list --format=ndjson"].map(asks), [Some(Format::Ndjson); 2]);
        assert_eq!(["run -o table", "run json", "run --output json", "run -- -o json"].map(asks), [None; 4]);
    }
}
