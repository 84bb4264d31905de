//! `skein module`: modules of a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skein_api::{Module, ModuleRestore, ModuleState, Text};
use skein_types::codes;

use crate::args::{Output, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::modules;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;

/// Submit and list modules of a server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein module submit prefs@2 target/prefs.wasm
  skein module submit columns@1 columns         a module that is installed
  skein module restore prefs@2 --reason \"the machine ran out of memory\"
  skein module list")]
pub(crate) struct ModuleArgs {
    #[command(subcommand)]
    pub(crate) verb: ModuleVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModuleVerb {
    /// Send a module, and wait until it is compiled or refused. A version never changes.
    Submit {
        /// What to call it.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
        /// A WebAssembly component, or the name of one that is installed.
        module: PathBuf,
    },
    /// Let a module run again that was suspended because its tasks ended nodes. Its campaigns stay halted until they are resumed.
    Restore {
        /// Which.
        #[arg(value_name = "NAME@VERSION")]
        named: String,
        /// Why it was not the module's fault, for the record.
        #[arg(long)]
        reason: String,
    },
    /// List modules.
    List,
}

pub(crate) fn module(settings: &Settings, args: &ModuleArgs) -> CommandResult {
    let server = Server::of(settings, args.server.server.as_deref())?;
    match &args.verb {
        ModuleVerb::Submit { named, module } => {
            let path = path(named)?;
            let bytes = modules::bytes(module, &Home::at(&settings.home))?;
            let submitted: Module = server.put(&path, bytes)?;
            shown(args.server.output, std::slice::from_ref(&submitted));
            match submitted.why {
                Some(why) if submitted.state == ModuleState::Refused => {
                    let code = codes::ALL.iter().find(|code| code.id == why.code.as_str()).copied();
                    let failure = Failure::text(code.unwrap_or(codes::BUG), why.message.to_string());
                    Err(if args.server.output == Output::Json { failure.on_stderr() } else { failure })
                }
                Some(_) | None => Ok(()),
            }
        }
        ModuleVerb::Restore { named, reason } => {
            let asked = ModuleRestore { reason: Text::escaped(reason) };
            let restored: Module = server.post(&format!("{}/actions/restore", path(named)?), &asked)?;
            shown(args.server.output, std::slice::from_ref(&restored));
            Ok(())
        }
        ModuleVerb::List => {
            shown(args.server.output, &server.list::<Module>("modules", "", usize::MAX)?);
            Ok(())
        }
    }
}

/// Where a module is on a server.
fn path(named: &str) -> Result<String, Failure> {
    let Some((name, version)) = named.split_once('@') else {
        return Err(Failure::text(codes::USAGE, format!("{named:?} is not NAME@VERSION")));
    };
    Ok(format!("modules/{}/versions/{}", encoded(name), encoded(version)))
}

fn shown(output: Output, modules: &[Module]) {
    match output {
        Output::Json => render::json(&modules),
        Output::Table => render::table(
            &["module", "state", "size", "digest"],
            modules.iter().map(|module| {
                vec![
                    format!("{}@{}", module.name, module.version),
                    word(&module.state),
                    module.bytes.to_string(),
                    module.digest.to_string(),
                ]
            }),
        ),
    }
}

/// The word of a body for something.
pub(crate) fn word(of: &impl serde::Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
