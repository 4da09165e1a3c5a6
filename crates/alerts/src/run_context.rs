//! The run that an alert is about.

use jiff::Timestamp;

/// The run that made the observations.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// Start of the program, or of the check that follows a run. People are notified of an open condition
    /// at most once after it.
    pub began: Timestamp,
    /// Time of the observations.
    pub now: Timestamp,
    /// Number of the run. `None` if the run failed before it got a number.
    pub run: Option<i64>,
    /// The deployed release after the run. `None` if none is deployed, or if an error ended the run.
    pub release: Option<String>,
    /// Address of the run's report. `None` if there is no report, or if no address of the server is
    /// configured.
    pub report: Option<String>,
}

impl RunContext {
    /// True if `notified_at` lies between the start of the program and now, so that this execution
    /// has already notified people.
    pub(crate) fn was_notified_since_start(&self, notified_at: Timestamp) -> bool {
        (self.began..=self.now).contains(&notified_at)
    }
}
