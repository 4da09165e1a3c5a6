//! The page on alerts.

use std::collections::BTreeSet;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::each_block_of;
use crate::receiver::Receiver;
use crate::workspace::{Workspace, outcome};

#[test]
fn alerts() {
    each_block_of("docs/alerts.md", |page| {
        let mut workspace = Workspace::with_sample_data();
        let webhook = page.json();
        workspace.set("alerts", webhook["alerts"].clone());
        workspace.write("alerts.secret", "a secret of this test\n");
        let owner = Permissions::from_mode(0o600);
        set_permissions(workspace.path("alerts.secret"), owner).expect("permissions");
        // The doctor reads the configuration, and sends nothing.
        assert_eq!(workspace.run("fullprocess", &["--doctor"]).code, 0);
        let receiver = Receiver::start();
        workspace.set("alerts.webhook.url", json!(receiver.url()));
        assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
        let posted = receiver.posted();
        assert!(posted[0].header("x-risk-signature-256").is_some());

        let mut workspace = Workspace::with_sample_data();
        workspace.set("alerts", page.json()["alerts"].clone());
        assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
        assert_eq!(outcome(&workspace.fullprocess()), "nothing_new");
        workspace.copy_sample("sourcedata", "practicedata");
        assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
        let stored = workspace.text("alerts.jsonl");
        let mut messages = stored
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let message = messages
            .rfind(|message: &Value| message["condition"] == "model_drift")
            .expect("a message on the drift");
        is_like(&page.json(), &message);
    });
}

/// Checks that the example differs from the real message only in its times.
#[track_caller]
fn is_like(example: &Value, message: &Value) {
    let names = |message: &Value| -> BTreeSet<String> {
        message
            .as_object()
            .expect("members")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(names(example), names(message));
    for (name, value) in example.as_object().expect("members") {
        if ["at", "opened_at"].contains(&name.as_str()) {
            let is_time = |value: &Value| {
                value
                    .as_str()
                    .is_some_and(|time| time.parse::<Timestamp>().is_ok())
            };
            assert!(is_time(value) && is_time(&message[name]), "{name}: {value}");
        } else {
            assert_eq!(value, &message[name], "{name}");
        }
    }
}
