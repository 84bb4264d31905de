//! `--params` and `--secret`: from the command line to the run's parameters.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use skein_node::Params;
use skein_types::codes;

use crate::args::ParamArgs;
use crate::failure::Failure;
use crate::home::Home;
use crate::toml_text;

/// `@-`, as other programs have it.
const STDIN: &str = "-";
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the command line gives: parameters, secrets, and the key of their digests.
pub(crate) struct Given {
    pub(crate) value: Value,
    secrets: BTreeMap<String, Vec<u8>>,
    digest_key: [u8; 32],
}

impl Given {
    /// The secrets with these parameters.
    pub(crate) fn params(&self, value: Value) -> Result<Params, Failure> {
        Params::new(value, self.secrets.clone(), &self.digest_key)
            .map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))
    }
}

/// Reads parameters and secrets.
pub(crate) fn params(args: &ParamArgs, home: &Home) -> Result<Params, Failure> {
    let given = given(args, home)?;
    given.params(given.value.clone())
}

/// Reads parameters and secrets that are not put together yet.
pub(crate) fn given(args: &ParamArgs, home: &Home) -> Result<Given, Failure> {
    let value = args.params.as_deref().map_or_else(|| Ok(Value::Object(serde_json::Map::new())), value)?;
    let secrets = args.secrets.iter().map(|text| secret(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    if secrets.len() < args.secrets.len() {
        return Err(Failure::text(codes::USAGE, "a secret is given twice"));
    }
    Ok(Given { value, secrets, digest_key: home.secret_digest_key()? })
}

fn value(text: &str) -> Result<Value, Failure> {
    let Some(path) = text.strip_prefix('@') else {
        return serde_json::from_str(text)
            .map_err(|error| Failure::text(codes::PARAMS_INVALID, format!("--params is not JSON: {error}")))
            .map_err(|failure| failure.hint(Some(meant(text))));
    };
    let content = String::from_utf8(if path == STDIN { from_stdin()? } else { read(path)? })
        .map_err(|_| Failure::text(codes::PARAMS_INVALID, format!("{path} is not UTF-8")))?;
    let is_toml = Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    let parsed = if is_toml {
        toml_text::parse::<Value>(&content)
    } else {
        serde_json::from_str(&content).map_err(|error| error.to_string())
    };
    parsed.map_err(|error| {
        let what = if is_toml { "" } else { "it is not JSON: " };
        let hint = (!is_toml).then_some("files of TOML end in .toml; everything else is read as JSON");
        Failure::text(codes::PARAMS_INVALID, format!("{path}: {what}{}", error.trim_end())).hint(hint)
    })
}

/// A file's name without the sign that it is one.
fn meant(text: &str) -> String {
    match Path::new(text).is_file() {
        true => format!("did you mean @{text}?"),
        false => "write @FILE to read them from a file, @- to read JSON from standard input".to_owned(),
    }
}

fn from_stdin() -> Result<Vec<u8>, Failure> {
    bounded(std::io::stdin().lock(), "standard input")
}

fn secret(text: &str) -> Result<(String, Vec<u8>), Failure> {
    let Some((name, path)) = text.split_once("=@").filter(|(name, _)| !name.is_empty()) else {
        // The text may hold the value itself: it is not repeated.
        return Err(Failure::text(codes::USAGE, "--secret takes NAME=@FILE")
            .hint(Some("put the value into a file: on the command line other users could see it")));
    };
    let value = without_line_break(read(path)?);
    if value.is_empty() {
        let text = format!("secret {name:?} is empty: there is nothing in {path}");
        return Err(Failure::text(codes::SECRET_MISSING, text));
    }
    Ok((name.to_owned(), value))
}

/// A value that a file holds, for a server.
pub(crate) fn value_in(path: &str) -> Result<Vec<u8>, Failure> {
    filled(read(path)?, path)
}

/// A value that standard input gives, for a server.
pub(crate) fn value_from_stdin() -> Result<Vec<u8>, Failure> {
    filled(from_stdin()?, "standard input")
}

fn filled(value: Vec<u8>, from: &str) -> Result<Vec<u8>, Failure> {
    let value = without_line_break(value);
    match value.is_empty() {
        true => Err(Failure::text(codes::SECRET_MISSING, format!("there is nothing in {from}"))),
        false => Ok(value),
    }
}

/// The one that editors and `echo` put at the end.
fn without_line_break(mut value: Vec<u8>) -> Vec<u8> {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    value
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    let file = std::fs::File::open(path);
    bounded(file.map_err(|error| Failure::text(codes::USAGE, format!("cannot read {path}: {error}")))?, path)
}

fn bounded(from: impl std::io::Read, path: &str) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    match from.take(FILE_BYTES_MAX + 1).read_to_end(&mut content) {
        Err(error) => Err(Failure::text(codes::USAGE, format!("cannot read {path}: {error}"))),
        Ok(_) if content.len() as u64 > FILE_BYTES_MAX => {
            Err(Failure::text(codes::PARAMS_INVALID, format!("{path} is larger than 1 MiB")))
        }
        Ok(_) => Ok(content),
    }
}
