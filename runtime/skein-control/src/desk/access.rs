//! Who asks; teams and tokens.

use skein_api::{
    AccessToken, List, Page, PortalLink, SessionsEnded, Team, TeamPut, Text, TokenIssue, TokenIssued, Whoami,
};

use super::Desk;
use crate::access::Act;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::tokens::token_id;

impl Desk<'_> {
    /// Who asks, as the server sees it.
    pub fn whoami(&self) -> Whoami {
        let grants = self.who.rights.iter().map(|right| skein_api::Grant {
            team: right.team.as_ref().map(|team| Text::escaped(team.as_str())),
            role: right.role,
        });
        Whoami {
            actor: Text::escaped(self.who.actor()),
            kind: self.who.kind,
            token: self.who.token,
            grants: List::first(grants.collect()).0,
            single_user: self.who.token.is_none(),
        }
    }

    /// Refuses whoever may not govern. A page asks before it shows a form that would only be refused; what the form asks for is looked at
    /// again.
    pub fn may_govern(&self) -> Result<(), ServiceError> {
        self.who.check_whole(Act::Govern)
    }

    /// The like, of the record.
    pub fn may_audit(&self) -> Result<(), ServiceError> {
        self.who.check_whole(Act::Audit)
    }

    /// The like, of a team's secrets.
    pub fn may_keep_secrets(&self, team: &str) -> Result<(), ServiceError> {
        self.who.check(Act::KeepSecrets, Some(team), ("team", team))
    }

    /// The like, of a team's receivers, or of everybody's.
    pub fn may_tell(&self, team: Option<&str>) -> Result<(), ServiceError> {
        self.who.check(Act::Tell, team, ("team", team.unwrap_or("all")))
    }

    /// The like, of receivers of any team.
    pub fn may_tell_any(&self) -> Result<(), ServiceError> {
        self.who.check_any(Act::Tell)
    }

    /// A link that signs a browser in, once, as whoever asks.
    pub fn portal_link(&self) -> Result<PortalLink, ServiceError> {
        self.control.portal_link(self.who)
    }

    /// Ends all sessions of the portal that whoever asks has.
    pub fn sign_out_everywhere(&self) -> SessionsEnded {
        SessionsEnded { ended: self.control.end_sessions(self.who, self.who.token) }
    }

    /// The like, of a token's holder. Everybody may end those of the one that is shown.
    pub fn end_sessions_of(&self, named: &str) -> Result<SessionsEnded, ServiceError> {
        let id = token_id(named)?;
        if self.who.token != Some(id) {
            self.who.check_whole(Act::Govern)?;
        }
        let token = self.control.token(id)?.token;
        Ok(SessionsEnded { ended: self.control.end_sessions(self.who, Some(token)) })
    }

    /// Makes a team, or says something else about it.
    pub fn put_team(&self, (team, seen): (&str, Seen), asked: &TeamPut) -> Result<Team, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.put_team(self.who, (team, seen), &asked.note)
    }

    /// A team.
    pub fn team(&self, team: &str) -> Result<Team, ServiceError> {
        self.who.check(Act::See, Some(team), ("team", team))?;
        self.control.team(team)
    }

    /// Teams by name.
    pub fn teams(&self, part: &ListPart) -> Result<Page<Team>, ServiceError> {
        self.control.teams(part, self.who.sees().as_deref())
    }

    /// Removes a team that has nothing left.
    pub fn remove_team(&self, team: &str, seen: Seen) -> Result<Team, ServiceError> {
        self.who.check(Act::Govern, Some(team), ("team", team))?;
        self.who.check_whole(Act::Govern)?;
        self.control.remove_team(self.who, (team, seen), "asked")
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    pub fn issue_token(&self, asked: &TokenIssue) -> Result<TokenIssued, ServiceError> {
        self.who.check_whole(Act::Govern)?;
        self.control.issue_token(self.who, asked)
    }

    /// A token, without its secret. Everybody sees the one that is shown.
    pub fn token(&self, named: &str) -> Result<AccessToken, ServiceError> {
        let id = token_id(named)?;
        if self.who.token != Some(id) {
            self.who.check_whole(Act::Audit)?;
        }
        self.control.token(id)
    }

    /// Tokens, in the order in which they were issued.
    pub fn tokens(&self, part: &ListPart) -> Result<Page<AccessToken>, ServiceError> {
        self.who.check_whole(Act::Audit)?;
        self.control.tokens(part)
    }

    /// Ends a token. Everybody may end the one that is shown.
    pub fn revoke_token(&self, named: &str) -> Result<AccessToken, ServiceError> {
        let id = token_id(named)?;
        if self.who.token != Some(id) {
            self.who.check_whole(Act::Govern)?;
        }
        self.control.revoke_token(self.who, id, "asked")
    }
}
