//! Whether every statement finds its rows by an index. All that the conformance suite makes the engine say is heard and
//! explained on empty tables, so a new statement that walks a table that grows is found by the test that first uses it.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure here is a failed test")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use skein_types::Clock;

use super::{Options, Sqlite};
use crate::conformance::{
    Place, Places, access, approvals, attempts, audit, chain, kept, lists, model, queue, runs, settings,
};
use crate::error::LedgerError;
use crate::ledger::Ledger;

static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The connection, whose statements are noted from now on.
pub(super) fn heard(mut db: Connection) -> Connection {
    let hear = |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, text) = event {
            HEARD.lock().unwrap().insert(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    };
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear)).unwrap();
    db
}

struct Directory(tempfile::TempDir);

impl Place for Directory {
    fn open(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Ledger>, LedgerError> {
        Ok(Box::new(Sqlite::open(self.0.path(), Options { clock, notify: None })?))
    }
}

/// Every function of the trait, with every filter, through the parts of the suite that use them.
fn everything(places: Places<'_>) {
    chain::a_known_cause_does_nothing_and_says_where_it_was_done(places);
    chain::a_head_from_elsewhere_fits_only_the_log_that_it_was_taken_from(places);
    chain::causes_are_forgotten_after_their_retention_and_not_before(places);
    runs::a_run_goes_through_the_door_and_its_counters_with_it(places);
    runs::the_door_is_as_wide_as_the_guard_says(places);
    runs::a_plan_is_taken_back_only_before_the_door(places);
    runs::a_failure_stays_on_its_waves_account_when_the_run_is_tried_again(places);
    runs::how_runs_came_to_rest_is_known_second_by_second(places);
    runs::modules_keep_their_names_and_their_state(places);
    runs::a_ban_holds_from_everywhere_and_leads_back_to_where_it_was(places);
    queue::a_task_has_one_owner_and_each_claim_fences_the_one_before(places);
    queue::checkpoints_follow_each_other_and_survive_their_owner(places);
    queue::a_node_that_is_gone_changes_nothing(places);
    queue::a_staged_result_waits_until_it_is_removed(places);
    queue::a_task_that_is_not_due_is_not_listed(places);
    queue::blobs_are_kept_while_they_are_named_or_not_yet_due(places);
    lists::datasets_are_paged_by_name_through_every_filter(places);
    lists::campaigns_are_paged_by_id_through_every_filter(places);
    lists::campaigns_are_sorted_by_name_failures_and_last_move(places);
    lists::modules_are_paged_by_name_and_version_for_some_teams_or_all(places);
    lists::names_and_locations_belong_to_one_dataset(places);
    lists::events_are_paged_by_position_for_each_subject(places);
    lists::runs_are_paged_by_number_through_every_filter(places);
    lists::tasks_are_paged_in_the_order_in_which_they_were_queued(places);
    audit::events_are_found_by_every_combination_of_conditions(places);
    access::a_team_is_known_by_its_name_and_its_version_only_goes_up(places);
    access::a_token_is_found_by_its_hash_until_and_after_it_is_revoked(places);
    access::a_tokens_last_use_only_gets_later(places);
    settings::a_quota_is_what_was_set_last(places);
    settings::a_policys_blob_is_kept_while_the_policy_is_set(places);
    settings::a_secret_has_a_later_value_or_none(places);
    settings::a_receiver_is_told_of_what_was_set_last(places);
    settings::a_fleet_is_frozen_or_it_is_not(places);
    settings::a_setting_that_moved_since_it_was_read_refuses(places);
    settings::a_nodes_mark_is_there_until_it_is_taken_back(places);
    kept::a_request_that_is_asked_again_has_the_first_answer(places);
    kept::there_are_so_many_answers_and_the_first_to_go_goes(places);
    kept::notices_are_listed_by_receiver_and_state_and_in_the_order_in_which_they_are_due(places);
    kept::a_scrub_is_known_by_its_last_time(places);
    kept::what_was_told_of_is_never_untold(places);
    kept::use_is_summed_by_hour_team_campaign_and_module(places);
    kept::use_is_added_up_to_what_a_row_holds_and_kept_for_its_time(places);
    attempts::attempts_are_listed_by_campaign_and_run_and_the_failed_ones_found(places);
    attempts::an_attempt_ends_once_and_is_kept_for_its_time(places);
    approvals::a_slice_is_approved_by_persons_and_opened_again(places);
    approvals::a_slice_is_put_off_or_declined_and_goes_with_its_plan(places);
    approvals::broken_glass_stays_and_a_wave_is_let_through_where_it_waits(places);
    approvals::comments_are_numbered_and_questions_counted_until_they_are_resolved(places);
    model::random_units_do_what_the_model_does(places);
}

/// What is wrong with the way in which SQLite would find the rows.
fn complaints(db: &Connection, statement: &str) -> Vec<String> {
    // Every column of a table, in order: a rebuild's comparison is about all of it.
    if statement.starts_with("SELECT * FROM ") {
        return Vec::new();
    }
    // What is verified is looked at from one end to the other.
    if statement.contains("NOT EXISTS (SELECT 1 FROM blob AS b") {
        return Vec::new();
    }
    // The first page of a list without conditions begins at one end of its index and stops at its limit.
    let first_page = statement.contains(" WHERE 1 ORDER BY ") && statement.contains(" LIMIT ");
    // What a bound ends is counted as it was found; how it is found is a step of its own.
    let counted = |step: &str| step.starts_with("SCAN (subquery-") && statement.contains(" LIMIT ");
    let bad = |step: &String| {
        // Campaigns are few, and are looked through from one end on where one is looked for by its name or module, or in an order
        // of which some are left out.
        let walked = step == "SCAN campaign" || step.starts_with("SCAN campaign USING INDEX ");
        let few = walked && statement.contains(" LIMIT ");
        let one_row = step.starts_with("SCAN meta") || step.starts_with("SCAN CONSTANT ROW");
        (step.starts_with("SCAN ") && !one_row && !few && !first_page && !counted(step))
            || step.contains("TEMP B-TREE")
            || step.contains("AUTOMATIC")
    };
    steps(db, statement).into_iter().filter(bad).collect()
}

fn steps(db: &Connection, statement: &str) -> Vec<String> {
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    // Whatever the values are, the plan is the same.
    let nothing = vec![rusqlite::types::Null; explain.parameter_count()];
    let rows = explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn tables() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(&super::open::TABLES.concat()).unwrap();
    db
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    everything(&|| Box::new(Directory(tempfile::tempdir().unwrap())));
    let db = tables();
    let made: Vec<String> = HEARD.lock().unwrap().iter().cloned().collect();
    let explained = |text: &&String| {
        ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| text.starts_with(verb))
    };
    // What fills a table when its file gets it does so once.
    let tables = super::open::TABLES.concat().split_whitespace().collect::<Vec<_>>().join(" ");
    let made: Vec<&String> = made
        .iter()
        .filter(explained)
        .filter(|text| !text.contains("sqlite_schema") && !tables.contains(text.as_str()))
        .collect();
    let wrong: Vec<String> = made
        .iter()
        .flat_map(|text| complaints(&db, text).into_iter().map(move |step| format!("{step}\n    {text}")))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), made.len(), wrong.join("\n"));
    // It heard them all: the tables that lists and guards read, and some of each verb.
    for words in [
        "FROM dataset_label",
        "FROM run ",
        "FROM task ",
        "FROM event ",
        "FROM module_label",
        "FROM cause",
        "DELETE FROM blob",
        "UPDATE task",
        "INSERT INTO node_lease",
        "FROM wave ",
        "FROM campaign ",
        "FROM team ",
        "FROM answer ",
        "FROM delivery ",
        "FROM charge ",
        "FROM attempt ",
        "UPDATE held",
        "FROM secret ",
        "FROM webhook ",
        "FROM token ",
        "INSERT INTO token_use",
    ] {
        assert!(made.iter().any(|text| text.contains(words)), "nothing of {words}");
    }
    assert!(made.len() > 100, "{}", made.len());
}

#[test]
fn a_statement_without_an_index_is_noticed() {
    let db = tables();
    let wrong = |text| complaints(&db, text);
    assert_eq!(
        wrong("SELECT seq FROM run WHERE 1 AND code = ? ORDER BY campaign, seq LIMIT 11"),
        ["SCAN run"]
    );
    assert_eq!(wrong("SELECT id FROM dataset WHERE labels = ?1"), ["SCAN dataset"]);
    assert_eq!(wrong("SELECT id FROM task ORDER BY cost"), ["SCAN task", "USE TEMP B-TREE FOR ORDER BY"]);
    let by_wave = "SELECT seq FROM run WHERE 1 AND campaign = ? AND wave = ? ORDER BY since LIMIT 11";
    assert_eq!(wrong(by_wave), ["USE TEMP B-TREE FOR ORDER BY"]);
    assert_eq!(wrong("SELECT id FROM campaign WHERE 1 ORDER BY id LIMIT 11"), [""; 0]);
}
