//! The runs that are disturbed, each on a few dozen made-up clients.

use std::fmt::Write;

use serde_json::json;

use crate::workspace::Workspace;

/// A command on a pipeline.
pub(super) struct Story {
    /// What it is called in the coverage.
    pub(super) name: &'static str,
    /// The pipeline before it.
    pub(super) prepare: fn() -> Workspace,
    /// The program that is disturbed.
    pub(super) program: &'static str,
    /// Its arguments.
    pub(super) arguments: &'static [&'static str],
    /// The outcome of the run, where it is one.
    pub(super) outcome: Option<&'static str>,
    /// The release that is live after it.
    pub(super) live_after: &'static str,
}

pub(super) const COLD_START: Story = Story {
    name: "cold start",
    prepare: new_pipeline,
    program: "fullprocess",
    arguments: &[],
    outcome: Some("cold_start"),
    live_after: "000001",
};

pub(super) const EXTENSION: Story = Story {
    name: "extension",
    prepare: || with_later(clients(200..230, Client::is_quiet)),
    outcome: Some("steady"),
    ..COLD_START
};

pub(super) const REBUILD: Story = Story {
    name: "rebuild",
    prepare: || {
        let workspace = with_later(clients(200..230, Client::is_quiet));
        std::fs::remove_file(workspace.path(&input("second"))).expect("removed");
        workspace
    },
    outcome: Some("steady"),
    ..COLD_START
};

pub(super) const REDEPLOYMENT: Story = Story {
    name: "redeployment",
    prepare: || {
        let mut workspace = started();
        // Two releases and room for one: the redeployment has to remove the first.
        assert_eq!(workspace.run("deployment", &[]).code, 0);
        // Some of its rows bring a class that is awaited, and some wait for theirs.
        workspace.write(&input("awaited"), without_classes(200..210));
        assert_eq!(workspace.fullprocess()["outcome"], "not_judged");
        workspace.set("deployment.keep_releases", json!(1));
        workspace.write(
            &input("later"),
            clients(200..230, |client| !client.is_quiet()) + &rows_without_classes(300..330),
        );
        workspace
    },
    outcome: Some("redeployed"),
    live_after: "000003",
    ..COLD_START
};

pub(super) const REFUSAL: Story = Story {
    name: "refusal",
    prepare: || {
        let mut workspace = with_later(clients(200..230, |client| client.number.is_multiple_of(2)));
        workspace.set("drift.trigger", json!("score"));
        workspace
    },
    outcome: Some("candidate_refused"),
    ..COLD_START
};

pub(super) const PREDICTION: Story = Story {
    name: "prediction",
    prepare: || with_later(without_classes(200..230)),
    outcome: Some("not_judged"),
    ..COLD_START
};

pub(super) const CLASSES: Story = Story {
    name: "classes",
    prepare: || {
        let workspace = with_later(without_classes(190..230));
        assert_eq!(workspace.fullprocess()["outcome"], "not_judged");
        workspace.write(&input("classes"), clients(200..230, Client::is_quiet));
        workspace
    },
    outcome: Some("steady"),
    ..COLD_START
};

pub(super) const ROLLBACK: Story = Story {
    name: "rollback",
    prepare: || {
        let workspace = started();
        assert_eq!(workspace.run("deployment", &[]).code, 0);
        workspace
    },
    program: "deployment",
    arguments: &["--rollback", "000001"],
    outcome: None,
    live_after: "000001",
};

/// Input and test data, and nothing else.
fn new_pipeline() -> Workspace {
    let workspace = Workspace::empty();
    let mostly_quiet = |client: &Client| client.is_quiet() != client.number.is_multiple_of(7);
    let broken = "Broken Co,many,1,1,0\n";
    workspace.write(&input("first"), clients(0..40, mostly_quiet) + broken);
    workspace.write(&input("second"), clients(30..60, mostly_quiet));
    workspace.write(
        "data/testdata/held_back.csv",
        clients(100..140, mostly_quiet),
    );
    workspace
}

/// After a cold start.
fn started() -> Workspace {
    let workspace = new_pipeline();
    assert_eq!(workspace.fullprocess()["outcome"], "cold_start");
    workspace
}

/// After a cold start, with one more file.
fn with_later(rows: String) -> Workspace {
    let workspace = started();
    workspace.write(&input("later"), rows);
    workspace
}

fn input(name: &str) -> String {
    format!("data/practicedata/{name}.csv")
}

pub(super) struct Client {
    number: u64,
    last_month: u64,
}

impl Client {
    pub(super) fn is_quiet(&self) -> bool {
        self.last_month < 50
    }
}

/// A file of clients of whom nobody knows yet whether they leave.
fn without_classes(numbers: std::ops::Range<u64>) -> String {
    let known = clients(numbers, |_| true);
    let lines = known.lines().filter_map(|line| line.rsplit_once(','));
    lines.map(|(before, _)| format!("{before}\n")).collect()
}

/// The same rows as they stand in a file where others have a class.
fn rows_without_classes(numbers: std::ops::Range<u64>) -> String {
    let rows = without_classes(numbers);
    rows.lines()
        .skip(1)
        .map(|row| format!("{row},\n"))
        .collect()
}

/// A file of clients, of which those leave that the rule says.
pub(super) fn clients(numbers: std::ops::Range<u64>, leaves: impl Fn(&Client) -> bool) -> String {
    let mut text =
        "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n".to_owned();
    for number in numbers {
        let client = Client {
            number,
            last_month: number * 37 % 101,
        };
        writeln!(
            text,
            "Client {number},{},{},{},{}",
            client.last_month,
            number * 53 % 997,
            number * 29 % 83,
            u8::from(leaves(&client))
        )
        .expect("a string takes all");
    }
    text
}
