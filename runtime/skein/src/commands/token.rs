//! `skein token`: what lets people and programs in.

use clap::{Args, Subcommand};
use skein_api::{AccessToken, Grant, List, Text, TokenIssue, TokenIssued, Whoami};
use skein_campaign::Span;
use skein_types::{Role, TokenKind, codes};

use crate::args::{ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::question::confirmed;
use crate::render;
use crate::server::{Server, encoded};
use crate::settings::Settings;
use crate::view::{Row, View};

/// Issue, list and revoke the tokens that let people and programs in.
///
/// A token says what its holder is in which teams: viewer, author, approver, operator, platform-admin or auditor. It is printed
/// once, when it is made; what the server keeps is a hash.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein token create ada --kind person --grant operator@payments --grant viewer@shop
  skein token create nightly --grant author@payments --expires 90d > nightly.token
  skein token list
  skein token revoke tok_0198...
  skein token whoami")]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) verb: TokenVerb,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenVerb {
    /// Make one, and print it: to standard output, and never again.
    Create {
        /// Whose it is: records say that this one did it.
        name: String,
        /// Who holds it: a person, or a program (service), which never approves.
        #[arg(long, value_name = "person|service", default_value = "service")]
        kind: TokenKind,
        /// What its holder is: in a team, or, where no team is named, in all teams, those that come later too. May be given more
        /// than once.
        #[arg(long = "grant", value_name = "ROLE[@TEAM]", required = true, value_parser = grant)]
        grants: Vec<Grant>,
        /// It is good for so long, such as 90d [default: until it is revoked].
        #[arg(long, value_name = "TIME")]
        expires: Option<Span>,
    },
    /// List tokens, without what opens anything.
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one.
    Show {
        /// Its id.
        token: String,
    },
    /// Let one count no more, from now on.
    Revoke {
        /// Its id.
        token: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show whom the server takes you for, and what you may do.
    Whoami,
}

pub(crate) fn grant(text: &str) -> Result<Grant, String> {
    let (role, team) = match text.split_once('@') {
        Some((role, team)) => (role, Some(team)),
        None => (text, None),
    };
    let role = role.parse::<Role>().map_err(|error| error.to_string())?;
    if team == Some("") {
        return Err("a team is missing after the @".to_owned());
    }
    let team = team.map(|team| Text::new(team.to_owned()).map_err(|error| error.to_string())).transpose()?;
    Ok(Grant { team, role })
}

fn said(grants: &[Grant]) -> String {
    let said = |grant: &Grant| match &grant.team {
        Some(team) => format!("{}@{team}", grant.role),
        None => format!("{} in all teams", grant.role),
    };
    grants.iter().map(said).collect::<Vec<_>>().join(", ")
}

impl Row for AccessToken {
    const HEADS: &'static [&'static str] =
        &["token", "name", "kind", "grants", "issued", "expires", "last used", "revoked"];
    fn cells(&self) -> Vec<String> {
        let time = |time: &Option<skein_api::Time>| time.map(|time| time.to_string()).unwrap_or_default();
        vec![
            self.token.to_string(),
            self.name.to_string(),
            self.kind.to_string(),
            said(&self.grants),
            self.issued.to_string(),
            time(&self.expires),
            time(&self.last_used),
            time(&self.revoked),
        ]
    }
}

pub(crate) fn token(settings: &Settings, args: &TokenArgs) -> CommandResult {
    let (server, view) = (Server::of(settings, &args.server)?, View::of(settings, &args.server));
    let path = |token: &str| format!("tokens/{}", encoded(token));
    match &args.verb {
        TokenVerb::Create { name, kind, grants, expires } => {
            let usage = |what: &str, error: &dyn std::error::Error| {
                Failure::text(codes::USAGE, format!("{what}: {error}"))
            };
            let asked = TokenIssue {
                name: Text::new(name.clone()).map_err(|error| usage("NAME", &error))?,
                kind: *kind,
                grants: List::new(grants.clone()).map_err(|error| usage("--grant", &error))?,
                expires_in_ms: expires.map(Span::length),
            };
            issued(view, &server.post("tokens", &asked)?);
        }
        TokenVerb::List { list } => view.list::<AccessToken>(&server, ("tokens", ""), list)?,
        TokenVerb::Show { token } => view.one(&server.get::<AccessToken>(&path(token))?),
        TokenVerb::Revoke { token, yes } => {
            let there: AccessToken = server.get(&path(token))?;
            let holder = format!("{} ({}, {})", there.name, there.kind, said(&there.grants));
            confirmed(settings, *yes, &format!("lock {holder} out, from now on and for good?"))?;
            view.one(&server.delete::<AccessToken>(&path(token))?);
        }
        TokenVerb::Whoami => {
            let who: Whoami = server.get("whoami")?;
            view.told(&who, || known(&who));
        }
    }
    Ok(())
}

/// What opens the door alone on standard output, so that it can be put where it belongs; what it is about beside it.
fn issued(view: View, issued: &TokenIssued) {
    view.told(issued, || {
        let token = &issued.token;
        let until = token.expires.map_or_else(|| "it is revoked".to_owned(), |time| time.to_string());
        render::to_stderr(&format!(
            "{} for {}: {}; until {until}",
            token.token,
            token.name,
            said(&token.grants)
        ));
        if token.grants.iter().any(|grant| grant.team.is_none()) {
            render::to_stderr("it reaches all teams, those that come later too: ROLE@TEAM is for one");
        }
        render::to_stderr("this is the only time that it is shown:");
        render::line(&issued.secret);
    });
}

fn known(who: &Whoami) {
    let token = who.token.map_or_else(|| "no token".to_owned(), |token| token.to_string());
    render::line(&format!("{} ({}, {token}): {}", who.actor, who.kind, said(&who.grants)));
    if who.single_user {
        render::line("the server lets everybody on its machine do everything");
    }
}

#[cfg(test)]
mod tests {
    use super::{grant, said};

    #[test]
    fn a_grant_is_a_role_in_a_team_or_in_all_and_says_so() {
        let grants: Vec<_> = ["operator@pay", "auditor"].iter().map(|text| grant(text).unwrap()).collect();
        assert_eq!(said(&grants), "operator@pay, auditor in all teams");
        assert!(grants[1].team.is_none());
        assert!(grant("boss@pay").unwrap_err().contains("is not one of viewer"));
        assert_eq!(grant("viewer@").unwrap_err(), "a team is missing after the @");
    }
}
