//! The parameters of a fitted predictor, and their values in the labelled rows.
//!
//! A parameter is a number that the penalty applies to. For a number or an indicator it is the
//! coefficient. A curve has a parameter for each difference between neighbouring knots, and a pair
//! has one for each cell. A new kind of column needs an arm in [`Parameters::add`], and a
//! [`Reading`] with an arm in [`Parameters::read`].

use common::schema::EffectShape;
use dataset::passes::{Encoding, Grid, Parts, Surface, WeightedTerm};
use dataset::{Level, RowSample};
use model::LinearPredictor;

/// The parameters of a predictor, with the rows that it was fitted to.
pub(super) struct Parameters<'a> {
    pub(super) all: Vec<Parameter<'a>>,
    intercept: f64,
    /// Log-odds that curves add to those of their parameters.
    offsets: Vec<Offset>,
    /// The labelled rows' cells of each feature.
    cells: Vec<Vec<f64>>,
    labels: Vec<bool>,
}

/// A parameter of the objective.
pub(super) struct Parameter<'a> {
    feature: usize,
    reading: Reading<'a>,
    /// The value of the parameter in a missing cell.
    if_missing: f64,
    /// The fitted value of the parameter.
    pub(super) value: f64,
    /// The values that the parameter may have. A difference between knots has the shape of its
    /// curve.
    pub(super) shape: EffectShape,
}

/// How a present cell becomes the parameter's value.
enum Reading<'a> {
    /// The number in the cell.
    Number,
    /// 0 up to `from`, 1 from `to` on, and straight in between.
    Step { from: f64, to: f64 },
    /// 1 for the level with this code.
    Level(f64),
    /// 0 for these levels, 1 for any other.
    OtherThan(&'a [Level]),
    /// 0, because the cell is present.
    Missing,
    /// The product of the shares of two parts, one of this feature and one of another.
    Cell {
        own: Part<'a>,
        other_feature: usize,
        other: Part<'a>,
    },
}

/// A part of a feature in a pair.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// The knot in this place: 1 at the knot, 0 from its neighbours on, and straight in between. An
    /// outer knot is also 1 beyond the knots.
    Knot(&'a [f64], usize),
    /// The level with this code.
    Level(f64),
}

/// Log-odds that a curve adds beside its steps.
struct Offset {
    feature: usize,
    if_present: f64,
    if_missing: f64,
}

/// The log-odds of rows.
pub(super) struct LogOdds {
    pub(super) labels: Vec<bool>,
    pub(super) log_odds: Vec<f64>,
    /// Largest rounding error of each row's log-odds.
    pub(super) roundings: Vec<f64>,
}

impl<'a> Parameters<'a> {
    /// The parameters of a predictor. `None` if the objective does not know a coefficient, or if a coefficient
    /// is subnormal and has therefore lost digits.
    pub(super) fn of(predictor: &'a LinearPredictor, labelled: &RowSample) -> Option<Self> {
        let columns = labelled.columns();
        let expression = predictor.expression();
        let mut parameters = Self {
            all: Vec::new(),
            intercept: expression.intercept,
            offsets: Vec::new(),
            cells: columns.features.to_vec(),
            labels: columns.labels.iter().flatten().copied().collect(),
        };
        let shapes = predictor.design.shapes(columns.features.len());
        let are_known = (expression.terms.iter())
            .zip(shapes)
            .all(|(weighted, shape)| parameters.add(weighted, shape));
        let has_digits = |parameter: &Parameter<'_>| !parameter.value.is_subnormal();
        (are_known && parameters.all.iter().all(has_digits)).then_some(parameters)
    }

    /// Adds the parameters of a stored column; false if the objective does not know the column.
    fn add(&mut self, weighted: &WeightedTerm<'a>, shape: EffectShape) -> bool {
        let (term, value) = (weighted.term, weighted.coefficient);
        let reading = match term.encoding {
            // A trend has no part in predictions.
            Encoding::Trend(_) => return value == 0.0,
            Encoding::Curve(curve) => {
                let if_missing = term.if_missing.unwrap_or(weighted.imputed);
                let values: Vec<f64> = curve.values().iter().map(|it| it * value).collect();
                let first = self.all.len();
                self.add_curve(term.feature, curve.knots(), &values, value * if_missing);
                self.all[first..].iter_mut().for_each(|it| it.shape = shape);
                return true;
            }
            Encoding::Surface(surface) => {
                self.add_pair(surface, value);
                return true;
            }
            Encoding::Step(..) | Encoding::Cell(..) => return false,
            Encoding::Number => Reading::Number,
            Encoding::Level(level) => Reading::Level(level.code()),
            Encoding::OtherThan(levels) => Reading::OtherThan(levels),
            Encoding::Missing => Reading::Missing,
        };
        self.all.push(Parameter {
            feature: term.feature,
            reading,
            if_missing: term.if_missing.unwrap_or(weighted.imputed),
            value,
            shape,
        });
        true
    }

    /// Adds the differences between neighbouring knots of a curve. In a missing cell each
    /// difference counts with its mean over the present cells.
    fn add_curve(&mut self, feature: usize, knots: &[f64], values: &[f64], missing: f64) {
        let mut offset = Offset {
            feature,
            if_present: values[0],
            if_missing: missing,
        };
        for place in 1..knots.len() {
            let mut step = Parameter {
                feature,
                reading: Reading::Step {
                    from: knots[place - 1],
                    to: knots[place],
                },
                if_missing: f64::NAN,
                value: values[place] - values[place - 1],
                shape: EffectShape::Any,
            };
            step.if_missing = mean_of_present(&self.column(&step));
            offset.if_missing -= step.value * step.if_missing;
            self.all.push(step);
        }
        self.offsets.push(offset);
    }

    /// Adds the cells of a pair. If a feature is missing, each cell counts with its mean over the
    /// rows where both features are present.
    fn add_pair(&mut self, surface: &'a Surface, coefficient: f64) {
        let Grid { first, second } = &surface.grid;
        let mut values = surface.values.iter();
        for own in parts(&first.parts) {
            for (other, value) in parts(&second.parts).into_iter().zip(&mut values) {
                let mut cell = Parameter {
                    feature: first.feature,
                    reading: Reading::Cell {
                        own,
                        other_feature: second.feature,
                        other,
                    },
                    if_missing: f64::NAN,
                    value: coefficient * value,
                    shape: EffectShape::Any,
                };
                cell.if_missing = mean_of_present(&self.column(&cell));
                self.all.push(cell);
            }
        }
    }

    fn column(&self, parameter: &Parameter<'_>) -> Vec<f64> {
        let mut column = Vec::new();
        self.read(parameter, &mut column);
        column
    }

    /// Replaces the contents of `column` by a parameter's value in each row.
    pub(super) fn read(&self, parameter: &Parameter<'_>, column: &mut Vec<f64>) {
        column.clear();
        match parameter.reading {
            Reading::Number => self.fill(parameter, column, |cell| cell),
            Reading::Step { from, to } => self.fill(parameter, column, |cell| {
                ((cell - from) / (to - from)).clamp(0.0, 1.0)
            }),
            Reading::Level(code) => self.fill(parameter, column, |cell| one_if(cell == code)),
            Reading::OtherThan(levels) => self.fill(parameter, column, |cell| {
                one_if(!levels.iter().any(|level| level.code() == cell))
            }),
            Reading::Missing => self.fill(parameter, column, |_| 0.0),
            Reading::Cell {
                own,
                other_feature,
                other,
            } => {
                let cells = self.cells[parameter.feature].iter();
                let both = cells.zip(&self.cells[other_feature]);
                column.extend(both.map(|(cell, other_cell)| {
                    if cell.is_nan() || other_cell.is_nan() {
                        parameter.if_missing
                    } else {
                        own.share(*cell) * other.share(*other_cell)
                    }
                }));
            }
        }
    }

    fn fill(
        &self,
        parameter: &Parameter<'_>,
        column: &mut Vec<f64>,
        of_present: impl Fn(f64) -> f64,
    ) {
        let cells = &self.cells[parameter.feature];
        column.extend(cells.iter().map(|cell| {
            let number = of_present(*cell);
            if cell.is_nan() {
                parameter.if_missing
            } else {
                number
            }
        }));
    }

    /// The log-odds of each row as the stored predictor gives them.
    pub(super) fn log_odds(&self) -> LogOdds {
        let mut log_odds = vec![self.intercept; self.labels.len()];
        let mut absolute_sums = vec![self.intercept.abs(); self.labels.len()];
        for offset in &self.offsets {
            for (row, cell) in self.cells[offset.feature].iter().enumerate() {
                let added = if cell.is_nan() {
                    offset.if_missing
                } else {
                    offset.if_present
                };
                log_odds[row] += added;
                absolute_sums[row] += added.abs();
            }
        }
        let mut column = Vec::new();
        for parameter in &self.all {
            self.read(parameter, &mut column);
            let sums = log_odds.iter_mut().zip(&mut absolute_sums);
            for ((sum, absolute_sum), number) in sums.zip(&column) {
                let added = parameter.value * number;
                *sum += added;
                *absolute_sum += added.abs();
            }
        }
        let n_summands = 2 + self.offsets.len() + self.all.len();
        let rounding = n_summands as f64 * f64::EPSILON;
        LogOdds {
            labels: self.labels.clone(),
            log_odds,
            roundings: absolute_sums.iter().map(|it| rounding * it).collect(),
        }
    }
}

impl Part<'_> {
    /// The share of this part that a present cell has.
    fn share(self, cell: f64) -> f64 {
        match self {
            Self::Level(code) => one_if(cell == code),
            Self::Knot(knots, place) => {
                let mut share: f64 = 1.0;
                if place > 0 {
                    let (before, own) = (knots[place - 1], knots[place]);
                    share = share.min((cell - before) / (own - before));
                }
                if place + 1 < knots.len() {
                    let (own, after) = (knots[place], knots[place + 1]);
                    share = share.min((after - cell) / (after - own));
                }
                share.max(0.0)
            }
        }
    }
}

fn parts(of: &Parts) -> Vec<Part<'_>> {
    match of {
        Parts::Knots(knots) => (0..knots.len())
            .map(|place| Part::Knot(knots, place))
            .collect(),
        Parts::Levels(levels) => levels
            .iter()
            .map(|level| Part::Level(level.code()))
            .collect(),
    }
}

fn one_if(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// The mean of the numbers that are not NaN; 0 if all are NaN.
fn mean_of_present(column: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for number in column {
        if !number.is_nan() {
            sum += number;
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}
