//! Ticks of an axis: where they are, and what they say.

use super::numbers::{count, signed, unit_of};

/// What the numbers of an axis mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    /// Shares, written as percentages.
    Percent,
    /// Whole numbers, such as runs.
    Whole,
}

/// Distance between ticks: 1, 2 or 5 times a power of ten.
pub(super) fn step(span: f64, most: usize, unit: Unit) -> f64 {
    let rough = span / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0];
    let fits = |factor: &f64| factor * power >= rough * 0.999_999;
    let step = factor.into_iter().find(fits).unwrap_or(10.0) * power;
    if unit == Unit::Whole {
        step.max(1.0)
    } else {
        step
    }
}

/// Ticks within a range, each with its label.
pub(super) fn ticks(low: f64, high: f64, step: f64, unit: Unit) -> Vec<(f64, String)> {
    let first = (low / step - 1e-6).ceil();
    let last = (high / step + 1e-6).floor();
    let count = (last - first).clamp(0.0, 50.0) as usize;
    let values: Vec<f64> = (0..=count)
        .map(|index| (first + index as f64) * step)
        .filter(|value| *value <= high + step * 1e-6)
        .collect();
    let largest = values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    values
        .into_iter()
        .map(|value| (value, label(value, step, largest, unit)))
        .collect()
}

fn label(value: f64, step: f64, largest: f64, unit: Unit) -> String {
    if value.abs() < step / 2.0 {
        return if unit == Unit::Percent { "0 %" } else { "0" }.to_owned();
    }
    let text = match unit {
        Unit::Whole => count(value),
        Unit::Percent if largest < 1e4 => {
            let decimals = decimals_of(step * 100.0);
            format!("{:.decimals$} %", value * 100.0)
        }
        _ if !(1e-3..1e15).contains(&largest) => scientific(value, step),
        _ => {
            let (divisor, name) = unit_of(largest);
            let decimals = decimals_of(step / divisor);
            if divisor == 1.0 && decimals == 0 {
                count(value)
            } else {
                format!("{:.decimals$}{name}", value / divisor)
            }
        }
    };
    signed(&text)
}

/// Decimals with which multiples of a step differ.
fn decimals_of(step: f64) -> usize {
    (-(step * 1.000_001).log10().floor()).clamp(0.0, 12.0) as usize
}

fn scientific(value: f64, step: f64) -> String {
    let digits = value.abs().log10().floor() - (step * 1.000_001).log10().floor();
    format!("{:.*e}", digits.clamp(0.0, 9.0) as usize, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_differ() {
        for (low, high, unit, labels) in [
            (0.0, 1.0, Unit::Percent, "0 %|20 %|40 %|60 %|80 %|100 %"),
            (0.0, 0.012, Unit::Percent, "0 %|0.5 %|1.0 %"),
            (-1.0, 1.0, Unit::Number, "−1.0|−0.5|0|0.5|1.0"),
            (0.0, 3.1e6, Unit::Number, "0|1 M|2 M|3 M"),
            (0.0, 40_000.0, Unit::Number, "0|10 k|20 k|30 k|40 k"),
            (0.0, 4e-9, Unit::Number, "0|1e−9|2e−9|3e−9|4e−9"),
            (1.0, 3.0, Unit::Whole, "1|2|3"),
            (0.0, 1.5e4, Unit::Whole, "0|5,000|10,000|15,000"),
            (
                1e12,
                1e12 + 4e7,
                Unit::Number,
                "1.00000 T|1.00001 T|1.00002 T|1.00003 T|1.00004 T",
            ),
        ] {
            let ticks = ticks(low, high, step(high - low, 5, unit), unit);
            let texts: Vec<String> = ticks.into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts.join("|"), labels);
        }
    }
}
