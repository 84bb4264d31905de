//! What is asked for twice under one key is done once.
//!
//! Whoever asks names a request by a key. While it is under way another one with the key is refused; when it was done its answer is kept for a
//! day, and is the answer to whoever asks the same again. Another request under the same key is a mistake. Keys are those of one
//! principal: two of them that have the same one do not meet.
//!
//! A process that dies between doing something and keeping the answer leaves the one without the other. What makes something new
//! therefore writes it with the request as its cause ([`Principal::creating`]): done again, it finds what it made. What changes
//! something that is there says what it saw of it, and is refused the second time.
//!
//! Answers are sealed like the values of secrets, all of them, because some hold a secret; and a request is kept as a digest with a key,
//! because some are one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skein_ledger::{ANSWER_MAX, Answer, Entry, Event, EventFilter, Limit, Name, UnitOutcome};
use skein_types::{Blake3, CauseId, Timestamp, codes};
use uuid::Uuid;

use crate::access::Principal;
use crate::control::{Control, name};
use crate::error::ServiceError;

/// How long an answer can be had again.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Keys of requests that are under way.
pub(crate) type UnderWay = Mutex<BTreeSet<Name>>;

/// A request with a key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of whoever asks.
    key: Name,
    request: Blake3,
    pub(crate) cause: CauseId,
}

/// Held while a request is under way: another one with the same key is refused.
#[derive(Debug)]
pub struct Turn {
    control: Arc<Control>,
    key: Name,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.control.in_turn().remove(&self.key);
    }
}

impl Control {
    /// What somebody asks for under a key; `request` is all by which it is another one.
    pub fn asked(&self, who: &Principal, key: &str, request: &[u8]) -> Result<Asked, ServiceError> {
        let key = self.vault.digest(format!("asked\0{}\0{key}", who.actor()).as_bytes());
        let request = self.vault.digest(request);
        let cause = self.vault.digest(&[key.0, request.0].concat());
        let mut half = [0; 16];
        half.copy_from_slice(&cause.0[..16]);
        let cause = CauseId::new(Uuid::from_bytes(half));
        Ok(Asked { key: name("key", &key.to_string())?, request, cause })
    }

    /// Lets it begin, unless one with its key is under way.
    pub fn turn(self: &Arc<Self>, asked: &Asked) -> Result<Turn, ServiceError> {
        if !self.in_turn().insert(asked.key.clone()) {
            return Err(ServiceError::new(
                codes::KEY_BUSY,
                "a request with this Idempotency-Key is under way",
            )
            .hint(Some("ask again with the same key in a second")));
        }
        Ok(Turn { control: Arc::clone(self), key: asked.key.clone() })
    }

    /// The status and the bytes of the answer that was given before. No bytes: they were more than are kept, so it is to be asked
    /// again of whoever does it, who does it once.
    pub fn answer_to(&self, asked: &Asked) -> Result<Option<(u16, Vec<u8>)>, ServiceError> {
        let Some(kept) = self.ledger.answer(&asked.key)? else { return Ok(None) };
        if kept.keep_until < self.clock.now() {
            return Ok(None);
        }
        if kept.request != asked.request {
            return Err(ServiceError::new(
                codes::KEY_REUSED,
                "this Idempotency-Key is that of another request",
            )
            .hint(Some("send a new key with a new request")));
        }
        if kept.body.is_empty() {
            return Ok(Some((kept.status, Vec::new())));
        }
        let lost = || {
            ServiceError::new(codes::ANSWER_LOST, "the kept answer does not open with this server's key")
                .hint(Some("it was done: look at what there is"))
        };
        let bytes = self.vault.unsealed(&asked.bound(), &kept.body).ok_or_else(lost)?;
        Ok(Some((kept.status, bytes)))
    }

    /// Keeps the answer to what was done.
    pub fn keep_answer(&self, asked: &Asked, status: u16, bytes: &[u8]) -> Result<(), ServiceError> {
        let mut body = self.vault.sealed(&asked.bound(), bytes)?;
        if body.len() > ANSWER_MAX {
            body.clear();
        }
        let kept = u64::try_from(ANSWERS_KEPT.as_millis()).unwrap_or(u64::MAX);
        let keep_until = Timestamp(self.clock.now().0.saturating_add(kept));
        let answer = Answer { key: asked.key.clone(), request: asked.request, status, body, keep_until };
        self.write(self.itself.unit().then(Entry::KeepAnswer(answer)))
    }

    /// The first event of a unit that was written before, if that is what it was.
    pub(crate) fn known(&self, outcome: &UnitOutcome) -> Result<Option<Event>, ServiceError> {
        let UnitOutcome::Known(Some(span)) = outcome else { return Ok(None) };
        let page = self.ledger.events(span.first - 1, &EventFilter::default(), Limit::new(1))?;
        Ok(page.items.into_iter().next().map(|recorded| recorded.event))
    }

    fn in_turn(&self) -> MutexGuard<'_, BTreeSet<Name>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// What a sealed answer belongs to.
    fn bound(&self) -> String {
        format!("skein answer\0{}\0{}", self.key, self.request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use skein_api::TokenIssue;
    use skein_types::codes;

    use crate::list::ListPart;
    use crate::scene::{HandClock, open};

    #[test]
    fn an_answer_is_had_again_for_the_same_request_and_for_a_day() {
        let place = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let control = open(place.path(), &clock);
        let asked = |request: &[u8]| control.asked(control.everybody(), "key", request).unwrap();
        assert_eq!(control.answer_to(&asked(b"one")).unwrap(), None);
        control.keep_answer(&asked(b"one"), 201, b"what holds a secret").unwrap();
        assert_eq!(control.answer_to(&asked(b"one")).unwrap(), Some((201, b"what holds a secret".to_vec())));
        assert_eq!(control.answer_to(&asked(b"other")).unwrap_err().code, codes::KEY_REUSED);
        let row = control.ledger.answer(&asked(b"one").key).unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&row.body).contains("secret"), "it is not kept in the clear");
        // Of another one's request there is none.
        let other = control.asked(&control.itself, "key", b"one").unwrap();
        assert_eq!(control.answer_to(&other).unwrap(), None);
        clock.0.store(24 * 3_600_000 + 1, Ordering::SeqCst);
        assert_eq!(control.answer_to(&asked(b"other")).unwrap(), None);
    }

    #[test]
    fn of_a_large_answer_it_is_kept_that_there_was_one() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let asked = control.asked(control.everybody(), "key", b"one").unwrap();
        control.keep_answer(&asked, 200, &vec![b'x'; skein_ledger::ANSWER_MAX]).unwrap();
        assert_eq!(control.answer_to(&asked).unwrap(), Some((200, Vec::new())));
    }

    #[test]
    fn a_second_one_is_refused_while_the_first_is_under_way() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let asked = control.asked(control.everybody(), "key", b"one").unwrap();
        let turn = control.turn(&asked).unwrap();
        assert_eq!(control.turn(&asked).unwrap_err().code, codes::KEY_BUSY);
        drop(turn);
        control.turn(&asked).unwrap();
    }

    #[test]
    fn a_token_whose_answer_was_lost_is_not_issued_again() {
        let place = tempfile::tempdir().unwrap();
        let control = open(place.path(), &Arc::new(HandClock::default()));
        let body = br#"{"name":"n","kind":"service","grants":[{"role":"viewer"}]}"#;
        let issue: TokenIssue = skein_api::parse(body, 1_000).unwrap();
        let asked = control.asked(control.everybody(), "key", body).unwrap();
        let who = control.everybody().clone().answering(&asked);
        let issued = control.issue_token(&who, &issue).unwrap();
        let again = control.issue_token(&who, &issue).unwrap_err();
        assert_eq!(again.code, codes::ANSWER_LOST);
        assert!(again.message.contains(&issued.token.token.to_string()), "{again}");
        assert_eq!(control.tokens(&ListPart::default()).unwrap().items.len(), 1);
        // Under another key it is another one.
        let other = control.asked(control.everybody(), "another", body).unwrap();
        control.issue_token(&control.everybody().clone().answering(&other), &issue).unwrap();
        assert_eq!(control.tokens(&ListPart::default()).unwrap().items.len(), 2);
    }
}
