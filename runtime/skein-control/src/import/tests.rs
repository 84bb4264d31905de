//! Lists that are taken over whole or not at all, also over a death in the middle.

use std::path::Path;
use std::sync::Arc;

use skein_api::{DatasetLine, Line, LinesKind, lines};
use skein_types::codes;

use super::ImportAsk;
use crate::control::Control;
use crate::list::ListPart;
use crate::scene::{HandClock, open};

fn listed(text: &str) -> Vec<Line<DatasetLine>> {
    lines(LinesKind::Csv, text, 100).unwrap()
}

fn made(place: &Path, names: &[&str]) -> String {
    let mut text = "name,path,owner\n".to_owned();
    for name in names {
        std::fs::create_dir_all(place.join(name)).unwrap();
        text.push_str(&format!("{name},{},shop\n", place.join(name).display()));
    }
    text
}

fn import(control: &Control, text: &str) -> Result<(u64, u64), crate::ServiceError> {
    let done = control.import_datasets(control.everybody(), listed(text), &ImportAsk::default())?;
    Ok((done.added, done.known))
}

fn count(control: &Control) -> usize {
    control.datasets(&ListPart::default(), None).unwrap().items.len()
}

#[test]
fn a_list_is_registered_once_and_a_slip_in_it_keeps_all_of_it_out() {
    let place = tempfile::tempdir().unwrap();
    let control = open(&place.path().join("server"), &Arc::new(HandClock::default()));
    let good = made(place.path(), &["a", "b"]);
    let refused = import(&control, &format!("{good}c,/nowhere/at/all,shop\n")).unwrap_err();
    assert_eq!(refused.code, codes::LIST_REFUSED);
    assert!(refused.message.starts_with("line 4: "), "{refused}");
    assert_eq!(count(&control), 0);
    assert_eq!(import(&control, &good).unwrap(), (2, 0));
    assert_eq!(import(&control, &good).unwrap(), (0, 2));
    let more = made(place.path(), &["a", "b", "c"]);
    assert_eq!(import(&control, &more).unwrap(), (1, 2));
    let twice = format!("name,path,owner\nd,{0},shop\ne,{0},shop\n", place.path().join("c").display());
    let refused = import(&control, &twice).unwrap_err();
    assert!(refused.message.contains("line 3: the same place as in line 2"), "{refused}");
    assert!(refused.message.contains("line 2: its place is that of a dataset"), "{refused}");
    assert!(control.shelf_of_imports.names().unwrap().is_empty(), "nothing is left of it");
}

/// The list as a process leaves it that dies, or finds the disk full, behind what it noted.
fn left(control: &Control, text: &str, decided: &[u8]) -> super::Note {
    let ask = ImportAsk::default();
    let looked = control.looked_through(control.everybody(), listed(text), &ask).unwrap();
    let (new, _) = control.still_free(looked).unwrap();
    let datasets: Vec<_> = new.into_iter().map(|fit| fit.item).collect();
    let note = super::Note { id: "1".to_owned(), actor: control.everybody().actor.clone(), datasets };
    control.shelf_of_imports.put("list", &serde_json::to_vec(&note).unwrap()).unwrap();
    let mut slips = skein_api::Slips::default();
    control.manage_some(&note.datasets, &vec![2; note.datasets.len()], &mut slips);
    assert!(slips.is_empty(), "{slips}");
    control.shelf_of_imports.put("decided", decided).unwrap();
    note
}

#[test]
fn a_decided_list_is_registered_before_the_next_one_is_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let control = open(&place.path().join("server"), &Arc::new(HandClock::default()));
    let text = made(place.path(), &["a", "b"]);
    left(&control, &text, b"1");
    assert_eq!(import(&control, &made(place.path(), &["c"])).unwrap(), (1, 0));
    assert_eq!(count(&control), 3);
}

#[test]
fn a_server_starts_although_somebody_took_a_name_of_a_decided_list() {
    let place = tempfile::tempdir().unwrap();
    let (server, clock) = (place.path().join("server"), Arc::new(HandClock::default()));
    let control = open(&server, &clock);
    let note = left(&control, &made(place.path(), &["a", "b"]), b"1");
    let mut other = note.datasets[0].clone();
    other.dataset = skein_types::DatasetId::new(uuid::Uuid::from_u128(7));
    control.ledger.commit(vec![control.itself.unit().decide(other)]).unwrap();
    drop(control);
    let control = open(&server, &clock);
    assert_eq!(count(&control), 2);
    assert!(control.shelf_of_imports.names().unwrap().is_empty(), "nothing is left of it");
}

#[test]
fn a_list_without_decision_is_given_back_and_one_with_it_is_registered() {
    for decided in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let (server, clock) = (place.path().join("server"), Arc::new(HandClock::default()));
        let control = open(&server, &clock);
        let text = made(place.path(), &["a", "b"]);
        // A decision about another list is none about this one.
        let note = left(&control, &text, if decided { b"1" } else { b"0" });
        let marked = |control: &Control| {
            let opened = control.open_noted(&note.datasets[0]).unwrap();
            opened.manager().unwrap().is_some()
        };
        assert!(marked(&control));
        drop(control);
        let control = open(&server, &clock);
        assert_eq!(count(&control), if decided { 2 } else { 0 });
        assert_eq!(marked(&control), decided);
        assert_eq!(import(&control, &text).unwrap(), if decided { (0, 2) } else { (2, 0) });
    }
}
