//! Who may do what: `GET /v1/whoami` says who asks; `/v1/teams/{team}` and `/v1/tokens/{id}` are teams and the tokens by which
//! their members come in.

use serde::{Deserialize, Serialize};
use skein_types::{Millis, Role, TokenId, TokenKind};
use utoipa::ToSchema;

use crate::bounded::{List, Text};
use crate::time::Time;
use crate::{Message, Name};

/// Most grants of one token.
pub const GRANTS_MAX: usize = 64;

/// What a token's holder is in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The team; none: every team, and what is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// What the holder is there.
    pub role: Role,
}

/// Who asks, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// As records name it: the name and the id of the token, or `local` where everybody on this machine may do everything.
    pub actor: Name,
    /// Who holds the token.
    pub kind: TokenKind,
    /// The token, if one was shown.
    pub token: Option<TokenId>,
    /// What it lets its holder do.
    pub grants: List<Grant, { GRANTS_MAX }>,
    /// Requests without a token are those of the one user of this machine, who may do everything.
    pub single_user: bool,
}

/// A link that signs a browser in once, as whoever asked for it: `POST /v1/portal/links`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortalLink {
    /// Where it leads. Whoever follows it is signed in: it is a secret.
    pub url: Message,
    /// It can be followed until then.
    pub until: Time,
}

/// Makes a team, or says something else about it: `PUT /v1/teams/{team}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamPut {
    /// For people: what it is, where it is reached.
    pub note: Message,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Team {
    /// Its name, which stays.
    pub team: Name,
    /// For people.
    pub note: Message,
    /// When it was made.
    pub since: Time,
    /// Of what is said about it: higher each time.
    pub version: u64,
}

/// What ended: `DELETE /v1/portal/sessions`, `DELETE /v1/tokens/{token}/sessions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// Sessions of the portal that there were. There is none any more.
    pub ended: u64,
}

/// Asks for a token: `POST /v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenIssue {
    /// Whose it is: records say that this one did it.
    pub name: Text<100, 1>,
    /// Only a person can approve.
    pub kind: TokenKind,
    /// What it lets its holder do.
    pub grants: List<Grant, { GRANTS_MAX }>,
    /// It is good for so long; none: until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<Millis>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessToken {
    /// Which.
    pub token: TokenId,
    /// Whose it is.
    pub name: Text<100>,
    /// Who holds it.
    pub kind: TokenKind,
    /// What it lets its holder do.
    pub grants: List<Grant, { GRANTS_MAX }>,
    /// When.
    pub issued: Time,
    /// From then on it counts no more.
    pub expires: Option<Time>,
    /// It counts no more since.
    pub revoked: Option<Time>,
    /// To a minute or so.
    pub last_used: Option<Time>,
}

/// A new token. The only time that its secret is said: what is kept is a hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenIssued {
    /// What it is.
    pub token: AccessToken,
    /// To be shown with each request: `Authorization: Bearer skn_…`.
    pub secret: Text<100>,
}

impl std::fmt::Debug for TokenIssued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssued").field("token", &self.token).field("secret", &"…").finish()
    }
}
