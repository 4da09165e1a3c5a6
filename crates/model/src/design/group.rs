//! The columns of one feature, or of a pair of features.

use common::schema::{EffectShape, flaw_of_level};
use dataset::Level;
use dataset::passes::{Curve, Encoding, Grid, Parts, Surface, Term};
use serde::{Deserialize, Serialize};

use super::levels::MAX_CATEGORY_LEVELS;

/// The columns of one feature, or of a pair. The serialised form does not name the variant: a
/// reader recognises it by its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Group {
    Category(Category),
    Effect(Effect),
    Steps(Steps),
    Pair(PairEffect),
    Cells(Grid),
    Line(Line),
}

/// A number whose straight line must rise or must fall. Other straight lines have no group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// `Effect` and `Steps` have these fields, too. They are not read as a line, because their other fields are
// unknown here.
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// Index of the number among the features.
    pub(super) feature: usize,
    /// Direction of the line.
    pub(super) shape: EffectShape,
}

/// A number while its curve is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Steps {
    /// Index of the number among the features.
    pub(super) feature: usize,
    /// Increasing numbers. Each pair of neighbours has a column, which rises from 0 to 1 between them.
    pub(super) knots: Vec<f64>,
    /// Configured shape of the curve.
    #[serde(default, skip_serializing_if = "EffectShape::is_any")]
    pub(super) shape: EffectShape,
    /// True if missing cells have their own column. Otherwise they are imputed.
    pub(super) missing: bool,
}

/// The fitted curve of a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Index of the number among the features.
    pub feature: usize,
    /// A straight line from 0 at the first knot to 1 at the last one.
    pub trend: Curve,
    /// Log-odds that the number adds. Their mean over the training rows is 0.
    pub effect: Curve,
    /// Configured shape of the curve.
    #[serde(default, skip_serializing_if = "EffectShape::is_any")]
    pub shape: EffectShape,
    /// True if drift tests watch the effect, too, not only the trend.
    pub is_watched: bool,
    /// True if missing cells have their own column. Otherwise they are imputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// The fitted effect of a pair of features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairEffect {
    /// Log-odds of both features together, in addition to the log-odds of each feature alone.
    pub surface: Surface,
    /// True if drift tests watch the effect.
    pub is_watched: bool,
}

/// A category in a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Category {
    /// Index of the category among the features.
    pub(super) feature: usize,
    /// The levels that have their own columns.
    pub(super) levels: Vec<Level>,
    /// True if missing cells have their own column. Otherwise they are imputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) missing: bool,
}

impl Group {
    /// Index of the feature; `None` for a pair.
    pub(super) fn feature(&self) -> Option<usize> {
        match self {
            Self::Category(category) => Some(category.feature),
            Self::Effect(effect) => Some(effect.feature),
            Self::Steps(steps) => Some(steps.feature),
            Self::Line(line) => Some(line.feature),
            Self::Pair(_) | Self::Cells(_) => None,
        }
    }

    /// Indices of both features of a pair; `None` for a single feature.
    pub(super) fn pair(&self) -> Option<[usize; 2]> {
        match self {
            Self::Pair(pair) => Some(pair.surface.grid.features()),
            Self::Cells(grid) => Some(grid.features()),
            Self::Category(_) | Self::Effect(_) | Self::Steps(_) | Self::Line(_) => None,
        }
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Category(it) => it.levels.len() + 1 + usize::from(it.missing),
            Self::Effect(it) => 2 + usize::from(it.missing),
            Self::Steps(it) => it.knots.len().saturating_sub(1) + usize::from(it.missing),
            Self::Pair(_) | Self::Line(_) => 1,
            Self::Cells(grid) => grid.len(),
        }
    }

    pub(super) fn terms(&self) -> Vec<Term<'_>> {
        match self {
            Self::Category(category) => category.terms().collect(),
            Self::Effect(it) => {
                let both = [Encoding::Trend(&it.trend), Encoding::Curve(&it.effect)];
                of_number(it.feature, both, it.missing)
            }
            Self::Steps(it) => {
                let steps = 0..it.knots.len().saturating_sub(1);
                let steps = steps.map(|step| Encoding::Step(&it.knots, step));
                of_number(it.feature, steps, it.missing)
            }
            Self::Line(line) => vec![Term::number(line.feature)],
            Self::Pair(it) => vec![imputed(
                it.surface.grid.first.feature,
                Encoding::Surface(&it.surface),
            )],
            Self::Cells(grid) => {
                let cells = (0..grid.len()).map(|place| Encoding::Cell(grid, place));
                cells
                    .map(|cell| imputed(grid.first.feature, cell))
                    .collect()
            }
        }
    }

    /// The shape that each column's part of the log-odds must have.
    pub(super) fn shapes(&self) -> Vec<EffectShape> {
        let mut shapes = vec![EffectShape::Any; self.width()];
        match self {
            Self::Line(line) => shapes[0] = line.shape,
            // The first column is the trend, which has no part in the log-odds.
            Self::Effect(it) => shapes[1] = it.shape,
            Self::Steps(it) => shapes[..it.knots.len().saturating_sub(1)].fill(it.shape),
            Self::Category(_) | Self::Pair(_) | Self::Cells(_) => {}
        }
        shapes
    }

    /// The columns to which a model with these columns is fitted.
    pub(super) fn for_fitting(&self) -> Self {
        match self {
            Self::Effect(it) => Self::Steps(Steps {
                feature: it.feature,
                knots: it.effect.knots().to_vec(),
                shape: it.shape,
                missing: it.missing,
            }),
            Self::Pair(it) => Self::Cells(it.surface.grid.clone()),
            Self::Category(_) | Self::Steps(_) | Self::Cells(_) | Self::Line(_) => self.clone(),
        }
    }

    /// The reason why training cannot have made this group; `None` if it can. `is_category` is true
    /// for the index of a category, and `None` for an unknown feature.
    pub(super) fn flaw(&self, is_category: impl Fn(usize) -> Option<bool>) -> Option<&'static str> {
        match self {
            Self::Category(category) => {
                are_flawed(&category.levels).then_some("its design has an invalid level")
            }
            Self::Effect(it) => {
                let is_valid = it.trend.is_valid() && it.effect.is_valid();
                let has_shape = || it.steps().all(|step| it.shape.allows(step));
                (!is_valid || it.trend.knots() != it.effect.knots() || !has_shape())
                    .then_some("its design has an invalid curve")
            }
            Self::Line(line) => {
                (!line.shape.is_monotone()).then_some("its design has an invalid line")
            }
            Self::Pair(it) => {
                let grid = &it.surface.grid;
                let fits = [&grid.first, &grid.second].iter().all(|side| {
                    let are_valid = match &side.parts {
                        Parts::Levels(levels) => !are_flawed(levels),
                        Parts::Knots(_) => true,
                    };
                    let of_levels = matches!(side.parts, Parts::Levels(_));
                    are_valid && is_category(side.feature) == Some(of_levels)
                });
                (!fits || !it.surface.is_valid()).then_some("its design has an invalid pair")
            }
            Self::Steps(_) | Self::Cells(_) => Some("its curves are not finished"),
        }
    }
}

impl Effect {
    /// The differences of the effect between neighbouring knots.
    fn steps(&self) -> impl Iterator<Item = f64> {
        let values = self.effect.values().windows(2);
        values.map(|pair| pair[1] - pair[0])
    }

    /// True if the shape holds a part of the curve flat. The training rows may suggest the opposite direction
    /// there, so new rows may do so without drift.
    pub(super) fn is_held_flat(&self) -> bool {
        self.shape.is_monotone() && self.steps().any(|step| step == 0.0)
    }

    /// True if the curve has the same value everywhere.
    pub(super) fn is_constant(&self) -> bool {
        self.steps().all(|step| step == 0.0)
    }
}

/// The columns of a number with these curves.
fn of_number<'a>(
    feature: usize,
    curves: impl IntoIterator<Item = Encoding<'a>>,
    has_missing: bool,
) -> Vec<Term<'a>> {
    let curves = curves
        .into_iter()
        .map(|encoding| imputed(feature, encoding));
    let of_missing = has_missing.then_some(Term {
        feature,
        encoding: Encoding::Missing,
        if_missing: Some(1.0),
    });
    curves.chain(of_missing).collect()
}

/// A column that is imputed in rows with a missing cell.
fn imputed(feature: usize, encoding: Encoding<'_>) -> Term<'_> {
    Term {
        feature,
        encoding,
        if_missing: None,
    }
}

impl Category {
    fn terms(&self) -> impl Iterator<Item = Term<'_>> {
        let known = self.levels.iter().map(Encoding::Level);
        let indicators = known.chain([Encoding::OtherThan(&self.levels)]);
        let term_of = |encoding, if_missing| Term {
            feature: self.feature,
            encoding,
            if_missing: self.missing.then_some(if_missing),
        };
        let of_missing = self.missing.then_some(Encoding::Missing);
        indicators
            .map(move |encoding| term_of(encoding, 0.0))
            .chain(of_missing.map(move |encoding| term_of(encoding, 1.0)))
    }
}

/// True if there are too many levels, if one occurs twice, or if a text is not a valid level.
fn are_flawed(levels: &[Level]) -> bool {
    let is_repeated = |(place, level): (usize, &Level)| {
        let mut earlier = levels[..place].iter();
        earlier.any(|other| other.code() == level.code())
    };
    levels.len() > MAX_CATEGORY_LEVELS
        || levels
            .iter()
            .any(|level| flaw_of_level(level.text()).is_some())
        || levels.iter().enumerate().any(is_repeated)
}
