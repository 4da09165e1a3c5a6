//! Failures around a pipeline: a server, a receiver of alerts, the disk, or permissions.

use std::fs;

use serde_json::json;

use super::Section;
use crate::receiver::{Answer, Receiver};
use crate::server::Server;
use crate::shell::OrdinaryUser;
use crate::workspace::Workspace;

#[test]
fn the_api_does_not_answer() {
    let mut page = Section::of("the_api_does_not_answer");
    let mut workspace = Workspace::with_sample_data();
    // Nothing listens on the discard port of the loopback address.
    workspace.set("api.url", json!("http://127.0.0.1:9"));
    page.follow(&workspace);
    page.follow(&workspace);
    let server = Server::start(&mut workspace);
    workspace.set("api.url", json!(server.url()));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn alerts_are_not_delivered() {
    let mut page = Section::of("alerts_are_not_delivered");
    let mut workspace = Workspace::with_sample_data();
    let receiver = Receiver::start();
    workspace.set("alerts.webhook.url", json!(receiver.url()));
    receiver.answers(Answer::status("500 Internal Server Error"));
    page.follow(&workspace);
    page.follow(&workspace);
    receiver.answers(Answer::status("200 OK"));
    page.follow(&workspace);
    page.ends();
}

#[test]
fn the_disk_is_full() {
    let mut page = Section::of("the_disk_is_full");
    let mut workspace = Workspace::after_cold_start();
    workspace.set_input(&["sourcedata"]);
    // Writing to this device fails as on a full disk.
    let full = workspace.path("data/state/runs/000002/.record.json.partial");
    fs::create_dir_all(full.parent().expect("a folder")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
    page.follow(&workspace);
    page.follow(&workspace);
    fs::remove_file(&full).expect("room");
    page.follow(&workspace);
    page.ends();
    assert_eq!(workspace.live(), "000002");
}

#[test]
fn a_folder_may_not_be_written() {
    let mut page = Section::of("a_folder_may_not_be_written");
    let workspace = Workspace::with_sample_data();
    workspace.write("data/models/.keep", "");
    assert_eq!(workspace.shell("chmod 555 data/models").code, 0);
    let user = OrdinaryUser::of(&workspace);
    for _ in 0..3 {
        page.follow_by(|commands| user.shell(commands));
    }
    page.ends();
}
