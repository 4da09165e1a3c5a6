//! Stories: the runs that are disturbed, each on a few dozen artificial clients.

use std::fmt::Write;
use std::sync::LazyLock;

use serde_json::json;

use crate::tree::Tree;
use crate::workspace::Workspace;

/// A story: a command on a pipeline.
pub(super) struct Story {
    /// Name of the story in the coverage.
    pub(super) name: &'static str,
    /// Makes the pipeline as it is before the command.
    pub(super) prepare: fn() -> Workspace,
    /// Name of the program that is disturbed.
    pub(super) program: &'static str,
    /// Arguments of the program.
    pub(super) arguments: &'static [&'static str],
    /// Outcome of the run; `None` if the command is not a run.
    pub(super) outcome: Option<&'static str>,
    /// The release that is live after the command.
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
        // There are two releases, and the limit is one: the redeployment has to remove the first.
        deploy_another_model(&mut workspace);
        // Some of its rows have late labels, and some rows have no label yet.
        workspace.write(&input("awaited"), rows_of_clients_without_labels(200..210));
        assert_eq!(workspace.fullprocess()["outcome"], "not_judged");
        workspace.set("deployment.keep_releases", json!(1));
        workspace.write(
            &input("later"),
            clients(200..230, |client| !client.is_quiet()) + &rows_without_labels(300..330),
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
    prepare: || with_later(rows_of_clients_without_labels(200..230)),
    outcome: Some("not_judged"),
    ..COLD_START
};

pub(super) const CLASSES: Story = Story {
    name: "classes",
    prepare: || {
        let workspace = with_later(rows_of_clients_without_labels(190..230));
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
        let mut workspace = started();
        deploy_another_model(&mut workspace);
        workspace
    },
    program: "deployment",
    arguments: &["--rollback", "000001"],
    outcome: None,
    live_after: "000001",
};

/// Trains with another penalty and deploys the model as release 000002.
fn deploy_another_model(workspace: &mut Workspace) {
    workspace.set("training.c", json!(0.5));
    for stage in ["training", "scoring", "deployment"] {
        let done = workspace.run(stage, &[]);
        assert_eq!(done.code, 0, "{stage}: {}", done.stderr);
    }
    workspace.set("training.c", json!(1.0));
    assert_eq!(workspace.live(), "000002");
}

/// A pipeline with input and test data, and nothing else.
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

/// A pipeline after a cold start.
fn started() -> Workspace {
    static STARTED: LazyLock<Tree> = LazyLock::new(|| {
        let workspace = new_pipeline();
        assert_eq!(workspace.fullprocess()["outcome"], "cold_start");
        workspace.tree()
    });
    Workspace::from_tree(&STARTED)
}

/// A pipeline after a cold start, with one more input file.
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

/// A file of clients without labels.
fn rows_of_clients_without_labels(numbers: std::ops::Range<u64>) -> String {
    let known = clients(numbers, |_| true);
    let lines = known.lines().filter_map(|line| line.rsplit_once(','));
    lines.map(|(before, _)| format!("{before}\n")).collect()
}

/// The same unlabelled rows, as in a file where other rows have labels.
fn rows_without_labels(numbers: std::ops::Range<u64>) -> String {
    let rows = rows_of_clients_without_labels(numbers);
    rows.lines()
        .skip(1)
        .map(|row| format!("{row},\n"))
        .collect()
}

/// A file of clients whose labels follow a rule.
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
