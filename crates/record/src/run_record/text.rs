//! The record as text.

use std::fmt;

use common::history::STAGES;
use scoring::{f1_with_interval, p_text};

use super::RunRecord;
use crate::counts::FileCounts;
use crate::outcome::Outcome;

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
        let (files, rows) = (self.files, self.rows);
        if files == FileCounts::default() {
            return writeln!(to, "  rows       {} in finaldata.csv", rows.total);
        }
        writeln!(
            to,
            "  files      {} ingested, {} rejected, {} ignored, {} waiting, {} removed",
            files.ingested, files.rejected, files.ignored, files.waiting, files.removed
        )?;
        writeln!(
            to,
            "  rows       {} read = {} kept + {} duplicate + {} rejected; {} new of {} in finaldata.csv",
            rows.taken.read,
            rows.taken.kept,
            rows.taken.duplicate,
            rows.taken.rejected,
            rows.new,
            rows.total
        )?;
        for file in &ingestion.files {
            if let Some(reason) = &file.reason {
                writeln!(to, "  rejected   {}/{}: {reason}", file.folder, file.name)?;
            }
            for rejection in &file.rejections {
                writeln!(to, "  rejected   {}/{}:{rejection}", file.folder, file.name)?;
            }
            let more = (file.rows.rejected as usize).saturating_sub(file.rejections.len());
            if more > 0 {
                writeln!(
                    to,
                    "  rejected   {}/{}: {more} more rows, see rejectedrows.csv",
                    file.folder, file.name
                )?;
            }
        }
        for warning in ingestion.new_warnings() {
            writeln!(to, "  warning    {warning}")?;
        }
        for name in &ingestion.removed {
            writeln!(to, "  removed    {name} is gone, and so are its rows")?;
        }
        for former in &ingestion.no_longer_input {
            writeln!(to, "  removed    {former}")?;
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
        let scores = [
            (
                "deployed model on the new data",
                self.new_score,
                self.new_score_interval,
            ),
            (
                "deployed model on the test data",
                self.deployed_score,
                self.deployed_score_interval,
            ),
            (
                "candidate on the test data",
                self.candidate_score,
                self.candidate_score_interval,
            ),
        ];
        for (what, score, interval) in scores {
            if score.is_some() {
                let f1 = f1_with_interval(score, interval);
                writeln!(to, "  F1         {f1}, {what}")?;
            }
        }
        Ok(())
    }

    fn write_verdicts(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(verdicts) = self.verdicts() else {
            return Ok(());
        };
        let model = verdicts.model.to_string();
        // Where the evidence decides the reason says so already.
        if !self.reason.contains(&model) {
            writeln!(to, "  model      {model}")?;
        }
        for finding in verdicts.feature_sentences() {
            writeln!(to, "  features   {finding}")?;
        }
        Ok(())
    }

    /// A line for each training window that was tried.
    fn write_windows(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tried in &self.windows {
            let result = match (tried.log_loss, &tried.left_out) {
                (Some(log_loss), _) => format!("log-loss {log_loss:.4}"),
                (None, Some(why)) => format!("left out: {why}"),
                (None, None) => "no gate row has a label".into(),
            };
            let p = tried
                .p_value
                .map_or(String::new(), |p| format!(", {}", p_text(p)));
            let chosen = if tried.is_chosen { ", chosen" } else { "" };
            writeln!(
                to,
                "  window     {}, {} labelled: {result}{p}{chosen}",
                tried.window, tried.labelled_rows
            )?;
        }
        Ok(())
    }

    fn write_predictions(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(evidence) = &self.evidence else {
            return Ok(());
        };
        let f1 = |f1: Option<f64>| f1.map_or("undefined".into(), |f1| format!("{f1:.4}"));
        if let Some(estimated) = &evidence.estimated_performance {
            let estimate = &estimated.estimate;
            writeln!(
                to,
                "  estimate   F1 {} on {} new rows without a label (estimate; blind to concept drift)",
                f1(estimate.f1),
                estimate.rows
            )?;
        }
        for realised in &evidence.realised_performance {
            writeln!(
                to,
                "  realised   F1 {} on {} rows of run {} that have a label by now; {} was estimated",
                f1(realised.realised_f1),
                realised.rows,
                realised.run,
                f1(realised.estimated_f1)
            )?;
        }
        Ok(())
    }

    fn write_seconds(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds.is_empty() {
            return Ok(());
        }
        // Asking for newer dependencies is no stage of the pipeline.
        let stages: Vec<String> = STAGES
            .into_iter()
            .chain(["dependencies"])
            .filter_map(|stage| Some((stage, self.seconds.get(stage)?)))
            .map(|(stage, seconds)| format!("{stage} {seconds:.3}"))
            .collect();
        writeln!(to, "  seconds    {}", stages.join(", "))
    }
}
