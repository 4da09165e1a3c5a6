//! The record as text.

use std::fmt;

use common::history::STAGES;
use common::ledger::RowCounts;
use common::numbers::{Scores, count, counted, score};
use diagnostics::SegmentCheck;
use model::Window;

use super::RunRecord;
use crate::counts::{FileCounts, RowTotals};
use crate::outcome::Outcome;

/// A note on model drift that may be the effect of calls.
pub const CALLING_MAY_EXPLAIN_DRIFT: &str = "the model drift may be the effect of calling: held-out clients left as predicted, called clients did not";

impl fmt::Display for RunRecord {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.as_ref().map_or("open", Outcome::name);
        match (self.run_id, self.dry_run) {
            (_, true) => writeln!(to, "dry run, nothing was changed: {outcome}")?,
            (Some(run), _) => writeln!(to, "run {run}: {outcome}")?,
            (None, _) => writeln!(to, "{outcome}")?,
        }
        to.write_str(&self.summary())?;
        writeln!(to, "  why        {}", self.reason)?;
        if let Some(release) = &self.release {
            writeln!(to, "  live       release {release}")?;
        }
        self.write_input(to)?;
        self.write_scores(to)?;
        self.write_verdicts(to)?;
        self.write_predictions(to)?;
        if let Some(list) = &self.call_list {
            writeln!(to, "  call list  {list}")?;
        }
        if let Some(calls) = &self.call_outcomes {
            writeln!(to, "  calls      {}", calls.outcomes)?;
            if let Some(calibration) = &calls.calibration {
                writeln!(to, "  calls      {calibration}")?;
            }
        }
        if self.drift_may_be_effect_of_calling() {
            writeln!(to, "  calls      {CALLING_MAY_EXPLAIN_DRIFT}")?;
        }
        self.write_reviews(to)?;
        self.write_windows(to)?;
        if let Some(gate) = &self.gate {
            for reason in &gate.reasons {
                writeln!(to, "  gate       {reason}")?;
            }
        }
        if let Some(api) = &self.api {
            writeln!(
                to,
                "  API        {} of {} calls answered",
                api.calls.saturating_sub(api.failures.len()),
                api.calls
            )?;
            for failure in &api.failures {
                writeln!(to, "  API        {failure}")?;
            }
        }
        for warning in &self.warnings {
            writeln!(to, "  warning    {warning}")?;
        }
        for notice in &self.notices {
            writeln!(to, "  notice     {}", notice.what)?;
        }
        to.write_str(&self.yanked_in_words())?;
        self.write_seconds(to)
    }
}

/// Maximum number of features that a sentence names.
pub(crate) const MAX_FEATURES: usize = 5;

impl RunRecord {
    /// A line for each dependency that was withdrawn.
    pub fn yanked_in_words(&self) -> String {
        let line = |yanked: &String| {
            format!("  yanked     {yanked}, which this program is built from; see `diagnostics`\n")
        };
        self.yanked().iter().map(line).collect()
    }

    fn write_input(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ingestion) = &self.ingestion else {
            return Ok(());
        };
        if self.files == FileCounts::default() {
            let total = count(self.rows.total);
            return writeln!(to, "  rows       {total} in finaldata.csv");
        }
        writeln!(to, "  files      {}", files_in_words(self.files))?;
        writeln!(to, "  rows       {}", rows_in_words(self.rows))?;
        for file in &ingestion.files {
            if let Some(rejected) = file.rejected_in_words() {
                writeln!(to, "  rejected   {rejected}")?;
            }
        }
        for warning in ingestion.new_warnings() {
            writeln!(to, "  warning    {warning}")?;
        }
        for removed in ingestion.removed_in_words() {
            writeln!(to, "  removed    {removed}")?;
        }
        if let Some(changed) = ingestion.changed_in_words() {
            writeln!(to, "  changed    {changed}")?;
        }
        if let Some(reason) = &ingestion.rebuilt {
            writeln!(to, "  rebuilt    finaldata.csv: {reason}")?;
        }
        for (what, entries) in [
            ("ignored", &ingestion.ignored),
            ("waiting", &ingestion.waiting),
        ] {
            for entry in entries {
                writeln!(to, "  {what:10} {entry}")?;
            }
        }
        Ok(())
    }

    fn write_scores(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            (
                "deployed model on the new data",
                self.new_score,
                self.new_score_interval,
            ),
            (
                "deployed model on the test data, at its deployment",
                self.deployed_score,
                self.deployed_score_interval,
            ),
            (
                "candidate on the test data",
                self.candidate_score,
                self.candidate_score_interval,
            ),
        ];
        let scores = Scores::of(lines.iter().filter_map(|(_, score, _)| *score));
        for (what, score, interval) in lines {
            if score.is_some() {
                writeln!(to, "  F1         {}, {what}", scores.show(score, interval))?;
            }
        }
        Ok(())
    }

    fn write_verdicts(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(verdicts) = self.verdicts() else {
            return Ok(());
        };
        let model = verdicts.model.to_string();
        // Left out if the reason has the sentence, or if no new row has a label, which is then the reason.
        if !self.reason.contains(&model) && verdicts.model.rows > 0 {
            writeln!(to, "  model      {model}")?;
        }
        for finding in verdicts.feature_sentences() {
            writeln!(to, "  features   {finding}")?;
        }
        let segments = verdicts.segments.as_ref();
        if let Some(finding) = segments.and_then(SegmentCheck::finding) {
            writeln!(to, "  segment    {finding}")?;
        }
        Ok(())
    }

    /// A line for each training window that was tried, the chosen one first.
    fn write_windows(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let losses = Scores::of(self.windows.iter().filter_map(|tried| tried.log_loss));
        let (chosen, others): (Vec<_>, Vec<_>) =
            self.windows.iter().partition(|tried| tried.is_chosen);
        for tried in chosen.into_iter().chain(others) {
            let verb = if tried.is_chosen {
                "trained on"
            } else {
                "compared with"
            };
            let result = match (tried.log_loss, &tried.left_out) {
                (Some(log_loss), _) => format!("log-loss {}", losses.number(log_loss)),
                (None, Some(why)) => format!("left out, because {why}"),
                (None, None) => "no row for the comparison has a label".into(),
            };
            writeln!(
                to,
                "  window     {verb} {}, {} with a label: {result}",
                match tried.window {
                    Window::AllRows => tried.window.to_string(),
                    window => format!("the {window}"),
                },
                count(tried.labelled_rows)
            )?;
        }
        Ok(())
    }

    fn write_predictions(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(estimate) = self.estimate_in_words() {
            writeln!(to, "  estimate   {estimate}")?;
        }
        for realised in self.realised_in_words() {
            writeln!(to, "  realised   {realised}")?;
        }
        Ok(())
    }

    /// The estimated performance on rows without a label, as a sentence. `None` without an estimate.
    pub fn estimate_in_words(&self) -> Option<String> {
        let estimated = self.evidence.as_ref()?.estimated_performance.as_ref()?;
        let estimate = &estimated.estimate;
        let rows = counted(estimate.rows, "row");
        if !estimated.left_reference.is_empty() {
            return Some(format!(
                "F1 cannot be estimated on {rows} without a label: {}",
                estimated.left_reference_in_words()
            ));
        }
        let no_interval = match estimated.has_repeated_clients {
            true => "; no interval, because clients have several rows",
            false => "",
        };
        Some(format!(
            "estimated F1 on {rows} without a label: {}{no_interval}; the estimate does not show changed reasons for leaving",
            score(estimate.f1, estimated.f1_interval)
        ))
    }

    /// The realised performance of earlier predictions, a sentence for each run that predicted.
    pub fn realised_in_words(&self) -> impl Iterator<Item = String> {
        let evidence = self.evidence.iter();
        let realised = evidence.flat_map(|evidence| &evidence.realised_performance);
        realised.map(|realised| {
            let both = [realised.realised_f1, realised.estimated_f1];
            let scores = Scores::of(both.into_iter().flatten());
            let expected = match realised.estimated_f1 {
                Some(f1) => format!("{} was expected", scores.show(Some(f1), None)),
                None => "it could not be estimated".to_owned(),
            };
            format!(
                "F1 {} on {} of run {} whose labels have arrived ({expected})",
                scores.show(realised.realised_f1, None),
                counted(realised.rows, "row"),
                realised.run
            )
        })
    }

    /// A line for each earlier decision that was reviewed, or could not be.
    fn write_reviews(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reviews = self.evidence.iter().flat_map(|it| &it.reviews);
        for review in reviews.filter(|it| it.batches > 0 || it.problem.is_some()) {
            writeln!(to, "  afterwards {review}")?;
        }
        Ok(())
    }

    fn write_seconds(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds.is_empty() {
            return Ok(());
        }
        // Not in `STAGES`: `ranking` makes the call list, which not every run has; `dependencies` is no stage of
        // the pipeline.
        let stages: Vec<String> = STAGES
            .into_iter()
            .chain(["ranking", "dependencies"])
            .filter_map(|stage| Some((stage, self.seconds.get(stage)?)))
            .map(|(stage, seconds)| format!("{stage} {seconds:.3}"))
            .collect();
        writeln!(to, "  seconds    {}", stages.join(", "))
    }
}

/// Numbers of input files by what the run did with them. Kinds without files are left out.
fn files_in_words(files: FileCounts) -> String {
    let kinds = [
        (files.ingested, "ingested"),
        (files.rejected, "rejected"),
        (files.ignored, "ignored"),
        (files.waiting, "waiting"),
        (files.removed, "removed"),
    ];
    let some = kinds.into_iter().filter(|(files, _)| *files > 0);
    let some: Vec<String> = some
        .map(|(files, kind)| format!("{} {kind}", count(files)))
        .collect();
    some.join(", ")
}

/// The rows of a run's files, and how many rows of finaldata.csv are new.
fn rows_in_words(rows: RowTotals) -> String {
    let RowCounts {
        read,
        kept,
        duplicate,
        rejected,
    } = rows.of_files;
    let waited = match rows.new.saturating_sub(kept) {
        0 => String::new(),
        waited => format!(" ({} waited in earlier runs)", count(waited)),
    };
    format!(
        "{} read = {} kept + {} duplicate + {} rejected; {} new{waited} of {} in finaldata.csv",
        count(read),
        count(kept),
        count(duplicate),
        count(rejected),
        count(rows.new),
        count(rows.total)
    )
}
