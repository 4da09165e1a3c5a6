//! The scorecard of a model: its log-odds as points, to be added by hand.
//!
//! A client gets the base points and the points of one row for each feature. For each pair with
//! both features present, the client also gets the points of one row. The scale is the one of
//! credit scoring (Siddiqi, *Credit Risk Scorecards*, 2006, chapter 6). Points rise with the odds
//! of the negative label against the positive one, so more points mean less risk.
//!
//! The points of a feature are relative to the mean training row. They are the feature's
//! [contribution](crate::Scorer::contributions) with the opposite sign, times the points per unit
//! of log-odds. A value that is imputed has 0 points.

mod csv;
mod pairs;
mod tally;

use common::config::ScorecardSettings;
use dataset::passes::{ColumnProfile, Encoding, WeightedTerm};

use self::tally::Tally;
use crate::model::Model;
use crate::scorer::contribution_of;

/// A number that is not the code of any level: codes are not negative.
const NO_LEVEL: f64 = -1.0;

/// The points of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorecard<'m> {
    /// The scale of the points.
    pub scale: ScorecardSettings,
    /// The base points, then the rows of each feature in the order of the schema, then those of pairs.
    pub rows: Vec<ScorecardRow<'m>>,
}

/// One row of the scorecard: a range of numbers, a level, or the missing values of a feature, with the
/// points.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorecardRow<'m> {
    /// The cells that the row is for; `None` for the base points, which each client has.
    pub part: Option<Part<'m>>,
    /// The cells of the second feature, if the points depend on two features together.
    pub second: Option<Part<'m>>,
    /// The points.
    pub points: Points,
    /// Share of the training rows; `None` if there are none.
    pub share: Option<RowShare>,
    /// Share of the positive label among these training rows; `None` if there are none.
    pub positive_rate: Option<RowShare>,
}

/// Cells of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part<'m> {
    /// Name of the feature.
    pub feature: &'m str,
    /// The cells.
    pub cells: Cells<'m>,
}

/// Kinds of cells of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cells<'m> {
    /// All numbers, with points on one straight line. The ends are the smallest and the largest number
    /// of the training rows; the line continues outside of them.
    Line {
        /// The smallest number.
        from: f64,
        /// The largest number.
        to: f64,
    },
    /// The numbers from `from` on and below `to`. An end that is `None` is open.
    Range {
        /// The smallest number of the range.
        from: Option<f64>,
        /// The smallest number above the range.
        to: Option<f64>,
    },
    /// The cells with this level.
    Level(&'m str),
    /// The cells with any level that has no row of its own.
    OtherLevels,
    /// The missing cells.
    Missing,
}

/// Points at the ends of a row's cells. Between the ends of a range they lie on a straight line. Cells
/// that are neither a line nor a range have the same points at both ends. In a row of a pair, `at_from` and
/// `at_to` are with the second feature at its lower end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Points {
    /// Points at the lower end.
    pub at_from: f64,
    /// Points at the upper end.
    pub at_to: f64,
    /// Points at the lower and at the upper end of the first feature, with the second feature at the upper
    /// end of its range. `None` if the second feature has no range.
    pub at_second_to: Option<[f64; 2]>,
    /// Change of the points per unit of the number; `None` unless the cells are a line.
    pub per_unit: Option<f64>,
}

/// A share of training rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowShare {
    /// The share, from 0 to 1.
    pub value: f64,
    /// True if all training rows were counted, false if only the sample in the model's profile was.
    pub is_of_all_rows: bool,
}

impl RowShare {
    /// The share of `of` rows among `all` rows; `None` if `all` is 0.
    fn of(of: u64, all: u64, is_of_all_rows: bool) -> Option<Self> {
        (all > 0).then(|| Self {
            value: of as f64 / all as f64,
            is_of_all_rows,
        })
    }
}

impl<'m> Scorecard<'m> {
    /// The scorecard of a model.
    pub fn of(model: &'m Model, scale: ScorecardSettings) -> Self {
        let expression = model.predictor.expression();
        let mut rows = vec![base(model, scale, expression.mean_value())];
        let is_of_one = |weighted: &WeightedTerm<'_>| !weighted.term.encoding.is_of_two_features();
        let (of_features, of_pairs) = expression
            .terms
            .split_at(expression.terms.partition_point(is_of_one));
        let of_features = of_features.chunk_by(|one, next| one.term.feature == next.term.feature);
        for terms in of_features {
            rows.extend(FeatureRows::of(model, terms).rows(scale));
        }
        for weighted in of_pairs {
            rows.extend(pairs::rows(model, weighted, scale));
        }
        Self { scale, rows }
    }
}

/// Points of one unit of log-odds of the positive label.
fn factor(scale: ScorecardSettings) -> f64 {
    -scale.points_to_double_odds / std::f64::consts::LN_2
}

fn base(model: &Model, scale: ScorecardSettings, log_odds: f64) -> ScorecardRow<'_> {
    let points = scale.score + factor(scale) * (log_odds + scale.odds.ln());
    let points = points.clamp(f64::MIN, f64::MAX);
    let target = model.profile.columns.last();
    let rate = target.and_then(|target| target.moments()?.mean());
    let of_all = |value| RowShare {
        value,
        is_of_all_rows: true,
    };
    ScorecardRow {
        part: None,
        second: None,
        points: Points {
            at_from: points,
            at_to: points,
            at_second_to: None,
            per_unit: None,
        },
        share: (model.profile.rows > 0).then_some(of_all(1.0)),
        positive_rate: rate.map(of_all),
    }
}

/// The rows of one feature.
struct FeatureRows<'t, 'm> {
    name: &'m str,
    terms: &'t [WeightedTerm<'m>],
    profile: &'m ColumnProfile,
    /// Number of training rows.
    n_rows: u64,
    /// The sampled rows: the feature's cells, and 1 for a positive label.
    sample: (&'m [f64], &'m [f64]),
}

impl<'t, 'm> FeatureRows<'t, 'm> {
    /// The rows for the terms of one feature. There must be at least one term.
    fn of(model: &'m Model, terms: &'t [WeightedTerm<'m>]) -> Self {
        let feature = terms[0].term.feature;
        let columns = &model.profile.sample.columns;
        Self {
            name: &model.schema.features[feature].name,
            terms,
            profile: &model.profile.columns[feature],
            n_rows: model.profile.rows,
            sample: (&columns[feature], &columns[model.schema.features.len()]),
        }
    }

    fn rows(&self, scale: ScorecardSettings) -> Vec<ScorecardRow<'m>> {
        let cells = self.cells();
        let mut tallies = Tally::of_each(&cells, self.sample);
        let n_sample = self.sample.0.len() as u64;
        let is_whole = n_sample == self.n_rows;
        let rows = cells.into_iter().map(|cells| {
            let tally = tallies.next().unwrap_or_default();
            ScorecardRow {
                part: Some(Part {
                    feature: self.name,
                    cells,
                }),
                second: None,
                points: self.points(cells, factor(scale)),
                share: match self.count(cells) {
                    Some(count) => RowShare::of(count, self.n_rows, true),
                    None => RowShare::of(tally.rows, n_sample, is_whole),
                },
                positive_rate: RowShare::of(tally.positives, tally.rows, is_whole),
            }
        });
        rows.collect()
    }

    /// All cells of the feature, divided into kinds that exclude each other.
    fn cells(&self) -> Vec<Cells<'m>> {
        let curve = self
            .terms
            .iter()
            .find_map(|weighted| match weighted.term.encoding {
                Encoding::Curve(curve) => Some(curve),
                _ => None,
            });
        let mut cells = match (curve, self.profile.moments()) {
            (Some(curve), _) => ranges(curve.knots()),
            (None, Some(moments)) => {
                let imputed = self.terms[0].imputed;
                vec![Cells::Line {
                    from: moments.minimum().unwrap_or(imputed),
                    to: moments.maximum().unwrap_or(imputed),
                }]
            }
            (None, None) => self.levels().map(Cells::Level).collect(),
        };
        if self.profile.levels().is_some() {
            cells.push(Cells::OtherLevels);
        }
        cells.push(Cells::Missing);
        cells
    }

    /// The levels with rows of their own.
    fn levels(&self) -> impl Iterator<Item = &'m str> {
        let encodings = self.terms.iter().map(|weighted| weighted.term.encoding);
        encodings.filter_map(|encoding| match encoding {
            Encoding::Level(level) => Some(level.text()),
            _ => None,
        })
    }

    fn points(&self, cells: Cells<'m>, factor: f64) -> Points {
        let finite = |points: f64| points.clamp(f64::MIN, f64::MAX);
        let at = |cell: f64| finite(factor * contribution_of(self.terms, cell));
        let [from, to] = ends(cells);
        let is_line = matches!(cells, Cells::Line { .. });
        Points {
            at_from: at(from),
            at_to: at(to),
            at_second_to: None,
            per_unit: is_line.then(|| finite(factor * self.terms[0].coefficient)),
        }
    }

    /// Number of training rows with these cells; `None` if the profile does not count them.
    fn count(&self, cells: Cells<'m>) -> Option<u64> {
        let counted = self.profile.levels().map(|counts| &counts.levels);
        let of_level = |level: &str| {
            let found = counted?.iter().find(|counted| counted.level == level);
            Some(found.map_or(0, |counted| counted.rows))
        };
        match cells {
            Cells::Line { .. } => Some(self.profile.present()),
            Cells::Range { .. } => None,
            Cells::Level(level) => of_level(level),
            Cells::OtherLevels => {
                let own = self.levels().filter_map(of_level);
                Some(own.fold(self.profile.present(), u64::saturating_sub))
            }
            Cells::Missing => Some(self.profile.missing),
        }
    }
}

/// A cell at the lower end and a cell at the upper end of a row; equal unless the row is a line or
/// a range.
fn ends(cells: Cells<'_>) -> [f64; 2] {
    match cells {
        Cells::Line { from, to } => [from, to],
        Cells::Range { from, to } => {
            let ends = from.or(to).zip(to.or(from));
            let (from, to) = ends.unwrap_or_default();
            [from, to]
        }
        Cells::Level(level) => [dataset::level_code(level); 2],
        Cells::OtherLevels => [NO_LEVEL; 2],
        Cells::Missing => [f64::NAN; 2],
    }
}

/// The ranges of a curve or pair: below the first knot, between neighbours, and from the last knot on.
fn ranges<'m>(knots: &[f64]) -> Vec<Cells<'m>> {
    let knots = || knots.iter().copied().map(Some);
    let lower = std::iter::once(None).chain(knots());
    let upper = knots().chain([None]);
    let ends = lower.zip(upper);
    ends.map(|(from, to)| Cells::Range { from, to }).collect()
}
