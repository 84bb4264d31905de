//! Servers by name, so that nobody has to type where they are and what opens them.
//!
//! ```toml
//! current = "prod"
//!
//! [servers.prod]
//! server = "https://skein.example.org"
//! token = { command = "pass show skein/prod" }   # or { file = "/run/secrets/skein" }, or { kept = "skn_…" }
//! ```
//! In `contexts.toml` of Skein's home, which only its owner may read. Which server a command asks is decided in one place,
//! [`choose`], and so is what it shows: a token that belongs to a context goes to that context's server and to no other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use skein_types::{codes, nearest};

use crate::args::ServerArgs;
use crate::aside;
use crate::failure::Failure;
use crate::home::{self, Home};
use crate::settings::{Settings, Token};
use crate::toml_text;

/// Where a server is if nothing else is said and none of this machine has told where it is.
pub(crate) const USUAL: &str = "http://127.0.0.1:7447";
const FILE_BYTES_MAX: u64 = 1 << 20;
/// More than any token or address.
const TEXT_BYTES_MAX: u64 = 4 << 10;

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Contexts {
    /// Which one holds where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    pub(crate) servers: BTreeMap<String, Context>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Its URL.
    pub(crate) server: String,
    /// What opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<TokenFrom>,
}

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TokenFrom {
    /// In the file of contexts.
    Kept(Token),
    /// In this file, read each time.
    File(PathBuf),
    /// A shell prints it to its standard output, each time.
    Command(String),
}

impl Contexts {
    /// As the file says; none, if there is no file.
    pub(crate) fn read(home: &Path) -> Result<Self, Failure> {
        let path = path(home);
        let text = match text(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|error| unusable(&path, &error.to_string()))?,
        };
        toml_text::parse(&text).map_err(|problem| unusable(&path, problem.trim_end()))
    }

    /// Puts them in the place of what is there.
    pub(crate) fn write(&self, home: &Path) -> Result<(), Failure> {
        let path = path(home);
        let text = toml::to_string(self).map_err(|error| unusable(&path, &error.to_string()))?;
        let written = home::make_dir(home).and_then(|()| {
            aside::replace(&path, |file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
        });
        written.map_err(|error| unusable(&path, &error.to_string()))
    }

    /// One by its name.
    pub(crate) fn named(&self, name: &str) -> Result<&Context, Failure> {
        self.servers.get(name).ok_or_else(|| {
            let near = nearest(name, self.servers.keys().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None => "`skein context list` shows what there is, `skein context add` adds one".to_owned(),
            };
            Failure::text(codes::CONTEXT_NOT_FOUND, format!("there is no context {name:?}")).hint(Some(hint))
        })
    }
}

impl TokenFrom {
    /// In a word, for people.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Kept(_) => "kept",
            Self::File(_) => "file",
            Self::Command(_) => "command",
        }
    }

    /// The token itself.
    pub(crate) fn token(&self) -> Result<Token, Failure> {
        let failed = |what: &str, error: &Error| {
            Failure::text(codes::CONTEXT_TOKEN, format!("{what}: {error}"))
                .hint(Some("`skein context add NAME --replace` says anew where the token is"))
        };
        match self {
            Self::Kept(token) => Ok(token.clone()),
            Self::File(path) => {
                let what = format!("the token in {}", path.display());
                let read = File::open(path).and_then(one_line);
                read.map(Token).map_err(|error| failed(&what, &error))
            }
            Self::Command(command) => said_by(command)
                .map(Token)
                .map_err(|error| failed(&format!("the command for the token ({command})"), &error)),
        }
    }
}

/// What a command prints. It may ask its user something first.
fn said_by(command: &str) -> Result<String, Error> {
    let mut child = Command::new("sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn()?;
    let said = match child.stdout.take() {
        Some(out) => one_line(out),
        None => Err(Error::other("it has no output")),
    };
    let ended = child.wait()?;
    if ended.success() { said } else { Err(Error::other(format!("it ended with {ended}"))) }
}

/// A text of one line that is not empty.
pub(crate) fn one_line(from: impl std::io::Read) -> Result<String, Error> {
    let mut text = String::new();
    from.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    let line = text.trim();
    match line {
        "" => Err(Error::other("it is empty")),
        long if long.len() as u64 > TEXT_BYTES_MAX => Err(Error::other("it is too long for a token")),
        many if many.contains(char::is_whitespace) => Err(Error::other("it is more than a token")),
        line => Ok(line.to_owned()),
    }
}

/// Which server to ask, and what to show it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) server: String,
    pub(crate) token: Option<Token>,
}

/// What can say so.
#[derive(Debug, Default)]
struct Said<'a> {
    /// `--server`.
    server: Option<&'a str>,
    /// `--context`.
    context: Option<&'a str>,
    /// `SKEIN_SERVER`.
    env_server: Option<&'a str>,
    /// `SKEIN_CONTEXT`.
    env_context: Option<&'a str>,
    /// `SKEIN_TOKEN`.
    env_token: Option<&'a Token>,
}

/// Of the command line, the environment and the contexts.
pub(crate) fn target(settings: &Settings, args: &ServerArgs) -> Result<Target, Failure> {
    let said = Said {
        server: args.server.as_deref(),
        context: args.context.as_deref(),
        env_server: settings.server.as_deref(),
        env_context: settings.context.as_deref(),
        env_token: settings.token.as_ref(),
    };
    let local = || local(&settings.home);
    choose(&said, || Contexts::read(&settings.home), local)
}

/// Whether somebody or something says which server is meant, so that it is not the one of this machine.
pub(crate) fn names_one(settings: &Settings, args: &ServerArgs) -> Result<bool, Failure> {
    let said = [&args.server, &args.context, &settings.server, &settings.context];
    Ok(said.iter().any(|said| said.is_some()) || Contexts::read(&settings.home)?.current.is_some())
}

/// The option before the environment, the environment before the file, the file before this machine's server. The contexts
/// are read only where they matter.
fn choose(
    said: &Said<'_>,
    contexts: impl FnOnce() -> Result<Contexts, Failure>,
    local: impl FnOnce() -> Option<String>,
) -> Result<Target, Failure> {
    let plain = |server: &str| Target { server: server.to_owned(), token: said.env_token.cloned() };
    if let Some(server) = said.server {
        return Ok(plain(server));
    }
    if let (None, Some(server)) = (said.context, said.env_server) {
        return Ok(plain(server));
    }
    let contexts = contexts()?;
    let Some(name) = said.context.or(said.env_context).or(contexts.current.as_deref()) else {
        return Ok(plain(&local().unwrap_or_else(|| USUAL.to_owned())));
    };
    let context = contexts.named(name)?;
    // Whoever names a context on the command line means what opens it, whatever the environment is left with.
    let token = match (said.context, said.env_token, &context.token) {
        (None, Some(token), _) | (Some(_), Some(token), None) => Some(token.clone()),
        (_, _, Some(kept)) => Some(kept.token()?),
        (_, None, None) => None,
    };
    Ok(Target { server: context.server.clone(), token })
}

/// Where the server that keeps its state in this home said that it listens.
fn local(home: &Path) -> Option<String> {
    address_in(&Home::at(home).server())
}

/// Where the server that keeps its state in this directory said that it listens.
pub(crate) fn address_in(dir: &Path) -> Option<String> {
    let file = File::open(dir.join(ADDRESS)).ok()?;
    one_line(file).ok().filter(|address| address.starts_with("http://"))
}

/// The file in a server's directory that says where it listens.
pub(crate) const ADDRESS: &str = "address";

fn path(home: &Path) -> PathBuf {
    home.join("contexts.toml")
}

fn text(path: &Path) -> Result<String, Error> {
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        let message = "it can be read by others; make it private with chmod 600";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::text(codes::CONTEXTS_UNUSABLE, format!("{}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Context, Contexts, Said, Target, TokenFrom, USUAL, choose, one_line};
    use crate::settings::Token;
    use skein_types::codes;

    fn contexts() -> Contexts {
        let with = |server: &str, token: Option<TokenFrom>| Context { server: server.to_owned(), token };
        let kept = |token: &str| Some(TokenFrom::Kept(Token(token.to_owned())));
        Contexts {
            current: Some("prod".to_owned()),
            servers: BTreeMap::from([
                ("prod".to_owned(), with("https://prod", kept("skn_prod"))),
                ("test".to_owned(), with("https://test", kept("skn_test"))),
                ("open".to_owned(), with("http://localhost:1", None)),
            ]),
        }
    }

    fn chosen(said: &Said<'_>, contexts: Contexts) -> (String, Option<String>) {
        let local = || Some("http://127.0.0.1:5".to_owned());
        let Target { server, token } = choose(said, || Ok(contexts), local).unwrap();
        (server, token.map(|token| token.0))
    }

    #[test]
    fn the_option_comes_before_the_environment_and_that_before_the_file() {
        let env = Token("skn_env".to_owned());
        let all = |server, context, env_server, env_context, token: bool| {
            let env_token = token.then_some(&env);
            chosen(&Said { server, context, env_server, env_context, env_token }, contexts())
        };
        let is = |server: &str, token: Option<&str>| (server.to_owned(), token.map(str::to_owned));
        assert_eq!(
            all(Some("http://s"), None, Some("http://e"), Some("test"), true),
            is("http://s", Some("skn_env"))
        );
        assert_eq!(
            all(None, Some("test"), Some("http://e"), Some("prod"), true),
            is("https://test", Some("skn_test"))
        );
        assert_eq!(all(None, Some("open"), None, None, true), is("http://localhost:1", Some("skn_env")));
        assert_eq!(all(None, None, Some("http://e"), Some("test"), true), is("http://e", Some("skn_env")));
        assert_eq!(all(None, None, None, Some("test"), true), is("https://test", Some("skn_env")));
        assert_eq!(all(None, None, None, Some("test"), false), is("https://test", Some("skn_test")));
        assert_eq!(all(None, None, None, None, false), is("https://prod", Some("skn_prod")));
        // What opens a context is shown to its server alone.
        assert_eq!(all(Some("http://s"), None, None, Some("test"), false), is("http://s", None));
        assert_eq!(all(None, None, Some("http://e"), None, false), is("http://e", None));
    }

    #[test]
    fn without_a_context_it_is_the_server_of_this_machine_or_the_usual_place() {
        assert_eq!(chosen(&Said::default(), Contexts::default()).0, "http://127.0.0.1:5");
        let nowhere = choose(&Said::default(), || Ok(Contexts::default()), || None).unwrap();
        assert_eq!(nowhere.server, USUAL);
    }

    #[test]
    fn a_context_that_is_not_there_is_told_with_the_nearest() {
        let said = Said { context: Some("prd"), ..Said::default() };
        let refused = choose(&said, || Ok(contexts()), || None).unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (codes::CONTEXT_NOT_FOUND, "there is no context \"prd\"")
        );
    }

    #[test]
    fn the_file_is_private_comes_back_as_it_was_and_is_refused_where_others_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Contexts::read(home.path()).unwrap(), Contexts::default());
        let mut written = contexts();
        let file = home.path().join("token");
        written.servers.get_mut("open").unwrap().token = Some(TokenFrom::File(file));
        written.write(home.path()).unwrap();
        assert_eq!(Contexts::read(home.path()).unwrap(), written);
        let path = home.path().join("contexts.toml");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Contexts::read(home.path()).unwrap_err();
        assert_eq!(refused.code(), codes::CONTEXTS_UNUSABLE);
        assert!(refused.message().contains("read by others"), "{refused:?}");
    }

    #[test]
    fn a_token_is_one_word_wherever_it_is_from() {
        assert_eq!(one_line(&b"  skn_1\n"[..]).unwrap(), "skn_1");
        for bad in [&b"\n"[..], b"two words", b"two\nlines"] {
            assert!(one_line(bad).is_err(), "{bad:?}");
        }
        let said = |command: &str| TokenFrom::Command(command.to_owned()).token();
        assert_eq!(said("echo skn_2").unwrap(), Token("skn_2".to_owned()));
        let refused = said("echo skn_3; exit 3").unwrap_err();
        assert_eq!(refused.code(), codes::CONTEXT_TOKEN);
        assert!(refused.message().contains("exit status: 3"), "{refused:?}");
        assert!(!format!("{:?}", contexts()).contains("skn_"));
    }
}
