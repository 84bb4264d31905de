//! Who asks, and what one may do: the table that every service function looks at.
//!
//! A [`Principal`] has grants, each a role in one team or in all of them. What somebody wants to do is an [`Act`], in the team
//! that the thing belongs to. There are three answers, not two: where a principal may not even see a team, its things are not
//! there, and the refusal is that of a thing that does not exist.

use std::net::IpAddr;

use skein_ledger::{Actor, Module, Name, Origin, Unit, Whence};
use skein_types::{Blake3, CauseId, NodeId, Role, TokenId, TokenKind, TraceId, codes};

use crate::approvals::Chair;
use crate::error::ServiceError;
use crate::once::Asked;

/// Owner of what was made for no team: of modules, which then are for everybody, and of campaigns.
pub(crate) const NOBODYS: &str = "local";

/// What a role is good for in one team, or, without one, in all and for what is nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The team.
    pub team: Option<Name>,
    /// The role there.
    pub role: Role,
}

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub struct Principal {
    /// As records name it.
    pub(crate) actor: Actor,
    /// Who holds the token.
    pub(crate) kind: TokenKind,
    /// The token that was shown, if one was.
    pub(crate) token: Option<TokenId>,
    pub(crate) rights: Vec<Right>,
    /// The request, as the log and the records name it.
    pub(crate) trace: Option<TraceId>,
    /// From where it came.
    pub(crate) from: Whence,
    /// The request, if it can be asked again.
    pub(crate) cause: Option<CauseId>,
    /// The session, if it is somebody who is signed in with a browser.
    pub(crate) session: Option<Blake3>,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Look at something.
    See,
    /// Read everything that was ever decided.
    Audit,
    /// Submit a module.
    Submit,
    /// Register, scan for and forget datasets.
    Register,
    /// Make a campaign and plan it.
    Compose,
    /// Start a campaign, and all that makes it go on or gives something up.
    Conduct,
    /// Stop a campaign, and undo what it did.
    Restrain,
    /// Say what must hold of a dataset before what was made of it is published.
    Guard,
    /// Approve what is planned for a team's datasets.
    Approve,
    /// Set and remove secrets.
    KeepSecrets,
    /// Say who is told of what happens.
    Tell,
    /// Teams, tokens, policies, quotas, nodes, the judgement of modules.
    Govern,
}

impl Act {
    #[cfg(test)]
    const ALL: [Self; 12] = [
        Self::See,
        Self::Audit,
        Self::Submit,
        Self::Register,
        Self::Compose,
        Self::Conduct,
        Self::Restrain,
        Self::Guard,
        Self::Approve,
        Self::KeepSecrets,
        Self::Tell,
        Self::Govern,
    ];

    /// The table: one line per act. An admin may do everything but approve: whose the data is says yes to it, and in need there is
    /// a way without approvals, which stays on record.
    pub(crate) const fn allows(self, role: Role) -> bool {
        use Role::{Approver, Auditor, Author, Operator, PlatformAdmin, Viewer};
        match self {
            Self::See => matches!(role, Viewer | Author | Approver | Operator | PlatformAdmin | Auditor),
            Self::Audit => matches!(role, PlatformAdmin | Auditor),
            Self::Submit | Self::Compose | Self::KeepSecrets | Self::Tell => {
                matches!(role, Author | Operator | PlatformAdmin)
            }
            Self::Register | Self::Conduct => matches!(role, Operator | PlatformAdmin),
            // Not for whoever makes campaigns: what a plan was approved with would be theirs to take away.
            Self::Restrain | Self::Guard => matches!(role, Approver | Operator | PlatformAdmin),
            Self::Approve => matches!(role, Approver),
            Self::Govern => matches!(role, PlatformAdmin),
        }
    }

    /// The least of the roles that may, for whoever lacks it.
    const fn asks_for(self) -> Role {
        match self {
            Self::See => Role::Viewer,
            Self::Audit => Role::Auditor,
            Self::Submit | Self::Compose | Self::KeepSecrets | Self::Tell => Role::Author,
            Self::Restrain | Self::Guard | Self::Approve => Role::Approver,
            Self::Register | Self::Conduct => Role::Operator,
            Self::Govern => Role::PlatformAdmin,
        }
    }

    const fn said(self) -> &'static str {
        match self {
            Self::See => "look at this",
            Self::Audit => "read the audit trail",
            Self::Submit => "submit a module",
            Self::Register => "register or remove datasets",
            Self::Compose => "make or plan a campaign",
            Self::Conduct => "do that to a campaign",
            Self::Restrain => "stop or undo a campaign",
            Self::Guard => "say what must hold of a dataset",
            Self::Approve => "approve a plan",
            Self::KeepSecrets => "set or remove a secret",
            Self::Tell => "say who is told of what happens",
            Self::Govern => "do that",
        }
    }
}

impl Principal {
    /// Somebody with these rights and no token at hand.
    pub(crate) const fn with(actor: Actor, rights: Vec<Right>) -> Self {
        let (kind, from) = (TokenKind::Service, Whence::Control);
        Self { actor, kind, token: None, rights, trace: None, from, cause: None, session: None }
    }

    /// Control itself, where no person decides. It asks nobody, so it needs no right.
    pub(crate) const fn control(actor: Actor) -> Self {
        Self::with(actor, Vec::new())
    }

    /// The one user of a machine that is nobody else's: may do everything.
    pub(crate) fn everybody(actor: Actor) -> Self {
        let all = Right { team: None, role: Role::PlatformAdmin };
        Self { kind: TokenKind::Person, ..Self::with(actor, vec![all]) }
    }

    /// The same, signed in with a browser.
    #[must_use]
    pub(crate) const fn with_session(mut self, session: Blake3) -> Self {
        self.session = Some(session);
        self
    }

    /// The same, with the request that it asks in.
    #[must_use]
    pub fn in_request(mut self, trace: TraceId) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The same, asked from this address.
    #[must_use]
    pub const fn at(mut self, address: IpAddr) -> Self {
        self.from = Whence::Client(address);
        self
    }

    /// The same, because of what a node said.
    #[must_use]
    pub(crate) fn because_of(&self, node: NodeId) -> Self {
        Self { from: Whence::Node(node), ..self.clone() }
    }

    /// The same, with a request that may be asked again.
    #[must_use]
    pub const fn answering(mut self, asked: &Asked) -> Self {
        self.cause = Some(asked.cause);
        self
    }

    /// As records name it.
    pub fn actor(&self) -> &str {
        self.actor.as_str()
    }

    /// The token that was shown, or that whoever is signed in signed in with.
    pub const fn token(&self) -> Option<TokenId> {
        self.token
    }

    /// A unit that says who decided, from where and in which request.
    pub(crate) fn unit(&self) -> Unit {
        let unit = Unit::by(self.actor.clone()).from(Origin { from: self.from, token: self.token });
        match self.trace {
            Some(trace) => unit.traced(trace),
            None => unit,
        }
    }

    /// The one unit of a request by which something new comes to be: written twice, it is there once. Whoever writes it looks
    /// whether it was known.
    pub(crate) fn creating(&self) -> Unit {
        match self.cause {
            Some(cause) => self.unit().caused(cause),
            None => self.unit(),
        }
    }

    /// The roles that it has in a team.
    fn roles_in<'a>(&'a self, team: Option<&'a str>) -> impl Iterator<Item = Role> + 'a {
        let there = move |right: &&Right| match (&right.team, team) {
            (None, _) => true,
            (Some(mine), Some(team)) => mine.as_str() == team,
            (Some(_), None) => false,
        };
        self.rights.iter().filter(there).map(|right| right.role)
    }

    /// Whether it may do something in a team; `None` is what belongs to nobody.
    pub(crate) fn may(&self, act: Act, team: Option<&str>) -> bool {
        self.roles_in(team).any(|role| act.allows(role))
    }

    /// The same of a team that datasets or a campaign belong to.
    pub(crate) fn may_in(&self, act: Act, team: &Name) -> bool {
        self.may(act, Some(team.as_str()).filter(|team| *team != NOBODYS))
    }

    /// As whom it says something of a slice.
    pub(crate) fn chair(&self, team: &Name) -> Chair {
        let of_any = self.rights.iter().any(|right| Act::Approve.allows(right.role));
        Chair { team: team.clone(), of_owner: self.may_in(Act::Approve, team), of_any }
    }

    /// Whether it may know of a module. What is nobody's is for everybody.
    pub(crate) fn may_see_module(&self, module: &Module) -> bool {
        match module.owner.as_ref().map(Name::as_str) {
            None | Some(NOBODYS) => true,
            Some(owner) => self.may(Act::See, Some(owner)),
        }
    }

    /// Refuses it where it may not, naming the role; and where it may not even look, as if nothing were there.
    pub(crate) fn check(
        &self,
        act: Act,
        team: Option<&str>,
        (kind, named): (&str, &str),
    ) -> Result<(), ServiceError> {
        if self.may(act, team) {
            Ok(())
        } else if self.may(Act::See, team) {
            Err(self.lacks(act, team))
        } else {
            Err(ServiceError::absent(kind, named))
        }
    }

    /// Refuses what is about the whole server. That the server exists is no secret.
    pub(crate) fn check_whole(&self, act: Act) -> Result<(), ServiceError> {
        if self.may(act, None) { Ok(()) } else { Err(self.lacks(act, None)) }
    }

    /// Refuses whoever may do it in no team at all, before it is looked at what it is about.
    pub(crate) fn check_any(&self, act: Act) -> Result<(), ServiceError> {
        let may = self.rights.iter().any(|right| act.allows(right.role));
        let team = self.rights.first().and_then(|right| right.team.as_ref());
        if may { Ok(()) } else { Err(self.lacks(act, team.map(Name::as_str))) }
    }

    /// Refuses it where it may not, in a team that something it sees is about too: one that it may not see is not named.
    pub(crate) fn check_there(&self, act: Act, team: &str) -> Result<(), ServiceError> {
        if self.may(act, Some(team)) {
            Ok(())
        } else if self.may(Act::See, Some(team)) {
            Err(self.lacks(act, Some(team)))
        } else {
            Err(self.lacks_at(act, "in another team that it is about"))
        }
    }

    /// That it may not do this in a team.
    pub(crate) fn lacks(&self, act: Act, team: Option<&str>) -> ServiceError {
        let place = team.map_or_else(|| "for all teams".to_owned(), |team| format!("in team {team}"));
        self.lacks_at(act, &place)
    }

    fn lacks_at(&self, act: Act, place: &str) -> ServiceError {
        let (role, what) = (act.asks_for(), act.said());
        let message = format!("{} may not {what}: the role {role} {place} is missing", self.actor);
        ServiceError::new(codes::ROLE_MISSING, message)
            .hint(Some("`GET /v1/whoami` says what a token lets its holder do; an admin issues another"))
    }

    /// Teams whose things it may see; none: all, and what is nobody's.
    pub(crate) fn sees(&self) -> Option<Vec<Name>> {
        self.teams_where(Act::See)
    }

    /// Teams in which it has a grant of its own; none: it has none but for all of them.
    pub(crate) fn teams_of(&self) -> Option<Vec<Name>> {
        let mut teams: Vec<Name> = self.rights.iter().filter_map(|right| right.team.clone()).collect();
        teams.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        teams.dedup();
        (!teams.is_empty()).then_some(teams)
    }

    /// Teams whose modules it may use, with nobody's, which are for everybody; none: all.
    pub(crate) fn sees_modules_of(&self) -> Result<Option<Vec<Name>>, ServiceError> {
        let Some(mut teams) = self.sees() else { return Ok(None) };
        teams.push(crate::control::name("owner", NOBODYS)?);
        Ok(Some(teams))
    }

    /// Teams in which it may do something; none: in all, and with what is nobody's.
    pub(crate) fn teams_where(&self, act: Act) -> Option<Vec<Name>> {
        if self.may(act, None) {
            return None;
        }
        let rights = self.rights.iter().filter(|right| act.allows(right.role));
        let mut teams: Vec<Name> = rights.filter_map(|right| right.team.clone()).collect();
        teams.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        teams.dedup();
        Some(teams)
    }

    /// The team that is meant where none is said: the only one in which it may do this.
    pub(crate) fn team_for(&self, act: Act, said: Option<&str>) -> Result<Option<Name>, ServiceError> {
        if let Some(team) = said {
            self.check(act, Some(team), ("team", team))?;
            return Ok(Some(crate::control::name("team", team)?));
        }
        if self.may(act, None) {
            return Ok(None);
        }
        let mut fit = self.teams_where(act).unwrap_or_default().into_iter();
        match (fit.next(), fit.next()) {
            (Some(team), None) => Ok(Some(team)),
            (Some(_), Some(_)) => Err(ServiceError::new(
                codes::OWNER_NEEDED,
                "this token is for several teams, and none is named".to_owned(),
            )
            .hint(Some("name the team that it shall belong to"))),
            (None, _) => Err(self.lacks(act, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Principal, Right};
    use skein_ledger::{Actor, Name};
    use skein_types::{Role, TokenKind, codes};

    fn with(rights: &[(Option<&str>, Role)]) -> Principal {
        let right = |(team, role): &(Option<&str>, Role)| Right {
            team: team.map(|team| Name::new(team).unwrap()),
            role: *role,
        };
        Principal {
            actor: Actor::new("a").unwrap(),
            kind: TokenKind::Person,
            token: None,
            rights: rights.iter().map(right).collect(),
            trace: None,
            from: skein_ledger::Whence::Control,
            cause: None,
            session: None,
        }
    }

    #[test]
    fn each_role_may_what_its_column_says_and_nothing_else() {
        let may = |role: Role| {
            let one = with(&[(Some("pay"), role)]);
            Act::ALL.map(|act| if one.may(act, Some("pay")) { 'x' } else { '.' }).iter().collect::<String>()
        };
        // See, Audit, Submit, Register, Compose, Conduct, Restrain, Guard, Approve, KeepSecrets, Tell, Govern.
        assert_eq!(may(Role::Viewer), "x...........");
        assert_eq!(may(Role::Author), "x.x.x....xx.");
        assert_eq!(may(Role::Approver), "x.....xxx...");
        assert_eq!(may(Role::Operator), "x.xxxxxx.xx.");
        assert_eq!(may(Role::PlatformAdmin), "xxxxxxxx.xxx");
        assert_eq!(may(Role::Auditor), "xx..........");
    }

    #[test]
    fn what_is_asked_for_is_a_role_that_may() {
        for act in Act::ALL {
            assert!(act.allows(act.asks_for()), "{act:?}");
        }
    }

    #[test]
    fn a_role_in_one_team_is_none_in_another_and_none_in_what_is_nobodys() {
        let one = with(&[(Some("pay"), Role::PlatformAdmin)]);
        for act in Act::ALL {
            assert!(!one.may(act, Some("shop")) && !one.may(act, None), "{act:?}");
        }
        assert_eq!(one.sees().unwrap().len(), 1);
        let all = with(&[(None, Role::Viewer)]);
        assert!(all.may(Act::See, Some("shop")) && all.may(Act::See, None));
        assert_eq!(all.sees(), None);
    }

    #[test]
    fn what_one_may_not_see_is_refused_as_what_is_not_there() {
        let one = with(&[(Some("pay"), Role::Viewer)]);
        let hidden = one.check(Act::Conduct, Some("shop"), ("campaign", "c")).unwrap_err();
        assert_eq!((hidden.code, &*hidden.message), (codes::NOT_FOUND, "there is no campaign \"c\""));
        let refused = one.check(Act::Conduct, Some("pay"), ("campaign", "c")).unwrap_err();
        assert_eq!(refused.code, codes::ROLE_MISSING);
        assert!(refused.message.contains("role operator in team pay is missing"), "{refused}");
    }

    #[test]
    fn a_team_that_is_not_said_is_the_only_one_that_it_can_be() {
        let one = with(&[(Some("pay"), Role::Author), (Some("shop"), Role::Viewer)]);
        assert_eq!(one.team_for(Act::Submit, None).unwrap().unwrap().as_str(), "pay");
        let two = with(&[(Some("pay"), Role::Author), (Some("shop"), Role::Operator)]);
        assert_eq!(two.team_for(Act::Submit, None).unwrap_err().code, codes::OWNER_NEEDED);
        assert_eq!(two.team_for(Act::Submit, Some("shop")).unwrap().unwrap().as_str(), "shop");
        assert_eq!(two.team_for(Act::Submit, Some("other")).unwrap_err().code, codes::NOT_FOUND);
        let none = with(&[(Some("pay"), Role::Viewer)]);
        assert_eq!(none.team_for(Act::Submit, None).unwrap_err().code, codes::ROLE_MISSING);
        assert_eq!(with(&[(None, Role::Author)]).team_for(Act::Submit, None).unwrap(), None);
    }
}
