//! Reviews of earlier decisions: do later rows show that a retrain, a refusal or a rollback was
//! right?
//!
//! For each decision, the model that it chose and the model that it did not choose both predict
//! every batch of new labelled rows. Neither model was fitted to these rows. The sums are committed
//! with the mark that the rows are evaluated, so no row counts twice.
//!
//! Only the newest [`MAX_REVIEWS`] decisions are reviewed, so at most twice as many models predict
//! a batch. A model that cannot be opened is named in the record; the run continues.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use common::history::{ChangeByHand, ChangeKind};
use common::manifest::PublishedManifests;
use common::{Config, History, Layout, Manifest, files};
use dataset::passes::label_counts;
use deployment::{Release, sort_key};
use model::Model;
use record::{Effect, KeptModel, Review, ReviewedDecision, RunRecord};
use serde::{Deserialize, Serialize};

use crate::evaluation::{LiveRelease, RunData};
use crate::open_run::OpenRun;
use crate::trial::ScoredCandidate;

/// Name of the history document with the decisions that are reviewed.
const REVIEWED_DECISIONS: &str = "decisions under review";
/// Maximum number of decisions under review.
pub(crate) const MAX_REVIEWS: usize = 5;

/// Upper limit of changes by hand in which the one that made the live release live is looked for.
const MAX_CHANGES: i64 = 1000;

/// The decisions under review, the oldest first.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct ReviewedDecisions {
    /// The release that was live after the last evaluation.
    live: Option<String>,
    reviews: Vec<Review>,
}

/// Reviews the earlier decisions on the new labelled rows. Without such rows, returns only the
/// decision that changed the live release since the last evaluation.
pub(crate) fn review(
    config: &Config,
    history: &History,
    run: i64,
    live: Option<&LiveRelease>,
    data: &RunData,
) -> anyhow::Result<Vec<Review>> {
    let Some(live) = live else {
        return Ok(Vec::new());
    };
    let mut decisions = load(history)?;
    let by_hand = history.release_changes(MAX_CHANGES)?;
    let by_hand = by_hand
        .iter()
        .find(|change| change.to.as_deref() == Some(live.release.name()));
    let change = decisions.change_of_live(live.manifest(), run, by_hand);
    let new = data.new_rows(config)?;
    if label_counts(new.table, &new.selection)?.labelled() == 0 {
        return Ok(change.into_iter().collect());
    }
    if let Some(change) = change {
        decisions.put(change);
    }
    decisions.drop_oldest();
    let kept = decisions.reviews.iter();
    let kept = kept.flat_map(|review| [&review.chosen, &review.other]);
    let models = Models::open(config, data.ledger.rows, kept);
    for review in &mut decisions.reviews {
        review.problem = None;
        match (models.get(&review.chosen), models.get(&review.other)) {
            (Ok(chosen), Ok(other)) => add_new_rows(review, [chosen, other], config, data)?,
            (Err(problem), _) | (_, Err(problem)) => review.problem = Some(problem),
        }
    }
    Ok(decisions.reviews)
}

/// Adds the new rows that neither model was fitted to.
fn add_new_rows(
    review: &mut Review,
    [chosen, other]: [&OpenedModel; 2],
    config: &Config,
    data: &RunData,
) -> anyhow::Result<()> {
    let first = data.ledger.evaluated_rows.max(chosen.rows).max(other.rows);
    let rows = data.rows_from(config, first)?;
    let is_sample = rows.sample().is_some();
    let (table, rows) = (rows.table, rows.selection.rows);
    let found = scoring::paired_losses(&chosen.model, &other.model, table, rows)?;
    if found.rows > 0 {
        review.add(&found);
        review.is_sample |= is_sample;
    }
    Ok(())
}

/// Stores the reviews of a run and adds its own decision; part of the transaction that marks its rows as
/// evaluated. Returns the refused candidates that no review needs any more.
pub(crate) fn save(history: &History, run: i64, record: &RunRecord) -> anyhow::Result<Vec<i64>> {
    let Some(evidence) = &record.evidence else {
        return Ok(Vec::new());
    };
    let mut decisions = load(history)?;
    for review in &evidence.reviews {
        decisions.put(review.clone());
    }
    let live_before = evidence.deployed.as_ref().map(|it| it.release.as_str());
    let own = decision_of(run, record, live_before);
    decisions.reviews.extend(own);
    decisions.live.clone_from(&record.release);
    let dropped = decisions.drop_oldest();
    history.save_document(REVIEWED_DECISIONS, &decisions)?;
    Ok(dropped)
}

/// Runs whose refused candidates are kept for a review.
pub(crate) fn kept_candidates(history: &History) -> anyhow::Result<Vec<i64>> {
    let decisions = load(history)?;
    Ok(decisions.reviews.iter().filter_map(candidate_run).collect())
}

/// Removes refused candidates. A run does not fail because one cannot be removed.
pub(crate) fn remove_candidates(layout: &Layout, runs: &[i64]) {
    for run in runs {
        let path = layout.refused_candidate(*run);
        if let Err(error) = files::remove_file(&path) {
            tracing::warn!("{error:#}");
        }
    }
}

impl OpenRun<'_> {
    /// Keeps a refused candidate in the folder of the run.
    pub(crate) fn keep_refused(&self, candidate: &ScoredCandidate) -> anyhow::Result<()> {
        let layout = &self.config.layout;
        files::create_folder(&layout.run_folder(self.id))?;
        files::replace(
            &layout.refused_candidate(self.id),
            &candidate.model.encode()?,
        )
    }
}

/// The decision of a run that ended with another model, or with a refused candidate.
fn decision_of(run: i64, record: &RunRecord, live_before: Option<&str>) -> Option<Review> {
    let before = KeptModel::Release {
        release: live_before?.to_owned(),
    };
    if record.effects.contains(&Effect::Published) {
        let release = record.release.clone()?;
        let chosen = KeptModel::Release { release };
        return Some(Review::begin(
            ReviewedDecision::Retrain,
            run,
            chosen,
            before,
        ));
    }
    let gate = record.gate.as_ref()?;
    if gate.accepted || gate.waits || !record.effects.contains(&Effect::Trained) {
        return None;
    }
    let model = record.candidate_model.clone()?;
    let refused = KeptModel::Candidate { run, model };
    Some(Review::begin(
        ReviewedDecision::Refusal,
        run,
        before,
        refused,
    ))
}

fn load(history: &History) -> anyhow::Result<ReviewedDecisions> {
    Ok(history.document(REVIEWED_DECISIONS)?.unwrap_or_default())
}

/// The kind of a change by hand, and the first run after it. `None` for a change of an older program.
fn decision_by_hand(change: &ChangeByHand) -> Option<(ReviewedDecision, i64)> {
    let [from, to] = [&change.from, &change.to].map(|name| name.as_deref().map(sort_key));
    let decision = match change.kind {
        ChangeKind::Deployment => ReviewedDecision::DeploymentByHand,
        // Numbers of releases only increase, so a higher number is a later release.
        ChangeKind::Rollback if from < to => ReviewedDecision::Return,
        ChangeKind::Rollback => ReviewedDecision::Rollback,
        ChangeKind::Ingestion | ChangeKind::Training | ChangeKind::Unknown => return None,
    };
    Some((decision, change.after_run + 1))
}

/// Run of the refused candidate of a review.
fn candidate_run(review: &Review) -> Option<i64> {
    match &review.other {
        KeptModel::Candidate { run, .. } => Some(*run),
        KeptModel::Release { .. } => None,
    }
}

impl ReviewedDecisions {
    /// The decision that changed the live release since the last evaluation. Usually it is a person's.
    /// `by_hand` is the newest change by hand that made this release live.
    ///
    /// The history does not have the changes of older programs. The kind of such a change follows from the
    /// two releases. It counts as a decision of `run`, the run that evaluates now.
    fn change_of_live(
        &self,
        live: &Manifest,
        run: i64,
        by_hand: Option<&ChangeByHand>,
    ) -> Option<Review> {
        let before = self.live.clone()?;
        let release = live.release.clone();
        let known = by_hand.and_then(decision_by_hand);
        let (decision, run) = match (sort_key(&release).cmp(&sort_key(&before)), live.run) {
            (Ordering::Equal, _) => return None,
            _ if known.is_some() => known?,
            // Numbers of releases only increase, so a lower number is an earlier release.
            (Ordering::Less, _) => (ReviewedDecision::Rollback, run),
            (Ordering::Greater, None) => (ReviewedDecision::DeploymentByHand, run),
            // The decision of that run is known already, so a person made its release live again.
            (Ordering::Greater, Some(own)) if self.has_retrain(own) => {
                (ReviewedDecision::Return, run)
            }
            // The run was killed before it could record its decision.
            (Ordering::Greater, Some(own)) => (ReviewedDecision::Retrain, own),
        };
        let [chosen, other] = [release, before].map(|release| KeptModel::Release { release });
        Some(Review::begin(decision, run, chosen, other))
    }

    fn has_retrain(&self, run: i64) -> bool {
        let retrain = (ReviewedDecision::Retrain, run);
        self.reviews
            .iter()
            .any(|own| (own.decision, own.run) == retrain)
    }

    /// Replaces the review of the same decision, or appends the review.
    fn put(&mut self, review: Review) {
        let mut own = self.reviews.iter_mut();
        match own.find(|own| own.is_of_decision(&review)) {
            Some(own) => *own = review,
            None => self.reviews.push(review),
        }
    }

    /// Drops the oldest decisions. Returns the runs of their candidates.
    fn drop_oldest(&mut self) -> Vec<i64> {
        let surplus = self.reviews.len().saturating_sub(MAX_REVIEWS);
        let dropped = self.reviews.drain(..surplus);
        dropped
            .filter_map(|review| candidate_run(&review))
            .collect()
    }
}

/// The models of the reviews by name, each opened once.
struct Models(BTreeMap<String, Result<OpenedModel, String>>);

/// A model, and the number of rows of finaldata.csv that it was fitted to.
struct OpenedModel {
    model: Model,
    rows: u64,
}

impl Models {
    /// Opens models. `rows` is the number of rows of finaldata.csv.
    fn open<'k>(config: &Config, rows: u64, kept: impl Iterator<Item = &'k KeptModel>) -> Self {
        let mut models = BTreeMap::new();
        for kept in kept {
            let opened = || opened(config, rows, kept);
            models.entry(kept.to_string()).or_insert_with(opened);
        }
        Self(models)
    }

    /// A model, or the reason why it cannot be compared.
    fn get(&self, kept: &KeptModel) -> Result<&OpenedModel, String> {
        let found = self.0.get(&kept.to_string());
        let found = found.ok_or_else(|| format!("{kept} was not opened"))?;
        found.as_ref().map_err(Clone::clone)
    }
}

fn opened(config: &Config, rows: u64, kept: &KeptModel) -> Result<OpenedModel, String> {
    let model = match model_of(&config.layout, kept) {
        Ok(Some(model)) => model,
        Ok(None) => return Err(format!("the model of {kept} was changed")),
        Err(error) => {
            tracing::warn!("{error:#}");
            return Err(format!("{kept} cannot be opened"));
        }
    };
    if !model.fits_schema(&config.schema) {
        return Err(format!("{kept} reads other columns"));
    }
    // If there are fewer rows than the model was fitted to, the data has been rebuilt in another
    // order. No row is then known as a training row, and all older rows count as evaluated.
    let fitted = Some(model.data.rows).filter(|fitted| *fitted <= rows);
    Ok(OpenedModel {
        model,
        rows: fitted.unwrap_or(0),
    })
}

/// The model; `None` if its file has changed since it was kept.
fn model_of(layout: &Layout, kept: &KeptModel) -> anyhow::Result<Option<Model>> {
    match kept {
        KeptModel::Release { release } => {
            let published = PublishedManifests::read(layout)?;
            let release = Release::open_published(&layout.release(release), &published)?;
            release.model().map(Some)
        }
        KeptModel::Candidate { run, model } => {
            Model::load_published(&layout.refused_candidate(*run), model)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(number: u32) -> KeptModel {
        KeptModel::Release {
            release: format!("{number:06}"),
        }
    }

    fn refusal(run: i64) -> Review {
        let model = "ab".into();
        let candidate = KeptModel::Candidate { run, model };
        Review::begin(ReviewedDecision::Refusal, run, release(1), candidate)
    }

    #[test]
    fn the_newest_decisions_are_kept_and_the_candidates_of_the_others_removed() {
        let mut decisions = ReviewedDecisions {
            live: None,
            reviews: (1..=7).map(refusal).collect(),
        };
        assert_eq!(decisions.drop_oldest(), [1, 2]);
        let runs: Vec<i64> = decisions.reviews.iter().map(|it| it.run).collect();
        assert_eq!(runs, [3, 4, 5, 6, 7]);
        assert_eq!(decisions.drop_oldest(), [0_i64; 0]);
    }

    #[test]
    fn a_review_takes_the_place_of_its_former_state() {
        let mut decisions = ReviewedDecisions::default();
        decisions.put(refusal(3));
        decisions.put(refusal(4));
        let problem = Some("the candidate of run 3 cannot be opened".to_owned());
        let later = Review {
            problem,
            ..refusal(3)
        };
        decisions.put(later.clone());
        assert_eq!(decisions.reviews, [later, refusal(4)]);
    }

    #[test]
    fn what_changed_the_live_release_is_a_decision() {
        use ReviewedDecision::{DeploymentByHand, Retrain, Return, Rollback};
        let live = |number: u32, run| {
            serde_json::from_value::<Manifest>(serde_json::json!({
                "version": 1,
                "release": format!("{number:06}"),
                "created_at": "2026-03-01T12:00:00Z",
                "parent": null,
                "run": run,
                "score": 0.5,
                "files": {},
                "data": {"rows": 0, "committed_bytes": 0, "digest": "", "files": []},
            }))
            .unwrap()
        };
        let after = |before: Option<&str>, number, run: Option<i64>| {
            let decisions = ReviewedDecisions {
                live: before.map(str::to_owned),
                reviews: vec![Review::begin(Retrain, 4, release(2), release(1))],
            };
            let change = decisions.change_of_live(&live(number, run), 9, None);
            change.map(|it| (it.decision, it.run, it.chosen, it.other))
        };
        let both = |chosen, other| (release(chosen), release(other));
        for (before, number, run, wanted) in [
            (None, 1, Some(1), None),
            (Some("000002"), 2, Some(3), None),
            (Some("000002"), 1, Some(1), Some((Rollback, 9, both(1, 2)))),
            (
                Some("000002"),
                3,
                None,
                Some((DeploymentByHand, 9, both(3, 2))),
            ),
            (Some("000002"), 3, Some(5), Some((Retrain, 5, both(3, 2)))),
            (Some("000001"), 2, Some(4), Some((Return, 9, both(2, 1)))),
            (
                Some("999999"),
                1_000_000,
                None,
                Some((DeploymentByHand, 9, both(1_000_000, 999_999))),
            ),
        ] {
            let wanted =
                wanted.map(|(decision, run, (chosen, other))| (decision, run, chosen, other));
            assert_eq!(after(before, number, run), wanted);
        }
        // The history knows who did it, and when, although nothing was evaluated for a while.
        let decisions = ReviewedDecisions {
            live: Some("000002".into()),
            reviews: Vec::new(),
        };
        for (kind, from, number, run, wanted) in [
            (ChangeKind::Rollback, "000002", 1, Some(1), Rollback),
            (ChangeKind::Rollback, "000001", 3, Some(4), Return),
            (ChangeKind::Rollback, "999999", 1_000_000, Some(4), Return),
            (ChangeKind::Deployment, "000002", 3, None, DeploymentByHand),
        ] {
            let change = ChangeByHand {
                id: 1,
                kind,
                after_run: 6,
                made_at: jiff::Timestamp::UNIX_EPOCH,
                by: None,
                from: Some(from.into()),
                to: Some(format!("{number:06}")),
                note: None,
            };
            let found = decisions.change_of_live(&live(number, run), 9, Some(&change));
            let found = found.expect("a decision");
            assert_eq!((found.decision, found.run), (wanted, 7));
        }
    }
}
