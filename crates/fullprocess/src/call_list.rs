//! The call list of a run: the clients that wait for a label, ranked by the model that is live after
//! the run.

use crate::open_run::OpenRun;

impl OpenRun<'_> {
    /// Writes the call list to `output_model_path` and to the folder of the run.
    ///
    /// Data that cannot be read is only a warning, because the decision of the run is carried out
    /// already. A file that cannot be written is an error, as for the rest of the report.
    pub(crate) fn rank_clients(&mut self) -> anyhow::Result<()> {
        let list = match scoring::call_list(self.config, self.history) {
            Ok(Some(list)) => list,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::warn!("the call list is not made: {error:#}");
                self.record
                    .warn([format!("the call list was not made: {error:#}")]);
                return Ok(());
            }
        };
        if list.is_empty() {
            // The clients of the list that is there have their labels.
            list.write(self.config)?;
            return Ok(());
        }
        self.record.call_list = Some(list.summary());
        let folder = self.config.layout.run_folder(self.id);
        self.stage("ranking", |run| list.write_for_run(run.config, &folder))
    }
}
