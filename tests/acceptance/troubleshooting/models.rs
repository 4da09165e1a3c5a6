//! Models that are refused, rolled back, damaged or deleted.

use std::fs;

use acceptance::sample_data::{World, clients, to_csv};
use serde_json::json;

use super::Section;
use crate::workspace::{Workspace, outcome};

#[test]
fn a_candidate_is_refused() {
    let mut page = Section::of("a_candidate_is_refused");
    let mut workspace = Workspace::after_cold_start();
    let few = to_csv(&clients(World::Before, 31, 30));
    workspace.write("data/few/clients.csv", few);
    workspace.set_input(&["few"]);
    workspace.set("drift.trigger", json!("score"));
    page.follow(&workspace);
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
}

#[test]
fn two_releases_after_a_rollback() {
    let mut page = Section::of("two_releases_after_a_rollback");
    let workspace = Workspace::after_redeployment();
    assert_eq!(workspace.run("deployment", &["--rollback"]).code, 0);
    assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_live_release_is_damaged() {
    let mut page = Section::of("the_live_release_is_damaged");
    let workspace = Workspace::after_redeployment();
    workspace.damage("production_deployment/releases/000002/trainedmodel.msgpack");
    for _ in 0..4 {
        page.follow(&workspace);
    }
    page.ends();
}

#[test]
fn the_link_to_the_live_release_is_gone() {
    let mut page = Section::of("the_link_to_the_live_release_is_gone");
    let workspace = Workspace::after_redeployment();
    fs::remove_file(workspace.path("production_deployment/current")).expect("removed");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_production_folder_is_empty() {
    let mut page = Section::of("the_production_folder_is_empty");
    let workspace = Workspace::after_cold_start();
    fs::remove_dir_all(workspace.path("production_deployment")).expect("wiped");
    page.follow(&workspace);
    page.follow(&workspace);
    page.ends();
}
