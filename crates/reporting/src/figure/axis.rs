//! One axis: its range, its ticks, and where a value lies.

use super::numbers::is_drawable;
use super::text::{TEXT_SIZE, name_of, shorten, width};
use super::ticks::{Unit, step, ticks};

/// Minimum distance in pixels between two labels of a horizontal axis.
const GAP: f64 = 5.0;
/// Minimum width in pixels of a shortened label of a horizontal axis. Some names are left out if
/// the slots are narrower.
const MIN_LABEL_WIDTH: f64 = 52.0;
/// Minimum distance in pixels between two labels of a vertical axis.
pub(super) const LINE: f64 = 14.5;

/// One axis of a chart.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) low: f64,
    pub(super) high: f64,
    unit: Unit,
    /// Share of the length that stays free at each end.
    inset: f64,
    /// Names of equally wide slots, in place of numbers.
    pub(super) names: Option<Vec<String>>,
}

/// One tick: its value and its label.
pub(super) type Tick = (f64, String);

impl Axis {
    /// An axis of shares from 0 to 1.
    pub(super) fn percent(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            low: 0.0,
            high: 1.0,
            unit: Unit::Percent,
            inset: 0.0,
            names: None,
        }
    }

    /// An axis of shares from 0 to the largest of the values, at most 1.
    pub(super) fn percent_up_to(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let largest = values.into_iter().filter(|value| is_drawable(*value));
        let largest = largest.fold(0.01, f64::max).min(1.0);
        let step = step(largest, 5, Unit::Percent);
        Self {
            high: ((largest / step - 1e-6).ceil() * step).min(1.0),
            ..Self::percent(title)
        }
    }

    /// An axis of numbers from the smallest to the largest of the values.
    pub(super) fn numbers(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        Self {
            title: title.to_owned(),
            low,
            high,
            unit: Unit::Number,
            inset: 0.0,
            names: None,
        }
    }

    /// An axis of whole numbers such as runs. There is room for at least five.
    pub(super) fn whole(title: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = ends(values).unwrap_or((0.0, 0.0));
        Self {
            low,
            high: high.max(low + (low.abs() * 1e-12).max(1.0)),
            unit: Unit::Whole,
            inset: 0.025,
            ..Self::percent(title)
        }
    }

    /// An axis of equally wide slots with names.
    pub(super) fn names<'a>(title: &str, names: impl IntoIterator<Item = &'a String>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name_of(name)).collect();
        Self {
            title: title.to_owned(),
            low: 0.0,
            high: names.len() as f64,
            unit: Unit::Whole,
            inset: 0.0,
            names: Some(names),
        }
    }

    /// The axis with its ends moved out to the next ticks.
    pub(super) fn rounded(mut self) -> Self {
        let step = step(self.high - self.low, 5, self.unit);
        self.low = (self.low / step + 1e-6).floor() * step;
        self.high = (self.high / step - 1e-6).ceil() * step;
        self
    }

    /// Ticks of a vertical axis of this height. No label is wider than `room`.
    pub(super) fn vertical(&self, height: f64, room: f64) -> Vec<Tick> {
        match &self.names {
            Some(names) => {
                let slot = height / names.len().max(1) as f64;
                named(names, (LINE / slot).ceil() as usize, room)
            }
            None => {
                let most = ((height / 42.0) as usize).clamp(2, 6);
                ticks(self.low, self.high, self.step(most), self.unit)
            }
        }
    }

    /// Ticks of a horizontal axis of this width. Their labels do not touch.
    pub(super) fn horizontal(&self, across: f64) -> Vec<Tick> {
        match &self.names {
            Some(names) => {
                let slot = across / names.len().max(1) as f64;
                let widest = names.iter().map(|name| width(name, TEXT_SIZE));
                let widest = widest.fold(0.0, f64::max);
                let room = (widest + GAP).min(MIN_LABEL_WIDTH.max(slot));
                let every = (room / slot - 1e-6).ceil().max(1.0);
                named(names, every as usize, every * slot - GAP)
            }
            None => self.spaced(across),
        }
    }

    fn spaced(&self, across: f64) -> Vec<Tick> {
        let per_value = across * (1.0 - 2.0 * self.inset) / (self.high - self.low);
        let fits = |found: &Vec<Tick>| {
            found.windows(2).all(|pair| {
                let [(left, left_text), (right, right_text)] = pair else {
                    return true;
                };
                let needed = (width(left_text, TEXT_SIZE) + width(right_text, TEXT_SIZE)) / 2.0;
                (right - left) * per_value >= needed + GAP
            })
        };
        let found = |most| ticks(self.low, self.high, self.step(most), self.unit);
        [8, 6, 5, 4, 3, 2, 1]
            .map(found)
            .into_iter()
            .find(fits)
            .unwrap_or_default()
    }

    fn step(&self, most: usize) -> f64 {
        step(self.high - self.low, most, self.unit)
    }

    /// Position of a value between two positions `from` and `to`. A value outside the axis lies at
    /// an end.
    pub(super) fn place(&self, value: f64, [from, to]: [f64; 2]) -> f64 {
        let part = (value - self.low) / (self.high - self.low);
        let within = self.inset + (1.0 - 2.0 * self.inset) * part.clamp(0.0, 1.0);
        from + (to - from) * within
    }
}

/// Ticks for every `every`-th name, each at the middle of its slot.
fn named(names: &[String], every: usize, room: f64) -> Vec<Tick> {
    let shown = names.iter().enumerate().step_by(every.max(1));
    shown
        .map(|(slot, name)| (slot as f64 + 0.5, shorten(name, TEXT_SIZE, room)))
        .collect()
}

/// Smallest and largest of the values that can be drawn.
pub(super) fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let drawable = values.into_iter().filter(|value| is_drawable(*value));
    let ends = drawable.map(|value| (value, value));
    ends.reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// Range of the values. Values that are all alike get some room on both sides.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let Some((low, high)) = ends(values) else {
        return (0.0, 1.0);
    };
    let magnitude = low.abs().max(high.abs());
    if high - low > (magnitude * 1e-6).max(1e-290) {
        (low, high)
    } else if magnitude < 1e-290 {
        (-1.0, 1.0)
    } else {
        (low - magnitude * 0.5, high + magnitude * 0.5)
    }
}
