//! The report of the command `training`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use common::cli;
use dataset::passes::{Curve, Encoding, Moments, Surface};
use model::matrix::Matrix;
use model::{Check, Coefficient, Form, FormResult, Model, PairTable};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::headroom::Headroom;

/// The figures of a fitted model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainReport {
    /// Log-odds where all features are 0.
    pub intercept: f64,
    /// Coefficients in log-odds per raw unit, in the order of the schema's features.
    ///
    /// They are serialised as a map by feature, or by the name of a pair. A number has its
    /// coefficient, or its curve as `knots` and the `effect` at each knot, in log-odds. A pair has
    /// a [`PairTable`]. A category has a list of levels, in which the level `null` stands for all
    /// other levels.
    #[serde(serialize_with = "by_feature")]
    pub coefficients: Vec<FittedCoefficient>,
    /// How the log-odds depend on the features.
    pub form: Form,
    /// The forms that were tried; empty without a choice.
    pub forms: Vec<FormResult>,
    /// Probability above which the positive label is predicted.
    pub threshold: f64,
    /// Number of labelled rows.
    pub rows: u64,
    /// Number of positive labels among them.
    pub positives: u64,
    /// Newton steps taken.
    pub iterations: u32,
    /// Norm of the objective's gradient on the standardised axes.
    pub gradient_norm: f64,
    /// Value of the objective: sum of log-losses and penalty.
    pub loss: f64,
    /// Result of the independent check.
    pub check: Check,
    /// How much better boosted trees rank the rows; absent unless `--headroom` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Headroom>,
    /// Notes about the model, one sentence each.
    pub notes: Vec<String>,
    /// The model file.
    pub model: PathBuf,
    /// SHA-256 of the model file.
    pub digest: String,
}

/// A coefficient of a fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedCoefficient {
    /// The feature.
    pub feature: String,
    /// The part of the feature that the coefficient belongs to.
    pub of: FittedTo,
    /// The coefficient's name for people, for example `plan = gold`.
    pub name: String,
    /// Log-odds per raw unit.
    pub value: f64,
}

/// The part of a feature that a coefficient belongs to.
#[derive(Clone, Debug, PartialEq)]
pub enum FittedTo {
    /// The number.
    Number,
    /// The curve of a number, whose values are log-odds.
    Curve(Curve),
    /// The effect of a pair of features, whose values are log-odds.
    Pair {
        /// The second feature.
        other: String,
        /// The effect.
        surface: Surface,
    },
    /// A level of a category.
    Level(String),
    /// All other levels of a category.
    AnyOther,
    /// The missing cells of a feature.
    Missing,
}

/// The lowest and the highest value of a pair's effect.
fn extremes(surface: &Surface) -> String {
    let values = || surface.values.iter().copied();
    let (lowest, highest) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    format!("   from {lowest:+.2} to {highest:+.2}")
}

/// The serialised form of a level's coefficient; `level` is `None` for all other levels, and for
/// missing cells.
#[derive(Serialize)]
struct OfLevel<'r> {
    level: Option<&'r str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
    value: f64,
}

impl FittedCoefficient {
    /// The coefficient for the report; `None` for the trend of a number, which has no part in
    /// predictions.
    fn of(coefficient: &Coefficient<'_>) -> Option<Self> {
        Some(Self {
            feature: coefficient.feature.to_owned(),
            of: match coefficient.encoding {
                Encoding::Number => FittedTo::Number,
                Encoding::Curve(curve) => FittedTo::Curve(curve.clone()),
                Encoding::Surface(surface) => FittedTo::Pair {
                    other: coefficient.other_feature?.to_owned(),
                    surface: surface.clone(),
                },
                Encoding::Trend(_) | Encoding::Step(..) | Encoding::Cell(..) => return None,
                Encoding::Level(level) => FittedTo::Level(level.text().to_owned()),
                Encoding::OtherThan(_) => FittedTo::AnyOther,
                Encoding::Missing => FittedTo::Missing,
            },
            name: coefficient.name(),
            value: coefficient.value,
        })
    }

    /// The coefficient for people: a number, or the points of a curve.
    fn shown(&self) -> String {
        let curve = match &self.of {
            FittedTo::Curve(curve) => curve,
            FittedTo::Pair { surface, .. } => return extremes(surface),
            _ => return significant(self.value),
        };
        let points = curve.knots().iter().zip(curve.values());
        let points: Vec<String> = points
            .map(|(knot, value)| format!("{value:+.2} at {knot}"))
            .collect();
        format!("   {}", points.join(", "))
    }

    fn of_level(&self) -> OfLevel<'_> {
        let level = match &self.of {
            FittedTo::Level(level) => Some(level.as_str()),
            _ => None,
        };
        OfLevel {
            level,
            missing: self.of == FittedTo::Missing,
            value: self.value,
        }
    }
}

/// The serialised form of a number's curve.
#[derive(Serialize)]
struct OfCurve<'r> {
    knots: &'r [f64],
    /// Log-odds at each knot.
    effect: &'r [f64],
    /// Log-odds of missing cells; absent if they are imputed.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<f64>,
}

fn by_feature<S: Serializer>(all: &[FittedCoefficient], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    let is_pair = |it: &FittedCoefficient| matches!(it.of, FittedTo::Pair { .. });
    for own in all.chunk_by(|one, next| one.feature == next.feature && !is_pair(next)) {
        match own {
            [only] if only.of == FittedTo::Number => {
                map.serialize_entry(&only.feature, &only.value)?;
            }
            [
                FittedCoefficient {
                    feature,
                    of: FittedTo::Pair { other, surface },
                    name,
                    ..
                },
            ] => map.serialize_entry(name, &PairTable::of([feature, other], surface))?,
            [
                FittedCoefficient {
                    feature,
                    of: FittedTo::Curve(curve),
                    ..
                },
                others @ ..,
            ] => {
                let of_curve = OfCurve {
                    knots: curve.knots(),
                    effect: curve.values(),
                    missing: others.first().map(|missing| missing.value),
                };
                map.serialize_entry(feature, &of_curve)?;
            }
            levels => {
                let list: Vec<OfLevel<'_>> =
                    levels.iter().map(FittedCoefficient::of_level).collect();
                map.serialize_entry(&levels[0].feature, &list)?;
            }
        }
    }
    map.end()
}

impl TrainReport {
    /// The report on a model whose file is `path` and has the SHA-256 `digest`.
    pub fn of(model: &Model, path: &Path, digest: String) -> Self {
        Self {
            intercept: model.predictor.expression().intercept,
            coefficients: model
                .coefficients()
                .filter_map(|coefficient| FittedCoefficient::of(&coefficient))
                .collect(),
            form: model.predictor.form(),
            forms: model.forms.clone(),
            threshold: model.threshold.probability(),
            rows: model.rows,
            positives: model.positives,
            iterations: model.convergence.iterations,
            gradient_norm: model.convergence.gradient_norm,
            loss: model.convergence.loss,
            check: model.check,
            headroom: None,
            notes: notes(model),
            model: path.to_owned(),
            digest,
        }
    }
}

impl cli::Report for TrainReport {}

impl fmt::Display for TrainReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.coefficients.iter().map(|it| it.name.chars().count());
        let width = widest.max().unwrap_or(0).max("intercept".len());
        writeln!(
            to,
            "{:width$}  {}",
            "intercept",
            significant(self.intercept)
        )?;
        for coefficient in &self.coefficients {
            writeln!(to, "{:width$}  {}", coefficient.name, coefficient.shown())?;
        }
        for tried in &self.forms {
            let chosen = if tried.is_chosen { ", chosen" } else { "" };
            writeln!(
                to,
                "form {}: log-loss {:.4} out of fold (penalty c {}){chosen}",
                tried.form, tried.log_loss, tried.c
            )?;
        }
        writeln!(
            to,
            "fitted to {} labelled rows ({} with label 1) in {} steps, loss {:.6}, gradient norm {:.1e}",
            self.rows, self.positives, self.iterations, self.loss, self.gradient_norm
        )?;
        let threshold = self.threshold;
        writeln!(
            to,
            "label 1 is predicted above a probability of {threshold:.4}"
        )?;
        writeln!(to, "independent check: {}", self.check)?;
        if let Some(headroom) = &self.headroom {
            writeln!(to, "headroom: {headroom}")?;
        }
        for note in &self.notes {
            writeln!(to, "note: {note}")?;
        }
        writeln!(to, "model: {}", self.model.display())
    }
}

fn notes(model: &Model) -> Vec<String> {
    let Some(covariance) = &model.covariance else {
        return vec![
            "the coefficients have no covariance: columns hold values too large to calculate with"
                .into(),
        ];
    };
    match &collinear(model, covariance)[..] {
        [] => Vec::new(),
        [only] if model.schema.has_categories() => vec![format!(
            "{only} and levels of categories are collinear: the rows determine only what their coefficients add up to"
        )],
        [only] => vec![format!(
            "the rows do not determine the coefficient of {only}"
        )],
        [rest @ .., last] => vec![format!(
            "{} and {last} are collinear: the rows determine only what their coefficients add up to",
            rest.join(", ")
        )],
    }
}

/// Standard error above which a coefficient is not determined, in log-odds per standard deviation
/// of its column. Even separable rows without a penalty have a smaller one.
const UNDETERMINED: f64 = 100.0;

/// Names of the numbers whose coefficients the rows do not determine one by one.
fn collinear(model: &Model, covariance: &Matrix) -> Vec<String> {
    let columns = &model.profile.columns;
    let features = model.schema.features.iter().zip(columns);
    let spreads = features.map(|(feature, column)| {
        let moments = column.moments();
        (&feature.name, moments.and_then(Moments::standard_deviation))
    });
    let spreads: BTreeMap<&String, Option<f64>> = spreads.collect();
    let is_open = |(place, coefficient): &(usize, Coefficient<'_>)| {
        if coefficient.encoding != Encoding::Number {
            return false;
        }
        let spread = spreads
            .get(&coefficient.feature.to_owned())
            .copied()
            .flatten();
        let error = covariance[[place + 1, place + 1]].sqrt();
        spread.is_some_and(|spread| error * spread > UNDETERMINED)
    };
    let open = model.coefficients().enumerate().filter(is_open);
    open.map(|(_, coefficient)| coefficient.name()).collect()
}

/// A coefficient as text. Raw units allow any magnitude, so very small and very large numbers are
/// shown in powers of ten.
fn significant(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        format!("{value:>16.9}")
    } else {
        format!("{value:>16.6e}")
    }
}
