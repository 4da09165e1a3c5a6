//! The report folder of a run: its record as JSON and as text, its report as a page, and a confusion
//! matrix.

use common::layout::names;
use common::{Layout, files};
use record::RunRecord;

use crate::open_run::OpenRun;

/// Writes `record.json` and `report.txt`.
pub(crate) fn write_texts(layout: &Layout, run: i64, record: &RunRecord) -> anyhow::Result<()> {
    let folder = layout.run_folder(run);
    files::create_folder(&folder)?;
    files::replace(
        &folder.join("record.json"),
        &serde_json::to_vec_pretty(record)?,
    )?;
    files::replace(&folder.join("report.txt"), record.to_string().as_bytes())
}

impl OpenRun<'_> {
    /// Writes `record.json`, `report.txt` and `report.html`. If the deployed model was evaluated, also
    /// writes its confusion matrix on the new rows.
    pub(crate) fn write_run_folder(&self) -> anyhow::Result<()> {
        let folder = self.config.layout.run_folder(self.id);
        write_texts(&self.config.layout, self.id, &self.record)?;
        let page = reporting::make_run_report(self.config, self.history, &self.record);
        files::replace(&folder.join(names::REPORT), page.as_bytes())?;
        let evaluated = self.record.evidence.as_ref().and_then(|evidence| {
            Some((evidence.on_new_rows.as_ref()?, evidence.deployed.as_ref()?))
        });
        let Some((metrics, deployed)) = evaluated else {
            return Ok(());
        };
        let picture = reporting::draw(
            metrics,
            &self.config.schema,
            &format!("release {}", deployed.release),
            &format!("new rows of run {}", self.id),
        )?;
        files::replace(&folder.join(names::CONFUSION_MATRIX), &picture)
    }
}
