//! Teams, and the tokens by which their members come in.
//!
//! A token is 32 random bytes, so a plain hash of it is kept: there is nothing to guess. It is said once, when it is issued. When
//! it was used last is no decision: it is kept in memory and written down once a minute.

use std::collections::BTreeMap;

use skein_api::{AccessToken, List, Message, Page, Team, Text as ApiText, Time, TokenIssue, TokenIssued};
use skein_campaign::approval::plain;
use skein_ledger::{
    Actor, Entry, Event, Grant, Limit, Name, Subject, TeamChanged, TeamCreated, TeamRemoved, Text,
    TokenRevoked, Unit,
};
use skein_types::{Blake3, QuotaOf, Role, Timestamp, TokenId, TokenKind, codes};
use uuid::Uuid;

use crate::access::{NOBODYS, Principal, Right};
use crate::control::{Control, name};
use crate::decide;
use crate::error::ServiceError;
use crate::list::ListPart;
use crate::settings::Seen;
use crate::shown;

/// Before the secret, so that one that lies around is known for what it is.
const PREFIX: &str = "skn_";
/// Of the secret.
const BYTES: usize = 32;
/// Uses are written down no more often.
pub(crate) const NOTED_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// When tokens were used, not yet written down.
pub(crate) type Uses = BTreeMap<TokenId, Timestamp>;

impl Control {
    /// Who asks without a token: the one user of this machine, or nobody.
    pub fn without_token(&self) -> Result<Principal, ServiceError> {
        if self.single_user { Ok(self.everybody().clone()) } else { Err(refused("a token is needed here")) }
    }

    /// Who holds this token, if it counts.
    pub fn principal(&self, secret: &str) -> Result<Principal, ServiceError> {
        self.used(self.ledger.token_by_hash(Blake3::of(secret.as_bytes()))?)
    }

    /// Who holds the token that a session stands for, if it counts still.
    pub(crate) fn holder(&self, token: TokenId) -> Result<Principal, ServiceError> {
        self.used(self.ledger.token(token)?)
    }

    fn used(&self, row: Option<skein_ledger::Token>) -> Result<Principal, ServiceError> {
        let now = self.clock.now();
        let row = counting(row, now)?;
        self.uses.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(row.id, now);
        Ok(Principal {
            actor: actor_of(&row)?,
            kind: row.kind,
            token: Some(row.id),
            rights: row.grants.iter().map(right).collect(),
            trace: None,
            from: skein_ledger::Whence::Control,
            cause: None,
            session: None,
        })
    }

    /// Refuses whoever's token counted when a long request began and does not any more.
    pub(crate) fn check_still(&self, who: &Principal) -> Result<(), ServiceError> {
        let Some(token) = who.token else { return Ok(()) };
        counting(self.ledger.token(token)?, self.clock.now()).map(|_| ())
    }

    /// Writes down when tokens were used.
    pub(crate) fn note_uses(&self) -> Result<(), ServiceError> {
        let uses = std::mem::take(&mut *self.uses.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        if uses.is_empty() {
            return Ok(());
        }
        let used = uses.into_iter().map(|(token, at)| Entry::TokenUsed { token, at });
        self.write(used.fold(self.itself.unit(), Unit::then))
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    pub(crate) fn issue_token(
        &self,
        who: &Principal,
        asked: &TokenIssue,
    ) -> Result<TokenIssued, ServiceError> {
        let secret = new_secret()?;
        let id = TokenId::new(Uuid::now_v7());
        let mut grants = Vec::with_capacity(asked.grants.len());
        for grant in asked.grants.iter() {
            let team = grant.team.as_deref().map(|team| self.team_row(team)).transpose()?;
            grants.push(Grant { team: team.map(|team| team.name), role: grant.role });
        }
        if grants.is_empty() {
            return Err(ServiceError::new(codes::BODY_INVALID, "a token that is good for nothing")
                .hint(Some("give it a role: {\"team\":\"payments\",\"role\":\"author\"}")));
        }
        let expires = asked.expires_in_ms.map(|span| Timestamp(self.clock.now().0.saturating_add(span.0)));
        match asked.kind {
            TokenKind::Person => is_plain(&asked.name)?,
            TokenKind::Service => {}
        }
        let issued = skein_ledger::TokenIssued {
            token: id,
            name: name("name", &asked.name)?,
            kind: asked.kind,
            hash: Blake3::of(secret.as_bytes()),
            grants,
            expires,
        };
        let written = self.commit(who.creating().decide(issued))?;
        decide::done(&written)?;
        if let Some(Event::TokenIssued(before)) = self.known(&written)? {
            let message =
                format!("token {} was issued in this request before, and its secret is lost", before.token);
            return Err(ServiceError::new(codes::ANSWER_LOST, message)
                .hint(Some("revoke it, and issue another one with a new Idempotency-Key")));
        }
        Ok(TokenIssued { token: self.token(id)?, secret: ApiText::escaped(&secret) })
    }

    /// A token, without its secret.
    pub(crate) fn token(&self, id: TokenId) -> Result<AccessToken, ServiceError> {
        let row = self.ledger.token(id)?;
        shown_token(&row.ok_or_else(|| ServiceError::absent("token", &id.to_string()))?)
    }

    /// Tokens, in the order in which they were issued.
    pub(crate) fn tokens(&self, part: &ListPart) -> Result<Page<AccessToken>, ServiceError> {
        let after = part.key()?;
        let page = self.ledger.tokens(after, part.limit())?;
        shown::page(page.items, page.next.map(|id| id.to_string()), |row| shown_token(&row))
    }

    /// From now on it lets nobody in. The last token of an admin for all teams stays, so that nobody is locked out.
    pub(crate) fn revoke_token(
        &self,
        who: &Principal,
        id: TokenId,
        reason: &str,
    ) -> Result<AccessToken, ServiceError> {
        let row = self.ledger.token(id)?.ok_or_else(|| ServiceError::absent("token", &id.to_string()))?;
        if row.revoked.is_some() {
            return shown_token(&row);
        }
        // So that of two admins who revoke each other's at once one is refused.
        let mut state = self.state();
        if is_admin(&row.grants) && !self.another_admin(id)? {
            return Err(ServiceError::new(codes::LAST_ADMIN, "there is no other admin's token")
                .hint(Some("issue another one for an admin of all teams first")));
        }
        self.write(who.unit().decide(TokenRevoked { token: id, reason: Text::clip(reason) }))?;
        // What its holder approved counts no more, if they have no other.
        state.campaigns.values_mut().for_each(|live| live.settled = None);
        drop(state);
        self.wake.reconciler();
        self.token(id)
    }

    /// Whether some other token that counts is an admin's.
    fn another_admin(&self, than: TokenId) -> Result<bool, ServiceError> {
        let mut after = None;
        loop {
            let page = self.ledger.tokens(after, Limit::MAX)?;
            // One that expires is no way in that stays.
            let counts = |row: &skein_ledger::Token| {
                row.id != than && row.revoked.is_none() && row.expires.is_none() && is_admin(&row.grants)
            };
            if page.items.iter().any(counts) {
                return Ok(true);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(false),
            }
        }
    }

    /// Whether a token was ever issued.
    pub fn has_tokens(&self) -> Result<bool, ServiceError> {
        Ok(!self.ledger.tokens(None, Limit::new(1))?.items.is_empty())
    }

    /// A token for an admin of all teams with a secret that is kept already. For whoever starts the server: the first one, or
    /// another one where all were lost.
    pub fn admit_admin(&self, secret: &str) -> Result<(), ServiceError> {
        let hash = Blake3::of(secret.as_bytes());
        if self.ledger.token_by_hash(hash)?.is_some() {
            return Ok(());
        }
        let grants = vec![Grant { team: None, role: Role::PlatformAdmin }];
        let issued = skein_ledger::TokenIssued {
            token: TokenId::new(Uuid::now_v7()),
            name: name("name", "admin of this server")?,
            kind: TokenKind::Person,
            hash,
            grants,
            expires: None,
        };
        self.write(self.itself.unit().decide(issued))
    }

    pub(crate) fn team_row(&self, team: &str) -> Result<skein_ledger::Team, ServiceError> {
        let row = self.ledger.team(&name("team", team)?)?;
        row.ok_or_else(|| {
            ServiceError::absent("team", team)
                .hint(Some("an admin makes one: `skein team add NAME`, or PUT /v1/teams/NAME"))
        })
    }

    /// Makes a team, or says something else about it.
    pub(crate) fn put_team(
        &self,
        who: &Principal,
        (team, seen): (&str, Seen),
        note: &Message,
    ) -> Result<Team, ServiceError> {
        let (team, note) = (name("team", team)?, Text::clip(note));
        if team.as_str() == NOBODYS {
            let message = format!("no team is called {team}: it stands for what is nobody's");
            return Err(ServiceError::new(codes::BODY_INVALID, message));
        }
        let (what, there) = (format!("team {team}"), self.ledger.team(&team)?);
        let version = seen.against(&what, there.as_ref().map(|row| row.version))?;
        let unit = match there {
            None => who.unit().decide(TeamCreated { team: team.clone(), note }),
            Some(row) if row.note == note => return Ok(shown_team(&row)),
            Some(_) => who.unit().decide(TeamChanged { team: team.clone(), note }),
        };
        self.set((&what, Subject::Team(team.clone()), version), unit)?;
        Ok(shown_team(&self.team_row(team.as_str())?))
    }

    /// A team.
    pub(crate) fn team(&self, team: &str) -> Result<Team, ServiceError> {
        Ok(shown_team(&self.team_row(team)?))
    }

    /// Teams by name.
    pub(crate) fn teams(&self, part: &ListPart, sees: Option<&[Name]>) -> Result<Page<Team>, ServiceError> {
        let Some(sees) = sees else {
            let after = part.after.as_deref().map(|after| name("after", after)).transpose()?;
            let page = self.ledger.teams(after.as_ref(), part.limit())?;
            return shown::page(page.items, page.next.map(|name| name.to_string()), |row| {
                Ok(shown_team(&row))
            });
        };
        // A token is good for few teams: they fit into a page.
        let rows = sees.iter().map(|team| self.ledger.team(team)).collect::<Result<Vec<_>, _>>()?;
        shown::page(rows.into_iter().flatten().collect(), None, |row| Ok(shown_team(&row)))
    }

    /// Removes a team that has nothing left.
    pub(crate) fn remove_team(
        &self,
        who: &Principal,
        (team, seen): (&str, Seen),
        reason: &str,
    ) -> Result<Team, ServiceError> {
        let row = self.team_row(team)?;
        let what = format!("team {team}");
        let version = seen.against(&what, Some(row.version))?;
        if let Some(left) = self.left_of(&row.name)? {
            return Err(ServiceError::new(codes::TEAM_IN_USE, format!("team {team} has {left}"))
                .hint(Some("remove or revoke what it has first: a team of that name would have it again")));
        }
        let removed = TeamRemoved { team: row.name.clone(), reason: Text::clip(reason) };
        self.set((&what, Subject::Team(row.name.clone()), version), who.unit().decide(removed))?;
        self.drop_quota(&QuotaOf::Team(row.name.clone()), reason)?;
        Ok(shown_team(&row))
    }

    /// Refuses a name that is no team's. Where there is one user teams are words: what has nothing is nobody's.
    pub(crate) fn is_somebody(&self, team: &Name) -> Result<(), ServiceError> {
        let row = self.team_row(team.as_str());
        if row.is_ok() || !self.single_user {
            return row.map(drop);
        }
        let mine = skein_ledger::CampaignFilter { owners: Some(vec![team.clone()]), ..Default::default() };
        let campaigns =
            self.ledger.campaigns(&mine, &skein_ledger::CampaignsFrom::Oldest(None), Limit::new(1))?;
        if !campaigns.items.is_empty() || self.left_of(team)?.is_some() { Ok(()) } else { row.map(drop) }
    }

    /// One of the things that a team still has, in words.
    fn left_of(&self, team: &Name) -> Result<Option<String>, ServiceError> {
        let has = skein_ledger::DatasetFilter { owner: Some(team.clone()), ..Default::default() };
        if let Some(one) = self.ledger.datasets(&has, None, Limit::new(1))?.items.first() {
            return Ok(Some(format!("datasets, {} among them", one.name)));
        }
        if let Some(one) = self.ledger.secrets(Some(team), None, Limit::new(1))?.items.first() {
            return Ok(Some(format!("secrets, {} among them", one.name)));
        }
        if let Some(one) = self.all_webhooks()?.iter().find(|one| one.team.as_ref() == Some(team)) {
            return Ok(Some(format!("receivers, {} among them", one.name)));
        }
        let (mut after, now) = (None, self.clock.now());
        loop {
            let page = self.ledger.tokens(after, Limit::MAX)?;
            let of_it =
                |row: &skein_ledger::Token| row.grants.iter().any(|grant| grant.team.as_ref() == Some(team));
            let counts =
                |row: &&skein_ledger::Token| of_it(row) && counting(Some((*row).clone()), now).is_ok();
            if let Some(one) = page.items.iter().find(counts) {
                return Ok(Some(format!("tokens, {} ({}) among them", one.id, one.name)));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(None),
            }
        }
    }
}

/// Refuses a name for a person that looks like another one's, or has something in it that nobody sees.
pub(crate) fn is_plain(name: &str) -> Result<(), ServiceError> {
    plain(name).map_err(|why| {
        ServiceError::new(codes::BODY_INVALID, format!("`name`: {why}")).hint(Some(
            "persons are told apart by their names: letters and digits of one script, and . - _ ' @ +",
        ))
    })
}

/// A token that counts.
fn counting(row: Option<skein_ledger::Token>, now: Timestamp) -> Result<skein_ledger::Token, ServiceError> {
    let row = row.ok_or_else(|| refused("the token is not known"))?;
    if row.revoked.is_some() {
        return Err(refused("the token was revoked"));
    }
    if row.expires.is_some_and(|expires| expires <= now) {
        return Err(refused("the token has expired"));
    }
    Ok(row)
}

/// The same sentence for whoever guesses and for whoever mistyped, but for what its holder may know.
fn refused(why: &str) -> ServiceError {
    ServiceError::new(codes::TOKEN_MISSING, why)
        .hint(Some("send `Authorization: Bearer skn_…` with a token that an admin issued"))
}

pub(crate) fn token_id(named: &str) -> Result<TokenId, ServiceError> {
    named.parse().map_err(|_| ServiceError::absent("token", named))
}

/// Name and id: names need not differ, and a record is to be found again.
fn actor_of(row: &skein_ledger::Token) -> Result<Actor, ServiceError> {
    Actor::new(format!("{} ({})", row.name, row.id)).map_err(|error| ServiceError::bug(error.to_string()))
}

fn right(grant: &Grant) -> Right {
    Right { team: grant.team.clone(), role: grant.role }
}

fn is_admin(grants: &[Grant]) -> bool {
    grants.iter().any(|grant| grant.team.is_none() && grant.role == Role::PlatformAdmin)
}

/// The secret of a new token.
pub fn new_secret() -> Result<String, ServiceError> {
    Ok(format!("{PREFIX}{}", random_hex()?))
}

/// What nobody guesses.
pub(crate) fn random_hex() -> Result<String, ServiceError> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(|error| ServiceError::new(codes::IO, error.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn shown_team(row: &skein_ledger::Team) -> Team {
    Team {
        team: ApiText::escaped(row.name.as_str()),
        note: ApiText::escaped(row.note.as_str()),
        since: Time(row.since),
        version: row.version,
    }
}

fn shown_token(row: &skein_ledger::Token) -> Result<AccessToken, ServiceError> {
    let grants = row.grants.iter().map(|grant| skein_api::Grant {
        team: grant.team.as_ref().map(|team| ApiText::escaped(team.as_str())),
        role: grant.role,
    });
    Ok(AccessToken {
        token: row.id,
        name: ApiText::escaped(row.name.as_str()),
        kind: row.kind,
        grants: List::new(grants.collect()).map_err(|error| ServiceError::bug(error.to_string()))?,
        issued: Time(row.issued),
        expires: row.expires.map(Time),
        revoked: row.revoked.map(Time),
        last_used: row.last_used.map(Time),
    })
}
