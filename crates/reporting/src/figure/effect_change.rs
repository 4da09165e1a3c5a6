//! Effect of a feature in two models.

use super::Draw;
use super::axis::{Axis, ends};
use super::effect::{ENDS, EffectShape};
use super::numbers::{is_drawable, short};
use super::palette::Tone;
use super::plot::{Chart, Key, SMALL, key};
use super::roc::MAX_POINTS;
use super::scene::{Mark, Scene};
use super::text::name_of;
use super::thin::points;

/// Maximum number of levels that are drawn: those with the strongest effects.
const MAX_LEVELS: usize = 10;
/// Title of the axis of effects.
const TITLE: &str = "log-odds";

/// Effect of one feature before and now, in log-odds. Values above 0 mean more risk.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectChange {
    /// Name of the feature.
    pub feature: String,
    /// Names of the two models.
    pub names: [String; 2],
    /// Effects in the two models. Nothing is drawn if one has levels and the other has numbers.
    pub shapes: [EffectShape; 2],
}

impl EffectChange {
    fn keys(&self) -> Vec<Key> {
        let [before, now] = &self.names;
        vec![
            key(Mark::Line, Tone::Orange, name_of(before)),
            key(Mark::Line, Tone::Blue, name_of(now)),
        ]
    }

    fn draw_curves(&self, curves: &[Vec<[f64; 2]>; 2]) -> Scene {
        if curves.iter().any(Vec::is_empty) {
            return Scene::without_data(SMALL);
        }
        let all = || curves.iter().flatten();
        let mut x = Axis::numbers(&name_of(&self.feature), all().map(|point| point[0]));
        let has_ends = self
            .shapes
            .iter()
            .any(|shape| matches!(shape, EffectShape::Curve(_)));
        let room = if has_ends {
            (x.high - x.low) * ENDS
        } else {
            0.0
        };
        (x.low, x.high) = (x.low - room, x.high + room);
        let ends = [x.low, x.high];
        let lines = [0, 1].map(|model| self.line(model, &curves[model], ends));
        let effects = lines.iter().flatten().map(|point| point[1]);
        let y = Axis::numbers(TITLE, effects.chain([0.0])).rounded();
        let mut chart = Chart::new(SMALL, x, y);
        chart.keys = self.keys();
        let mut plot = chart.plot();
        let zero = plot.down(0.0);
        let across = [[plot.left, zero], [plot.right, zero]];
        plot.scene.line(across, 1.2, Tone::Muted);
        plot.path(&lines[0], 1.2, Tone::Orange);
        plot.path(&lines[1], 2.4, Tone::Blue);
        plot.scene
    }

    /// The line of a model. A curve is continued to both ends of the picture; a straight line ends where
    /// the training rows end.
    fn line(&self, model: usize, curve: &[[f64; 2]], [low, high]: [f64; 2]) -> Vec<[f64; 2]> {
        let mut line = curve.to_vec();
        if let (EffectShape::Curve(_), [first, .., last]) = (&self.shapes[model], curve) {
            line.insert(0, [low, first[1]]);
            line.push([high, last[1]]);
        }
        line
    }

    /// The levels of both models, each level with its effect in either model.
    fn levels(&self, [before, now]: [&[(String, f64)]; 2]) -> Vec<(String, [Option<f64>; 2])> {
        let effect = |levels: &[(String, f64)], name: &str| {
            let found = levels.iter().find(|(level, _)| level == name)?;
            Some(found.1).filter(|effect| is_drawable(*effect))
        };
        let is_old = |name: &str| before.iter().any(|(level, _)| level == name);
        let only_new = now.iter().filter(|(name, _)| !is_old(name));
        // A figure with more levels would not be readable.
        let names = before.iter().chain(only_new).take(MAX_LEVELS);
        names
            .map(|(name, _)| (name.clone(), [effect(before, name), effect(now, name)]))
            .filter(|(_, effects)| effects.iter().any(Option::is_some))
            .collect()
    }

    fn draw_levels(&self, of_models: [&[(String, f64)]; 2]) -> Scene {
        let levels = self.levels(of_models);
        if levels.is_empty() {
            return Scene::without_data(SMALL);
        }
        let effects = levels.iter().flat_map(|level| level.1).flatten();
        let x = Axis::numbers(TITLE, effects.chain([0.0])).rounded();
        let y = Axis::names("", levels.iter().map(|level| &level.0));
        let mut chart = Chart::new(SMALL, x, y);
        let [before, now] = &self.names;
        chart.keys = vec![
            key(Mark::Ring, Tone::Orange, name_of(before)),
            key(Mark::Disc, Tone::Blue, name_of(now)),
        ];
        let mut plot = chart.plot();
        let zero = plot.across(0.0);
        let ends = [[zero, plot.top], [zero, plot.bottom]];
        plot.scene.line(ends, 1.2, Tone::Muted);
        for (index, (_, effects)) in levels.iter().enumerate() {
            let place = index as f64 + 0.5;
            if let [Some(before), Some(now)] = *effects {
                plot.path(&[[before, place], [now, place]], 1.2, Tone::Axis);
            }
            let marks = [(Mark::Ring, Tone::Orange), (Mark::Disc, Tone::Blue)];
            for (effect, (mark, tone)) in effects.iter().zip(marks) {
                if let Some(effect) = effect {
                    plot.mark(mark, [*effect, place], 3.5, tone);
                }
            }
        }
        plot.scene
    }
}

impl Draw for EffectChange {
    fn scene(&self) -> Scene {
        match &self.shapes {
            [EffectShape::Levels(before), EffectShape::Levels(now)] => {
                self.draw_levels([before, now])
            }
            shapes => {
                let curve = |shape: &EffectShape| match shape {
                    EffectShape::Curve(curve) => points(curve, MAX_POINTS),
                    EffectShape::Line(ends) => points(ends, MAX_POINTS),
                    EffectShape::Levels(_) => Vec::new(),
                };
                self.draw_curves(&[curve(&shapes[0]), curve(&shapes[1])])
            }
        }
    }

    fn title(&self) -> String {
        format!(
            "{}: effect on the risk in two models",
            name_of(&self.feature)
        )
    }

    fn description(&self) -> String {
        let feature = name_of(&self.feature);
        let ends_of = |shape: &EffectShape| {
            let effects: Vec<f64> = match shape {
                EffectShape::Curve(curve) => curve.iter().map(|point| point[1]).collect(),
                EffectShape::Line(ends) => ends.iter().map(|point| point[1]).collect(),
                EffectShape::Levels(levels) => levels.iter().map(|level| level.1).collect(),
            };
            ends(effects)
        };
        let [Some(before), Some(now)] = self.shapes.each_ref().map(ends_of) else {
            return format!("Effect of {feature} in two models: no data yet.");
        };
        format!(
            "Effect of {feature} in log-odds: from {} to {} in {}, from {} to {} in {}; values \
             above 0 mean more risk.",
            short(before.0),
            short(before.1),
            name_of(&self.names[0]),
            short(now.0),
            short(now.1),
            name_of(&self.names[1])
        )
    }
}
