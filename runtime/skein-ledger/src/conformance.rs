//! The suite that every engine passes: one function a property, and a macro that makes a test of each.
//!
//! It knows the trait and nothing of any engine. An engine gives a [`Place`]: somewhere a ledger can be opened, closed and
//! opened again. What the suite cannot see from outside (files, processes, full disks) an engine's own tests show.

#![expect(clippy::panic, reason = "these are tests, in a crate of their own for other engines")]

pub mod access;
pub mod approvals;
pub mod attempts;
pub mod audit;
pub mod chain;
pub mod counts;
pub mod kept;
pub mod lists;
pub mod model;
pub mod queue;
pub mod runs;
mod scene;
pub mod settings;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skein_types::{Clock, Timestamp};

use crate::error::LedgerError;
use crate::ledger::Ledger;

/// Somewhere a ledger lives. It is empty when it is made, and what is in it outlives the ledgers that are opened there.
pub trait Place {
    /// Opens the ledger. The last one that was opened is dropped before.
    fn open(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Ledger>, LedgerError>;
}

/// A clock that a test sets.
#[derive(Debug, Default)]
pub struct SetClock(AtomicU64);

impl SetClock {
    /// One that stands at this time.
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(now.0)))
    }

    /// Sets it, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now().0)
    }
}

/// Makes a test of every property. `$place` is an expression that gives a new, empty [`Place`].
#[macro_export]
macro_rules! conformance {
    ($place:expr) => {
        $crate::conformance! { @tests $place;
            chain::positions_count_from_one_and_each_hash_covers_the_one_before
            chain::a_unit_is_written_whole_or_not_at_all_and_the_others_do_not_mind
            chain::a_known_cause_does_nothing_and_says_where_it_was_done
            chain::a_refused_unit_leaves_its_cause_unknown
            chain::a_clock_that_steps_back_does_not_change_the_order
            chain::a_head_from_elsewhere_fits_only_the_log_that_it_was_taken_from
            chain::what_is_out_of_bounds_is_said_before_anything_is_written
            chain::many_callers_at_once_get_positions_of_their_own
            chain::causes_are_forgotten_after_their_retention_and_not_before
            runs::a_run_goes_through_the_door_and_its_counters_with_it
            runs::the_door_is_as_wide_as_the_guard_says
            runs::an_event_that_starts_elsewhere_is_refused_and_says_where
            runs::a_plan_is_taken_back_only_before_the_door
            runs::a_campaign_of_thousands_of_runs_is_read_without_counting
            runs::how_runs_came_to_rest_is_known_second_by_second
            runs::a_failure_stays_on_its_waves_account_when_the_run_is_tried_again
            runs::modules_keep_their_names_and_their_state
            runs::a_ban_holds_from_everywhere_and_leads_back_to_where_it_was
            queue::a_task_has_one_owner_and_each_claim_fences_the_one_before
            queue::checkpoints_follow_each_other_and_survive_their_owner
            queue::a_node_that_is_gone_changes_nothing
            queue::a_staged_result_waits_until_it_is_removed
            queue::a_task_that_is_not_due_is_not_listed
            queue::a_wait_is_over_when_the_clock_was_put_back_by_more_than_any_wait
            queue::blobs_are_kept_while_they_are_named_or_not_yet_due
            queue::what_names_a_blob_that_is_not_there_is_refused
            lists::datasets_are_paged_by_name_through_every_filter
            lists::campaigns_are_paged_by_id_through_every_filter
            lists::campaigns_are_sorted_by_name_failures_and_last_move
            lists::modules_are_paged_by_name_and_version_for_some_teams_or_all
            lists::names_and_locations_belong_to_one_dataset
            lists::events_are_paged_by_position_for_each_subject
            lists::runs_are_paged_by_number_through_every_filter
            lists::tasks_are_paged_in_the_order_in_which_they_were_queued
            audit::events_are_found_by_every_combination_of_conditions
            audit::a_page_looks_at_so_many_events_and_says_where_it_stopped
            audit::where_it_came_from_is_kept_with_the_events_of_a_unit
            audit::what_was_before_is_the_last_decision_about_the_same
            audit::records_verify_by_themselves
            audit::keys_follow_one_another
            audit::a_copy_of_the_server_is_on_record
            access::a_team_is_known_by_its_name_and_its_version_only_goes_up
            access::a_token_is_found_by_its_hash_until_and_after_it_is_revoked
            access::a_tokens_last_use_only_gets_later
            access::a_token_has_so_many_grants_and_no_more
            approvals::a_slice_is_approved_by_persons_and_opened_again
            approvals::what_is_planned_behind_a_wave_is_found
            approvals::a_slice_is_put_off_or_declined_and_goes_with_its_plan
            approvals::rules_of_a_plan_are_found_by_its_datasets
            approvals::broken_glass_stays_and_a_wave_is_let_through_where_it_waits
            approvals::comments_are_numbered_and_questions_counted_until_they_are_resolved
            settings::a_quota_is_what_was_set_last
            settings::a_policys_blob_is_kept_while_the_policy_is_set
            settings::a_secret_has_a_later_value_or_none
            settings::a_receiver_is_told_of_what_was_set_last
            settings::a_fleet_is_frozen_or_it_is_not
            settings::a_setting_that_moved_since_it_was_read_refuses
            settings::a_nodes_mark_is_there_until_it_is_taken_back
            kept::a_request_that_is_asked_again_has_the_first_answer
            kept::there_are_so_many_answers_and_the_first_to_go_goes
            kept::notices_are_listed_by_receiver_and_state_and_in_the_order_in_which_they_are_due
            kept::a_scrub_is_known_by_its_last_time
            kept::what_was_told_of_is_never_untold
            kept::use_is_summed_by_hour_team_campaign_and_module
            kept::use_is_added_up_to_what_a_row_holds_and_kept_for_its_time
            attempts::attempts_are_listed_by_campaign_and_run_and_the_failed_ones_found
            attempts::an_attempt_ends_once_and_is_kept_for_its_time
            attempts::what_was_swept_with_its_attempt_is_not_missed
            counts::what_is_written_is_counted_and_what_is_refused_or_known_is_not
            model::random_units_do_what_the_model_does
        }
    };
    (@tests $place:expr; $($module:ident :: $name:ident)+) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::$module::$name(&|| ::std::boxed::Box::new($place));
            }
        )+
    };
}

/// Makes places.
pub type Places<'a> = &'a dyn Fn() -> Box<dyn Place>;
