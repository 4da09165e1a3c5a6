//! The run that an alert is about.

use jiff::Timestamp;

/// The run that made the observations.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// Time at which the program started. People are notified of an open condition at most once per
    /// execution of the program.
    pub began: Timestamp,
    /// Time of the observations.
    pub now: Timestamp,
    /// Number of the run. `None` if the run failed before it got a number.
    pub run: Option<i64>,
    /// The deployed release after the run.
    pub release: Option<String>,
    /// Address of the run's report. `None` if there is no report, or if no address of the server is
    /// configured.
    pub report: Option<String>,
}

impl RunContext {
    /// True if `notified_at` lies between the start of the program and now, so that this execution
    /// has already notified people.
    pub(crate) fn has_notified_at(&self, notified_at: Timestamp) -> bool {
        (self.began..=self.now).contains(&notified_at)
    }
}
