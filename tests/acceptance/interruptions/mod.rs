//! Interruptions: every run is killed, or its disk fails, at the changes that it makes to the file
//! system.
//!
//! `cargo test -p acceptance interruptions -- --nocapture` prints how many changes there were.

mod damaged;
mod images;
mod reported;
mod stories;
mod walk;

use self::stories::{
    CLASSES, COLD_START, EXTENSION, PREDICTION, REBUILD, REDEPLOYMENT, REFUSAL, ROLLBACK, Story,
};
use self::walk::{Fault, disturb, walk, walk_killed, walk_with_jumping_clock};

fn killed(story: &Story) {
    walk_killed(story);
}

/// Each pass over the rows fails, as on an engine that cannot be reached.
fn unreachable(story: &Story) {
    walk(story, Fault::Unreachable);
}

/// The errors are simulated, because real permissions and disk limits do not apply to root.
fn refused(story: &Story) {
    for fault in [Fault::NoSpace, Fault::Broken, Fault::Refused] {
        walk(story, fault);
    }
}

#[test]
fn s29_a_cold_start_killed_at_any_change_is_finished_by_the_next_run() {
    killed(&COLD_START);
}

#[test]
fn s29_an_extension_killed_at_any_change_is_finished_by_the_next_run() {
    killed(&EXTENSION);
}

#[test]
fn s29_a_rebuild_killed_at_any_change_is_finished_by_the_next_run() {
    killed(&REBUILD);
}

#[test]
fn s29_a_redeployment_killed_at_any_change_is_finished_by_the_next_run() {
    killed(&REDEPLOYMENT);
}

#[test]
fn s29_a_refusal_killed_at_any_change_is_finished_by_the_next_run() {
    killed(&REFUSAL);
}

#[test]
fn s29_predictions_that_wait_for_labels_are_kept_whenever_their_run_is_killed() {
    killed(&PREDICTION);
}

#[test]
fn s29_labels_meet_their_predictions_once_whenever_their_run_is_killed() {
    killed(&CLASSES);
}

#[test]
fn s29_a_rollback_killed_at_any_change_is_whole_or_has_not_begun() {
    killed(&ROLLBACK);
}

#[test]
fn s30_a_cold_start_refused_the_disk_names_the_path_and_recovers() {
    refused(&COLD_START);
}

#[test]
fn s30_an_extension_refused_the_disk_names_the_path_and_recovers() {
    refused(&EXTENSION);
}

#[test]
fn s30_a_rebuild_refused_the_disk_names_the_path_and_recovers() {
    refused(&REBUILD);
}

#[test]
fn s30_a_redeployment_refused_the_disk_names_the_path_and_recovers() {
    refused(&REDEPLOYMENT);
}

#[test]
fn s30_a_refusal_refused_the_disk_names_the_path_and_recovers() {
    refused(&REFUSAL);
}

#[test]
fn s30_predictions_that_wait_for_labels_are_kept_when_the_disk_is_refused() {
    refused(&PREDICTION);
}

#[test]
fn s30_labels_meet_their_predictions_once_when_the_disk_is_refused() {
    refused(&CLASSES);
}

#[test]
fn s30_a_rollback_refused_the_disk_names_the_path_and_recovers() {
    refused(&ROLLBACK);
}

#[test]
fn unreachable_rows_end_a_cold_start_and_the_next_run_recovers() {
    unreachable(&COLD_START);
}

#[test]
fn unreachable_rows_end_a_redeployment_and_the_next_run_recovers() {
    unreachable(&REDEPLOYMENT);
}

#[test]
fn unreachable_rows_end_a_refusal_and_the_next_run_recovers() {
    unreachable(&REFUSAL);
}

#[test]
fn unreachable_rows_end_predictions_and_the_next_run_recovers() {
    unreachable(&PREDICTION);
}

#[test]
fn unreachable_rows_end_late_labels_and_the_next_run_recovers() {
    unreachable(&CLASSES);
}

/// SQLite reports an error although the transaction is complete.
#[test]
fn locks_that_are_not_released_end_a_redeployment_and_the_next_run_goes_on() {
    walk(&REDEPLOYMENT, Fault::Unreleased);
}

#[test]
fn locks_that_are_not_released_end_late_labels_and_the_next_run_goes_on() {
    walk(&CLASSES, Fault::Unreleased);
}

#[test]
fn s29_the_name_of_a_new_folder_is_made_durable() {
    let workspace = (COLD_START.prepare)();
    let change = |number| {
        let disturbed = disturb(&COLD_START, &workspace.copy(), Fault::Broken, number);
        disturbed
            .expect("a cold start makes folders")
            .change_within_its_folder()
    };
    assert_eq!(change(1), ("Folder".into(), "state".into()));
    assert_eq!(change(2), ("Sync".into(), "data".into()));
}

#[test]
fn s29_kills_are_recovered_from_though_the_clock_jumps_back_and_forth() {
    for story in [&REBUILD, &REDEPLOYMENT, &ROLLBACK] {
        walk_with_jumping_clock(story);
    }
}
