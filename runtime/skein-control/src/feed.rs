//! The tail of the log for everybody who watches it: read once, shown many times.
//!
//! ```text
//! writer -> head -> follow_log: one page, made into text once -> ring -> each watcher takes what it may see
//!                                                 a watcher that came with a position reads pages up to the ring first
//! ```
//! The ring is bounded and is everybody's: a watcher that does not take what is there in time finds that it has been passed, and is
//! ended rather than told late. It asks again with the last position that it has. So a watcher costs a cursor and no memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skein_ledger::{Event, EventFilter, Head, Kind, Limit, Recorded, Subject};
use skein_types::{Blake3, CampaignId, TokenId, codes};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Semaphore, broadcast, watch};

use crate::access::Principal;
use crate::control::Control;
use crate::error::ServiceError;
use crate::places::{Full, Most, Place, Places};
use crate::shown;
use crate::whose::Whose;

/// Events that a watcher may be behind.
const RING: usize = 4_096;
/// Events that are read at once for the ring.
const PAGE: usize = 500;
/// Events that are read at once for a watcher that comes with a position.
const PAGE_OF_ONE: usize = 64;
/// Watchers for whom pages are read at a time.
const CATCHING_UP: usize = 4;
/// After the ledger could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Watchers at a time. Well below the connections of one address: behind a proxy everybody has the same, and those who do not watch
/// are to be answered, too.
pub const WATCHERS: usize = 768;
/// Of one token, whichever way it is shown: more than a hundred pages and programs of its holder, and a sixth of all, so that however many one
/// opens there is room for others.
pub const WATCHERS_OF_TOKEN: usize = 128;
/// For whoever has that many, or finds them all taken.
const READ_FEWER: &str = "close streams that nobody reads, or read one for everything that is watched: `subject` and `kind` say what an event is about";

/// One event, ready to be shown.
#[derive(Debug)]
pub struct Told {
    /// Where it stands.
    pub position: u64,
    /// What kind it is.
    pub kind: Kind,
    /// As JSON, without a line break.
    pub text: String,
    whose: Whose,
    /// The campaign that it is about, itself or by a run of it.
    of: Option<CampaignId>,
    /// The token that ends with it.
    revokes: Option<TokenId>,
}

/// The ring, and who watches.
#[derive(Debug)]
pub(crate) struct Feed {
    heads: watch::Sender<u64>,
    ring: broadcast::Sender<Arc<Told>>,
    catching_up: Semaphore,
    watchers: Arc<Places<Option<TokenId>>>,
    /// Of campaigns whose events were shown: they never change.
    pub(crate) owners: Mutex<BTreeMap<CampaignId, Whose>>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            heads: watch::Sender::new(0),
            ring: broadcast::Sender::new(RING),
            catching_up: Semaphore::new(CATCHING_UP),
            watchers: Places::new(Most { all: WATCHERS, of_each: WATCHERS_OF_TOKEN }),
            owners: Mutex::default(),
        }
    }

    /// For the ledger, which says how far it is.
    pub(crate) fn notify(&self) -> Box<dyn Fn(Head) + Send + Sync> {
        let heads = self.heads.clone();
        Box::new(move |head| {
            heads.send_replace(head.position);
        })
    }
}

/// What a watcher is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Of one of these kinds; empty: of every kind.
    pub(crate) kinds: Vec<Kind>,
    /// About this campaign and its runs; none: about whatever it may be.
    pub(crate) of: Option<CampaignId>,
}

/// Whoever watches, from some position on.
#[derive(Debug)]
pub struct Watcher {
    control: Arc<Control>,
    who: Principal,
    wanted: Wanted,
    /// Up to here everything was looked at.
    at: u64,
    /// Read and not taken yet.
    ready: VecDeque<Arc<Told>>,
    ring: broadcast::Receiver<Arc<Told>>,
    caught_up: bool,
    /// Its token does not count any more: what is ready was decided before, and nothing follows.
    ended: bool,
    _place: Place<Option<TokenId>>,
}

impl Control {
    /// Reads what is new, as long as somebody watches. Runs until it is dropped.
    pub async fn follow_log(self: Arc<Self>) {
        let mut heads = self.feed.heads.subscribe();
        let mut at = *heads.borrow_and_update();
        while heads.changed().await.is_ok() {
            let head = *heads.borrow_and_update();
            // The head first: whoever begins to watch from now on reads at least up to it before looking at the ring.
            if self.feed.ring.receiver_count() == 0 {
                at = head;
            }
            while at < head {
                let control = Arc::clone(&self);
                let read =
                    tokio::task::spawn_blocking(move || control.told(at, &Wanted::default(), PAGE)).await;
                match read {
                    Ok(Ok((told, _))) => {
                        at = told.last().map_or(head, |last| last.position);
                        // Nobody there is no mistake.
                        told.into_iter().for_each(|told| drop(self.feed.ring.send(told)));
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "the log cannot be followed just now");
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                    Err(error) => {
                        tracing::error!(%error, "following the log panicked");
                        tokio::time::sleep(AFTER_FAILURE).await;
                    }
                }
            }
        }
    }

    /// Events behind a position, and where to go on if there are more.
    fn told(
        &self,
        after: u64,
        wanted: &Wanted,
        most: usize,
    ) -> Result<(Vec<Arc<Told>>, Option<u64>), ServiceError> {
        let (kinds, of) = (wanted.kinds.clone(), wanted.of.map(Subject::Campaign));
        let filter = EventFilter { kinds, of, ..EventFilter::default() };
        let page = self.ledger.events(after, &filter, Limit::new(most))?;
        let told = page.items.iter().map(|recorded| self.told_one(recorded).map(Arc::new));
        Ok((told.collect::<Result<_, _>>()?, page.next))
    }

    fn told_one(&self, recorded: &Recorded) -> Result<Told, ServiceError> {
        let text = serde_json::to_string(&shown::event(recorded)?);
        let revokes =
            if let Event::TokenRevoked(revoked) = &recorded.event { Some(revoked.token) } else { None };
        Ok(Told {
            position: recorded.position,
            kind: recorded.event.kind(),
            text: text.map_err(|error| ServiceError::bug(error.to_string()))?,
            whose: self.whose_event(&recorded.event)?,
            of: campaign_of(&recorded.event),
            revokes,
        })
    }

    /// Watches what a principal may see, from a position on or from now on.
    pub(crate) fn watch(
        self: &Arc<Self>,
        who: &Principal,
        (after, wanted): (Option<u64>, Wanted),
    ) -> Result<Watcher, ServiceError> {
        let place = self.watching(who.token)?;
        let ring = self.feed.ring.subscribe();
        let head = self.ledger.head()?.position;
        Ok(Watcher {
            control: Arc::clone(self),
            who: who.clone(),
            wanted,
            // Nobody waits for what is not there yet under a number of another ledger.
            at: after.unwrap_or(head).min(head),
            ready: VecDeque::new(),
            ring,
            caught_up: after.is_none_or(|after| after >= head),
            ended: false,
            _place: place,
        })
    }

    /// How long a token counts still; none: for ever.
    fn counts_for(&self, token: Option<TokenId>) -> Result<Option<Duration>, ServiceError> {
        let Some(token) = token else { return Ok(None) };
        let Some(row) = self.ledger.token(token)? else { return Ok(Some(Duration::ZERO)) };
        if row.revoked.is_some() {
            return Ok(Some(Duration::ZERO));
        }
        let now = self.clock.now();
        Ok(row.expires.map(|expires| Duration::from_millis(expires.0.saturating_sub(now.0))))
    }

    fn watching(&self, of: Option<TokenId>) -> Result<Place<Option<TokenId>>, ServiceError> {
        self.feed.watchers.take(&of).map_err(|full| {
            let (whose, count) = match full {
                Full::OfOne => ("this token", WATCHERS_OF_TOKEN),
                Full::All => ("the server", WATCHERS),
            };
            ServiceError::new(codes::READERS_BUSY, format!("{whose} has {count} streams open"))
                .hint(Some(READ_FEWER))
        })
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.feed.watchers.count()
    }
}

fn campaign_of(event: &Event) -> Option<CampaignId> {
    if let Subject::Campaign(campaign) | Subject::Run(campaign, _) = event.subject() {
        return Some(campaign);
    }
    None
}

/// Done when the session has ended; never for who shows a token.
async fn signed_out(control: &Control, session: Option<Blake3>) {
    let Some(session) = session else { return std::future::pending().await };
    loop {
        let mut ended = std::pin::pin!(control.sessions.ended.notified());
        // From here on nothing is missed that ends after the look.
        ended.as_mut().enable();
        if !control.is_signed_in(session) {
            return;
        }
        ended.await;
    }
}

impl Watcher {
    /// Up to where everything was looked at.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// The next event that it may see; none if it was passed by the log, its token does not count any more or it was signed out. May be
    /// dropped while it waits.
    pub async fn next(&mut self) -> Result<Option<Arc<Told>>, ServiceError> {
        let (control, session) = (Arc::clone(&self.control), self.who.session);
        tokio::select! {
            // First: whoever signed out meanwhile is told nothing.
            biased;
            () = signed_out(&control, session) => Ok(None),
            told = self.heard() => {
                Ok(told?.filter(|_| session.is_none_or(|session| control.is_signed_in(session))))
            }
        }
    }

    async fn heard(&mut self) -> Result<Option<Arc<Told>>, ServiceError> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(Some(told));
            }
            if self.ended {
                return Ok(None);
            }
            if !self.caught_up {
                self.catch_up().await?;
                continue;
            }
            match self.ring.recv().await {
                Ok(told) if told.position <= self.at => {}
                Ok(told) => {
                    self.at = told.position;
                    if self.ends_with(&told) {
                        self.ended = true;
                        return Ok(None);
                    }
                    if self.wants(&told) {
                        return Ok(Some(told));
                    }
                }
                Err(RecvError::Lagged(_) | RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Reads one page more. At the last one the ring goes on, unless that has gone past meanwhile: then there are more pages.
    async fn catch_up(&mut self) -> Result<(), ServiceError> {
        let control = Arc::clone(&self.control);
        let _turn =
            control.feed.catching_up.acquire().await.map_err(|error| ServiceError::bug(error.to_string()))?;
        let (own, at, wanted, token) = (Arc::clone(&control), self.at, self.wanted.clone(), self.who.token);
        let (head, (told, next), counts) = tokio::task::spawn_blocking(move || {
            let head = own.ledger.head()?.position;
            let page = own.told(at, &wanted, PAGE_OF_ONE)?;
            // The token last: if it counts still, all of the page was decided before it does not.
            Ok::<_, ServiceError>((head, page, own.counts_for(token)? != Some(Duration::ZERO)))
        })
        .await
        .map_err(|_| ServiceError::bug("reading the log panicked"))??;
        if !counts {
            self.ended = true;
            return Ok(());
        }
        self.at = match next {
            Some(next) => next,
            None => told.last().map_or(head, |last| last.position.max(head)).max(at),
        };
        self.ready.extend(told.into_iter().filter(|told| self.who.may_hear(&told.whose)));
        if next.is_none() {
            self.caught_up = self.ring_is_near();
        }
        Ok(())
    }

    /// Whether what follows is in the ring still; if not it begins anew, and there is something to read before it.
    fn ring_is_near(&mut self) -> bool {
        loop {
            match self.ring.try_recv() {
                Ok(told) if told.position <= self.at => {}
                Ok(told) => {
                    self.at = told.position;
                    if self.ends_with(&told) {
                        self.ended = true;
                        return true;
                    }
                    if self.wants(&told) {
                        self.ready.push_back(told);
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return true,
                Err(TryRecvError::Lagged(_)) => {
                    self.ring = self.control.feed.ring.subscribe();
                    return false;
                }
            }
        }
    }

    fn wants(&self, told: &Told) -> bool {
        let Wanted { kinds, of } = &self.wanted;
        (kinds.is_empty() || kinds.contains(&told.kind))
            && (of.is_none() || told.of == *of)
            && self.who.may_hear(&told.whose)
    }

    fn ends_with(&self, told: &Told) -> bool {
        told.revokes.is_some() && told.revokes == self.who.token
    }

    /// How long its token counts still; none: for ever.
    pub fn counts_for(&self) -> Result<Option<Duration>, ServiceError> {
        self.control.counts_for(self.who.token)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Poll;

    use skein_ledger::{Name, TeamChanged, TeamCreated, Text};
    use skein_types::codes;

    use super::{RING, WATCHERS, WATCHERS_OF_TOKEN, Wanted, Watcher};
    use crate::access::Principal;
    use crate::control::Control;
    use crate::scene::{HandClock, open};

    fn running<F: Future>(work: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    /// So many events in one commit.
    fn decide(control: &Control, count: usize) {
        let team = Name::new("busy").unwrap();
        let first = control.ledger.team(&team).unwrap().is_none();
        let unit = (0..count).fold(control.itself.unit(), |unit, at| match first && at == 0 {
            true => unit.decide(TeamCreated { team: team.clone(), note: Text::clip("") }),
            false => unit.decide(TeamChanged { team: team.clone(), note: Text::clip("") }),
        });
        control.write(unit).unwrap();
    }

    async fn takes(watcher: &mut Watcher, count: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(watcher.next().await.unwrap().unwrap().position);
        }
        taken
    }

    #[test]
    fn whoever_comes_with_a_position_hears_of_everything_behind_it_once_however_much_comes_meanwhile() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        decide(&control, 1_000);
        let mut watcher = control.watch(control.everybody(), (Some(10), Wanted::default())).unwrap();
        let all = running(async {
            tokio::select! {
                () = Arc::clone(&control).follow_log() => unreachable!("it goes on for ever"),
                all = async {
                    let mut all = takes(&mut watcher, 100).await;
                    // More than the ring holds, while it has not caught up.
                    for _ in 0..2 {
                        decide(&control, 4_000);
                    }
                    all.extend(takes(&mut watcher, 8_890).await);
                    decide(&control, 5);
                    all.extend(takes(&mut watcher, 5).await);
                    all
                } => all,
            }
        });
        assert!(all.iter().copied().eq(11..=9_005), "{:?}..{:?} of {}", all.first(), all.last(), all.len());
    }

    #[test]
    fn a_token_that_is_revoked_while_its_watcher_catches_up_hears_nothing_that_was_decided_since() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let admin = control.everybody().clone();
        decide(&control, 200);
        let issue = r#"{"name":"v","kind":"service","grants":[{"team":"busy","role":"viewer"}]}"#;
        let issued = control.issue_token(&admin, &serde_json::from_str(issue).unwrap()).unwrap();
        let who = control.principal(issued.secret.as_str()).unwrap();
        let from = |after: u64| {
            let mut watcher = control.watch(&who, (Some(after), Wanted::default())).unwrap();
            // A page of it, so that the rest is there to be read when the token counts no more.
            running(watcher.next()).unwrap().unwrap();
            watcher
        };
        // One is in the middle of what there is, one at its end but for what the ring brings.
        let mut watchers = [from(0), from(190)];
        control.revoke_token(&admin, issued.token.token, "it is over").unwrap();
        let revoked = control.ledger.head().unwrap().position;
        decide(&control, 100);
        let (told, _) = control.told(200, &Wanted::default(), 500).unwrap();
        for told in told {
            control.feed.ring.send(told).unwrap();
        }
        for watcher in &mut watchers {
            while let Some(told) = running(watcher.next()).unwrap() {
                assert!(told.position < revoked, "{told:?} was decided after {revoked}");
            }
            assert!(running(watcher.next()).unwrap().is_none());
        }
    }

    #[test]
    fn whoever_is_signed_out_hears_nothing_more_and_whoever_shows_the_same_token_does() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        decide(&control, 200);
        let issue = r#"{"name":"v","kind":"person","grants":[{"team":"busy","role":"viewer"}]}"#;
        let issued = control.issue_token(control.everybody(), &serde_json::from_str(issue).unwrap()).unwrap();
        let cookie = control.begin_for(issued.token.token, None).unwrap().cookie;
        let seen =
            [control.session(&cookie).unwrap().who, control.principal(issued.secret.as_str()).unwrap()];
        let mut watchers = seen.map(|who| control.watch(&who, (Some(0), Wanted::default())).unwrap());
        assert!(watchers.iter_mut().all(|watcher| running(watcher.next()).unwrap().is_some()));
        control.sign_out("localhost", [format!("{}={cookie}", crate::COOKIE).as_str()].into_iter());
        let hear = watchers.each_mut().map(|watcher| running(watcher.next()).unwrap().is_some());
        assert_eq!(hear, [false, true]);
    }

    #[test]
    fn a_stream_ends_with_its_session_although_nothing_happens() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let issue = r#"{"name":"v","kind":"person","grants":[{"role":"viewer"}]}"#;
        let issued = control.issue_token(control.everybody(), &serde_json::from_str(issue).unwrap()).unwrap();
        let [one, other] = [0; 2].map(|_| control.begin_for(issued.token.token, None).unwrap().cookie);
        let who = control.session(&one).unwrap().who;
        let mut watcher = control.watch(&who, (None, Wanted::default())).unwrap();
        let leaves = |cookie: &str| {
            control.sign_out("localhost", [format!("{}={cookie}", crate::COOKIE).as_str()].into_iter());
        };
        running(async {
            let mut next = std::pin::pin!(watcher.next());
            let mut waits = async |cookie: &str| {
                let mut begun = false;
                std::future::poll_fn(|context| match next.as_mut().poll(context) {
                    Poll::Ready(told) => Poll::Ready(told.unwrap().is_none()),
                    Poll::Pending if begun => Poll::Ready(false),
                    Poll::Pending => {
                        leaves(cookie);
                        begun = true;
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                })
                .await
            };
            assert!(!waits(&other).await, "the other browser's is no end of this one");
            assert!(waits(&one).await, "it goes on");
        });
    }

    #[test]
    fn however_many_streams_one_token_opens_others_have_room_and_keep_theirs() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let issues = |name: &str| {
            let issue = format!(r#"{{"name":"{name}","kind":"person","grants":[{{"role":"viewer"}}]}}"#);
            control.issue_token(control.everybody(), &serde_json::from_str(&issue).unwrap()).unwrap()
        };
        let (greedy, modest) = (issues("greedy"), issues("modest"));
        let watch = |who: &Principal| control.watch(who, (None, Wanted::default()));
        let who = control.principal(modest.secret.as_str()).unwrap();
        let mut before = watch(&who).unwrap();
        // By itself and by browsers that its holder is signed in with: it is one token.
        let shown = control.principal(greedy.secret.as_str()).unwrap();
        let browsers = [(); 2].map(|()| {
            control.session(&control.begin_for(greedy.token.token, None).unwrap().cookie).unwrap().who
        });
        let all = [shown, browsers[0].clone(), browsers[1].clone()];
        let opened: Vec<_> = all.iter().cycle().take(2 * WATCHERS).map(watch).collect();
        let refused: Vec<_> = opened.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(opened.len() - refused.len(), WATCHERS_OF_TOKEN);
        assert!(refused.iter().all(|error| error.code == codes::READERS_BUSY && error.hint.is_some()));
        let mut after = watch(&who).unwrap();
        decide(&control, 1);
        let (told, _) = control.told(2, &Wanted::default(), 5).unwrap();
        for told in told {
            control.feed.ring.send(told).unwrap();
        }
        for watcher in [&mut before, &mut after] {
            assert_eq!(running(watcher.next()).unwrap().unwrap().kind, skein_ledger::Kind::TeamCreated);
        }
        drop(opened);
        assert_eq!(control.watchers(), 2);
        watch(&all[1]).unwrap();
    }

    #[test]
    fn whoever_the_ring_has_passed_is_ended() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let mut watcher = control.watch(control.everybody(), (None, Wanted::default())).unwrap();
        decide(&control, 1);
        let (told, _) = control.told(0, &Wanted::default(), 1).unwrap();
        for _ in 0..=RING {
            control.feed.ring.send(Arc::clone(&told[0])).unwrap();
        }
        assert!(running(watcher.next()).unwrap().is_none());
        assert_eq!(control.watchers(), 1);
        drop(watcher);
        assert_eq!(control.watchers(), 0);
    }
}
