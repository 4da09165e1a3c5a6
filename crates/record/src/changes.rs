//! Runs and the changes that people made between them, in one list.

use common::history::ChangeByHand;
use serde::Serialize;

/// An entry of a list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RunOrChange<R> {
    /// A run.
    Run(R),
    /// A change by hand.
    Change(ChangeByHand),
}

/// Runs and changes in one list, newest first; both are given newest first. `number` is the number of a run.
/// A change is newer than the run that it came after, whatever the clocks said.
pub fn with_changes<R>(
    runs: impl IntoIterator<Item = R>,
    number: impl Fn(&R) -> i64,
    changes: impl IntoIterator<Item = ChangeByHand>,
) -> Vec<RunOrChange<R>> {
    let mut changes = changes.into_iter().peekable();
    let mut entries = Vec::new();
    for run in runs {
        while let Some(change) = changes.next_if(|change| change.after_run >= number(&run)) {
            entries.push(RunOrChange::Change(change));
        }
        entries.push(RunOrChange::Run(run));
    }
    entries.extend(changes.map(RunOrChange::Change));
    entries
}

#[cfg(test)]
mod tests {
    use common::history::ChangeKind;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_change_stands_above_the_run_that_it_came_after() {
        let change = |id, after_run| ChangeByHand {
            id,
            kind: ChangeKind::Rollback,
            after_run,
            made_at: Timestamp::UNIX_EPOCH,
            by: None,
            from: None,
            to: Some("000001".into()),
            note: None,
        };
        let entries = with_changes(
            [7, 5],
            |run| *run,
            [change(3, 6), change(2, 5), change(1, 0)],
        );
        let order: Vec<i64> = entries
            .iter()
            .map(|entry| match entry {
                RunOrChange::Run(run) => *run,
                RunOrChange::Change(change) => -change.id,
            })
            .collect();
        assert_eq!(order, [7, -3, -2, 5, -1]);
    }
}
