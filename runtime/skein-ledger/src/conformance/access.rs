//! Teams and tokens.

use skein_types::{Blake3, Name, Role, Timestamp, TokenId, TokenKind};
use uuid::Uuid;

use super::Places;
use super::lists::all;
use super::scene::{START, Scene, by, name, text};
use crate::entry::Entry;
use crate::error::LedgerError;
use crate::event::access::{
    GRANTS_MAX, Grant, TeamChanged, TeamCreated, TeamRemoved, TokenIssued, TokenRevoked,
};
use crate::event::{Event, Subject};
use crate::guard::Found;
use crate::page::Limit;
use crate::unit::{RefusedAt, UnitOutcome};
use crate::view::{EventFilter, Team, Token};

fn token(number: u128) -> TokenId {
    TokenId::new(Uuid::from_u128(number))
}

fn issued(number: u8) -> TokenIssued {
    let grant = Grant { team: Some(name("shop")), role: Role::Operator };
    TokenIssued {
        token: token(number.into()),
        name: name("ada"),
        kind: TokenKind::Person,
        hash: Blake3::of(&[number]),
        grants: vec![grant, Grant { team: None, role: Role::Viewer }],
        expires: (number == 1).then_some(Timestamp(START.0 + 5)),
    }
}

fn refuses(scene: &Scene, event: impl Into<Event>, found: Found) {
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found };
    assert_eq!(scene.commit(by().decide(event)), refused);
}

/// Made, changed, removed, made again: the version never comes back.
pub fn a_team_is_known_by_its_name_and_its_version_only_goes_up(places: Places<'_>) {
    let scene = Scene::new(places);
    let made = |team: &str| TeamCreated { team: name(team), note: text("sells") };
    let read = |team: &str| scene.ledger().team(&name(team)).expect("read");
    for team in ["shop", "billing", "ops", "data"] {
        scene.applied(by().decide(made(team)));
    }
    refuses(&scene, made("shop"), Found::Team { team: name("shop") });
    scene.clock.set(Timestamp(START.0 + 9));
    scene.applied(by().decide(TeamChanged { team: name("shop"), note: text("buys") }));
    let expected = Team { name: name("shop"), note: text("buys"), since: START, version: 5 };
    assert_eq!(read("shop"), Some(expected));
    refuses(&scene, TeamChanged { team: name("none"), note: text("") }, Found::Nothing);
    let removed = TeamRemoved { team: name("shop"), reason: text("sold") };
    scene.applied(by().decide(removed.clone()));
    assert_eq!(read("shop"), None);
    refuses(&scene, removed, Found::Nothing);
    scene.applied(by().decide(made("shop")));
    assert_eq!(read("shop").map(|team| team.version), Some(7));
    let teams = all(|after: Option<&Name>, limit| scene.ledger().teams(after, limit).expect("read"));
    let names: Vec<&str> = teams.iter().map(|team| team.name.as_str()).collect();
    assert_eq!(names, ["billing", "data", "ops", "shop"]);
    let of = EventFilter::about(Some(Subject::Team(name("shop"))));
    let events = scene.ledger().events(0, &of, Limit::MAX).expect("read").items;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 5, 6, 7]);
    scene.is_sound();
}

/// By its id and by the hash of its secret; nobody else has either.
pub fn a_token_is_found_by_its_hash_until_and_after_it_is_revoked(places: Places<'_>) {
    let mut scene = Scene::new(places);
    scene.applied(by().decide(issued(1)).decide(issued(2)).decide(issued(3)).decide(issued(4)));
    let there = |number: u8| Found::Token { token: token(number.into()), revoked: None };
    refuses(&scene, issued(1), there(1));
    refuses(&scene, TokenIssued { hash: Blake3::of(&[2]), ..issued(9) }, there(2));
    let event = issued(1);
    let expected = Token {
        id: event.token,
        name: event.name,
        kind: event.kind,
        hash: event.hash,
        grants: event.grants,
        issued: START,
        expires: event.expires,
        revoked: None,
        last_used: None,
    };
    scene.reopen();
    assert_eq!(scene.ledger().token_by_hash(Blake3::of(&[1])).expect("read").as_ref(), Some(&expected));
    assert_eq!(scene.ledger().token(token(1)).expect("read"), Some(expected));
    assert_eq!(scene.ledger().token_by_hash(Blake3::of(b"x")).expect("read"), None);
    scene.clock.set(Timestamp(START.0 + 7));
    let revoked = TokenRevoked { token: token(2), reason: text("lost") };
    scene.applied(by().decide(revoked.clone()));
    let at = Some(Timestamp(START.0 + 7));
    assert_eq!(scene.ledger().token_by_hash(Blake3::of(&[2])).expect("read").and_then(|t| t.revoked), at);
    refuses(&scene, revoked, Found::Token { token: token(2), revoked: at });
    refuses(&scene, TokenRevoked { token: token(9), reason: text("") }, Found::Nothing);
    let tokens =
        all(|after: Option<&TokenId>, limit| scene.ledger().tokens(after.copied(), limit).expect("read"));
    assert_eq!(tokens.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 2, 3, 4].map(token));
    let of = EventFilter::about(Some(Subject::Token(token(2))));
    let events = scene.ledger().events(0, &of, Limit::MAX).expect("read").items;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [2, 5]);
    scene.is_sound();
}

/// A note, not a decision: no event, and no way back.
pub fn a_tokens_last_use_only_gets_later(places: Places<'_>) {
    let mut scene = Scene::new(places);
    scene.applied(by().decide(issued(1)));
    let used = |number: u8, at| Entry::TokenUsed { token: token(number.into()), at: Timestamp(at) };
    for (at, kept) in [(5, 5), (9, 9), (7, 9)] {
        assert_eq!(scene.applied(by().then(used(1, at))), None);
        let token = scene.ledger().token(token(1)).expect("read").expect("there is one");
        assert_eq!(token.last_used, Some(Timestamp(kept)));
    }
    let refused = UnitOutcome::Refused { at: RefusedAt::Entry(0), found: Found::Nothing };
    assert_eq!(scene.commit(by().then(used(2, 5))), refused);
    scene.reopen();
    assert_eq!(scene.ledger().tokens(None, Limit::MAX).expect("read").items[0].last_used, Some(Timestamp(9)));
    scene.is_sound();
}

/// What grows with what somebody asks for is bounded.
pub fn a_token_has_so_many_grants_and_no_more(places: Places<'_>) {
    let scene = Scene::new(places);
    let grant = Grant { team: None, role: Role::Viewer };
    let with = |grants| TokenIssued { grants: vec![grant.clone(); grants], ..issued(1) };
    match scene.ledger().commit(vec![by().decide(with(GRANTS_MAX + 1))]) {
        Err(LedgerError::Invalid(invalid)) => {
            assert_eq!(invalid.what, "token.issued: 65 grants; 64 are allowed")
        }
        other => panic!("{other:?}"),
    }
    scene.applied(by().decide(with(GRANTS_MAX)));
}
