//! Effect of a feature on the risk.

use super::Draw;
use super::axis::Axis;
use super::numbers::{is_drawable, short};
use super::palette::Tone;
use super::plot::{Chart, SMALL};
use super::roc::MAX_POINTS;
use super::scene::Scene;
use super::text::name_of;
use super::thin::points;

/// Maximum number of levels that are drawn: those with the strongest effects.
const MAX_LEVELS: usize = 12;
/// Title of the axis of effects.
const TITLE: &str = "log-odds (above 0: more risk)";
/// Share of the width on each side that shows the constant ends of a curve.
pub(super) const ENDS: f64 = 0.06;

/// Effect of one feature, in log-odds. Values above 0 mean more risk.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Name of the feature.
    pub feature: String,
    /// Effect of the values.
    pub shape: EffectShape,
}

/// Values of an [`Effect`] by the kind of the feature.
#[derive(Clone, Debug, PartialEq)]
pub enum EffectShape {
    /// Value and log-odds, ascending. The effect is constant outside the first and the last value.
    Curve(Vec<[f64; 2]>),
    /// Two values with their log-odds. The straight line continues outside of them.
    Line([[f64; 2]; 2]),
    /// Level and log-odds.
    Levels(Vec<(String, f64)>),
}

impl Draw for Effect {
    fn scene(&self) -> Scene {
        match &self.shape {
            EffectShape::Curve(curve) => {
                draw_curve(&self.feature, &points(curve, MAX_POINTS), ENDS)
            }
            EffectShape::Line(ends) => draw_curve(&self.feature, &points(ends, MAX_POINTS), 0.0),
            EffectShape::Levels(levels) => draw_levels(levels),
        }
    }

    fn title(&self) -> String {
        format!("{}: effect on the risk", name_of(&self.feature))
    }

    fn description(&self) -> String {
        let feature = name_of(&self.feature);
        let all = match &self.shape {
            EffectShape::Line(ends) => named(ends),
            EffectShape::Curve(curve) => named(curve),
            EffectShape::Levels(levels) => shown(levels),
        };
        let lowest = all.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = all.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            return format!("Effect of {feature}: no data yet.");
        };
        format!(
            "Effect of {feature} in log-odds: lowest at {} with {}, highest at {} with {}; values \
             above 0 mean more risk.",
            name_of(&lowest.0),
            short(lowest.1),
            name_of(&highest.0),
            short(highest.1)
        )
    }
}

/// The points of a curve, each with its value as a name.
fn named(curve: &[[f64; 2]]) -> Vec<(String, f64)> {
    let curve = points(curve, MAX_POINTS).into_iter();
    curve
        .map(|[value, effect]| (short(value), effect))
        .collect()
}

/// Levels that are drawn, in the given order.
fn shown(levels: &[(String, f64)]) -> Vec<(String, f64)> {
    let drawable = |level: &&(String, f64)| is_drawable(level.1);
    let levels: Vec<&(String, f64)> = levels.iter().filter(drawable).collect();
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by(|a, b| levels[*b].1.abs().total_cmp(&levels[*a].1.abs()));
    order.truncate(MAX_LEVELS);
    order.sort_unstable();
    order.into_iter().map(|at| levels[at].clone()).collect()
}

/// The picture of a curve. Its constant ends take the share `ends` of the width on each side.
fn draw_curve(feature: &str, curve: &[[f64; 2]], ends: f64) -> Scene {
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else {
        return Scene::without_data(SMALL);
    };
    let mut x = Axis::numbers(&name_of(feature), curve.iter().map(|point| point[0]));
    let room = (x.high - x.low) * ends;
    (x.low, x.high) = (x.low - room, x.high + room);
    let effects = curve.iter().map(|point| point[1]).chain([0.0]);
    let y = Axis::numbers(TITLE, effects).rounded();
    let mut line = vec![[x.low, first[1]]];
    line.extend_from_slice(curve);
    line.push([x.high, last[1]]);
    let mut plot = Chart::new(SMALL, x, y).plot();
    let zero = plot.down(0.0);
    let ends = [[plot.left, zero], [plot.right, zero]];
    plot.scene.line(ends, 1.2, Tone::Muted);
    plot.path(&line, 2.0, Tone::Blue);
    plot.scene
}

fn draw_levels(all: &[(String, f64)]) -> Scene {
    let levels = shown(all);
    if levels.is_empty() {
        return Scene::without_data(SMALL);
    }
    let effects = levels.iter().map(|level| level.1).chain([0.0]);
    let title = if levels.len() < all.len() {
        format!("{TITLE}, strongest {} of {}", levels.len(), all.len())
    } else {
        TITLE.to_owned()
    };
    let x = Axis::numbers(&title, effects).rounded();
    let y = Axis::names("", levels.iter().map(|level| &level.0));
    let mut plot = Chart::new(SMALL, x, y).plot();
    let half = ((plot.bottom - plot.top) / levels.len() as f64 * 0.36).min(10.0);
    let zero = plot.across(0.0);
    for (index, (_, effect)) in levels.iter().enumerate() {
        let y = plot.down(index as f64 + 0.5);
        let tone = if *effect > 0.0 {
            Tone::Orange
        } else {
            Tone::Blue
        };
        let end = plot.across(*effect);
        plot.scene.rect([[zero, y - half], [end, y + half]], tone);
    }
    let ends = [[zero, plot.top], [zero, plot.bottom]];
    plot.scene.line(ends, 1.2, Tone::Muted);
    plot.scene
}
