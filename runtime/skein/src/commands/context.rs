//! `skein context`: servers by name.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::contexts::{self, Context, Contexts, TokenFrom};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::server;
use crate::settings::{Settings, Token};
use crate::view::{Row, View};

/// Name servers, and say which one is asked.
///
/// Which server a command asks: `--server`, else `--context`, else $SKEIN_SERVER, else $SKEIN_CONTEXT, else the context in use, else the
/// server that keeps its state in $SKEIN_HOME/server, else http://127.0.0.1:7447. What it shows: the token of the context, and in
/// its place $SKEIN_TOKEN unless the context was named with `--context`. A context's token goes to its server and to no other.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein context add prod --url https://skein.example.org --token-command 'pass show skein/prod'
  skein context add lab --url http://127.0.0.1:7447 --token @lab.token
  skein context use prod
  skein campaign list --context lab")]
pub(crate) struct ContextArgs {
    #[command(subcommand)]
    pub(crate) verb: ContextVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContextVerb {
    /// Add one. The first one is in use from then on.
    Add(AddArgs),
    /// Ask this one where nothing else is said.
    Use {
        /// Which.
        name: String,
    },
    /// List them.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one, without its token.
    Show {
        /// Which [default: the one in use].
        name: Option<String>,
    },
    /// Forget one.
    Remove {
        /// Which.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("opens").args(["token", "token_file", "token_command"]))]
pub(crate) struct AddArgs {
    /// What to call it.
    name: String,
    /// Where it is.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Keep this token: from a file, or with @- from standard input. It stays in contexts.toml, which only you may read.
    #[arg(long, value_name = "@FILE")]
    token: Option<String>,
    /// Read the token from this file, each time.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Have a shell print the token, each time.
    #[arg(long, value_name = "COMMAND")]
    token_command: Option<String>,
    /// In the place of the one that is called so.
    #[arg(long)]
    replace: bool,
    /// Use it from now on.
    #[arg(long = "use")]
    uses: bool,
}

/// A context, as it may be shown.
#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    server: String,
    /// Where its token is; nothing that opens anything.
    token: Option<&'static str>,
    current: bool,
}

impl Shown {
    fn of(name: &str, context: &Context, all: &Contexts) -> Self {
        Self {
            context: name.to_owned(),
            server: context.server.clone(),
            token: context.token.as_ref().map(TokenFrom::word),
            current: all.current.as_deref() == Some(name),
        }
    }
}

impl Row for Shown {
    const HEADS: &'static [&'static str] = &["context", "server", "token", "in use"];
    fn cells(&self) -> Vec<String> {
        let used = if self.current { "*" } else { "" };
        let token = self.token.unwrap_or("none");
        vec![self.context.clone(), self.server.clone(), token.to_owned(), used.to_owned()]
    }
}

pub(crate) fn context(settings: &Settings, args: &ContextArgs) -> CommandResult {
    let (home, view) = (&settings.home, View::of(settings, &args.server));
    let mut all = Contexts::read(home)?;
    match &args.verb {
        ContextVerb::Add(asked) => {
            let added = added(asked)?;
            if all.servers.contains_key(&asked.name) && !asked.replace {
                let failure =
                    Failure::text(codes::USAGE, format!("there is a context {:?} already", asked.name));
                return Err(failure.hint(Some("add --replace, or give it another name")));
            }
            all.servers.insert(asked.name.clone(), added.clone());
            if asked.uses || all.current.is_none() {
                all.current = Some(asked.name.clone());
            }
            all.write(home)?;
            view.one(&Shown::of(&asked.name, &added, &all));
        }
        ContextVerb::Use { name } => {
            let used = all.named(name)?.clone();
            all.current = Some(name.clone());
            all.write(home)?;
            view.one(&Shown::of(name, &used, &all));
        }
        ContextVerb::List { list } => {
            let shown: Vec<Shown> =
                all.servers.iter().map(|(name, context)| Shown::of(name, context, &all)).collect();
            view.some(&shown, list)?;
        }
        ContextVerb::Show { name } => {
            let Some(name) = name.as_ref().or(all.current.as_ref()) else {
                let failure = Failure::text(codes::CONTEXT_NOT_FOUND, "no context is in use");
                return Err(failure.hint(Some("`skein context add` adds one")));
            };
            view.one(&Shown::of(name, all.named(name)?, &all));
        }
        ContextVerb::Remove { name, yes } => {
            let removed = Shown::of(name, all.named(name)?, &all);
            let with = if removed.token == Some("kept") { " and its token" } else { "" };
            confirmed(settings, *yes, &format!("forget context {name} ({}){with}?", removed.server))?;
            all.servers.remove(name);
            all.current = all.current.filter(|current| current != name);
            all.write(home)?;
            view.one(&removed);
        }
    }
    Ok(())
}

fn added(asked: &AddArgs) -> Result<Context, Failure> {
    let url = asked.url.trim_end_matches('/').to_owned();
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        let failure = Failure::text(codes::USAGE, format!("{:?} is no URL of a server", asked.url));
        return Err(failure.hint(Some("such as https://skein.example.org or http://127.0.0.1:7447")));
    }
    let token = match (&asked.token, &asked.token_file, &asked.token_command) {
        (Some(from), ..) => Some(TokenFrom::Kept(given(from)?)),
        (_, Some(file), _) => {
            let real = file.canonicalize();
            let told = |error| Failure::text(codes::CONTEXT_TOKEN, format!("{}: {error}", file.display()));
            Some(TokenFrom::File(real.map_err(told)?))
        }
        (.., Some(command)) => Some(TokenFrom::Command(command.clone())),
        (None, None, None) => None,
    };
    if token.is_some() {
        server::near_or_private(&url)?;
    }
    Ok(Context { server: url, token })
}

/// A token itself is not taken: others on the machine see a command line.
fn given(from: &str) -> Result<Token, Failure> {
    let Some(path) = from.strip_prefix('@') else {
        let failure = Failure::text(codes::USAGE, "--token takes @FILE, or @- for standard input");
        return Err(failure.hint(Some("on the command line other users could see the token")));
    };
    let read = match path {
        "-" => contexts::one_line(std::io::stdin().lock()),
        path => std::fs::File::open(path).and_then(contexts::one_line),
    };
    let token =
        read.map_err(|error| Failure::text(codes::CONTEXT_TOKEN, format!("the token in {path}: {error}")))?;
    Ok(Token(token))
}
