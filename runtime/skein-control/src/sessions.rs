//! Who is signed in with a browser.
//!
//! A browser sends no bearer token. Whoever shows one once, or follows a link that was made for them, gets a cookie: 32 random bytes
//! that stand for the token, or for the one user of this machine, for [`SESSION_TIME`]. Of cookies and links hashes are kept, in memory alone: a
//! server that is started anew asks everybody to sign in again. Whether the token counts still is looked up for each request, so what is
//! revoked is signed out at once.
//!
//! Whoever has lost a browser, or is not sure, ends all sessions of theirs at once, and an admin those of anybody.
//!
//! A new session has a new cookie, whatever the browser sent before (session fixation). Each has a second secret that stands in the
//! forms of its pages and that no other site can know (cross-site request forgery).

pub(crate) mod provider;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skein_api::{PortalLink, Time};
use skein_types::{Blake3, Timestamp, TokenId, TraceId, codes};
use tokio::sync::Notify;

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::shown;
use provider::Providers;

/// The name of the cookie.
pub const COOKIE: &str = "skein_session";
/// Its name over TLS. Browsers take a cookie that is called so from no neighbour of this host, and from no page without TLS (RFC 6265bis,
/// 4.1.3.2).
pub const COOKIE_OVER_TLS: &str = "__Host-skein_session";
/// How long somebody stays signed in.
pub const SESSION_TIME: Duration = Duration::from_secs(12 * 3_600);
/// How long a link can be followed.
pub(crate) const LINK_TIME: Duration = Duration::from_secs(10 * 60);
/// Browsers that are signed in at a time, in all and as the same one; beyond them the one that signed in first is signed out. Nobody signs
/// others out by signing in often.
const SESSIONS_MAX: Many = Many { all: 10_000, of_each: 100 };
/// Links that were not followed yet; the like.
const LINKS_MAX: Many = Many { all: 1_000, of_each: 20 };

/// How many there may be.
#[derive(Clone, Copy, Debug)]
struct Many {
    all: usize,
    of_each: usize,
}

/// Whom a cookie or a link stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The one user of this machine.
    OnlyUser,
    Holder(TokenId),
}

impl Whose {
    const fn token(self) -> Option<TokenId> {
        match self {
            Self::OnlyUser => None,
            Self::Holder(token) => Some(token),
        }
    }
}

#[derive(Debug)]
struct Kept {
    whose: Whose,
    /// Whoever a provider vouched for: they have another token now and then, and are the same.
    person: Option<Blake3>,
    until: Timestamp,
    /// What the forms of its pages show; of a link nothing.
    form: String,
}

/// By the hash of the secret.
type Secrets = BTreeMap<Blake3, Kept>;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    links: Mutex<Secrets>,
    open: Mutex<Secrets>,
    /// Told whenever one has ended, for what is open in its name.
    pub(crate) ended: Notify,
    pub(crate) providers: Providers,
}

/// A session that was begun.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie's value. It is said once.
    pub cookie: String,
}

/// Where a request came from, for whoever does not take it in.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    /// In which trace.
    pub trace: TraceId,
    /// From which address, if that is known.
    pub from: Option<IpAddr>,
}

/// Whoever a cookie stands for.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who asks.
    pub who: Principal,
    /// What forms of its pages have to show.
    pub form: String,
}

impl Session {
    /// The same, with where its request came from.
    #[must_use]
    pub fn came(self, came: &Came) -> Self {
        let who = self.who.in_request(came.trace);
        let who = came.from.map_or_else(|| who.clone(), |from| who.clone().at(from));
        Self { who, ..self }
    }

    /// Refuses a form that is not of a page of this session.
    pub fn check_form(&self, shown: &str) -> Result<(), ServiceError> {
        // Digests compare in the same time wherever they differ.
        if Blake3::of(shown.as_bytes()) == Blake3::of(self.form.as_bytes()) {
            return Ok(());
        }
        Err(ServiceError::new(codes::FORBIDDEN, "the form is of no page of this session")
            .hint(Some("open the page again, and send the form from there")))
    }
}

impl Control {
    /// A link by which whoever has it may sign in once as the one who asks.
    pub fn portal_link(&self, who: &Principal) -> Result<PortalLink, ServiceError> {
        let (secret, until) = self.link(who)?;
        let url = format!("{}/sign-in?link={secret}", self.address().trim_end_matches('/'));
        Ok(PortalLink { url: shown::text(&url), until: Time(until) })
    }

    fn link(&self, who: &Principal) -> Result<(String, Timestamp), ServiceError> {
        let whose = match who.token {
            Some(token) => Whose::Holder(token),
            None if self.single_user => Whose::OnlyUser,
            None => return Err(refused("only who holds a token can have a link")),
        };
        let secret = crate::tokens::random_hex()?;
        let until = self.in_a_while(LINK_TIME);
        let kept = Kept { whose, person: None, until, form: String::new() };
        keep(&mut held(&self.sessions.links), (&secret, kept), (self.clock.now(), LINKS_MAX));
        Ok((secret, until))
    }

    /// Signs in whoever follows a link, which is good for nothing after that.
    pub fn sign_in_by_link(&self, secret: &str) -> Result<SignedIn, ServiceError> {
        let link = held(&self.sessions.links).remove(&Blake3::of(secret.as_bytes()));
        let link = link.filter(|link| link.until > self.clock.now()).ok_or_else(|| {
            refused("the link was used before, or is too old").hint(Some("make another: `skein portal`"))
        })?;
        self.principal_of(link.whose)?;
        self.begin(link.whose, None)
    }

    /// Signs in whoever holds a token.
    pub fn sign_in(&self, token: &str) -> Result<SignedIn, ServiceError> {
        let who = self.principal(token)?;
        self.begin(who.token.map_or(Whose::OnlyUser, Whose::Holder), None)
    }

    /// Whether whoever calls this server so reaches it over TLS: by its address they do. On its own machine they may come by another way.
    pub fn is_over_tls(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or(host, |(name, _)| name);
        self.address().starts_with("https://") && !matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    }

    /// Whoever is signed in with a browser that calls this server `host` and sends these headers `Cookie`.
    pub fn session_in<'a>(
        &self,
        host: &str,
        cookies: impl Iterator<Item = &'a str>,
    ) -> Result<Session, ServiceError> {
        self.session(self.cookie_in(host, cookies).unwrap_or_default())
    }

    /// The value of the cookie, if there is one.
    fn cookie_in<'a>(&self, host: &str, cookies: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let all: Vec<&str> = cookies.collect();
        let over_tls = one_cookie(all.iter().copied(), COOKIE_OVER_TLS);
        let plain = || {
            Some(COOKIE)
                .filter(|_| !self.is_over_tls(host))
                .and_then(|name| one_cookie(all.iter().copied(), name))
        };
        over_tls.or_else(plain)
    }

    /// Whoever a cookie stands for.
    pub(crate) fn session(&self, cookie: &str) -> Result<Session, ServiceError> {
        let now = self.clock.now();
        let (whose, form) = {
            let open = held(&self.sessions.open);
            let kept = open.get(&Blake3::of(cookie.as_bytes())).filter(|kept| kept.until > now);
            let kept = kept.ok_or_else(|| refused("nobody is signed in here, or not any more"))?;
            (kept.whose, kept.form.clone())
        };
        let who = self.principal_of(whose)?.with_session(Blake3::of(cookie.as_bytes()));
        Ok(Session { who, form })
    }

    /// Whether somebody who is signed in is so still. Who shows a token is not.
    pub(crate) fn is_signed_in(&self, session: Blake3) -> bool {
        let now = self.clock.now();
        held(&self.sessions.open).get(&session).is_some_and(|kept| kept.until > now)
    }

    /// Ends the session of a browser that calls this server `host` and sends these headers `Cookie`.
    pub fn sign_out<'a>(&self, host: &str, cookies: impl Iterator<Item = &'a str>) {
        let cookie = self.cookie_in(host, cookies).unwrap_or_default();
        held(&self.sessions.open).remove(&Blake3::of(cookie.as_bytes()));
        self.sessions.ended.notify_waiters();
    }

    /// Ends all sessions of whoever holds a token, or of the one user of this machine, and takes back links that nobody followed yet; how many
    /// sessions there were.
    pub(crate) fn end_sessions(&self, who: &Principal, of: Option<TokenId>) -> u64 {
        held(&self.sessions.links).retain(|_, link| link.whose.token() != of);
        let mut open = held(&self.sessions.open);
        let there = open.len();
        let of_token = open.values().filter(|kept| kept.whose.token() == of);
        let persons: Vec<Blake3> = of_token.filter_map(|kept| kept.person).collect();
        open.retain(|_, kept| {
            kept.whose.token() != of && kept.person.is_none_or(|person| !persons.contains(&person))
        });
        let ended = (there - open.len()) as u64;
        drop(open);
        self.sessions.ended.notify_waiters();
        tracing::info!(actor = who.actor(), token = ?of, ended, "sessions of the portal were ended");
        ended
    }

    /// Begins a session of whoever a token is of, which is looked up, and who that is for a provider.
    pub(crate) fn begin_for(&self, token: TokenId, person: Option<Blake3>) -> Result<SignedIn, ServiceError> {
        self.begin(Whose::Holder(token), person)
    }

    fn begin(&self, whose: Whose, person: Option<Blake3>) -> Result<SignedIn, ServiceError> {
        let (cookie, form) = (crate::tokens::random_hex()?, crate::tokens::random_hex()?);
        let kept = Kept { whose, person, until: self.in_a_while(SESSION_TIME), form };
        keep(&mut held(&self.sessions.open), (&cookie, kept), (self.clock.now(), SESSIONS_MAX));
        // It may have taken the place of another.
        self.sessions.ended.notify_waiters();
        Ok(SignedIn { cookie })
    }

    fn principal_of(&self, whose: Whose) -> Result<Principal, ServiceError> {
        match whose {
            Whose::OnlyUser => self.without_token(),
            Whose::Holder(token) => self.holder(token),
        }
    }

    pub(crate) fn in_a_while(&self, time: Duration) -> Timestamp {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.clock.now().0.saturating_add(millis))
    }
}

/// The value of a cookie of which there is one. Of two of a name, one was put there by a neighbour of this host (it is of another path or
/// of all hosts of a domain), and which that is a request does not say.
pub fn one_cookie<'a>(cookies: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(is, _)| *is == name).map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

fn held(secrets: &Mutex<Secrets>) -> MutexGuard<'_, Secrets> {
    secrets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts it in, and out whatever is too old, or was there first if there are too many.
fn keep(secrets: &mut Secrets, (secret, kept): (&str, Kept), (now, most): (Timestamp, Many)) {
    if secrets.len() >= most.all {
        secrets.retain(|_, kept| kept.until > now);
    }
    make_room(secrets, most.of_each, |other| other.whose == kept.whose);
    make_room(secrets, most.all, |_| true);
    secrets.insert(Blake3::of(secret.as_bytes()), kept);
}

/// Room for one more of those, at the cost of the first of them.
fn make_room(secrets: &mut Secrets, most: usize, of: impl Fn(&Kept) -> bool) {
    let those = || secrets.iter().filter(|(_, kept)| of(kept));
    if those().count() >= most {
        let first = those().min_by_key(|(_, kept)| kept.until).map(|(hash, _)| *hash);
        first.and_then(|first| secrets.remove(&first));
    }
}

fn refused(message: &str) -> ServiceError {
    ServiceError::new(codes::TOKEN_MISSING, message).hint(Some("sign in at /sign-in"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use skein_types::{Blake3, Timestamp, TokenId, codes};
    use uuid::Uuid;

    use super::{
        COOKIE, COOKIE_OVER_TLS, LINK_TIME, LINKS_MAX, SESSION_TIME, SESSIONS_MAX, Whose, one_cookie,
    };
    use crate::scene::{HandClock, open, open_at};

    fn later(clock: &HandClock, time: Duration) {
        clock.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    #[test]
    fn a_link_lets_in_once_and_for_a_while() {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(HandClock::default()));
        let control = open(place.path(), &clock);
        let link = control.link(control.everybody()).unwrap().0;
        let cookie = control.sign_in_by_link(&link).unwrap().cookie;
        assert_eq!(control.session(&cookie).unwrap().who.actor(), "local");
        assert_eq!(control.sign_in_by_link(&link).unwrap_err().code, codes::TOKEN_MISSING);
        assert!(control.session(&link).is_err(), "a link is no cookie");
        let late = control.link(control.everybody()).unwrap().0;
        later(&clock, LINK_TIME);
        assert!(control.sign_in_by_link(&late).is_err());
        later(&clock, SESSION_TIME);
        assert!(control.session(&cookie).is_err());
    }

    #[test]
    fn every_session_has_a_cookie_and_a_form_of_its_own_and_ends_when_it_is_told_to() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let begins = || {
            let link = control.link(control.everybody()).unwrap().0;
            control.sign_in_by_link(&link).unwrap().cookie
        };
        let (one, other) = (begins(), begins());
        let [first, second] = [&one, &other].map(|cookie| control.session(cookie).unwrap());
        assert!(one != other && first.form != second.form && first.form != one);
        first.check_form(&first.form).unwrap();
        assert_eq!(first.check_form(&second.form).unwrap_err().code, codes::FORBIDDEN);
        assert!(first.check_form("").is_err());
        let sent = format!("a=1; x{COOKIE}=2; {COOKIE}={one}; b=3");
        assert_eq!(control.session_in("localhost", [sent.as_str()].into_iter()).unwrap().form, first.form);
        control.sign_out("localhost", [sent.as_str()].into_iter());
        assert!(control.session(&one).is_err() && control.session(&other).is_ok());
    }

    #[test]
    fn all_sessions_and_links_of_one_are_ended_at_once_and_of_nobody_else() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let [ada, renewed, bob] = [1, 2, 3].map(|number| TokenId::new(Uuid::from_u128(number)));
        let person = Some(Blake3::of(b"ada"));
        let begins = |whose, person| Blake3::of(control.begin(whose, person).unwrap().cookie.as_bytes());
        let adas = [(ada, person), (ada, None), (renewed, person)]
            .map(|(token, of)| begins(Whose::Holder(token), of));
        let others = [begins(Whose::Holder(bob), Some(Blake3::of(b"bob"))), begins(Whose::OnlyUser, None)];
        let link = |whose| {
            let kept = super::Kept { whose, person: None, until: Timestamp(u64::MAX), form: String::new() };
            super::held(&control.sessions.links).insert(Blake3::of(format!("{whose:?}").as_bytes()), kept);
        };
        link(Whose::Holder(ada));
        link(Whose::Holder(bob));
        assert_eq!(control.end_sessions(control.everybody(), Some(ada)), 3);
        assert!(adas.iter().all(|one| !control.is_signed_in(*one)));
        assert!(others.iter().all(|one| control.is_signed_in(*one)));
        let links: Vec<_> = super::held(&control.sessions.links).values().map(|link| link.whose).collect();
        assert_eq!(links, [Whose::Holder(bob)]);
        assert_eq!(control.end_sessions(control.everybody(), None), 1);
        assert_eq!(others.map(|one| control.is_signed_in(one)), [true, false]);
    }

    #[test]
    fn there_are_never_more_than_so_many_of_them_and_nobody_signs_others_out_by_signing_in_often() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let links: Vec<String> =
            (0..=LINKS_MAX.of_each).map(|_| control.link(control.everybody()).unwrap().0).collect();
        let there = links.iter().filter(|link| control.sign_in_by_link(link).is_ok()).count();
        assert_eq!(there, LINKS_MAX.of_each);
        let whose = |number: u128| Whose::Holder(TokenId::new(Uuid::from_u128(number)));
        let begun: Vec<String> =
            (0..=SESSIONS_MAX.of_each).map(|_| control.begin(whose(1), None).unwrap().cookie).collect();
        let is_open = |cookie: &str| control.is_signed_in(Blake3::of(cookie.as_bytes()));
        assert_eq!(begun.iter().filter(|cookie| is_open(cookie)).count(), SESSIONS_MAX.of_each);
        let other = control.begin(whose(2), None).unwrap().cookie;
        for _ in 0..2 * SESSIONS_MAX.of_each {
            control.begin(whose(1), None).unwrap();
        }
        assert!(is_open(&other));
        for number in 3..SESSIONS_MAX.all as u128 + 4 {
            control.begin(whose(number), None).unwrap();
        }
        assert_eq!(super::held(&control.sessions.open).len(), SESSIONS_MAX.all);
    }

    #[test]
    fn a_cookie_that_a_neighbour_of_this_host_put_there_is_no_session() {
        assert_eq!(one_cookie(["a=1; b=2", "b=2"].into_iter(), "b"), Some("2"));
        for sent in ["b=1; b=2", "b=; b=2"] {
            assert_eq!(one_cookie(sent.split("; "), "b"), None, "{sent}");
        }
        let place = tempfile::tempdir().unwrap();
        let control = open_at(place.path(), "https://skein.example");
        let begins = || control.begin(Whose::OnlyUser, None).unwrap().cookie;
        let (mine, planted) = (begins(), begins());
        let found = |host: &str, sent: &str| control.cookie_in(host, [sent].into_iter()).map(str::to_owned);
        let plain = format!("{COOKIE}={planted}");
        let both = format!("{plain}; {COOKIE_OVER_TLS}={mine}");
        for host in ["skein.example", "skein.example:443", "localhost:7447"] {
            assert_eq!(found(host, &both), Some(mine.clone()), "{host}");
        }
        assert_eq!(found("skein.example", &plain), None);
        // On its own machine a server is reached without TLS.
        assert_eq!(found("127.0.0.1:7447", &plain), Some(planted));
    }
}
