//! Signing in through a provider of OpenID Connect: what is decided here is who may begin a session for whom the provider vouches.
//!
//! ```text
//! leave: a cookie for the browser; of it by a key: state, nonce, verifier -> the provider's page
//! back:  cookie (young), state (its own, once), code -> Provider: who is it? -> a token row for the person -> a session
//! ```
//!
//! Who is away is not remembered: anybody may leave, and if each took a place here, who leaves often enough would push out all who are away.
//! The cookie says all of it, and by the key nobody but this process makes a state that fits one.
//!
//! Whoever the provider vouches for gets a token whose secret nobody has: what it is found by is a digest of who they are that no secret
//! has. So the record names them, rights and four-eyes look at them, and an admin sees and revokes them as those who hold a token. The
//! token is theirs for [`TOKEN_TIME`] and followed by another before that ends, so that what they approved counts as long as an approval may;
//! where their groups changed it is revoked when they sign in.
//!
//! How a provider is asked, and what it says about whom, is [`Provider`]'s business.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use skein_ledger::{Grant, Text, TokenIssued, TokenRevoked};
use skein_types::{Blake3, Timestamp, TokenId, TokenKind, codes};
use uuid::Uuid;

use crate::control::{Control, name};
use crate::error::ServiceError;
use crate::sessions::SignedIn;
use crate::tokens::{is_plain, random_hex};

/// The cookie of a browser that is away at a provider.
pub const AWAY_COOKIE: &str = "skein_away";
/// How long somebody may take there.
pub const AWAY_TIME: Duration = Duration::from_secs(10 * 60);
/// Where a provider sends browsers back to, below the server's address.
pub const BACK: &str = "/sign-in/provider/back";
/// States that are remembered because somebody came back with them; beyond them the first is forgotten. A code is good once, too, and that the
/// provider remembers.
const BACK_MAX: usize = 10_000;
/// Bytes of where somebody goes who is back. What is longer is the first page.
const TO_MAX: usize = 1_024;
/// How long a person's token counts.
const TOKEN_TIME: Duration = Duration::from_secs(45 * 24 * 3_600);
/// Another is made where less than this is left: an approval that is given then counts for as long as one may.
const TOKEN_LEFT: Duration = Duration::from_secs(31 * 24 * 3_600);
/// Tokens that one person ever had.
const TOKENS_MAX: u64 = 100_000;
/// What a digest of a person is for, so that it is that of nothing else.
const CONTEXT: &str = "skein 2026 person whom a provider of OpenID Connect vouches for";

/// A provider of OpenID Connect.
pub trait Provider: Debug + Send + Sync {
    /// What people call it.
    fn called(&self) -> &str;
    /// Where a browser signs in there.
    fn page(&self, away: &Away) -> Result<String, ServiceError>;
    /// For whom it vouches: whoever came back with this code. May take long.
    fn vouches(&self, away: &Away, code: &str) -> Result<Vouched, ServiceError>;
}

/// A browser that is sent to a provider.
#[derive(Clone, Debug)]
pub struct Away {
    /// Where it comes back to.
    pub back: String,
    /// Comes back with it.
    pub state: String,
    /// Comes back in what is signed.
    pub nonce: String,
    /// Of PKCE: its digest is shown first, and it itself with the code.
    pub verifier: String,
}

/// A person for whom a provider vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The provider.
    pub issuer: String,
    /// Who it is there; stays when the name changes.
    pub subject: String,
    /// As records shall name them.
    pub name: String,
    /// What they are here, in which team or in all.
    pub grants: Vec<skein_api::Grant>,
}

/// The provider, and who came back from it.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    provider: OnceLock<Arc<dyn Provider>>,
    /// What states are made with.
    key: OnceLock<Key>,
    /// Digests of states that somebody came back with, and until when they are remembered.
    back: Mutex<BTreeMap<Blake3, Timestamp>>,
}

/// Of this process alone.
struct Key([u8; 32]);

impl Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A secret of a browser that is away.
    fn of(&self, what: &str, cookie: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in [what, cookie] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// All of them.
    fn away(&self, back: String, cookie: &str) -> Away {
        let [state, nonce, verifier] = ["state", "nonce", "verifier"].map(|what| self.of(what, cookie));
        Away { back, state, nonce, verifier }
    }
}

/// What the cookie of a browser that is away says: until when, and where it goes then. Between them stands what no other has.
fn cookie_of(until: Timestamp, to: &str) -> Result<String, ServiceError> {
    let to = if to.len() > TO_MAX { "/" } else { to };
    let to: String = to.bytes().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}.{}.{to}", until.0, random_hex()?))
}

/// The like, of one that is back.
fn said_by(cookie: &str) -> Option<(Timestamp, String)> {
    let (until, rest) = cookie.split_once('.')?;
    let (_, to) = rest.split_once('.')?;
    let byte = |at: usize| u8::from_str_radix(to.get(at..at + 2)?, 16).ok();
    let to: Option<Vec<u8>> = (0..to.len()).step_by(2).map(byte).collect();
    Some((Timestamp(until.parse().ok()?), String::from_utf8(to?).ok()?))
}

/// Somebody leaves for a provider.
#[derive(Debug)]
pub struct Leaves {
    /// The provider's page.
    pub page: String,
    /// The cookie's value: whoever comes back has it.
    pub cookie: String,
}

impl Control {
    /// Lets people in for whom this provider vouches. Said once.
    pub fn believe(&self, provider: Arc<dyn Provider>) {
        self.sessions.providers.provider.set(provider).unwrap_or_default();
    }

    fn away_key(&self) -> Result<&Key, ServiceError> {
        let key = &self.sessions.providers.key;
        match key.get() {
            Some(key) => Ok(key),
            None => {
                let key_of_now = Key(*blake3::hash(random_hex()?.as_bytes()).as_bytes());
                Ok(key.get_or_init(|| key_of_now))
            }
        }
    }

    /// Where the provider sends browsers back to.
    fn way_back(&self) -> String {
        format!("{}{BACK}", self.address().trim_end_matches('/'))
    }

    /// What the provider is called, if there is one.
    pub fn provider(&self) -> Option<&str> {
        self.sessions.providers.provider.get().map(|provider| provider.called())
    }

    /// Sends a browser to the provider; it goes `to` when it is back.
    pub fn leave(&self, to: &str) -> Result<Leaves, ServiceError> {
        let provider = self.the_provider()?;
        let cookie = cookie_of(self.in_a_while(AWAY_TIME), to)?;
        let page = provider.page(&self.away_key()?.away(self.way_back(), &cookie))?;
        Ok(Leaves { page, cookie })
    }

    /// Signs in whoever came back from the provider, with where they go. A state is good once, for the browser that left with it: what
    /// another one brings would sign somebody in as somebody else.
    pub fn sign_in_back(
        &self,
        (state, code): (&str, &str),
        cookie: &str,
    ) -> Result<(SignedIn, String), ServiceError> {
        let provider = self.the_provider()?;
        let now = self.clock.now();
        let away = self.away_key()?.away(self.way_back(), cookie);
        let first = self.is_first(state, now);
        // Digests compare in the same time wherever they differ.
        let own = Blake3::of(state.as_bytes()) == Blake3::of(away.state.as_bytes());
        let said = said_by(cookie).filter(|(until, _)| own && first && *until > now);
        let (_, to) = said.ok_or_else(|| {
            refused("this browser did not leave for it, or too long ago, or was back before")
        })?;
        let person = provider.vouches(&away, code)?;
        let token = self.person(&person)?;
        Ok((self.begin_for(token, Some(digest(&person, 0)))?, to))
    }

    /// Whether nobody came back with this state before; it is good for nothing after that, whoever brought it.
    fn is_first(&self, state: &str, now: Timestamp) -> bool {
        let mut back = held(&self.sessions.providers.back);
        if back.len() >= BACK_MAX {
            back.retain(|_, until| *until > now);
        }
        if back.len() >= BACK_MAX {
            let first = back.iter().min_by_key(|(_, until)| **until).map(|(state, _)| *state);
            first.and_then(|first| back.remove(&first));
        }
        back.insert(Blake3::of(state.as_bytes()), self.in_a_while(AWAY_TIME)).is_none()
    }

    fn the_provider(&self) -> Result<&Arc<dyn Provider>, ServiceError> {
        let provider = self.sessions.providers.provider.get();
        provider.ok_or_else(|| ServiceError::new(codes::NOT_FOUND, "no provider is named in skein.toml"))
    }

    /// The token of a person, as they are now.
    fn person(&self, person: &Vouched) -> Result<TokenId, ServiceError> {
        is_plain(&person.name)?;
        let (named, grants) = (name("name", &person.name)?, self.grants_of(person)?);
        let now = self.clock.now();
        let left = |row: &skein_ledger::Token| {
            row.expires.map_or(u64::MAX, |expires| expires.0.saturating_sub(now.0))
        };
        // So that of two browsers that come back at once one finds what the other made.
        let mut state = self.state();
        let mut moved = false;
        let mut found = None;
        for number in 0..TOKENS_MAX {
            let hash = digest(person, number);
            let Some(row) = self.ledger.token_by_hash(hash)? else {
                let issued = TokenIssued {
                    token: TokenId::new(Uuid::now_v7()),
                    name: named,
                    kind: TokenKind::Person,
                    hash,
                    grants,
                    expires: Some(self.in_a_while(TOKEN_TIME)),
                };
                let token = issued.token;
                self.write(self.itself.unit().decide(issued))?;
                found = Some(token);
                break;
            };
            if row.revoked.is_some() || left(&row) == 0 {
                continue;
            }
            if row.name != named || sorted(row.grants.clone()) != grants {
                // They are somebody else here now, or may do something else.
                let reason = Text::clip("the provider says something else about them now");
                self.write(self.itself.unit().decide(TokenRevoked { token: row.id, reason }))?;
                moved = true;
            } else if u128::from(left(&row)) > TOKEN_LEFT.as_millis() {
                found = Some(row.id);
                break;
            }
        }
        if moved {
            // What was approved with what they have no more counts no more.
            state.campaigns.values_mut().for_each(|live| live.settled = None);
        }
        drop(state);
        if moved {
            self.wake.reconciler();
        }
        found.ok_or_else(|| ServiceError::bug("a person with too many tokens"))
    }

    /// Of teams that are there: a group of one that is not made yet lets nobody in, and keeps nobody out.
    fn grants_of(&self, person: &Vouched) -> Result<Vec<Grant>, ServiceError> {
        let mut grants = Vec::new();
        for grant in &person.grants {
            let team = match &grant.team {
                None => None,
                Some(team) => match self.ledger.team(&name("team", team)?)? {
                    Some(row) => Some(row.name),
                    None => {
                        tracing::warn!(team = team.as_str(), "a group is mapped to a team that is not there");
                        continue;
                    }
                },
            };
            grants.push(Grant { team, role: grant.role });
        }
        if grants.is_empty() {
            let message = format!("{} is in no group that is something here", person.name);
            return Err(ServiceError::new(codes::SIGN_IN_REFUSED, message).hint(Some(
                "ask for a group that `[oidc]` of the server's skein.toml names, or for a token",
            )));
        }
        Ok(sorted(grants))
    }
}

fn sorted(mut grants: Vec<Grant>) -> Vec<Grant> {
    grants.sort_by_key(|grant| (grant.team.as_ref().map(ToString::to_string), grant.role));
    grants.dedup();
    grants
}

/// What a person's token is found by. It is made in another way than the digest of a secret is, so no secret has it.
fn digest(person: &Vouched, number: u64) -> Blake3 {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in [person.issuer.as_bytes(), person.subject.as_bytes(), &number.to_be_bytes()] {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    Blake3::from(hasher.finalize())
}

fn held(back: &Mutex<BTreeMap<Blake3, Timestamp>>) -> MutexGuard<'_, BTreeMap<Blake3, Timestamp>> {
    back.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(message: &str) -> ServiceError {
    ServiceError::new(codes::SIGN_IN_REFUSED, message).hint(Some("begin again at /sign-in"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Mutex};

    use skein_api::{Grant, Message, Text};
    use skein_types::{Role, codes};

    use super::{AWAY_TIME, Away, Provider, TOKEN_LEFT, TOKEN_TIME, Vouched};
    use crate::control::Control;
    use crate::error::ServiceError;
    use crate::scene::{HandClock, open_for};
    use crate::settings::Seen;

    /// Vouches for whoever it is told to.
    #[derive(Debug)]
    struct Says(Mutex<Vouched>);

    impl Provider for Says {
        fn called(&self) -> &'static str {
            "Example"
        }
        fn page(&self, away: &Away) -> Result<String, ServiceError> {
            Ok(away.state.clone())
        }
        fn vouches(&self, _: &Away, _: &str) -> Result<Vouched, ServiceError> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    fn ada(role: Role) -> Vouched {
        let grants = vec![Grant { team: Some(Text::escaped("pay")), role }];
        Vouched { issuer: "https://id".to_owned(), subject: "1".to_owned(), name: "ada".to_owned(), grants }
    }

    fn served(place: &Path) -> (Arc<Control>, Arc<HandClock>, Arc<Says>) {
        let clock = Arc::new(HandClock::default());
        clock.0.store(1, Ordering::SeqCst);
        let control = open_for(place, &clock, false);
        control.put_team(&control.itself, ("pay", Seen::Any), &Message::default()).unwrap();
        let says = Arc::new(Says(Mutex::new(ada(Role::Approver))));
        control.believe(Arc::clone(&says) as Arc<dyn Provider>);
        (control, clock, says)
    }

    fn comes(control: &Arc<Control>) -> Result<String, ServiceError> {
        let leaves = control.leave("/approvals").unwrap();
        let (begun, to) = control.sign_in_back((&leaves.page, "code"), &leaves.cookie)?;
        assert_eq!(to, "/approvals");
        Ok(control.session(&begun.cookie)?.who.actor().to_owned())
    }

    fn later(clock: &HandClock, time: std::time::Duration) {
        clock.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    #[test]
    fn a_state_is_good_once_for_a_while_and_for_the_browser_that_left_with_it() {
        let place = tempfile::tempdir().unwrap();
        let (control, clock, _) = served(place.path());
        let [leaves, other, late] = [(), (), ()].map(|()| control.leave("/").unwrap());
        let back = |state: &str, cookie: &str| {
            control.sign_in_back((state, "code"), cookie).map(drop).map_err(|error| error.code)
        };
        assert_eq!(back(&leaves.page, &other.cookie), Err(codes::SIGN_IN_REFUSED));
        assert_eq!(back(&leaves.page, &leaves.cookie), Err(codes::SIGN_IN_REFUSED), "it was used up");
        assert_eq!(back(&other.page, &other.cookie), Ok(()));
        assert_eq!(back(&other.page, &other.cookie), Err(codes::SIGN_IN_REFUSED));
        assert_eq!(back("", ""), Err(codes::SIGN_IN_REFUSED));
        later(&clock, AWAY_TIME);
        assert_eq!(back(&late.page, &late.cookie), Err(codes::SIGN_IN_REFUSED));
    }

    #[test]
    fn nobody_is_kept_out_by_others_who_leave_and_no_cookie_can_be_made_up() {
        let place = tempfile::tempdir().unwrap();
        let (control, _, _) = served(place.path());
        let ada = control.leave("/approvals").unwrap();
        for _ in 0..10_001 {
            control.leave("/").unwrap();
        }
        let (_, to) = control.sign_in_back((&ada.page, "code"), &ada.cookie).unwrap();
        assert_eq!(to, "/approvals");
        let other = control.leave("/").unwrap();
        let (until, rest) = other.cookie.split_once('.').unwrap();
        for made_up in
            [format!("{until}0.{rest}"), format!("{}2f", other.cookie), "1..".to_owned(), String::new()]
        {
            let back = control.sign_in_back((&other.page, "code"), &made_up);
            assert_eq!(back.unwrap_err().code, codes::SIGN_IN_REFUSED, "{made_up}");
        }
        for to in ["/a?b=;,\"%2F", &format!("/{}", "a".repeat(1_024))] {
            let (_, goes) = super::said_by(&super::cookie_of(super::Timestamp(7), to).unwrap()).unwrap();
            assert_eq!(goes, if to.len() > 1_024 { "/" } else { to });
        }
    }

    #[test]
    fn a_person_has_one_token_as_long_as_nothing_changes_and_no_secret_opens_it() {
        let place = tempfile::tempdir().unwrap();
        let (control, clock, says) = served(place.path());
        let first = comes(&control).unwrap();
        assert!(first.starts_with("ada (tok_"), "{first}");
        assert_eq!(comes(&control).unwrap(), first);
        for guess in ["https://id", "1", "ada", &first] {
            assert!(control.principal(guess).is_err());
        }
        // Renewed while the first counts still.
        later(&clock, TOKEN_TIME - TOKEN_LEFT);
        let second = comes(&control).unwrap();
        assert_ne!(second, first);
        let tokens = || control.tokens(&crate::ListPart::default()).unwrap().items.into_vec();
        assert!(tokens().iter().all(|token| token.revoked.is_none()));
        // Of another group: both count no more.
        *says.0.lock().unwrap() = ada(Role::Viewer);
        let third = comes(&control).unwrap();
        assert!(third != first && third != second);
        assert_eq!(tokens().iter().filter(|token| token.revoked.is_some()).count(), 2);
        assert_eq!(tokens().iter().filter(|token| token.grants[0].role == Role::Viewer).count(), 1);
    }

    #[test]
    fn who_is_in_no_group_or_not_plain_is_not_let_in_and_two_subjects_are_two() {
        let place = tempfile::tempdir().unwrap();
        let (control, _, says) = served(place.path());
        let first = comes(&control).unwrap();
        let becomes = |person: Vouched| {
            *says.0.lock().unwrap() = person;
            comes(&control).map_err(|error| error.code)
        };
        let other = becomes(Vouched { subject: "2".to_owned(), ..ada(Role::Approver) }).unwrap();
        assert!(other.starts_with("ada (tok_") && other != first);
        let none = Vouched { grants: Vec::new(), ..ada(Role::Approver) };
        assert_eq!(becomes(none), Err(codes::SIGN_IN_REFUSED));
        let grants = vec![Grant { team: Some(Text::escaped("nowhere")), role: Role::Author }];
        assert_eq!(becomes(Vouched { grants, ..ada(Role::Author) }), Err(codes::SIGN_IN_REFUSED));
        let unseen = Vouched { name: "a\u{200b}da".to_owned(), ..ada(Role::Approver) };
        assert_eq!(becomes(unseen), Err(codes::BODY_INVALID));
    }
}
