//! `skein portal`: a way into a server's pages.

use clap::Args;
use skein_api::PortalLink;

use crate::args::ServerArgs;
use crate::failure::CommandResult;
use crate::render;
use crate::server::Server;
use crate::settings::Settings;
use crate::view::View;

/// Print a link that signs a browser in at the server's portal.
///
/// It is good for once and for ten minutes, and whoever follows it is whoever asked for it, with all that their token lets them do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein portal
  xdg-open \"$(skein portal)\"
  skein portal --server https://skein.example.org")]
pub(crate) struct PortalArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

pub(crate) fn portal(settings: &Settings, args: &PortalArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let link: PortalLink = server.post("portal/links", &())?;
    view.told(&link, || {
        render::to_stderr(&format!("good for once, until {}:", link.until));
        render::line(&link.url);
    });
    Ok(())
}
