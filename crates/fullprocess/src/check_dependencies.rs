//! Asking for newer dependencies at the end of a run.
//!
//! It comes after the last effect, so whatever happens to it leaves nothing undone. It is no
//! effect itself: it is marked by its day, and a run that is interrupted here and finished by the
//! next one does not ask again.

use std::time::Instant;

use jiff::Timestamp;

use crate::open_run::OpenRun;

impl OpenRun<'_> {
    /// Asks the registry index where that is due, and records how the dependencies stand.
    ///
    /// That it cannot be done is nobody's concern but that of the reader of `diagnostics`.
    pub(crate) fn check_dependencies(&mut self) {
        let clock = Instant::now();
        match diagnostics::check_dependencies(self.config, self.history, Timestamp::now()) {
            Ok(None) => {}
            Ok(Some(found)) => {
                let seconds = clock.elapsed().as_secs_f64();
                tracing::info!(stage = "dependencies", seconds, "done");
                self.record.seconds.insert("dependencies".into(), seconds);
                self.record.dependencies = Some(found.counts());
            }
            Err(error) => tracing::info!("the dependencies could not be checked: {error:#}"),
        }
    }
}
