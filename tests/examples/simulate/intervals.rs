//! Figures with their 95 % intervals.

use std::fmt;

/// The normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.96;

/// A share of cases, with Wilson's interval (1927).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) found: u64,
    pub(crate) of: u64,
}

/// A mean over runs, with the normal interval.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Share {
    pub(crate) fn of(cases: impl IntoIterator<Item = bool>) -> Self {
        let mut share = Self::default();
        for is_found in cases {
            share.of += 1;
            share.found += u64::from(is_found);
        }
        share
    }

    pub(crate) fn value(self) -> f64 {
        self.found as f64 / self.of as f64
    }
}

/// Writes a share in percent.
impl fmt::Display for Share {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return to.write_str("–");
        }
        let (share, of) = (self.value(), self.of as f64);
        let centre = (share + Z * Z / (2.0 * of)) / (1.0 + Z * Z / of);
        let reach =
            Z / (1.0 + Z * Z / of) * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
        write!(
            to,
            "{:.1} ({:.1} to {:.1})",
            100.0 * share,
            100.0 * (centre - reach).max(0.0),
            100.0 * (centre + reach).min(1.0)
        )
    }
}

impl Mean {
    pub(crate) fn value(self) -> f64 {
        self.sum / self.count
    }

    fn reach(self) -> f64 {
        let variance = self.squares / self.count - self.value().powi(2);
        Z * (variance.max(0.0) / (self.count - 1.0).max(1.0)).sqrt()
    }
}

impl FromIterator<f64> for Mean {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut mean = Self::default();
        for number in numbers {
            mean.count += 1.0;
            mean.sum += number;
            mean.squares += number * number;
        }
        mean
    }
}

/// Writes a mean with the precision of the format, by default three decimals.
impl fmt::Display for Mean {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0.0 {
            return to.write_str("–");
        }
        let decimals = to.precision().unwrap_or(3);
        write!(
            to,
            "{:.decimals$} ± {:.decimals$}",
            self.value(),
            self.reach()
        )
    }
}
