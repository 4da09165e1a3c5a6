//! The first lines of a run's text. They say what was done, whether the model is good, whether the
//! data changed, and what to do next.

mod done;
mod drift;
mod next_step;
pub(super) mod quality;
#[cfg(test)]
mod tests;

use super::RunRecord;

/// A question about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What was done?
    Done,
    /// Is the model good?
    Quality,
    /// Has the data changed?
    Drift,
    /// What should a person do next?
    Next,
}

impl Question {
    /// Name of the line with the answer.
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Quality => "quality",
            Self::Drift => "drift",
            Self::Next => "next",
        }
    }
}

impl RunRecord {
    /// A line for each question that the record has an answer to.
    pub(super) fn summary(&self) -> String {
        let lines = self.answers().into_iter();
        lines
            .map(|(question, text)| format!("  {:10} {text}\n", question.name()))
            .collect()
    }

    /// The answers in words. Questions without an answer are left out.
    pub fn answers(&self) -> Vec<(Question, String)> {
        if self.is_unreadable {
            // The record could not be read. A missing release therefore does not mean that nothing is
            // deployed.
            return vec![
                (Question::Done, format!("not known: {}", self.reason)),
                (Question::Next, "run `fullprocess --doctor`".into()),
            ];
        }
        let answers = [
            (Question::Done, self.done()),
            (Question::Quality, self.quality()),
            (Question::Drift, self.drift()),
            (Question::Next, self.next_step()),
        ];
        let answers = answers.into_iter();
        answers
            .filter_map(|(question, text)| Some((question, text?)))
            .collect()
    }
}
