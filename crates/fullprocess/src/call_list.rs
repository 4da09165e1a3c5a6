//! The call list of a run, and the outcomes of the calls on earlier lists. The list ranks the
//! clients without a label by the model that is live after the run.

use std::path::PathBuf;

use common::History;
use common::layout::names;
use scoring::{CallOutcomes, CallPredictions, CallReport, ListOfRun};
use serde::{Deserialize, Serialize};

use crate::open_run::OpenRun;

/// Name of the history document with the last list and the outcomes so far.
const CALLS: &str = "outcomes of calls";

/// The last list of a run, and the outcomes of the clients on all lists before it. A client counts
/// once its label has arrived. It counts for the last list that it was on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Calls {
    /// The run of the last list.
    run: Option<i64>,
    outcomes: CallOutcomes,
    /// Predictions of the newest release for these clients. Empty in documents of older programs.
    #[serde(default, skip_serializing_if = "CallPredictions::is_empty")]
    predictions: CallPredictions,
}

impl OpenRun<'_> {
    /// Writes the call list to `output_model_path` and to the folder of the run, and counts the labels
    /// that arrived for clients of the last list.
    ///
    /// Data that cannot be read is only a warning, because the decision of the run is carried out
    /// already. A file that cannot be written is an error, as for the rest of the report.
    pub(crate) fn rank_clients(&mut self) -> anyhow::Result<()> {
        let calls = self.history.document::<Calls>(CALLS)?.unwrap_or_default();
        // A resumed run may have counted the labels already.
        let last = calls.run.filter(|run| *run != self.id);
        let earlier = last.map(|run| self.list_of_run(run));
        let made = scoring::call_list(self.config, self.history, earlier.as_deref());
        let ListOfRun {
            list,
            outcomes,
            predictions,
            problem,
        } = match made {
            Ok(Some(made)) => made,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!("the call list is not made: {error:#}");
                let problem = format!("the call list was not made: {error:#}");
                self.record.warn([problem.clone()]);
                self.record.call_list_problem = Some(problem);
                return Ok(());
            }
        };
        if let Some(problem) = problem {
            self.record.warn([format!(
                "the outcomes of the last call list are not counted: {problem:#}"
            )]);
        }
        if list.is_empty() {
            // All clients of the old list have labels by now, so the empty list replaces it.
            list.write(self.config)?;
        } else {
            self.record.call_list = Some(list.summary());
            let folder = self.config.layout.run_folder(self.id);
            self.stage("ranking", |run| list.write_for_run(run.config, &folder))?;
        }
        let outcomes = calls.outcomes.plus(outcomes);
        let predictions = calls.predictions.clone().followed_by(predictions);
        self.record.call_outcomes =
            (!outcomes.is_empty()).then(|| CallReport::new(outcomes, &predictions));
        let has_calls = self.config.scoring.actions.holdout > 0.0 && !list.is_empty();
        let after = Calls {
            run: has_calls.then_some(self.id),
            outcomes,
            predictions,
        };
        match after == calls {
            true => Ok(()),
            false => self.save_with(|history: &History| history.save_document(CALLS, &after)),
        }
    }

    /// The call list in the folder of a run.
    fn list_of_run(&self, run: i64) -> PathBuf {
        let folder = self.config.layout.run_folder(run);
        folder.join(names::RISK_RANKING)
    }
}
