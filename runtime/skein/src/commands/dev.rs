//! `skein dev`: one round after the other while a migration is written.

use crate::args::DevArgs;
use crate::failure::CommandResult;
use crate::settings::Settings;

pub(crate) fn dev(_settings: &Settings, _args: &DevArgs) -> CommandResult {
    Ok(())
}
