//! `skein module`: modules of a server.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use skein_api::{Module, ModuleBan, ModuleRestore, ModuleState, Text};
use skein_types::codes;

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::modules;
use crate::question::confirmed;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Between two looks at whether a module is compiled.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Compiling is ended before it takes so long.
const LOOKS: u32 = 900;

/// Submit, show, ban and restore modules of a server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein module submit prefs@2 target/prefs.wasm
  skein module submit columns@1 columns         a module that is installed
  skein module submit prefs@3 prefs.wasm --team payments --source https://git.example.org/prefs --commit 0a1b2c3
  skein module list
  skein module ban prefs@2 --reason \"it writes the wrong zone\"
  skein module restore prefs@2 --reason \"the machine ran out of memory\"")]
pub(crate) struct ModuleArgs {
    #[command(subcommand)]
    pub(crate) verb: ModuleVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModuleVerb {
    /// Send a module, and wait until it is compiled or refused. A version never changes: the same bytes again are the same, others
    /// are refused.
    Submit {
        /// What to call it.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
        /// A WebAssembly component, or the name of one that is installed.
        module: PathBuf,
        /// The team that it shall belong to [default: the only one that the token is for].
        #[arg(long)]
        team: Option<String>,
        /// Where it was made from, for those who read it later.
        #[arg(long, value_name = "URL")]
        source: Option<String>,
        /// From which commit of that.
        #[arg(long)]
        commit: Option<String>,
    },
    /// Show one.
    Show {
        /// Which.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
    },
    /// Let nothing of a module run any more, under whatever name, and halt its campaigns.
    Ban {
        /// Which.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
        /// Why, for the record and for those whose campaigns halt.
        #[arg(long)]
        reason: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Let a module run again that was banned, or suspended because its tasks ended nodes. Its campaigns stay halted until they are
    /// resumed.
    Restore {
        /// Which.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
        /// Why it was not the module's fault, for the record.
        #[arg(long)]
        reason: String,
    },
    /// List modules.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
}

impl Row for Module {
    const HEADS: &'static [&'static str] = &["module", "state", "team", "size", "submitted", "digest", "why"];
    fn cells(&self) -> Vec<String> {
        vec![
            format!("{}@{}", self.name, self.version),
            word(&self.state),
            self.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.bytes.to_string(),
            self.submitted.to_string(),
            self.digest.to_string(),
            self.why.as_ref().map(|why| format!("{} {}", why.code, why.message)).unwrap_or_default(),
        ]
    }
}

pub(crate) fn module(settings: &Settings, args: &ModuleArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let text = |what: &str, text: &str| {
        Text::new(text).map_err(|error| Failure::text(codes::USAGE, format!("{what}: {error}")))
    };
    match &args.verb {
        ModuleVerb::Submit { named, module, team, source, commit } => {
            let path = path(named)?;
            let bytes = modules::bytes(module, &Home::at(&settings.home))?;
            let said = [("skein-team", team), ("skein-source", source), ("skein-commit", commit)];
            let said = said.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
            let said: Vec<(&'static str, &str)> = said.collect();
            let submitted = compiled(&server, &path, server.put_as(&path, bytes, &said)?)?;
            view.one(&submitted);
            match submitted.why {
                Some(why) if submitted.state == ModuleState::Refused => {
                    let code = codes::ALL.iter().find(|code| code.id == why.code.as_str()).copied();
                    let failure = Failure::text(code.unwrap_or(codes::BUG), why.message.to_string());
                    Err(if view.is_table() { failure } else { failure.on_stderr() })
                }
                Some(_) | None => Ok(()),
            }
        }
        ModuleVerb::Show { named } => {
            view.one(&server.get::<Module>(&path(named)?)?);
            Ok(())
        }
        ModuleVerb::Ban { named, reason, yes } => {
            let there: Module = server.get(&path(named)?)?;
            let question =
                format!("let nothing of {named} ({}) run any more, and halt its campaigns?", there.digest);
            confirmed(settings, *yes, &question)?;
            let asked = ModuleBan { reason: text("--reason", reason)? };
            view.one(&server.post::<Module>(&format!("{}/actions/ban", path(named)?), &asked)?);
            Ok(())
        }
        ModuleVerb::Restore { named, reason } => {
            let asked = ModuleRestore { reason: text("--reason", reason)? };
            view.one(&server.post::<Module>(&format!("{}/actions/restore", path(named)?), &asked)?);
            Ok(())
        }
        ModuleVerb::List { list } => view.list::<Module>(&server, ("modules", ""), list),
    }
}

/// Waits where the server does not.
fn compiled(server: &Server, path: &str, mut module: Module) -> Result<Module, Failure> {
    for _ in 0..LOOKS {
        if module.state != ModuleState::Compiling {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
        module = server.get(path)?;
    }
    Ok(module)
}

/// Where a module is on a server.
fn path(named: &str) -> Result<String, Failure> {
    let Some((name, version)) = named.split_once('@') else {
        return Err(Failure::text(codes::USAGE, format!("{named:?} is not NAME@VERSION")));
    };
    Ok(format!("modules/{}/versions/{}", encoded(name), encoded(version)))
}

/// The word of a body for something.
pub(crate) fn word(of: &impl serde::Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
