//! Shares of two samples, and whether they are the same.

use serde::{Deserialize, Serialize};

use super::tails::normal_two_sided;

/// Rows of one sample that have something, and rows that do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows with it.
    pub with: u64,
    /// Rows without it.
    pub without: u64,
}

impl Tally {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.with + self.without
    }

    /// The share with it, 0 to 1; `None` without rows.
    pub fn share(&self) -> Option<f64> {
        (self.rows() > 0).then(|| self.with as f64 / self.rows() as f64)
    }
}

/// Whether two samples have the same share of something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareTest {
    /// z or chi-square; `None` where p was counted out.
    pub statistic: Option<f64>,
    /// How probable shares as far apart are when both samples have the same.
    pub p_value: f64,
    /// The share in the batch less that in the reference, −1 to 1.
    pub moved: f64,
}

/// Tests two proportions by the pooled z, two-sided: (q − p) / √(s(1 − s)(1/n + 1/m)) with s the
/// share of both together.
///
/// `None` when a side has no rows, or both shares are 0 or both are 1.
pub fn two_proportions(reference: Tally, current: Tally) -> Option<ShareTest> {
    let moved = current.share()? - reference.share()?;
    let (n, m) = (reference.rows() as f64, current.rows() as f64);
    let pooled = (reference.with + current.with) as f64 / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error == 0.0 {
        return None;
    }
    let z = moved / error;
    Some(ShareTest {
        statistic: Some(z),
        p_value: normal_two_sided(z)?,
        moved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{assert_close, cases};

    #[test]
    fn z_and_p_are_those_of_the_reference() {
        for case in cases("shares") {
            let (reference, current) = case.tallies();
            let found = two_proportions(reference, current).unwrap();
            assert_close(found.statistic, case.number("z"), 1e-9, &case);
            assert_close(Some(found.p_value), case.number("z_p_value"), 1e-6, &case);
        }
    }

    #[test]
    fn shares_without_a_spread_have_no_z() {
        let tally = |with, without| Tally { with, without };
        let table = [
            ("empty", tally(0, 0), tally(0, 0)),
            ("an empty side", tally(1, 4), tally(0, 0)),
            ("nobody", tally(0, 4), tally(0, 9)),
            ("everybody", tally(4, 0), tally(9, 0)),
        ];
        for (name, reference, current) in table {
            assert_eq!(two_proportions(reference, current), None, "{name}");
        }
        let one_row_each = two_proportions(tally(1, 0), tally(0, 1)).unwrap();
        assert_eq!(one_row_each.moved, -1.0);
    }
}
