//! `skein audit keys`: what statements are and were signed with, and changing it.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;
use skein_api::{SigningKey, SigningKeys};
use skein_attest::PublicKey;
use skein_types::codes;

use super::trust;
use crate::aside;
use crate::failure::{CommandResult, Failure};
use crate::render;
use crate::server::Server;
use crate::view::{Row, View};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysVerb {
    /// List them, the first first. Statements are signed with the last.
    List,
    /// Sign with a new key from now on. Both sign that it follows the old one, whose statements verify still.
    Rotate,
    /// Write them for whoever verifies: all of them with what connects them, or the last one as PEM.
    Export {
        /// The last one alone, as other tools take it.
        #[arg(long)]
        pem: bool,
        /// Into this file, and not to the output.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
}

impl Row for SigningKey {
    const HEADS: &'static [&'static str] = &["key", "from", "follows", "signed by that"];
    fn cells(&self) -> Vec<String> {
        let signed = match (&self.before, &self.by_before) {
            (None, _) => "",
            (Some(_), Some(_)) => "yes",
            (Some(_), None) => "no: it was lost",
        };
        vec![
            self.key.to_string(),
            self.at.to_string(),
            self.before.as_ref().map(ToString::to_string).unwrap_or_default(),
            signed.to_owned(),
        ]
    }
}

pub(super) fn keys(view: View, server: &Server, verb: &KeysVerb) -> CommandResult {
    match verb {
        KeysVerb::List => {
            let keys: SigningKeys = server.get("audit/keys")?;
            view.all(&keys.keys);
            Ok(())
        }
        KeysVerb::Rotate => {
            let keys: SigningKeys = server.post("audit/keys/actions/rotate", &Value::Null)?;
            view.all(&keys.keys);
            Ok(())
        }
        KeysVerb::Export { pem, save } => {
            let keys: SigningKeys = server.get("audit/keys")?;
            let text = if *pem { last(&keys)?.to_pem() } else { all(&keys)? };
            match save {
                None => render::raw(&text),
                Some(path) => {
                    let saved = aside::replace(path, |file| file.write_all(text.as_bytes()));
                    saved.map_err(|error| Failure::new(codes::IO, &error).about(path))?;
                }
            }
            Ok(())
        }
    }
}

fn last(keys: &SigningKeys) -> Result<PublicKey, Failure> {
    let last = keys.keys.last().ok_or_else(|| Failure::text(codes::NOT_FOUND, "there is no key yet"))?;
    PublicKey::from_base64(&last.public).map_err(|error| trust::failed(&error))
}

fn all(keys: &SigningKeys) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&trust::ring(keys));
    Ok(text.map_err(|error| Failure::new(codes::BUG, &error))? + "\n")
}
