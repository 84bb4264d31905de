//! `skein portal`: a way into a server's pages, and the end of all that are open.

use clap::{Args, Subcommand};
use skein_api::{PortalLink, SessionsEnded};

use crate::args::ServerArgs;
use crate::failure::CommandResult;
use crate::render;
use crate::server::{Server, encoded};
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
  skein portal --server https://skein.example.org
  skein portal sign-out                                a browser was left somewhere
  skein portal sign-out --token tok_0198...            for an admin: somebody else's was")]
pub(crate) struct PortalArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<PortalVerb>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PortalVerb {
    /// End all of your sessions of the portal, in whatever browser, and links that nobody has followed yet. The token counts still.
    SignOut {
        /// Those of whoever holds this one: its id.
        #[arg(long)]
        token: Option<String>,
    },
}

pub(crate) fn portal(settings: &Settings, args: &PortalArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    if let Some(PortalVerb::SignOut { token }) = &args.verb {
        let path = match token {
            None => "portal/sessions".to_owned(),
            Some(token) => format!("tokens/{}/sessions", encoded(token)),
        };
        let ended: SessionsEnded = server.delete(&path)?;
        view.told(&ended, || render::line(&format!("sessions that were ended: {}", ended.ended)));
        return Ok(());
    }
    let link: PortalLink = server.post("portal/links", &())?;
    view.told(&link, || {
        render::to_stderr(&format!("good for once, until {}:", link.until));
        render::line(&link.url);
    });
    Ok(())
}
