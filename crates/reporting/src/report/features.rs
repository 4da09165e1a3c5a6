//! The section on the features of new clients, and on segments where the model is wrong.

use std::collections::BTreeMap;

use common::numbers::{count, two_digits};
use diagnostics::{Check, ColumnComparison, SegmentCheck, Verdict, Verdicts};
use maud::{Markup, html};
use record::{Outcome, RunRecord};

use super::earlier::EvaluatedRun;
use super::score_history::with_earlier;
use super::{Part, RunReport, sentences};
use crate::figure::{Distribution, DistributionBin, MissingShares};
use crate::page::prose::prose;
use crate::page::tables::{Cell, Column, bare_p_value, more, or_dash, percent, table};
use crate::page::{NamedFigure, Section, drawn, missing};

/// Maximum number of features whose distribution is drawn: a report has to stay small.
const MAX_DISTRIBUTIONS: usize = 12;
/// Maximum number of findings that are written in sentences.
const MAX_SENTENCES: usize = 10;
/// Maximum number of features in the table.
const MAX_ROWS: usize = 200;
/// Maximum number of features in the figure of missing values.
const MAX_MISSING: usize = 6;
/// Features that never reach this share of missing values are not drawn.
const MIN_MISSING: f64 = 0.001;

pub(crate) fn section(report: &RunReport<'_>) -> Section {
    Section {
        id: "features",
        heading: "Have the clients changed?",
        content: match report.record.verdicts() {
            Some(verdicts) => content(report, verdicts),
            None => html! { p { "This run has not compared new rows with the training rows." } },
        },
    }
}

fn content(report: &RunReport<'_>, verdicts: &Verdicts) -> Markup {
    let features = by_importance(verdicts);
    html! {
        (first_sentences(&verdicts.feature_sentences()))
        (table_of(&features, str::to_owned, |text| text))
        @if let [first, more @ ..] = distributions(&features).as_slice() {
            h3 { "Training rows and new rows" }
            (how_to_read())
            div.small.figures {
                (drawn(first))
                @for figure in more { (drawn(figure)) }
            }
        }
        @match missing_over_time(report) {
            Ok(Some(figure)) => {
                h3 { "Missing values over time" }
                (drawn(&figure))
            },
            Ok(None) => {},
            Err(error) => (missing("Missing values over time", &error)),
        }
        @if let Some(check) = &verdicts.segments { (segments(report.record, check)) }
    }
}

/// The first findings, and how many more the table has.
pub(crate) fn first_sentences(found: &[String]) -> Markup {
    html! {
        (sentences(found.iter().take(MAX_SENTENCES).cloned()))
        (more(found.len().min(MAX_SENTENCES), found.len(), "findings; the table has all features"))
    }
}

/// The figures of the newest verdicts.
pub(super) fn figures(report: &RunReport<'_>) -> Vec<NamedFigure> {
    let Some(verdicts) = report.record.verdicts() else {
        return Vec::new();
    };
    let mut figures = distributions(&by_importance(verdicts));
    figures.extend(missing_over_time(report).ok().flatten());
    figures
}

/// The features with drift first, then by their stability index, the largest first.
pub(crate) fn by_importance(verdicts: &Verdicts) -> Vec<&ColumnComparison> {
    let mut features: Vec<&ColumnComparison> = verdicts.features.iter().collect();
    let index = |it: &ColumnComparison| it.stability.as_ref().map_or(0.0, |psi| psi.index);
    features.sort_by(|a, b| {
        let is_drift = |it: &ColumnComparison| it.verdict == Verdict::Drift;
        is_drift(b)
            .cmp(&is_drift(a))
            .then(index(b).total_cmp(&index(a)))
    });
    features
}

/// The table of the features, those with drift first. `name` and `text` make cells.
pub(crate) fn table_of<C: Cell>(
    features: &[&ColumnComparison],
    name: impl Fn(&str) -> C,
    text: impl Fn(String) -> C,
) -> Markup {
    let rows: Vec<Vec<C>> = features
        .iter()
        .take(MAX_ROWS)
        .map(|feature| {
            let [before, now] = feature.missing_shares;
            let p = |check: &Check| or_dash(check.corrected_p_value.map(bare_p_value));
            let cells = [
                verdict_in_words(feature.verdict).to_owned(),
                p(&feature.distribution),
                or_dash(feature.part.as_ref().map(|part| p(&part.check))),
                or_dash(feature.stability.map(|psi| two_digits(psi.index))),
                p(&feature.missing),
                or_dash(before.map(percent)),
                or_dash(now.map(percent)),
            ];
            let name = std::iter::once(name(&feature.name));
            name.chain(cells.into_iter().map(&text)).collect()
        })
        .collect();
    html! {
        (table(
            "Features: verdict, p-values, stability index and missing values",
            &[
                Column::Text("Feature"),
                Column::Text("Verdict"),
                Column::Number("P-value (values)"),
                Column::Number("P-value (part)"),
                Column::Number("PSI"),
                Column::Number("P-value (missing)"),
                Column::Number("Missing in training"),
                Column::Number("Missing now"),
            ],
            &rows,
        ))
        (more(rows.len(), features.len(), "features"))
    }
}

/// The verdict on a feature in words.
pub(crate) fn verdict_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "no drift",
        Verdict::Drift => "drift",
        Verdict::InsufficientData => "too few values",
    }
}

/// A sentence that explains how to read the figures of distributions.
pub(crate) fn how_to_read() -> Markup {
    html! {
        p.note {
            "Bars: new rows. Outline: training rows. Each bin has its share of the rows with a value. A range includes its upper end."
        }
    }
}

/// The distribution of a feature. `None` if its values were not compared.
pub(crate) fn picture(feature: &ColumnComparison) -> Option<NamedFigure> {
    let verdict = verdict_in_words(feature.verdict);
    let caption = format!("{}: {verdict}", feature.name);
    Some(NamedFigure::new(
        "distribution",
        caption,
        distribution(feature)?,
    ))
}

fn distributions(features: &[&ColumnComparison]) -> Vec<NamedFigure> {
    let drawn = features.iter().filter_map(|feature| picture(feature));
    (1..)
        .zip(drawn.take(MAX_DISTRIBUTIONS))
        .map(|(place, drawn)| NamedFigure {
            name: format!("distribution_{place}"),
            ..drawn
        })
        .collect()
}

fn distribution(feature: &ColumnComparison) -> Option<Distribution> {
    let histogram = feature.histogram.as_ref()?;
    let bins = histogram.bins.iter().map(|bin| DistributionBin {
        label: bin.bin.to_string(),
        reference: bin.shares[0],
        now: bin.shares[1],
    });
    Some(Distribution {
        feature: feature.name.clone(),
        bins: bins.collect(),
    })
}

/// The share of missing values by run, for the features with the largest shares. `None` if there is
/// nothing to draw.
fn missing_over_time(report: &RunReport<'_>) -> Part<Option<NamedFigure>> {
    let earlier = match &report.earlier {
        Ok(earlier) => earlier,
        Err(error) => anyhow::bail!("{error:#}"),
    };
    let last = EvaluatedRun::of(report.record);
    let mut runs: Vec<&EvaluatedRun> = with_earlier(last.as_ref(), &earlier.runs)
        .filter(|run| run.features.is_some())
        .collect();
    runs.reverse();
    let series = series_of_missing(&runs);
    if runs.len() < 2 || series.is_empty() {
        return Ok(None);
    }
    let figure = MissingShares {
        runs: runs.iter().map(|run| run.run).collect(),
        series,
    };
    let caption = "Share of missing values in the new rows of each run";
    Ok(Some(NamedFigure::new("missing", caption, figure)))
}

fn series_of_missing(runs: &[&EvaluatedRun]) -> Vec<(String, Vec<Option<f64>>)> {
    let mut by_name: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        for feature in run.features.iter().flatten() {
            let shares = by_name
                .entry(&feature.name)
                .or_insert_with(|| vec![None; runs.len()]);
            shares[place] = feature.missing;
        }
    }
    let largest = |shares: &[Option<f64>]| shares.iter().flatten().copied().fold(0.0, f64::max);
    let mut series: Vec<(String, Vec<Option<f64>>)> = by_name
        .into_iter()
        .filter(|(_, shares)| largest(shares) >= MIN_MISSING)
        .map(|(name, shares)| (name.to_owned(), shares))
        .collect();
    series.sort_by(|(_, a), (_, b)| largest(b).total_cmp(&largest(a)));
    series.truncate(MAX_MISSING);
    series
}

/// The segments in which the model is wrong.
fn segments(record: &RunRecord, check: &SegmentCheck) -> Markup {
    let rows: Vec<Vec<String>> = check
        .segments
        .iter()
        .map(|segment| {
            vec![
                segment.clients(),
                count(segment.rows),
                percent(segment.positives as f64 / segment.rows.max(1) as f64),
                percent(segment.expected / segment.rows.max(1) as f64),
                bare_p_value(segment.corrected_p_value),
                difference_in_words(segment.verdict).to_owned(),
            ]
        })
        .collect();
    let found = check.finding();
    let found = found.unwrap_or_else(|| {
        format!(
            "no tested segment differs significantly from its prediction ({} tested)",
            count(check.tested)
        )
    });
    html! {
        h3 {
            @match record.outcome {
                Some(Outcome::Redeployed) => "Where was the previous model wrong?",
                _ => "Where is the model wrong?",
            }
        }
        p { (prose(&found)) }
        (table(
            "Segments: observed and predicted share of leavers",
            &[
                Column::Text("Segment"),
                Column::Number("Rows"),
                Column::Number("Share that left"),
                Column::Number("Predicted share"),
                Column::Number("P-value"),
                Column::Text("Verdict"),
            ],
            &rows,
        ))
        @if check.tested as usize > rows.len() {
            p.note { "The " (rows.len()) " segments with the smallest p-values, of " (count(check.tested)) "." }
        }
    }
}

fn difference_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "no difference",
        Verdict::Drift => "difference",
        Verdict::InsufficientData => "too few rows",
    }
}
