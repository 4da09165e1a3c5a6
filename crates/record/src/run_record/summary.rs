//! The first lines of a run's text: what was done, whether the model is good, whether the data
//! changed, and what to do.

mod done;
mod drift;
mod next_step;
mod quality;
#[cfg(test)]
mod tests;

use super::RunRecord;

impl RunRecord {
    /// A line for each question that the record has an answer to.
    pub(super) fn summary(&self) -> String {
        let lines = [
            ("done", self.done()),
            ("quality", self.quality()),
            ("drift", self.drift()),
            ("next", self.next_step()),
        ];
        let lines = lines
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        lines
            .map(|(name, text)| format!("  {name:10} {text}\n"))
            .collect()
    }
}
