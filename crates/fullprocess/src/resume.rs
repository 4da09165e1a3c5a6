//! Finishing runs that were interrupted, from what they recorded.
//!
//! A run that had not decided is closed: its rows are still new, so the next run judges them. One
//! that had decided is finished as decided, unless the data has moved on since; a release of it
//! that is whole is adopted, not made twice.

use common::{Config, History};

use crate::judge::{Data, Live};
use crate::open_run::OpenRun;
use crate::record::{Effect, Outcome, RunRecord};

/// Finishes every open run and returns the record of the last one that was carried to its end.
pub(crate) fn finish_unfinished_runs(
    config: &Config,
    history: &History,
) -> anyhow::Result<Option<RunRecord>> {
    let mut finished = None;
    for stored in history.unfinished_runs::<RunRecord>()? {
        tracing::warn!(run = stored.id, "finishing a run that was interrupted");
        let run = OpenRun::resume(config, history, stored.id, stored.record);
        if let Some(record) = finish(run)? {
            finished = Some(record);
        }
    }
    Ok(finished)
}

fn finish(mut run: OpenRun<'_>) -> anyhow::Result<Option<RunRecord>> {
    let Some(action) = run.record.decision.as_ref().map(|decision| decision.action) else {
        run.close_as_interrupted("it was cut short before it had decided anything")?;
        return Ok(None);
    };
    run.adopt_release()?;
    let live = Live::load(run.config)?;
    let manifest = live.as_ref().map(Live::manifest);
    let prepared = ingestion::prepare(run.config, run.history, manifest)?;
    let is_same_data = run.record.data.as_ref() == Some(&prepared.ledger.digest);
    if !is_same_data || prepared.needs_mending(run.config) {
        run.close_as_interrupted("it was cut short, and the data has moved on since")?;
        return Ok(None);
    }
    let data = match Data::load(run.config, prepared.ledger) {
        Ok(data) => data,
        Err(error) => {
            tracing::warn!("{error:#}");
            run.close_as_interrupted("it was cut short, and the data was damaged since")?;
            return Ok(None);
        }
    };
    // Once the candidate is published, the live model is no longer the one that was judged.
    let live = live.filter(|_| !run.has(Effect::Published));
    run.carry_out(action, data, live).map(Some)
}

impl OpenRun<'_> {
    /// Makes a release of this run live that was published, or was about to be.
    fn adopt_release(&mut self) -> anyhow::Result<()> {
        if self.has(Effect::Published) {
            return Ok(());
        }
        let layout = &self.config.layout;
        let own = deployment::releases(layout)?
            .into_iter()
            .rfind(|release| release.manifest.run == Some(self.id));
        let Some(release) = own else {
            return Ok(());
        };
        release.verify()?;
        deployment::make_live(layout, &release)?;
        self.note_published(&release)
    }

    fn close_as_interrupted(mut self, reason: &str) -> anyhow::Result<()> {
        self.record.reason = reason.into();
        self.finish(Outcome::Interrupted, None).map(|_| ())
    }
}
